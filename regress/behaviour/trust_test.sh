#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What clients believe: an answer that no dazaid gives is neither shown nor obeyed, and
# an order is done when the kernel says that the vault has ended.

. "$(atf_get_srcdir)/lib.sh"

escape='\x1b]0;pwned\x07'

# liar ANSWER: talk plays a daemon that gives this answer, in which it knows escapes, to
# whatever one client asks
liar() {
	rm -f "$sock.ctl"
	client -l "$sock.ctl" echo up accept raw "$1" hold
}

# distrusted ANSWER COMMAND...: dazaictl refuses it, and shows nothing of it
distrusted() {
	liar "$1"
	shift
	complains 5 "dazaictl: $sock.ctl: not the answer of a dazaid" \
	    "$ctl" -s "$sock" "$@" </dev/null
}

status='STATUS alive=1 armed=0 grace=5 registered=0 guarded=0 pending=0'
status="$status memory=secretmem secrets=1 left=0 heartbeat=0 since=0"
status="$status size=65536 room=65424"

behaviour strange_status 'a STATUS that no dazaid gives is refused, and not shown'
strange_status_body() {
	for line in "$status" "$status later=yes,1.5 and-more="; do
		liar "$line\\n"
		"$ctl" -s "$sock" status -l >out || fail "$line"
		[ "$(cat out)" = "$line" ] || fail "$(cat out)"
	done
	for line in "STATUS alive=1" "$status " " $status" "$status alive=1" \
	    "${status%room=*}room=1e3" "${status%room=*}x=1" "$status =1" \
	    "$status word" "STATUS  ${status#STATUS }" "$escape" \
	    "$status name=$escape" "$status x=\\xc3\\xa4" \
	    "STATUS alive=2 ${status#STATUS alive=1 }" "OK" ""; do
		distrusted "$line\\n" status -l
	done
	distrusted "$status name=$escape\\n" status
}

behaviour strange_list \
    'an entry of LIST that no dazaid gives is refused, and not shown'
strange_list_body() {
	liar 'a 5 - -\nmail/me@example.org 1 3 59.998\nOK\n'
	"$ctl" -s "$sock" list >out || fail "$(cat err)"
	[ "$(wc -l <out)" -eq 2 ] || fail "$(cat out)"
	for line in "$escape 1 - -" 'a 1 - - -' 'a 1 -' 'a  1 - -' 'a x - -' \
	    'a -1 - -' 'a 1 x -' 'a 1 - -1' 'a 1 - 1,5' '-a 1 - -' \
	    '"a" 1 - -' "a\\\\b 1 - -" 'a\x80 1 - -' 'STATUS a=1'; do
		distrusted "$line\\nOK\\n" list
	done
}

behaviour strange_refusal 'a refusal that no dazaid gives is not shown'
strange_refusal_body() {
	for line in "ERROR $escape" "ERROR full $escape" 'ERROR' 'ERROR full' \
	    'ERROR FULL of it' 'BUSY now' 'ERR unknown-verb' 'NO'; do
		distrusted "$line\\n" arm
		distrusted "$line\\n" get x
		distrusted "$line\\n" del x
	done
	liar 'ERROR full there is no room for another secret of this size\n'
	"$ctl" -s "$sock" arm 2>err && fail "not refused"
	[ "$(cat err)" = \
	    'dazaictl: refused: full: there is no room for another secret of this size' ] ||
	    fail "$(cat err)"
}

behaviour what_holds_unasked_ends \
    'a client that is told HOLDING, and asked for something else, ends: network cannot make it hold'
what_holds_unasked_ends_body() {
	distrusted 'HOLDING\n' watch
	distrusted 'HOLDING\n' wait bye
	distrusted 'HOLDING\n' arm
	distrusted 'HOLDING\n' list
	distrusted 'HOLDING\n' get x
}

behaviour heartbeat_shows_no_escape 'dazai-hb -v shows no answer that is not text'
heartbeat_shows_no_escape_body() {
	client -l "$sock" echo up accept like 'HELLO *' \
	    raw "$escape\\n" close
	: >hb.out
	"$hb" -v -s "$sock" >hb.out 2>&1 || :
	grep -q '(no text)' hb.out || fail "$(cat -v hb.out)"
	[ "$(tr -d '[:print:]\n' <hb.out | wc -c)" -eq 0 ] ||
	    fail "$(cat -v hb.out)"
}

# The name of a process is what it calls itself; that of its terminal is a file's,
# which anybody can make in /dev/shm.
behaviour names_are_visible 'names of processes and files are shown without their escapes'
names_are_visible_body() {
	local esc file

	esc=$(printf '\033]0;x')
	cp "$(command -v sleep)" "name$esc" || fail "no such name"
	file=/dev/shm/dazai.$$.$esc
	: >"$file" || atf_skip "nothing can be made in /dev/shm: mount a tmpfs there"
	echo "$file" >public		# removed with the rest
	spawn idler "./name$esc" 300 <"$file"
	start
	heartbeat -p "$idler"
	"$ctl" -s "$sock" status >out || fail "no status"
	grep -qF 'name\033]0;x on shm/dazai.'"$$"'.\033]0;x' out ||
	    fail "$(cat -v out)"
	"$hb" -s "$sock" 2>>out && fail "not guarded"
	[ "$(tr -d '[:print:]\n' <out | wc -c)" -eq 0 ] || fail "$(cat -v out)"
	stand_down
}

