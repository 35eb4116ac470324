#!/bin/sh
# SPDX-License-Identifier: ISC
# kernel.sh DIRECTORY: unpacks Debian's kernel, as vmlinuz, and a few of its modules into
# the directory, without installing them; does nothing if it is there.
set -eu

cache=$1
fail() {
	echo "kernel.sh: $*" >&2
	exit 1
}

[ ! -s "$cache/vmlinuz" ] || [ ! -s "$cache/ext4.ko" ] || exit 0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
package=$(apt-cache depends linux-image-amd64 |
    sed -n 's/^ *Depends: *//p' | head -n 1)
[ -n "$package" ] || fail "apt knows no linux-image-amd64 (apt-get update?)"
# Only we may enter the directory, and apt's own user may not.
(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$package") ||
    fail "no $package"
dpkg-deb --fsys-tarfile "$dir/$package"*.deb | tar -xf - -C "$dir" \
    --wildcards './boot/vmlinuz*' '*/drivers/virtio/*' '*/virtio_blk.ko' \
    '*/ext4.ko' '*/mbcache.ko' '*/jbd2.ko' '*/crc16.ko' '*/crc32c_generic.ko' \
    '*/button.ko' || fail "no kernel in $package"
mkdir -p "$cache"
find "$dir/lib" -name '*.ko' -exec cp {} "$cache" ';'
cp "$dir"/boot/vmlinuz* "$cache/new"
mv "$cache/new" "$cache/vmlinuz"
