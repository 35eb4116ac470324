#!/bin/sh
# SPDX-License-Identifier: ISC
# image.sh DIRECTORY: makes there a Debian that boots with systemd, has an sshd and the
# users ann and ben, whose password is their name; does nothing if it is there.
set -eu

image=$1
[ ! -d "$image" ] || exit 0
# shellcheck disable=SC1091
. /etc/os-release
mkdir -p "${image%/*}"
dir=$(mktemp -d "${image%/*}/new.XXXXXX")
trap 'rm -rf "$dir"' EXIT
root=$dir/root
debootstrap --variant=minbase --include=systemd,systemd-sysv,libpam-systemd,dbus,\
dbus-user-session,polkitd,openssh-server,openssh-client,libseccomp2,libbsd0,kmod,procps,\
login,passwd,util-linux "$VERSION_CODENAME" "$root" >"$dir/log" 2>&1 || {
	tail "$dir/log" >&2
	exit 1
}
for user in ann ben; do
	chroot "$root" useradd -m -s /bin/bash $user
	echo "$user:$user" | chroot "$root" chpasswd
done
chroot "$root" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty@tty1.service \
    serial-getty@ttyS0.service systemd-timesyncd.service
echo dazai >"$root/etc/hostname"
: >"$root/etc/machine-id"
rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/usr/share/doc" \
    "$root/usr/share/locale"
mv "$root" "$image"
