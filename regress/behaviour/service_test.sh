#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Who is told that the daemon is ready, and what it logs: service managers and syslog.

. "$(atf_get_srcdir)/lib.sh"

#
# Service managers.
#

# listens -d|-D PATH [COUNT]: something receives datagrams there, a line each in ./got
listens() {
	spawn receiver "$talk" "$@" >got
	talk - log got listening
}

# READY=1 came from the vault, and clients can connect by then.
notified() {
	talk - log got 'READY=1'
	talk "$sock" say nothing want 'ERR unknown-verb'
	printf 'listening\nMAINPID=%s\nREADY=1\n' "$vault" | cmp -s - got ||
	    fail "$(cat got)"
	ends 0 "$receiver"
}

behaviour a_service_manager_is_told \
    'NOTIFY_SOCKET: a service manager hears which process is ready, once the secrets are there'
a_service_manager_is_told_body() {
	export NOTIFY_SOCKET
	for NOTIFY_SOCKET in "$PWD/notify" "@dazai-start-test-$$"; do
		listens -d "$NOTIFY_SOCKET" 1
		start
		notified
		lives
	done
	NOTIFY_SOCKET=$PWD/notify
	rm notify
	listens -d "$NOTIFY_SOCKET" 1
	background
	notified
	end_there
	rm notify
	listens -d "$NOTIFY_SOCKET" 1
	waits "$dazaid" -d
	[ "$(cat got)" = listening ] || fail "too early: $(cat got)"
	exec 9>&-
	notified
	lives
}

behaviour a_service_manager_is_told_more \
    'NOTIFY_SOCKET: a service manager hears whether the session is guarded, and why the daemon ends'
a_service_manager_is_told_more_body() {
	export NOTIFY_SOCKET
	NOTIFY_SOCKET=$PWD/notify
	listens -d "$NOTIFY_SOCKET" 5
	guarded -a -g 60
	talk - log got STATUS=guarded
	kill "$guardian"
	talk - log got 'a panic is pending'
	printf 'listening\nMAINPID=%s\nREADY=1\nSTATUS=%s\nSTATUS=%s\nSTATUS=%s\n' \
	    "$vault" 'not guarded' guarded 'a panic is pending' >want
	kill -USR2 "$vault"
	ends $SIGKILL
	talk - log got 'STATUS=secrets wiped: SIGUSR2'
	head -n 6 got | cmp -s - want || fail "$(cat got)"
	present -x 'STOPPING=1' got
}

behaviour no_service_manager_is_needed \
    'if NOTIFY_SOCKET is no socket, one line says so; one that nobody reads does not delay the start'
no_service_manager_is_needed_body() {
	export NOTIFY_SOCKET
	for NOTIFY_SOCKET in notify '' ' ' ./notify "$(printf '/%0200d' 0)"; do
		start
		[ "$(grep -c NOTIFY_SOCKET log)" -eq 1 ] || fail "$(cat log)"
		present '^dazaid: NOTIFY_SOCKET is not a socket path: ' log
		lives
	done
	# Nobody listens at NOTIFY_SOCKET.
	for NOTIFY_SOCKET in "$PWD/missing" @nobody-is-there; do
		start
		not_logged NOTIFY
		lives
	done
	NOTIFY_SOCKET=$PWD/notify
	listens -D "$NOTIFY_SOCKET"
	# More than a socket queues.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
		start
		lives
	done
}

#
# syslog.
#

# world KIND: from now on daemons are started in a mount namespace where /dev/log is what
# "talk KIND", -d or -D, makes; with KIND "none" there is no /dev/log
world() {
	rm -rf dev
	mkdir dev
	: >got
	cat >world <<-EOT
	#!/bin/sh
	set -e
	cd $PWD
	mount -t tmpfs none dev
	for device in null zero full random urandom; do
		touch dev/\$device
		mount --bind /dev/\$device dev/\$device
	done
	if [ '$1' != none ]; then
		$talk $1 dev/log >got 2>&1 &
		echo \$! >receiver
		until grep -q listening got; do
			sleep 0.02
		done
	fi
	mount --rbind dev /dev
	exec "\$@"
	EOT
	chmod 755 world
	own_mounts
	through 'exec unshare -m --propagation private ./world'
}

# receiver_remembered: has the receiver killed when the test case ends
receiver_remembered() {
	receiver=$(cat receiver)
	remember "$receiver"
}

behaviour syslog_gets_the_log \
    'in the background both processes log to syslog, network from its empty root; no secret is in it' \
    require.user root
