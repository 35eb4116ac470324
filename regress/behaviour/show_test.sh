#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What dazaictl shows to people and to programs: status, list, tethers, watch, help.

. "$(atf_get_srcdir)/lib.sh"

export DAZAI_SOCK="$sock"

# shows TEXT COMMAND...: one of the lines that it prints is TEXT, a pattern of grep(1)
shows() {
	local text=$1

	shift
	"$@" >shown 2>&1 || fail "$*: $?: $(cat shown)"
	grep -q -e "$text" shown || fail "$*: no '$text': $(cat shown)"
}

# on_terminal TERM COMMAND...: its output on a terminal is in "shown", without \r
on_terminal() {
	local term=$1

	shift
	printf 'wait\nshow\n' | TERM=$term "$tools/pty" "$@" >typed 2>why ||
	    fail "$(cat why)"
	tr -d '\r' <typed >shown
	grep -q '^exit 0' shown || fail "$*: $(cat shown)"
}

# json FILTER COMMAND...: its output is JSON, of which a program of python's own json
# finds FILTER, an expression about j, to be true
json() {
	local filter=$1

	shift
	"$@" >json || fail "$*: $?"
	python3 -IS -c "import json, sys; j = json.load(sys.stdin); sys.exit(not ($filter))" \
	    <json || fail "$*: not $filter: $(cat json)"
}

# A daemon with a heartbeat for an idler, which has a name of its own, and two holders.
session() {
	cp "$(command -v sleep)" idles
	spawn idles ./idles 300
	start "$@"
	heartbeat -p "$idles"
	first=$heartbeat
	heartbeat -n desk --watch-pid "$idles"
	heartbeat -n desk
	head -c 1500 /dev/zero | "$ctl" put limited -n 3 -t 3600 || fail put
}

behaviour status_is_for_reading 'status: who guards, what is lost, what a panic does and how to cancel it, sizes and times with units'
status_is_for_reading_body() {
	session -a -g 90 -t 600
	shows '^session:    guarded since [-0-9]* [:0-9]*, for [0-9]* s$' "$ctl" status
	shows "^tethers:    heartbeat held by dazai-hb $first for process $idles (idles" \
	    "$ctl" status
	shows '^            desk      has 2 holders, the first is dazai-hb' "$ctl" status
	shows "^daemon:     process $vault, armed, with 1 min 30 s of grace, ping timeout 10 min\$" \
	    "$ctl" status
	shows '^memory:     64 KiB, ' "$ctl" status
	shows '^secrets:    2, room for one of 6[0-9].[0-9] KiB$' "$ctl" status
	shows '^registered: 0 processes$' "$ctl" status
	"$ctl" panic
	shows '^panic:      PENDING: a panic in 1 min [0-9]* s, .*pkill -USR1 dazai-hb' \
	    "$ctl" status
	kill -USR2 "$vault"
	ends "$SIGKILL"
	start
	shows '^session:    UNGUARDED$' "$ctl" status
	shows 'not armed (dry-run)' "$ctl" status
	absent '^tethers\|^panic' shown
	shows '^deadline:   a panic in 4 min [0-9]* s, unless the session is guarded by then' \
	    "$ctl" status
	heartbeat -i 0
	"$ctl" status >shown
	absent '^deadline' shown
	stand_down
	start -a -g 90
	heartbeat -n desk
	kill -KILL "$heartbeat"
	logged 'panic pending'
	shows '^tethers:    desk      LOST$' "$ctl" status
	shows '^panic:      PENDING: .*by holding again what is lost' "$ctl" status
	kill -USR2 "$vault"
	ends "$SIGKILL"
	start -a -g 90 -f 0.1
	logged 'panic pending: nobody came to guard'
	shows '^panic:      PENDING: .*dazai_guard, and then dazai_cancel' "$ctl" status
}

behaviour tables_are_for_terminals 'list and tethers: a table on a terminal, lines to a program or with -l'
tables_are_for_terminals_body() {
	session
	on_terminal dumb "$ctl" list
	present -x 'NAME         *SIZE  READS LEFT  WIPED' shown
	present -x "$name  *${#secret} B           -  -" shown
	present -x 'limited  *1.4 KiB           3  in 59 min' shown
	on_terminal dumb "$ctl" tethers
	present -x 'TETHER     STATE  HOLDERS  FIRST HOLDER' shown
	grep -q "^desk       held         2  dazai-hb [0-9]* for process $idles (idles" \
	    shown || fail "$(cat shown)"
	on_terminal dumb "$ctl" list -l
	present '^limited 1500 3 3[0-9.]*$' shown
	shows "^$name ${#secret} - -\$" "$ctl" list
	shows '^limited 1500 3 3[0-9.]*$' "$ctl" list
	shows '^desk 2 held [0-9]*$' "$ctl" tethers
	[ "$(wc -l <shown)" -eq 2 ] || fail "$(cat shown)"
}

