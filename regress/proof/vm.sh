# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2034,SC2154 # the caller's names
# The virtual machine of audit.sh and systemd.sh, which set $talk, $kernel, a directory for
# Debian's kernel, $pattern, $dir for the files, $mib, the machine's memory, and $limit, the
# seconds that it may take, if there is one.

machine=		# the process that is one
cr=$(printf '\r')
done="{\"return\": {}}$cr"	# what the monitor says

# initramfs ROOT INIT: makes $dir/initrd of this directory, with busybox, the modules and
# INIT as its first process
initramfs() {
	mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/modules"
	cp /bin/busybox "$1/bin"
	ln -s busybox "$1/bin/sh"
	cp "$kernel"/*.ko "$1/modules"
	cp "$2" "$1/init"
	chmod 755 "$1/init"
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$dir/initrd" ||
	    fail "no initramfs"
	rm -rf "$1"
}

# pipes: new ones to and from the machine
pipes() {
	mkdir -p "$dir/io"
	rm -f "$dir/io/to" "$dir/io/from"
	mkfifo "$dir/io/to" "$dir/io/from"
}

# boot PARAMETERS DISK OPTION...: starts the machine with these parameters of the kernel,
# this file for a disk, and qemu's options; it says what it wants on 4, and is told on 3
boot() {
	parameters=$1
	disk=$2
	shift 2
	pipes
	rm -f "$dir/qmp"
	# An emulated processor may wait so long for a real one that the kernel
	# would take its timer for broken.
	${limit:+timeout -k 10 "$limit"} qemu-system-x86_64 -nodefaults -no-user-config -display none -accel tcg \
	    -m "$mib" -no-reboot -kernel "$kernel/vmlinuz" -initrd "$dir/initrd" \
	    -append "console=ttyS1 loglevel=4 panic=-1 no_timer_check $parameters" \
	    -drive "file=$disk,format=raw,if=virtio" "$@" \
	    -qmp "unix:$dir/qmp,server=on,wait=off" \
	    -chardev stdio,id=guest,signal=off -serial chardev:guest \
	    -serial "file:$dir/console" <"$dir/io/to" >"$dir/io/from" \
	    2>"$dir/errors" &
	machine=$!
	exec 3>"$dir/io/to" 4<"$dir/io/from"
}

# halt: ends the machine
halt() {
	exec 3>&- 4<&-
	kill "$machine"
	wait "$machine" 2>/dev/null
	machine=
}

# qmp COMMAND...: talks to the machine's monitor
qmp() {
	"$talk" -w 120 "$dir/qmp" like '{"QMP"*' \
	    say '{"execute":"qmp_capabilities"}' until "$done" "$@" >/dev/null ||
	    fail "the monitor"
}

# dump COMMAND...: all of the machine's memory goes into $dir/ram; then talks on
dump() {
	qmp say '{"execute":"pmemsave","arguments":{"val":0,"size":'$((mib << 20))',
	    "filename":"'"$dir/ram"'"}}' until "$done" "$@"
}

# count KEY BYTES FILE: sets $whole and $pieces in $dir/ram, in the pages $pages, and
# $swapped in FILE
count() {
	"$pattern" find "$1" "$2" "$dir/ram" "$3" >"$dir/found" || fail "no search"
	{
		read -r whole pieces pages
		read -r _ swapped _
	} <"$dir/found"
}
