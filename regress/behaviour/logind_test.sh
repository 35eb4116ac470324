#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazai-logind, with a system bus of the case's own and the logind of python3-dbusmock
# on it.

. "$(atf_get_srcdir)/lib.sh"

logind=$top/dazai-logind/dazai-logind
python=/usr/bin/python3		# the one that Debian's modules are for
manager=/org/freedesktop/login1

# logind NAME TEXT [METADATA VALUE]...: as behaviour; skipped unless dazai-logind and
# its tools are there
logind() {
	behaviour "$@" require.progs 'dbus-daemon dbus-send' require.files \
	    "$logind /usr/lib/python3/dist-packages/dbusmock/templates/logind.py"
}

# asks OBJECT METHOD [ARG...]: calls a method of the login manager, whose object and
# interface have these names without their beginnings
asks() {
	local object=$1 method=$2

	shift 2
	dbus-send --system --print-reply --reply-timeout=9000 \
	    --dest=org.freedesktop.login1 "$manager$object" \
	    "org.freedesktop.$method" "$@" >answer 2>&1
}
told() {
	asks "$@" || fail "$*: $(cat answer)"
}
session() {
	local method=$1

	shift
	told /session/3 "login1.Session.$method" "$@"
}

# A login manager, as $mock, with session 3 and session 4; sleep is delayed by at
# most $delay us; $inhibit is Python to do in place of giving an inhibitor.
inhibit=
mock() {
	spawn mock "$python" -m dbusmock --system --template "$tools/logind.py" \
	    --parameters "{\"delay\": $delay, \"inhibit\": \"$inhibit\"}" >mock.out 2>&1
	await asks '' login1.Manager.ListInhibitors
}

# system [DIRECTORY]: a system bus there, as $bus, and a login manager
delay=5000000
system() {
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=${1:-$PWD}/bus
	export DBUS_SYSTEM_BUS_ADDRESS
	cat >bus.conf <<-EOT
		<busconfig>
		<type>system</type>
		<listen>$DBUS_SYSTEM_BUS_ADDRESS</listen>
		<auth>EXTERNAL</auth>
		<policy context="default">
		<allow user="*"/>
		<allow own="*"/>
		<allow send_destination="*" eavesdrop="true"/>
		<allow eavesdrop="true"/>
		</policy>
		</busconfig>
	EOT
	spawn bus dbus-daemon --config-file=bus.conf --nofork --nopidfile >bus.out 2>&1
	await test -S "${1:-$PWD}/bus"
	mock
}

# login OPTION...: dazai-logind in the background, as $login; its lines are in "said"
login() {
	spawn login "$logind" -s "$sock" -S 3 "$@" 2>said
}
says() {
	talk - log said "$1"
}
holds() {
	login "$@"
	says "holding login for session 3 with dazaid $vault"
}

# up OPTIONS ARG...: a bus, a daemon with these options, and dazai-logind ARG..., which holds
up() {
	system
	start $1
	shift
	holds "$@"
}

inhibited() {
	asks '' login1.Manager.ListInhibitors && grep -q dazaid answer
}
not_inhibited() {
	asks '' login1.Manager.ListInhibitors && ! grep -q dazaid answer
}

sleeps_now() {
	told '' login1.Manager.SendPrepareForSleep "boolean:$1"
}

# news N TEXT: waits until the log has TEXT N times
news() {
	await seen "$@"
}
seen() {
	[ "$(grep -cF -e "$2" log)" -eq "$1" ]
}

logind lock_lets_go 'Lock and LockedHint let go of the tether, Unlock and LockedHint hold it again'
lock_lets_go_body() {
	up '-a -g 60'
	held 'login 1 held,'
	session Lock
	news 1 'panic pending: tether login lost'
	says 'session 3 is locked'
	session Unlock
	news 1 'panic CANCELLED by a new holder'
	told /session/4 login1.Session.Lock
	session SetLockedHint boolean:true
	news 2 'panic pending: tether login lost'
	session SetLockedHint boolean:false
	news 2 'panic CANCELLED by a new holder'
	held 'login 1 held,'
	kill "$login"
	ends 0 "$login"
	news 3 'panic pending: tether login lost'
	# A signal that its parent ignored ends it as well.
	trap '' INT
	holds
	kill -INT "$login"
	ends 0 "$login"
	news 4 'panic pending: tether login lost'
}

