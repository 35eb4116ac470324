#!/bin/sh
# SPDX-License-Identifier: ISC
# usage: systemd.sh [CASE...]
#
# Boots a Debian of its own with systemd as its first process, and has guest.sh try in it
# how dazaid works with logind, the user manager, sshd, login(1) and the units of
# contrib/; in a container (systemd-nspawn), or in a virtual machine if there can be none.
# In the virtual machine the sleep of the machine is tried, too, and all of its memory is
# searched for the secret meanwhile.  Prints a line for each case; exits 0 if every one is
# as promised.  `make systemd' takes some minutes.  The cases xss_lock, swayidle and
# elogind, `make desktop', need larger images of their own.
set -u

fail() {
	echo "systemd: $*" >&2
	[ ! -s "${dir-}/console" ] || tail -n 40 "$dir/console" >&2
	exit 1
}

# In namespaces of its own, so that nothing stays mounted or runs on, whatever ends this.
if [ "${1-}" != --inside ]; then
	[ "$(id -u)" -eq 0 ] || fail "root alone can make a container"
	dir=$(mktemp -d /var/tmp/dazai-systemd.XXXXXX) || exit 1
	inside=
	trap 'kill -KILL $inside 2>/dev/null; wait; rm -rf --one-file-system "$dir"' EXIT
	trap 'exit 1' HUP INT TERM
	unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
	    "$0" --inside "$dir" "$@" &
	inside=$!
	wait $inside
	exit
fi
dir=$2
shift 2

here=$(cd "$(dirname "$0")" && pwd) || exit 1
top=$(cd "$here/../../.." && pwd)
audit=$top/regress/proof/audit
talk=$top/regress/tools/talk
kernel=$audit/kernel
images=${DEBIAN_BASES:-$here}/image
image=
mib=384			# of the machine's memory
limit=1500		# seconds that a machine may take

pattern=$audit/pattern
good=0
bad=0

# shellcheck source=regress/proof/vm.sh
. "$here/../vm.sh"

# What is put into the image, in $dir/dazai: our programs and units, as installed; the
# tools; guest.sh.
stage() {
	stage=$dir/dazai
	make -s -C "$top" install DESTDIR="$stage" PREFIX=/usr/local \
	    >/dev/null || fail "make install"
	cp "$talk" "$top/regress/tools/pty" "$audit/pattern" "$stage/usr/local/bin"
	mkdir -p "$stage/etc/systemd/system/multi-user.target.wants" \
	    "$stage/usr/local/lib/dazai"
	cp "$here/guest.sh" "$here/elogind.sh" "$top/contrib/pam/dazai-pam-hold" \
	    "$stage/usr/local/lib/dazai"
	cat >"$stage/etc/systemd/system/proof.service" <<-EOT
		[Unit]
		After=systemd-logind.service systemd-user-sessions.service ssh.service
		[Service]
		Type=exec
		EnvironmentFile=/etc/cases
		ExecStart=/usr/local/lib/dazai/guest.sh
	EOT
	# So this is no first boot.
	echo 0123456789abcdef0123456789abcdef >"$stage/etc/machine-id"
	ln -s ../proof.service "$stage/etc/systemd/system/multi-user.target.wants"
}

# find KEY BYTES: tells the guest how often all of its memory has that, whole and in
# pieces; asleep, once it sleeps, and wakes it up.
find_now() {
	qmp say '{"execute":"stop"}' until "$done"
	dump say '{"execute":"cont"}' until "$done"
	tell "$@"
}
find_asleep() {
	qmp ask '{"execute":"query-status"}' '*"status": "suspended"*'
	dump say '{"execute":"system_wakeup"}' until "$done"
	tell "$@"
}
tell() {
	count "$@" "$dir/none"
	rm -f "$dir/ram"
	echo "$whole $pieces" >&3
}

# These services are not needed, and an emulated machine is slow.
masked=
for unit in serial-getty@ttyS1 systemd-hwdb-update systemd-journal-catalog-update \
    systemd-update-done systemd-pstore e2scrub_reap systemd-journal-flush; do
	masked="$masked systemd.mask=$unit.service"
done

