#!/bin/sh
# SPDX-License-Identifier: ISC
# debian.sh SUITE ARCH COMMAND...: runs the command in a Debian of its own, in a copy of
# the last commit, as root.  As in debian.sh trixie i386 make check
#
# The Debian is made by base.sh in a temporary directory.  The command has its own PID
# and mount namespaces, so when it ends nothing is left running or mounted.  The path of
# the copy has a blank.  If $DEBIAN_FILES is set, these files are copied to /srv.
set -eu
cd "$(dirname "$0")/../.."

[ $# -ge 3 ] || { echo "usage: debian.sh SUITE ARCH COMMAND..." >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "debian.sh: root alone can make a chroot" >&2; exit 1; }
suite=$1
arch=$2
shift 2
tree='/srv/dazaid of today'

root=$(mktemp -d "${DEBIAN_DIR:-/var/tmp}/dazai-debian.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$root"

regress/tools/base.sh "$suite" "$arch" "$root"
# To save time, dpkg does not wait for the disk.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
mkdir "$root$tree"
git archive HEAD | tar -x -C "$root$tree"
for file in ${DEBIAN_FILES:-}; do
	cp "$file" "$root/srv"
done

# shellcheck disable=SC2016 # expanded in there
unshare --mount --pid --fork --kill-child --propagation private sh -euc '
	root=$0 tree=$1
	shift
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
	mount -t tmpfs -o mode=755 tmpfs "$root/dev"
	mkdir "$root/dev/pts" "$root/dev/shm"
	chmod 1777 "$root/dev/shm"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 666 "$root/dev/tty" c 5 0
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	for fd in 0:stdin 1:stdout 2:stderr; do
		ln -s "/proc/self/fd/${fd%:*}" "$root/dev/${fd#*:}"
	done
	cd "$root"
	exec chroot . sh -c "cd \"\$0\" && exec \"\$@\"" "$tree" "$@"
' "$root" "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