logind a_session_that_is_locked_is_a_loss \
    'if the session is locked when dazai-logind starts, the tether is taken, and lost at once'
a_session_that_is_locked_is_a_loss_body() {
	system
	start -a -g 60
	session SetLockedHint boolean:true
	login
	news 1 'tether login held by'
	news 1 'panic pending: tether login lost'
	session Unlock
	news 1 'panic CANCELLED by a new holder'
	stop
	ends 5 "$login"
	login -W 60
	await inhibited
	session Lock
	says 'session 3 is locked'
	start -a -g 60
	news 1 'panic pending: tether login lost'
}

logind lock_may_empty '--lock=empty wipes every secret at each Lock, and the daemon lives on'
lock_may_empty_body() {
	up '-a -g 0' --lock=empty
	for i in 1 2; do
		session Lock
		await said_is $i 'all secrets are wiped'
		control ask STATUS '*guarded=1*secrets=0*'
		session Unlock
		await said_is $i 'session 3 is unlocked'
		control put "again" secret
	done
	session SetLockedHint boolean:true
	await said_is 3 'all secrets are wiped'
	held 'login 1 held,'
	kill "$login"
	killed 'tether login lost'
}
said_is() {
	[ "$(grep -cF -e "$2" said)" -eq "$1" ]
}

logind a_daemon_that_does_not_empty_is_let_go \
    '--lock=empty: if the daemon refuses or does not answer, dazai-logind lets go, which is a loss'
a_daemon_that_does_not_empty_is_let_go_body() {
	system
	for answer in 'ERROR bad-request no' OKAY; do
		spawn vault "$talk" -l "$sock.ctl" echo up accept accept want STATUS \
		    say 'STATUS timeout=0' use 0 want 'HOLD login' \
		    offer HOLDING accept want 'DEL *' say "$answer" \
		    use 0 eof echo lost >client
		talk - log client up
		holds --lock=empty
		session Lock
		says 'the daemon does not wipe its secrets: it refuses'
		ends 5 "$login"
		present lost client
		rm "$sock.ctl" client # whose next "up" must be a new one
		session Unlock
	done
}

logind the_end_of_the_session_lets_go \
    'SessionRemoved and the state "closing" end dazai-logind; those of another session do not'
the_end_of_the_session_lets_go_body() {
	up '-a -g 60'
	told '' login1.Manager.SendSessionRemoved string:4 \
	    objpath:$manager/session/4
	told '' login1.Manager.SendSessionRemoved string:3 \
	    objpath:$manager/session/3
	ends 0 "$login"
	says 'the session has ended'
	news 1 'panic pending: tether login lost'
	holds
	news 1 'panic CANCELLED by a new holder'
	session Close
	ends 0 "$login"
	news 2 'panic pending: tether login lost'
	login
	ends 6 "$login"
}

logind sleep_waits_for_the_end 'the machine sleeps when the vault has ended, and not before' require.user root
sleep_waits_for_the_end_body() {
	for_nobody start -a -g 60
	system "$dir"
	# In a session of its own, since otherwise it may send SIGCONT to anybody.
	spawn login become 65534 setsid "$logind" -s "$sock" -S 3 2>said
	says 'holding login for session 3'
	await inhibited
	talk - kill STOP "$vault"
	sleeps_now true
	talk - mark at 1500
	inhibited || fail "the machine sleeps, and the vault is there"
	kill -CONT "$vault"
	ends 0 "$login"
	ends $SIGKILL
	await not_inhibited
	logged 'HARD PANIC'
	says 'the daemon has ended before the machine sleeps'
}

logind a_stopped_vault_ends_before_sleep \
    'a vault that is stopped or not armed has ended before the machine sleeps, also if nobody reads what dazai-logind says'
