#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# No state of standard error holds a panic up, and no log has a secret.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

# deaf OPTION...: a daemon whose log is what $stderr says
deaf() {
	rm -f fifo
	mkfifo fifo
	exec 9<>fifo
	[ "$stderr" != full ] ||
	    dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
	set -- -d -s "$sock" -l "$name=-" "$@"
	printf '%s' "$secret" >secret
	case $stderr in
	closed)
		"$dazaid" "$@" <secret 2>&- 9>&- &
		;;
	full | gone)
		"$dazaid" "$@" <secret 2>fifo 9>&- &
		;;
	"full of another user")
		dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
		as_other "$dir/dazaid" "$@" <secret 2>&9 9>&- &
		;;
	"full socket")
		"$talk" -X "$dazaid" "$@" <secret >/dev/null 9>&- &
		;;
	"read socket")
		"$talk" -x "$dazaid" "$@" <secret >log 9>&- &
		;;
	esac
	vault=$!
	remember "$vault"
	talk -r "$sock" say PING want 'ERR unknown-verb'
	find_network
	[ "$stderr" != gone ] || exec 9>&-
}

# dies STATUS OPTION... -- COMMAND...: with a heartbeat that does this
dies() {
	local status=$1 options=

	while shift && [ "$1" != -- ]; do
		options="$options $1"
	done
	shift
	# shellcheck disable=SC2086 # a list of words
	deaf $options
	talk "$sock" say "$guard" want WELCOME mark "$@" ended "$vault" \
	    within 1000
	ends "$status"
}

every_death() {
	dies 0 -v -- close
	dies $SIGKILL -a -g 0.1 -- close
	# $vault is the one that dies will have started.
	dies_by 0 USR1
	dies_by 0 USR2
	dies_by $SIGKILL USR1 -a -g 0.1
	dies_by $SIGKILL USR2 -a -g 60
	dies_by $SIGSEGV SEGV -a -g 60
	dies_by 0 TERM -a -g 60
}

# dies_by STATUS SIGNAL OPTION...
dies_by() {
	local status=$1 sig=$2

	shift 2
	deaf "$@"
	talk "$sock" say "$guard" want WELCOME mark kill "$sig" "$vault" \
	    ended "$vault" within 1000
	ends "$status"
}

behaviour closed 'standard error closed: the wipe and the death come in time'
closed_body() {
	stderr=closed
	every_death
}

behaviour reader_gone 'standard error a pipe whose reader is gone: the same'
reader_gone_body() {
	stderr=gone
	every_death
}

behaviour full_pipe 'standard error a full pipe that nobody reads: the same'
full_pipe_body() {
	stderr=full
	every_death
}

behaviour full_pipe_of_another_user 'a full pipe that the daemon may not open anew: the same' require.user root
full_pipe_of_another_user_body() {
	public
	chown 65534 "$dir"
	cp "$dazaid" "$dir"
	stderr='full of another user'
	every_death
}

behaviour full_socket 'standard error a full socket: the same'
full_socket_body() {
	stderr='full socket'
	every_death
}

behaviour read_socket 'standard error a socket that is read: it has the log'
read_socket_body() {
	stderr='read socket'
	dies_by $SIGKILL USR2 -a -g 60
	logged 'vault: ready'
	logged 'HARD PANIC: SIGUSR2: secrets wiped, SIGKILL'
}

behaviour full_device 'standard error where nothing can be written: the same'
full_device_body() {
	[ -c /dev/full ] || atf_skip "there is no /dev/full"
	printf '%s' "$secret" >secret
	"$dazaid" -d -s "$sock" -l "$name=-" -a <secret 2>/dev/full &
	vault=$!
	remember "$vault"
	talk -r "$sock" say "$guard" want WELCOME mark kill USR2 "$vault" \
	    ended "$vault" within 1000
	ends $SIGKILL
}

behaviour full_while_it_runs 'a pipe that fills up while the daemon logs holds up no answer'
full_while_it_runs_body() {
	stderr=gone
	deaf -v -a -g 60
	# Each PING is a line of some 40 bytes: more than any pipe takes.
	exec 9<>fifo
	talk "$sock" say "$guard" want WELCOME pong-under 500 3000 mark \
	    kill USR2 "$vault" ended "$vault" within 1000
	ends $SIGKILL
}

