#!/bin/sh
# SPDX-License-Identifier: ISC
# base.sh SUITE ARCH DIRECTORY: makes a minimal Debian in the empty directory, with
# debootstrap, as root.  If $DEBIAN_BASES names a directory, a copy is kept there, and the
# next one of the same kind is made from that.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

suite=$1
arch=$2
root=$3
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
copy=${DEBIAN_BASES:+$DEBIAN_BASES/$suite-$arch.tar}

if [ -n "$copy" ] && [ -e "$copy" ]; then
	exec tar -x -C "$root" --numeric-owner -f "$copy"
fi
"$here/deps.sh" debootstrap
debootstrap --variant=minbase --arch="$arch" "$suite" "$root" "$mirror" \
    >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"
rm -f "$root"/var/cache/apt/archives/*.deb
[ -n "$copy" ] || exit 0
tar -c -C "$root" --numeric-owner -f "$copy.new" .
mv "$copy.new" "$copy"