a_stopped_vault_ends_before_sleep_body() {
	system
	start -a -g 60
	mkfifo pipe
	"$logind" -s "$sock" -S 3 2>pipe &
	login=$!
	remember "$login"
	grep -m 1 'holding login' pipe || fail "no line"
	session Lock
	news 1 'panic pending: tether login lost'
	session Unlock
	news 1 'panic CANCELLED by a new holder'
	talk - kill STOP "$vault"
	sleeps_now true
	ends 0 "$login"
	ends $SIGKILL
	await not_inhibited
	start
	holds
	session Lock
	rehearsed 'tether login lost'
	ends 5 "$login"
	start
	holds --lock=ignore
	sleeps_now true
	ends 0 "$login"
	rehearsed 'HARD PANIC'
}

logind an_end_that_is_not_seen_is_told \
    'if the vault still lives when the time is up, an alert is logged, and the machine sleeps'
an_end_that_is_not_seen_is_told_body() {
	delay=1000000
	system
	spawn vault "$talk" -l "$sock.ctl" echo up accept accept want STATUS \
	    say 'STATUS timeout=0' use 0 want 'HOLD login' offer HOLDING \
	    accept want 'PANIC hard' say OK hold >client
	talk - log client up
	holds
	await inhibited
	sleeps_now true
	ends 7 "$login"
	says 'the machine sleeps, and the daemon was not seen to end: its secrets may be in memory'
	await not_inhibited
	ends 0 "$vault" # which is no dazaid, and so is not signalled
}

logind lock_and_sleep_may_be_ignored \
    '--lock=ignore: the tether is held through a lock; --sleep=ignore delays nothing and ends nothing'
lock_and_sleep_may_be_ignored_body() {
	up '-a -g 0' --lock=ignore
	session Lock
	says 'session 3 is locked'
	held 'login 1 held,'
	"$ctl" -s "$sock" release login || fail "release: $?"
	ends 0 "$login"
	says released
	stands_down
	session Unlock
	start -a -g 0
	holds --sleep=ignore
	not_inhibited || fail "$(cat answer)"
	sleeps_now true
	sleeps_now false
	session SetLockedHint boolean:true
	killed 'tether login lost'
	not_logged 'HARD PANIC'
}

logind it_waits_for_a_daemon \
    '-W: while there is no daemon, dazai-logind lets the machine sleep at once, and takes a new inhibitor lock afterwards'
it_waits_for_a_daemon_body() {
	system
	login -W 60
	await inhibited
	sleeps_now true
	await not_inhibited
	sleeps_now false
	await inhibited
	start
	says 'holding login'
	sleeps_now true
	ends 0 "$login"
	rehearsed 'HARD PANIC'
	atf_check -s exit:2 -e match:'no daemon' "$logind" -s "$sock" -S 3
}

logind it_is_a_holder \
    'a dazai-logind that is killed or stopped is lost; if only its connection is lost, it connects again'
it_is_a_holder_body() {
	system
	start -a -g 60 -t 1
	holds
	kill -KILL "$login"
	news 1 'panic pending: tether login lost'
	holds
	news 1 'panic CANCELLED by a new holder'
	talk - kill STOP "$login"
	news 1 'panic pending: tether login lost: ping deadline missed'
	kill -CONT "$login"
	news 2 'panic CANCELLED by a new holder'
	talk - mark at 1500
	held 'login 1 held,'
	kill -USR2 "$vault"
	ends 5 "$login"
	says 'the daemon ended: this session is UNGUARDED'
}

logind without_the_bus_it_lets_go 'when the bus ends, dazai-logind ends'
without_the_bus_it_lets_go_body() {
	up '-a -g 0'
	kill -KILL "$bus"
	killed 'tether login lost'
	ends 6 "$login"
	says 'the system bus is lost'
	atf_check -s exit:6 -e match:'the system bus' "$logind" -s "$sock" -S 3
}

logind without_the_manager_it_lets_go \
    'when the login manager ends, the tether is lost; when it is back, dazai-logind asks it for everything again'
without_the_manager_it_lets_go_body() {
	up '-a -g 60'
	kill -KILL "$mock"
	news 1 'panic pending: tether login lost'
	mock
	await said_is 2 'holding login for session 3'
	news 1 'panic CANCELLED by a new holder'
	inhibited || fail "$(cat answer)"
	session Lock
	news 2 'panic pending: tether login lost'
	# One that comes back does not know that the session is locked.
	kill -KILL "$mock"
	mock
	await inhibited
	held 'login 0 lost,'
	session Unlock
	news 2 'panic CANCELLED by a new holder'
}

