#!/bin/sh
# SPDX-License-Identifier: ISC
# image.sh DIRECTORY WORK PACKAGE...: makes there a Debian with these packages and the
# users ann and ben, whose password is their name; does nothing if it is there.  What is
# unfinished is in the directory WORK, which the caller removes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

image=$1
[ ! -d "$image" ] || exit 0
# shellcheck disable=SC1091
. /etc/os-release
dir=$2
shift 2
root=$dir/image
mkdir "$root"
"$here/../../tools/base.sh" "$VERSION_CODENAME" "$(dpkg --print-architecture)" "$root"

# No package starts a service there.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# shellcheck disable=SC2016 # expanded in there
unshare --mount --pid --fork --kill-child --propagation private sh -euc '
	mount -t proc proc "$0/proc"
	export DEBIAN_FRONTEND=noninteractive
	echo force-unsafe-io >"$0/etc/dpkg/dpkg.cfg.d/unsafe-io"
	chroot "$0" apt-get -qq update
	exec chroot "$0" apt-get -qq install -y --no-install-recommends "$@"
' "$root" "$@" >"$dir/log" 2>&1 || {
	tail "$dir/log" >&2
	exit 1
}
rm "$root/usr/sbin/policy-rc.d"
for user in ann ben; do
	chroot "$root" useradd -m -s /bin/bash $user
	echo "$user:$user" | chroot "$root" chpasswd
done
[ ! -e "$root/bin/systemctl" ] || chroot "$root" systemctl -q mask apt-daily.timer \
    apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    getty@tty1.service serial-getty@ttyS0.service systemd-timesyncd.service
echo dazai >"$root/etc/hostname"
: >"$root/etc/machine-id"
rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/usr/share/doc" \
    "$root/usr/share/locale"
mkdir -p "${image%/*}"
mv "$root" "$image"
