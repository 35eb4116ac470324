#!/bin/sh
# SPDX-License-Identifier: ISC
# elogind.sh: the case elogind of systemd.sh, in a container without systemd, where it is
# run by the first process.  elogind.sh session: the part of it in ann's login.

case=elogind
fail() {
	echo "failed $case: $*" >&3
	[ ! -s /tmp/said ] || sed 's/^/note said: /' /tmp/said >&3
	echo end >&3
	exit 1
}
ask() {
	talk -w 60 "$sock.ctl" ask STATUS "$1" >/dev/null 2>&1 ||
	    fail "STATUS is not $1: $(talk "$sock.ctl" say STATUS show 2>&1)"
}

if [ "${1-}" = session ]; then
	sock=$XDG_RUNTIME_DIR/dazai-$(id -u).sock
	printf zebra | dazaid -a -g 60 -l s=- || fail "no daemon"
	dazai-logind >/tmp/said 2>&1 &
	ask '*guarded=1*'
	loginctl lock-session
	ask '*guarded=0*pending=1*'
	loginctl unlock-session
	ask '*guarded=1*pending=0*'
	exit 0
fi

PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec 3>/io/from 9</io/to
mkdir -p /run/dbus
dbus-daemon --system --fork || fail dbus-daemon
/lib/elogind/elogind -D || fail elogind
su -l ann -c "$0 session" || exit
talk -w 60 - log /tmp/said 'the session has ended' >/dev/null || fail "it goes on"
echo "ok $case" >&3
echo end >&3
read -r _ <&9