behaviour colour_is_for_terminals 'a terminal gets colours, unless NO_COLOR is set or TERM is dumb; a pipe gets none'
colour_is_for_terminals_body() {
	escape=$(printf '\033')
	session
	for command in status list tethers; do
		on_terminal xterm "$ctl" $command
		grep -qF "${escape}[" shown || fail "$command: no colour"
		on_terminal dumb "$ctl" $command
		absent -F "$escape" shown
		on_terminal xterm env NO_COLOR=1 "$ctl" $command
		absent -F "$escape" shown
		TERM=xterm "$ctl" $command >shown
		absent -F "$escape" shown
	done
}

behaviour json_is_json \
    'status, list, tethers and watch --json print what the JSON parser of python reads, and a field always has the same type' \
    require.progs python3
json_is_json_body() {
	start
	json "j == [{'name': '$name', 'size': ${#secret}, 'reads': None, 'left': None}]" \
	    "$ctl" list --json
	json 'j == []' "$ctl" tethers --json
	json "j['guarded'] is False and j['grace'] == 5 and j['pid'] == $vault and j['groups'] in (0, 1) and 200 < j['first'] <= 300" \
	    "$ctl" status --json
	stop
	session -a -g 0.5
	for odd in 1 007 true; do
		printf x | "$ctl" put $odd || fail put
	done
	json "[s['name'] for s in j[2:]] == ['1', '007', 'true']" "$ctl" list --json
	json "j[1]['reads'] == 3 and 3000 < j[1]['left'] < 3600" "$ctl" list --json
	json "[t['name'] for t in j] == ['heartbeat', 'desk'] and j[0]['pid'] == $first" \
	    "$ctl" tethers --json
	json "j['guarded'] is True and j['grace'] == 0.5 and j['memory'] and j['secrets'] == 5" \
	    "$ctl" status --json
	spawn watch "$ctl" watch --json >watched
	talk - log watched '"status"'
	printf x | "$ctl" put 12 || fail put
	"$ctl" del 12
	kill -USR2 "$vault"
	ends 0 $watch
	# Each line is an object: together they are an array.
	{ echo '['; sed '$!s/$/,/' watched; echo ']'; } >array
	json "[e['event'] for e in j] == ['status', 'put', 'gone', 'bye']" cat array
	json "j[1]['name'] == '12' and j[2]['why'] == 'deleted' and j[0]['armed'] is True" \
	    cat array
}

behaviour help_helps 'help, COMMAND --help and --help explain every command and option'
help_helps_body() {
	"$ctl" --help >all || fail "--help: $?"
	DAZAI_SOCK='' "$ctl" help | diff all - || fail "help is not --help"
	for command in status arm panic put get del list tethers release watch wait run why help; do
		shows "^  $command  *[a-z]" cat all
		shows "^usage: dazaictl $command" "$ctl" help $command
		shows "^usage: dazaictl $command" "$ctl" $command --help
		shows "^usage: dazaictl $command" "$ctl" $command -h
	done
	complains 1 'frob: no such command' "$ctl" help frob
	complains 1 'get: one argument too many' "$ctl" help put get
}

# unwritten COMMAND...: it cannot print, and says so
unwritten() {
	# shellcheck disable=SC2016 # for the other shell
	complains 1 'standard output: ' sh -c 'exec "$@" >/dev/full' sh "$@"
	# shellcheck disable=SC2016
	complains 1 'standard output: ' sh -c 'exec "$@" >&-' sh "$@"
}

behaviour what_cannot_be_printed_is_an_error \
    'a program that cannot write to standard output exits 1, and says so in one line'
what_cannot_be_printed_is_an_error_body() {
	for program in dazaid/dazaid dazai-hb/dazai-hb dazaictl/dazaictl \
	    dazai-logind/dazai-logind; do
		[ -x "$top/$program" ] || continue
		for option in -h --help -V --version; do
			unwritten "$top/$program" $option
		done
	done
	unwritten "$top/dazaictl/pinentry-dazai" --version
	unwritten "$top/dazaictl/docker-credential-dazai" version
	session -a -g 90
	for command in status 'status -l' 'status --json' list 'list --json' tethers \
	    'tethers --json' watch 'watch --json' why 'why -l' 'why --json' arm help \
	    'help get' 'get --help' "get $name" panic; do
		# shellcheck disable=SC2086 # a list of words
		unwritten "$ctl" $command
	done
}

