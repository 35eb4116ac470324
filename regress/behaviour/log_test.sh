#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# No state of standard error holds a panic up, and no log has a secret.

. "$(atf_get_srcdir)/lib.sh"

# deaf OPTION...: starts a daemon whose standard error is what $stderr says
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
		become 65534 "$dir/dazaid" "$@" <secret 2>&9 9>&- &
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

# dies STATUS COMMANDS OPTION...: such a daemon ends with STATUS, in time, when its
# heartbeat does these talk commands
dies() {
	local status=$1 commands=$2

	shift 2
	deaf "$@"
	eval "talk \"\$sock\" hello mark $commands" 'ended "$vault" within 3000'
	ends "$status"
}

every_death() {
	dies 0 close -v
	dies $SIGKILL close -a -g 0.1
	dies 0 'kill USR1 "$vault"'
	dies 0 'kill USR2 "$vault"'
	dies $SIGKILL 'kill USR1 "$vault"' -a -g 0.1
	dies $SIGKILL 'kill USR2 "$vault"' -a -g 60
	dies $SIGSEGV 'kill SEGV "$vault"' -a -g 60
	dies 0 'kill TERM "$vault"' -a -g 60
}

behaviour no_log_holds_the_end_up \
    'with standard error closed, full, without a reader, or a socket, the daemon wipes and ends in time'
no_log_holds_the_end_up_body() {
	for stderr in closed gone full 'full socket'; do
		every_death
	done
	stderr='read socket'
	dies $SIGKILL 'kill USR2 "$vault"' -a -g 60
	logged 'vault: ready'
	logged 'HARD PANIC: SIGUSR2: secrets wiped, SIGKILL'
	[ -c /dev/full ] || return 0
	spawn vault "$dazaid" -d -s "$sock" -l "$name=-" -a <secret 2>/dev/full
	talk -r "$sock" hello mark kill USR2 "$vault" ended "$vault" within 3000
	ends $SIGKILL
}

behaviour no_log_of_others_holds_the_end_up \
    'with a full pipe that the daemon may not open again, or a terminal of another user, as standard error, the daemon wipes and ends in time' \
    require.user root
no_log_of_others_holds_the_end_up_body() {
	public
	chmod 777 "$dir"
	cp "$dazaid" "$dir"
	stderr='full of another user'
	every_death
	cat >script <<-EOT
	run "$talk" -r "$sock" hello pong-under 1000 600
	run "$talk" - ended \$PTY_PID
	wait
	EOT
	on_terminal setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$dazaid" -d -v -a -g 0.2 -s "$sock" <script
	present -x 'signal 9' shown
}

behaviour a_log_that_fills_up_holds_nothing_up \
    'a log that is a full pipe, or a file that may not grow, delays no answer'
a_log_that_fills_up_holds_nothing_up_body() {
	stderr=gone
	deaf -v -a -g 60
	# Each PING is a line of some 40 bytes: more than any pipe takes.
	exec 9<>fifo
	talk "$sock" hello pong-under 1000 3000 mark kill USR2 "$vault" \
	    ended "$vault" within 3000
	ends $SIGKILL
	head -c 8192 /dev/zero >full
	spawn vault prlimit --fsize=8192 "$dazaid" -d -v -a -g 0 -s "$sock" 2>>full
	talk -r "$sock" hello ping quit
	ends 0
	[ "$(wc -c <full)" -eq 8192 ] || fail "it has grown"
}

# logs OPTION...: writes into "logs" what daemons log that end in many ways
logs() {
	start "$@"
	talk "$sock" say FOO want 'ERR unknown-verb' junk 20000 raw '\n' \
	    say "$guard" until WELCOME say LOG-INJECTION \
	    want 'ERR unknown-verb' say PING want PONG connect want BUSY \
	    to "$sock.ctl" put "$name.2 reads=2 ttl=60" secret get "$name.2" secret \
	    say "PUT $name.2 5" like 'ERROR exists *' eof connect \
	    raw "PUT $name.3 99 $secret\n" like 'ERROR *' eof connect \
	    say "GET $secret" like 'ERROR *' raw "PUT $name.3 100\n$secret" want GO \
	    use 0 close
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

behaviour the_log_has_no_secret \
    'the log has neither a secret nor what a client said, however the daemon ends, and the name of a secret only with -v'
the_log_has_no_secret_body() {
	logs
	without "$name"
	logs -v -v
	present 'PUT from network' logs
	without "$secret" Qx7 not-in-any Zv3 INJECTION FOO
}

behaviour strangers_do_not_fill_the_log \
    'hundreds of refused clients make one line in the log' \
    require.user root
strangers_do_not_fill_the_log_body() {
	public
	start
	chmod 666 "$sock"
	set --
	while [ $# -lt 297 ]; do
		set -- "$@" eof connect
	done
	(become 65534 "$dir/talk" "$sock" "$@" eof) || fail "not refused"
	logged 'a client of uid 65534 refused'
	lives
	[ "$(grep -c refused log)" -eq 1 ] || fail "$(grep -c refused log) lines"
}

# frozen OPTION...: a daemon that guards, as $guardian, and whose log is a file on a
# file system that was frozen since
frozen() {
	[ -d frozen ] || mkdir frozen
	if ! mountpoint -q frozen; then
		truncate -s 8M image
		mkfs.ext4 -q image 2>mkfs.err || atf_skip "mkfs.ext4: $(tail -n 1 mkfs.err): install e2fsprogs"
		mount -o loop image frozen 2>mount.err ||
		    atf_skip "$(head -n 1 mount.err): run it where loop devices can be mounted"
	fi
	: >frozen/log
	printf '%s' "$secret" >secret
	spawn vault "$dazaid" -d -a -s "$sock" -l "$name=-" "$@" <secret 2>frozen/log
	talk - log frozen/log 'vault: ready'
	find_network
	client "$sock" hello echo guards hold
	guardian=$client
	fsfreeze -f frozen 2>freeze.err ||
	    atf_skip "$(head -n 1 freeze.err): run it where fsfreeze(8) may freeze"
}

behaviour a_frozen_log_holds_nothing_up \
    'a log on a frozen file system delays neither a pending panic nor the end' \
    require.user root
a_frozen_log_holds_nothing_up_body() {
	for end in 'kill KILL "$guardian"' 'kill USR1 "$vault"'; do
		frozen -g 0.5
		eval "talk - mark $end" 'ended "$vault" over 450'
		fsfreeze -u frozen
		ends $SIGKILL
	done
	frozen -g 60
	talk - mark kill USR1 "$vault" at 100 kill USR2 "$vault" ended "$vault"
	fsfreeze -u frozen
	ends $SIGKILL
}
a_frozen_log_holds_nothing_up_cleanup() {
	fsfreeze -u frozen 2>/dev/null
	kill_all
	# A process that wrote there ends only now.
	umount frozen 2>/dev/null || umount -l frozen 2>/dev/null
	return 0
}