# logs OPTION...: one log of many ends, in "logs"
logs() {
	start "$@"
	talk "$sock" say FOO want 'ERR unknown-verb' junk 20000 raw '\n' \
	    say "$guard" until WELCOME say LOG-INJECTION \
	    want 'ERR unknown-verb' say PING want PONG connect want BUSY close
	ends 0
	cat log >>logs
	for sig in USR1 USR2 HUP TERM SEGV; do
		start "$@"
		kill -$sig "$vault"
		talk - ended "$vault"
		cat log >>logs
	done
	start "$@"
	kill -KILL "$network"
	ends 0
	cat log >>logs
	start "$@" -a -t 0.1 -g 0.1
	talk "$sock" say "$guard" want WELCOME eof ended "$vault"
	cat log >>logs
	printf '%s' "$secret" | "$dazaid" -d -s "$sock" -z 4096 -l "$name=-" \
	    -l "$name.2=/nonexistent" 2>>logs && fail "started without a file"
	[ "$(grep -c 'secrets wiped' logs)" -ge 8 ] || fail "$(cat logs)"
}

# without TEXT...: none of these is in "logs"
without() {
	local text

	for text; do
		grep -aF -e "$text" logs && fail "'$text' in the log"
	done
	return 0
}

behaviour no_secret 'the log has neither a secret nor its name, nor what a client said'
no_secret_body() {
	logs
	without "$secret" "$name" Qx7 not-in-any Zv3 INJECTION FOO
}

behaviour no_secret_when_verbose 'nor has it a byte of the secret with -v -v'
no_secret_when_verbose_body() {
	logs -v -v
	without "$secret" Qx7 not-in-any Zv3 INJECTION FOO
}

behaviour stuck_terminal_of_another_user 'a terminal of somebody else that nobody reads: the same' \
    require.user root
stuck_terminal_of_another_user_body() {
	public
	chmod 777 "$dir"
	cat >script <<-EOT
	run "$talk" -r "$sock" say "$guard" want WELCOME pong-under 1000 600
	run "$talk" - ended \$PTY_PID
	wait
	EOT
	"$tools/pty" setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$dazaid" -d -v -a -g 0.2 -s "$sock" <script >out 2>err ||
	    fail "$(cat err)"
	grep -qx 'signal 9' out || fail "$(cat out)"
}

behaviour refused_strangers 'strangers who are refused by the hundred are one line of the log' \
    require.user root
refused_strangers_body() {
	public
	start
	chmod 666 "$sock"
	set --
	while [ $# -lt 297 ]; do
		set -- "$@" eof connect
	done
	(as_other "$dir/talk" "$sock" "$@" eof) || fail "not refused"
	logged 'a client of uid 65534 refused'
	lives
	[ "$(grep -c refused log)" -eq 1 ] || fail "$(grep -c refused log) lines"
}

behaviour log_that_may_not_grow 'a file that may not grow any more: it lives on'
log_that_may_not_grow_body() {
	head -c 8192 /dev/zero >full
	prlimit --fsize=8192 "$dazaid" -d -v -a -g 0 -s "$sock" 2>>full &
	vault=$!
	remember "$vault"
	talk -r "$sock" say "$guard" want WELCOME say PING want PONG \
	    say QUIT want BYE eof
	ends 0
	[ "$(wc -c <full)" -eq 8192 ] || fail "it has grown"
}

# frozen OPTION...: a daemon that guards, as $guardian, and whose log is a file on a
# file system that was frozen since
frozen() {
	[ -d frozen ] || mkdir frozen
	if ! mountpoint -q frozen; then
		truncate -s 8M image
		mkfs.ext4 -q image 2>mkfs.err || atf_skip "no mkfs.ext4"
		mount -o loop image frozen 2>mount.err ||
		    atf_skip "no loop device can be mounted: $(cat mount.err)"
	fi
	: >frozen/log
	printf '%s' "$secret" >secret
	"$dazaid" -d -a -s "$sock" -l "$name=-" "$@" <secret 2>frozen/log &
	vault=$!
	remember "$vault"
	talk - log frozen/log 'vault: ready'
	find_network
	client "$sock" say "$guard" want WELCOME echo guards hold
	guardian=$client
	talk - log said guards
	fsfreeze -f frozen 2>freeze.err ||
	    atf_skip "no file system can be frozen: $(cat freeze.err)"
}

behaviour frozen_file 'a log on a frozen file system holds up neither a pending panic nor the end' \
    require.user root
frozen_file_body() {
	frozen -g 0.5
	talk - mark kill KILL "$guardian" ended "$vault" over 450 within 2000
	fsfreeze -u frozen
	ends $SIGKILL
	frozen -g 0.5
	talk - mark kill USR1 "$vault" ended "$vault" over 450 within 2000
	fsfreeze -u frozen
	ends $SIGKILL
	frozen -g 60
	talk - mark kill USR1 "$vault" at 100 kill USR2 "$vault" \
	    ended "$vault" within 2000
	fsfreeze -u frozen
	ends $SIGKILL
}
frozen_file_cleanup() {
	fsfreeze -u frozen 2>/dev/null
	kill_all
	# Whoever wrote there ends only now.
	umount frozen 2>/dev/null || umount -l frozen 2>/dev/null
	return 0
}