syslog_gets_the_log_body() {
	public
	chown 65534:65534 "$dir"
	world -d
	printf '%s' "$secret" >secret
	background -u nobody -v -l "$name=-" <secret
	receiver_remembered
	[ ! -s err ] || fail "on standard error: $(cat err)"
	talk - log got 'dazaid: vault: ready, memory'
	client "$sock" hello ping echo guards hold
	talk - log got "dazaid: vault: guarded by pid $client"
	chmod 666 "$sock"
	as 1 "$dir/talk" "$sock" eof || fail "it was answered"
	talk - log got '<30>dazaid: network: a client of uid 1 refused'
	kill "$client"
	talk - log got 'heartbeat connection dropped: secrets wiped, WOULD SIGKILL'
	ends_there
	absent -v '^listening$\|^<[23][0-9]>dazaid: \(vault\|network\): ' got
	grep -q '^<25>dazaid: vault: PANIC' got || fail "no alert"
	grep -q '^<30>dazaid: vault: ready' got || fail "no info"
	absent -F "$secret" got err
}

behaviour a_new_syslogd_is_found \
    'if there is no syslogd, one line says so once; the daemon goes on, and finds one that starts later' \
    require.user root
a_new_syslogd_is_found_body() {
	world none
	background -v
	is "$(cat err)" 'dazaid: vault: cannot log to syslog: /dev/log: No such file or directory'
	talk "$sock" hello ping kill USR1 "$vault" ended "$vault"
	gone
	world -d
	background -a -g 60
	receiver_remembered
	talk - log got 'vault: ready'
	kill "$receiver"
	talk - ended "$receiver"
	kill -USR1 "$vault"
	talk "$sock" hello cancel ping
	: >again
	nsenter -m -r -t "$vault" sh -c "rm /dev/log; exec $talk -d /dev/log" >again &
	remember $!
	talk - log again listening
	end_there
	talk - log again '<25>dazaid: vault: SIGTERM: secrets wiped, bye'
}

# stuck END OPTION...: where syslogd never reads, the heartbeat is answered, and END ends
# the daemon in time
stuck() {
	local end=$1

	shift
	world -D
	background -v "$@"
	receiver_remembered
	# Every message is a line, and some ten are queued.
	eval "talk \"\$sock\" hello pong-under 1000 50 mark $end" \
	    'ended "$vault" within 3000'
	gone
	kill "$receiver"
	talk - ended "$receiver"
}

behaviour a_stuck_syslogd_holds_nothing_up 'a syslogd that never reads delays neither PONG nor wipe nor death' \
    require.user root
a_stuck_syslogd_holds_nothing_up_body() {
	stuck close
	stuck "say QUIT want BYE" -a -g 0
	for sig in TERM USR1 USR2; do
		stuck "kill $sig \$vault" -a -g 0
	done
	stuck "kill USR2 \$vault"
}

behaviour a_short_timeout_is_told \
    'if -t is shorter than a busy machine may pause, a line says so in the log and to the caller'
a_short_timeout_is_told_body() {
	background -t 0.05
	present -F 'dazaid: vault: -t 0.050: a busy machine delays a PING for longer' err
	end_there
	background -t 0.1
	absent -e '-t 0' err
	end_there
}

shipped behaviour the_caller_is_told \
    'if the memory is not secretmem, though -m did not ask for another, a line on standard error says so before dazaid returns' \
    require.user root
the_caller_is_told_body() {
	for how in mlock unlocked; do
		if [ $how = mlock ]; then
			text='dazaid: vault: memory: mlock, because there is no secretmem here'
			set -- "$tools/nomemfd" "$dazaid"
		else
			text='dazaid: vault: DEGRADED: memory: unlocked'
			public
			chown 65534:65534 "$dir"
			set -- as 65534 sh -c 'ulimit -l 0; exec "$@"' sh \
			    "$tools/nomemfd" "$dazaid"
		fi
		printf x | "$@" -s "$sock" -l token=- 2>said || fail "$(cat said)"
		found
		present "^$text" said
		[ "$(grep -c memory: said)" -eq 1 ] || fail "$(cat said)"
		kill "$vault"
		talk - ended "$vault"
	done
	# With -m mlock the user has asked for it, and no line says so.
	printf x | "$tools/nomemfd" "$dazaid" -m mlock -s "$sock" -l token=- 2>said ||
	    fail "$(cat said)"
	found
	absent memory: said
	kill "$vault"
	talk - ended "$vault"
}

behaviour the_journal_names_the_program 'lines to the journal, which adds the name itself, do not begin with dazaid:'
the_journal_names_the_program_body() {
	: >log
	JOURNAL_STREAM=$(stat -c %d:%i log)
	export JOURNAL_STREAM
	start
	control say ARM want OK
	logged 'vault: armed'
	stop
	absent '^dazaid: ' log
	present '^vault: SIGTERM: secrets wiped, bye$' log
	# JOURNAL_STREAM names another stream, and was inherited.
	JOURNAL_STREAM=${JOURNAL_STREAM}0
	start
	stop
	absent '^vault' log
}