# serve: does what the machine asks for, on 3 and 4, until its end
serve() {
	word=
	while read -r word rest <&4; do
		case $word in
		ok)	good=$((good + 1))
			echo "ok      $rest" ;;
		failed)	bad=$((bad + 1))
			echo "FAILED  $rest" ;;
		note)	echo "        $rest" ;;
		find)	# shellcheck disable=SC2086 # a list of words
			find_now $rest ;;
		asleep)	# shellcheck disable=SC2086
			find_asleep $rest ;;
		end)	break ;;
		esac
	done
	[ "$word" = end ] || fail "the machine ended: $(cat "$dir/errors")"
	halt
}

# in_vm CASE...
in_vm() {
	echo "In a virtual machine:"
	echo "CASES='$*'" >"$dir/dazai/etc/cases"
	"$audit/kernel.sh" "$kernel" || fail "no kernel"
	mkdir "$dir/root"
	cp -a "$dir/dazai" "$dir/root"
	mkdir "$dir/root/root"
	initramfs "$dir/root" "$here/init.sh"
	truncate -s 1G "$dir/disk"
	mkfs.ext4 -q -F -d "$image" "$dir/disk" || fail "no file system"
	truncate -s 4096 "$dir/none" # of swap there is none
	boot "secretmem.enable=1 $masked" "$dir/disk" -machine pc \
	    -global PIIX4_PM.disable_s3=0 -device virtio-rng-pci
	serve
}

# image NAME PACKAGE...: makes it, if it is not there, and has the next machine use it
image() {
	image=$images/$1
	shift
	"$here/image.sh" "$image" "$dir" "$@" || fail "no image"
}

# The image with what is ours over it, and over that a layer that is thrown away.
tree() {
	umount "$dir/tree" "$dir/layer" 2>/dev/null
	mkdir -p "$dir/tree" "$dir/layer" "$dir/io"
	mount -t tmpfs none "$dir/layer" &&
	    mkdir "$dir/layer/upper" "$dir/layer/work" &&
	    mount -t overlay -o "lowerdir=$dir/dazai:$image,\
upperdir=$dir/layer/upper,workdir=$dir/layer/work" none "$dir/tree"
}

# container COMMAND...: executes it in a container, whose files are that tree
container() {
	exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 10 $limit \
	    systemd-nspawn -q --register=no --keep-unit --private-network \
	    --kill-signal=SIGKILL \
	    --system-call-filter='memfd_secret @memlock' --bind="$dir/io:/io" \
	    -D "$dir/tree" "$@"
}

# in_container WORDS CASE...: nspawn takes the words, and thereby runs the cases
in_container() {
	echo "In a container:"
	words=$1
	shift
	echo "CASES='$*'" >"$dir/dazai/etc/cases"
	pipes
	# shellcheck disable=SC2086 # a list
	container --console=pipe $words </dev/null >"$dir/console" 2>"$dir/errors" &
	machine=$!
	exec 3<>"$dir/io/to" 4<"$dir/io/from"
	serve
}

stage
# The cases in which the machine sleeps need a virtual machine.
native=
real=
lockers=
elogind=
[ $# -gt 0 ] || set -- lock empty logout stopped_manager terminate_session \
    terminate_user two_logins kill_user_processes users_own user_units desktop_unit \
    system_unit pam suspend suspend_control
for case; do
	case $case in
	suspend*) real="$real $case" ;;
	xss_lock | swayidle) lockers="$lockers $case" ;;
	elogind) elogind=$case ;;
	*)	native="$native $case" ;;
	esac
done
common="dbus libbsd0 login polkitd procps"
systemd="$common dbus-user-session kmod libpam-systemd openssh-client openssh-server
passwd python3 systemd systemd-sysv util-linux"
# shellcheck disable=SC2086 # lists of words
{
	if [ -n "$native$real" ]; then
		image root $systemd
		if tree 2>/dev/null && (container true) >/dev/null 2>&1; then
			[ -z "$native" ] || in_container -b $native
		else
			real="$native $real"
		fi
		[ -z "$real" ] || in_vm $real
	fi
	if [ -n "$lockers" ]; then
		image lockers $systemd i3lock sway swayidle swaylock x11-xserver-utils \
		    xdotool xss-lock xvfb
		tree && in_container -b $lockers
	fi
	if [ -n "$elogind" ]; then
		image elogind $common elogind libpam-elogind
		tree && in_container \
		    '--as-pid2 /usr/local/lib/dazai/elogind.sh' $elogind
	fi
}
printf '%d passed, %d failed\n' $good $bad
[ $bad -eq 0 ]