#
# An order is done when the vault has ended.
#

# orders STATUS TEXT ARG...: "dazaictl panic ARG..." exits with STATUS; TEXT is in its
# only line, or it is a line on standard output about the panic
orders() {
	local status=$1 text=$2

	shift 2
	if [ -n "$text" ]; then
		complains "$status" "$text" "$ctl" -s "$sock" panic "$@" </dev/null
		return
	fi
	"$ctl" -s "$sock" panic "$@" >out 2>err </dev/null ||
	    fail "panic $*: exit $?: $(cat err)"
	[ ! -s err ] || fail "panic $*: $(cat err)"
	[ "$(grep -c '^the secrets are wiped: \|^a panic is ' out)" -eq 1 ] ||
	    fail "panic $*: $(cat out)"
}

# printed: that order has said that this vault has ended
printed() {
	present -x "the secrets are wiped: the daemon, process $vault, has ended" out
}

# Nothing of the vault is left: its end has been seen by somebody who is not its
# parent.
has_ended() {
	case $(cat "/proc/$vault/stat" 2>/dev/null) in
	*") Z "* | '')	;;
	*)		fail "the vault lives" ;;
	esac
	[ ! -e "$sock.pid" ] || fail "the pid file is there"
}

behaviour panic_waits \
    'panic hard returns when the vault has ended, and panic -w after its grace; panic prints what came of it: pending, with the time left, or ended'
panic_waits_body() {
	for order in hard ''; do
		start
		orders 0 '' $order
		has_ended
		printed
		ends 0
	done
	for order in -w '-w 20' '-w20 hard'; do
		start -a -g 0.5
		orders 0 '' $order
		has_ended
		ends "$SIGKILL"
	done
	start -a -g 60
	orders 0 ''
	present '^a panic is pending: in \(60\|59[.0-9]*\) s, unless it is cancelled' out
	"$ctl" -s "$sock" status >out || fail "it did not wait for its grace"
	present PENDING out
	orders 0 '' hard
	has_ended
	printed
	ends "$SIGKILL"
}

behaviour network_that_hangs 'dazaictl panic reaches the vault if network hangs'
network_that_hangs_body() {
	local end

	for end in 'hard' 'hard -w 20' '-w 20' ''; do
		start -a -g 0
		talk - kill STOP "$network"
		orders 0 '' $end
		[ -z "$end" ] || has_ended
		ends "$SIGKILL"
	done
}

behaviour panic_fails 'dazaictl panic fails if it does not see the vault end'
panic_fails_body() {
	start -a -g 0
	talk - kill STOP "$vault"
	orders 6 "the daemon, process $vault, has not ended in 0.3 s" hard -w 0.3
	orders 6 "the daemon, process $vault, has not ended in 0.3 s" -w0.3
	kill -CONT "$vault"
	ends "$SIGKILL"
	guarded -a -g 60
	client "$sock.ctl" echo up hold
	orders 6 "the daemon, process $vault, has not ended in 0.2 s" -w 0.2
	orders 0 '' hard
	ends "$SIGKILL"
	for n in 0 x -1 1e3 5x; do
		orders 1 '-w: ' "-w$n"
	done
}

# The process that listens is then ssh(1), say, which brings the socket here.
behaviour panic_of_a_daemon_elsewhere \
    'dazaictl panic does not claim the end of a daemon on another machine'
panic_of_a_daemon_elsewhere_body() {
	for how in hard -w; do
		rm -f "$sock.ctl"
		client -l "$sock.ctl" echo up accept like 'PANIC*' say OK hold
		orders 6 "process $client, which serves the socket, is not dazaid" $how
		# talk ends with the connection, and not by a signal of dazaictl.
		ends 0 "$client"
	done
	rm -f "$sock.ctl"
	client -l "$sock.ctl" echo up accept raw 'BUSY\n' hold
	orders 5 'refused: BUSY' hard
}

behaviour root_orders_a_panic 'root may look at the daemon of a user and end it, and gives it no secret' \
    require.user root
root_orders_a_panic_body() {
	public
	chown 65534 "$dir"
	cp "$dazaid" "$dir"
	for order in 'hard' '-w'; do
		launch become 65534 "$dir/dazaid" -d -s "$sock" -a -g 0 </dev/null
		"$ctl" -s "$sock" status >out 2>err || fail "$(cat err)"
		for order_no in 'get x' 'del x' 'list' 'arm' 'put x'; do
			echo x | "$ctl" -s "$sock" $order_no >out 2>err &&
			    fail "$order_no"
			grep -q 'the daemon runs as uid 65534' err ||
			    fail "$order_no: $(cat err)"
		done
		orders 0 '' "$order"
		has_ended
		wait "$vault" || :
	done
}
