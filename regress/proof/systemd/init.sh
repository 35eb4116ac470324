#!/bin/sh
# SPDX-License-Identifier: ISC
# The first process of the machine: copies what is tested into the image, which it boots.
PATH=/bin
export PATH
busybox mount -t proc proc /proc
busybox --install -s /bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci \
    virtio_blk crc16 crc32c_generic mbcache jbd2 ext4 button; do
	insmod /modules/$module.ko
done
mount -t ext4 /dev/vda /root || poweroff -f
cp -a /dazai/. /root/
umount /proc /sys
exec switch_root /root /sbin/init