# one_line STATUS COMMAND...: an error that shows the words of the command in one line
one_line() {
	local status=$1 got=0

	shift
	timeout -s KILL 20 "$@" >printed 2>why </dev/null || got=$?
	[ "$got" -eq "$status" ] || fail "$*: exit $got, not $status: $(cat why)"
	[ "$(grep -cv '^usage: \|^commands:$\|^  ' why)" -eq 1 ] || fail "$*: not one line: $(cat why)"
	grep -qF 'a\012b\033c\302\233d' why || fail "$*: not shown: $(cat why)"
	! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" why ||
	    fail "$*: control characters: $(cat why)"
}

behaviour errors_are_one_line \
    'in errors, control characters of arguments, paths and files are shown as vis(3) shows them; other bytes stay'
errors_are_one_line_body() {
	odd=$(printf 'a\nb\033c\302\233d')
	unset DAZAI_SOCK
	mkdir "dir$odd"
	echo 'x' >"dir$odd/secrets"
	one_line 2 "$ctl" -s "$odd" status
	one_line 2 "$ctl" -s "$odd" why
	one_line 1 "$ctl" "--$odd"
	one_line 1 "$ctl" list "$odd"
	one_line 1 "$ctl" put -n "$odd" x
	one_line 1 "$ctl" load "dir$odd/secrets"
	one_line 127 "$ctl" run "$odd"
	one_line 1 "$ctl" run -e "$odd=x" true
	mkdir "dir$odd/dazai"
	echo 'one two three four five' >"dir$odd/dazai/git"
	echo 'protocol=https' |
	    one_line 1 env XDG_CONFIG_HOME="$PWD/dir$odd" "$top/dazaictl/git-credential-dazai" get

	one_line 1 "$dazaid" "--$odd"
	one_line 1 "$dazaid" -g "$odd"
	one_line 1 "$dazaid" -l "x=$odd"
	one_line 1 "$dazaid" -s "dir$odd"
	one_line 1 "$dazaid" -L "dir$odd/secrets" -s sock
	one_line 127 "$dazaid" -s sock -- "$odd"
	one_line 2 "$hb" -s "$odd"
	one_line 1 "$hb" "--$odd"
	one_line 1 "$hb" -w "$odd/x"
	# Of a long word the beginning is shown.
	"$ctl" "--$(printf %5000s "$odd" | tr ' ' x)" 2>why && fail 'a long option'
	! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" why ||
	    fail "a long option: $(tail -c 99 why)"
	[ -x "$top/dazai-logind/dazai-logind" ] || return 0
	one_line 1 "$top/dazai-logind/dazai-logind" -n "$odd"
}

behaviour options_may_follow \
    'options may follow the argument of a command, even if POSIXLY_CORRECT is set, which programs still see'
options_may_follow_body() {
	guarded -z 65536
	correct="env POSIXLY_CORRECT=yes $ctl -s $sock"
	$correct put x -n 3 <secret || fail "put: $?"
	echo 'y echo $POSIXLY_CORRECT' >file
	chmod 600 file
	$correct load file -r || fail "load: $?"
	[ "$($correct get y -f)" = yes ] || fail 'load took the variable away'
	[ "$($correct run sh -c 'echo $POSIXLY_CORRECT')" = yes ] ||
	    fail 'run took the variable away'
	atf_check -o match:'the secrets are wiped' $correct panic hard -w 10
	ends 0
}

behaviour wrong_usage_is_named 'wrong usage: one line that says what is wrong and how it should be'
wrong_usage_is_named_body() {
	complains 1 "no command; 'dazaictl help' lists them" "$ctl"
	complains 1 "frob: no such command; 'dazaictl help' lists them" "$ctl" frob
	complains 1 "get: the secret's name is missing; usage: dazaictl get [-f] NAME" "$ctl" get
	complains 1 'get: y: one argument too many' "$ctl" get x y
	complains 1 'list: -x: no such option' "$ctl" list -x
	complains 1 'status: --jason: no such option' "$ctl" status --jason
	complains 1 'list: -\001: no such option' "$ctl" list "$(printf '%b' '-\001')"
	complains 1 'list: --json=1: takes no value' "$ctl" list --json=1
	complains 1 'load: --replace: no such option' "$ctl" load --replace
	complains 1 'put: -n: a value is missing' "$ctl" put x -n
	complains 1 "panic: soft: only 'hard' is possible here" "$ctl" panic soft
	complains 1 "wait: the event is missing" "$ctl" wait
	complains 1 'run: the program is missing' "$ctl" run
	complains 1 'arm: now: one argument too many' "$ctl" arm now
	start
	for bad in '' 'a b' "$(printf '%0129d' 0)" "$(printf 'a\033[2Jb')"; do
		for command in get put del; do
			complains 5 'refused: bad-name: a name is 1 to 128 ' \
			    "$ctl" $command -- "$bad" <secret
		done
	done
}

