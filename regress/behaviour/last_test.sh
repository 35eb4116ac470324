#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The last words: the file PATH.last, which tells when and why a daemon ended.

. "$(atf_get_srcdir)/lib.sh"

# last REST: PATH.last is one line of 256 bytes, with the time of now, the pid $vault,
# and REST
last() {
	local line time

	is "$(stat -c '%s %a %u' "$sock.last")" "256 600 $(id -u)"
	[ "$(wc -l <"$sock.last")" -eq 1 ] || fail "not one line"
	read -r line <"$sock.last"
	echo "$line"
	case $line in
	"LAST time="[0-9]*" pid=$vault $1") ;;
	*)	fail "$line, and not $1" ;;
	esac
	time=${line#LAST time=}
	time=$(($(date +%s) - ${time%% *}))
	[ "${time#-}" -lt 60 ] || fail "$time seconds ago"
}

# row "OPTIONS | SIGNAL | STATUS | REST"
row() {
	local options sig status rest

	IFS='|' read -r options sig status rest <<-EOT
		$1
	EOT
	start $options
	eval "kill -s $sig $vault" || true
	ends $((status))
	last "${rest# }"
}

behaviour the_last_words_tell_the_end \
    'PATH.last says how and why the daemon ended, whether it was armed, and how many secrets it had, and stays'
the_last_words_tell_the_end_body() {
	start -a -g 60
	last 'reason="running" armed=1 secrets=1 how=running'
	talk "$sock" hello to "$sock.ctl" put other secret say ARM want ALREADY_ARMED \
	    say PANIC want OK log log 'panic pending'
	last 'reason="running" armed=1 secrets=1 how=running'
	control say 'PANIC hard' want OK eof
	killed 'HARD PANIC: PANIC hard'
	last 'reason="PANIC hard" armed=1 secrets=2 how=hard'
	table <<-'EOT'
	| TERM | 0 | reason="SIGTERM" armed=0 secrets=1 how=stopped
	| USR1 | 0 | reason="SIGUSR1" armed=0 secrets=1 how=panic
	-a -g 0 | HUP | 137 | reason="SIGHUP" armed=1 secrets=1 how=panic
	-a | QUIT | 137 | reason="SIGQUIT" armed=1 secrets=1 how=hard
	-a | ABRT | 134 | reason="SIGABRT" armed=1 secrets=1 how=died
	-f 0.1 | 0 | 0 | reason="nobody came to guard" armed=0 secrets=1 how=panic
	EOT
	guarded -g 5
	control say ARM want OK say 'DEL *' want OK
	kill "$guardian"
	killed 'heartbeat connection dropped'
	last 'reason="heartbeat connection dropped" armed=1 secrets=0 how=panic'
	start
	session ping
	last 'reason="QUIT from the heartbeat" armed=0 secrets=1 how=stopped'
}

behaviour a_daemon_that_was_killed_left_none \
    'after SIGKILL the file still says "running", and the next daemon replaces it'
a_daemon_that_was_killed_left_none_body() {
	start
	kill -KILL "$vault"
	talk - ended "$vault"
	last 'reason="running" armed=0 secrets=1 how=running'
	start -a
	last 'reason="running" armed=1 secrets=1 how=running'
	stop
	last 'reason="SIGTERM" armed=1 secrets=1 how=stopped'
}

behaviour a_start_that_fails_leaves_the_last_words \
    'a start that fails leaves the words of the last daemon, or no file'
a_start_that_fails_leaves_the_last_words_body() {
	: >empty
	complains 1 'the secret is empty' "$dazaid" -d -s "$sock" -l a=empty
	[ ! -e "$sock.last" ] || fail "a file of no daemon"
	start
	stop
	complains 1 'the secret is empty' "$dazaid" -d -s "$sock" -l a=empty
	last 'reason="SIGTERM" armed=0 secrets=1 how=stopped'
}

behaviour no_file_of_others_is_overwritten \
    'a file at PATH.last that is not one of dazaid stays as it was, and the daemon does without'
no_file_of_others_is_overwritten_body() {
	echo precious >precious
	for thing in 'cp precious' 'ln precious' 'ln -s precious' 'ln -s nothing' mkdir mkfifo; do
		$thing "$sock.last"
		look=$(stat -c '%i %f %s %h' "$sock.last")
		start
		logged "dazaid: $sock.last: "
		stop
		is "$(stat -c '%i %f %s %h' "$sock.last")" "$look"
		rm -rf "$sock.last"
	done
	[ "$(cat precious)" = precious ] || fail "overwritten"
	[ ! -e nothing ] || fail "made through a link"
}