logind without_an_inhibitor_it_holds_nothing 'if the login manager refuses the inhibitor lock, or its answer has no descriptor, dazai-logind ends, and its tether is lost'
without_an_inhibitor_it_holds_nothing_body() {
	up '-a -g 60'
	kill -KILL "$mock"
	inhibit='raise dbus.exceptions.DBusException(\"denied\", name=\"a.b\")' mock
	ends 6 "$login"
	says 'cannot delay sleep: denied'
	news 1 'panic pending: tether login lost'
	kill -KILL "$mock"
	inhibit='ret = \"none\"' mock
	complains 6 'cannot delay sleep' "$logind" -q -S 3 -s "$sock"
	held 'login 0 lost,'
}

logind what_cannot_be_read_is_a_loss 'if a signal or an answer of the login manager has a wrong type, dazai-logind lets go, and asks again'
what_cannot_be_read_is_a_loss_body() {
	local i

	up '-a -g 60'
	for i in 1 2 3 4; do
		told '' login1.Manager.SendWrong "int32:$((i - 1))"
		news $i 'panic pending: tether login lost'
		news $i 'panic CANCELLED by a new holder'
	done
	told '' DBus.Mock.AddMethod string:org.freedesktop.login1.Manager \
	    string:GetSession string:s string:s 'string:ret = "none"'
	complains 6 '3: ' "$logind" -q -S 3 -s "$sock"
}

logind others_cannot_play_the_manager 'signals of another process on the bus have no effect'
others_cannot_play_the_manager_body() {
	up '-a -g 0'
	for i in $(seq 30); do
		for to in "--dest=:1.$i" ''; do
			dbus-send --system --type=signal $to $manager \
			    org.freedesktop.login1.Manager.PrepareForSleep \
			    boolean:true
			dbus-send --system --type=signal $to $manager/session/3 \
			    org.freedesktop.login1.Session.Lock
			dbus-send --system --type=signal $to $manager \
			    org.freedesktop.login1.Manager.SessionRemoved \
			    string:3 objpath:$manager/session/3
			dbus-send --system --type=signal $to /org/freedesktop/DBus \
			    org.freedesktop.DBus.NameOwnerChanged \
			    string:org.freedesktop.login1 string: string:
		done
	done
	told /session/4 login1.Session.Lock
	inhibited || fail "$(cat answer)"
	held 'login 1 held,'
	session Lock
	killed 'tether login lost'
}

confined() {
	grep -q '^Seccomp:.2$' "/proc/$login/status" &&
	    grep -q '^NoNewPrivs:.1$' "/proc/$login/status"
}

logind a_service_manager_hears_it \
    'NOTIFY_SOCKET gets READY=1 once dazai-logind holds, which has a seccomp filter and no new privileges then, and cannot be dumped'
a_service_manager_hears_it_body() {
	system
	start
	"$talk" -d "$PWD/notify" 1 >notified &
	remember $!
	talk - log notified listening
	NOTIFY_SOCKET=$PWD/notify JOURNAL_STREAM=1:1 login
	talk - log notified READY=1
	talk - log said '<6>dazai-logind: holding login'
	await confined
	[ "$(stat -c %u "/proc/$login/environ")" -eq 0 ] || fail "can be dumped"
}

logind bad_options 'dazai-logind refuses wrong options with one line, and --help explains each option'
bad_options_body() {
	system
	complains 1 '--tether: Usb: not 1 to 16' "$logind" -n Usb
	complains 1 '--tether: heartbeat: only' "$logind" -n heartbeat
	complains 1 '--lock: no: not release' "$logind" --lock=no
	complains 1 '--sleep: never: not panic' "$logind" --sleep=never
	complains 1 '--wait: 5x: ' "$logind" -W 5x
	complains 1 'path is empty' "$logind" -s ''
	complains 6 'nosuch' "$logind" -S nosuch
	atf_check -s exit:1 -e match:'more: not an option' "$logind" more
	explains "$logind" help tether quiet socket session verbose version wait lock sleep
	atf_check -o match:'^dazai-logind [0-9]' "$logind" -V
	client -l "$sock.ctl" echo up accept say nonsense hold
	complains 4 'not the answer of a dazaid' "$logind" -q -S 3 -s "$sock"
}