behaviour why_tells_the_end 'why: when and why the daemon ended, armed or not, and how many secrets it had'
why_tells_the_end_body() {
	complains 2 "$sock.last: no last words of a daemon" "$ctl" why
	start
	shows "^the daemon runs: process $vault, since [-0-9]* [:0-9]*, [0-9]* s ago\$" "$ctl" why
	heartbeat -i 0
	kill -KILL "$heartbeat"
	ends 0
	shows '^ended:      [-0-9]* [:0-9]*, [0-9]* s ago$' "$ctl" why
	shows '^why:        a panic: heartbeat connection dropped$' "$ctl" why
	shows "^daemon:     process $vault, not armed (dry-run)\$" "$ctl" why
	shows '^secrets:    1, wiped$' "$ctl" why
	shows "^LAST time=[0-9]* pid=$vault reason=.* how=panic\$" "$ctl" why -l
	json "j['reason'] == 'heartbeat connection dropped' and j['secrets'] == 1 and \
	    j['armed'] is False and j['pid'] == $vault and j['how'] == 'panic'" "$ctl" why --json
	start -a
	kill -KILL "$vault"
	talk - ended "$vault"
	shows '^started:    ' "$ctl" why
	shows '^why:        killed before it could say why' "$ctl" why
	# Without a daemon every other command says it in one more line.
	start -a -g 0
	kill -HUP "$vault"
	ends "$SIGKILL"
	for command in status list tethers watch 'get x' 'del x' arm; do
		atf_check -s exit:2 -o empty \
		    -e match:"^dazaictl: $sock.ctl: no daemon: No such file" \
		    -e match:'^dazaictl: the last daemon ended .* ago: a panic: SIGHUP$' \
		    "$ctl" $command
	done
}

behaviour foreign_last_words_are_not_believed \
    'why believes no file that is a link, that others can write, or that no dazaid wrote'
foreign_last_words_are_not_believed_body() {
	words='LAST time=1 pid=2 reason="x" armed=1 secrets=3'
	echo "$words" >"$sock.last"
	chmod 600 "$sock.last"
	shows '^why:        x$' "$ctl" why
	chmod 620 "$sock.last"
	complains 2 'no last words' "$ctl" why
	mv "$sock.last" other
	chmod 600 other
	ln -s other "$sock.last"
	complains 2 'no last words' "$ctl" why
	rm "$sock.last"
	mkfifo "$sock.last"
	complains 2 'no last words' "$ctl" why
	rm "$sock.last"
	escape=$(printf '\033')
	for line in '' 'LAST' "LAST time=x ${words#* * }" "${words%1*}yes secrets=3" \
	    "LAST time=1 pid=2 reason=\"${escape}[2J\" armed=1 secrets=3" \
	    "$words how=${escape}c" 'LAST time=1 pid=2 reason="x armed=1 secrets=3' \
	    "${words% *}"; do
		printf '%s\n' "$line" >"$sock.last"
		complains 2 'no last words' "$ctl" why
	done
}

behaviour get_on_a_terminal \
    'get to a terminal first says what is wrong with the name or the session; -f ends with a newline'
get_on_a_terminal_body() {
	gets 'exit 2' 'no daemon: ' get "$name"
	guarded -g 60
	gets 'exit 4' 'refused: no-such-secret: ' get other
	gets 'exit 1' "not shown, because a terminal keeps what it shows; 'get -f $name' shows it" \
	    get "$name"
	gets 'exit 0' "$secret" get -f "$name"
	# The shell's prompt begins a line of its own, and a pipe gets the bytes alone.
	printf 'expect after\nwait\nshow\n' |
	    "$tools/pty" sh -c "$ctl get -f $name; echo after" >shown 2>&1 || fail "$(cat shown)"
	present '^after' shown
	"$ctl" get -f "$name" | cmp - secret || fail "not the bytes alone"
}

# gets RESULT TEXT ARG...: dazaictl on a terminal ends with RESULT, and shows TEXT
gets() {
	local result=$1 text=$2

	shift 2
	printf 'wait\nshow\n' | "$tools/pty" "$ctl" "$@" >shown 2>&1
	grep -q "^$result" shown || fail "$*: no $result: $(cat shown)"
	grep -qF -e "$text" shown || fail "$*: no '$text': $(cat shown)"
}
