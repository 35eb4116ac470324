#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazaid -L: secrets from the commands in a file, at the start.

. "$(atf_get_srcdir)/lib.sh"
. "$(atf_get_srcdir)/load.sh"

behaviour loads_at_its_start \
    '-L: the secrets are there when the daemon is ready; if a command fails, one line says so, and the others are loaded'
loads_at_its_start_body() {
	cat >file <<-'EOT'
		# As for dazaictl load.
		one reads=1 ttl=1000 echo 1
		kept newline=keep printf 'a\n\0\1\377\n'
		two printf half; exit 2
		killed printf half; kill -9 $$
		none true
		input cat
		own for n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo $n; done; echo closed
		here echo "$OWN $(cat file | wc -l)"
		last echo 9
	EOT
	printf '%s echo x\n' "$name" >>file
	OWN=environment guarded -L file
	for why in 'two: its command ended with status 2' \
	    'killed: its command was ended by SIGKILL' \
	    'none: its command printed nothing, or nothing but newlines' \
	    'input: its command printed nothing, or nothing but newlines' \
	    "$name: exists"; do
		grep -qxF "dazaid: $why" log || fail "not told: $why"
	done
	logged 'secrets: 6'
	"$ctl" list | grep -q '^one 1 1 9[0-9][0-9]\.' || fail "$("$ctl" list)"
	has one 1
	has kept 'a\n\0\1\377\n'
	has own closed
	has here 'environment 11'
	has last 9
	has "$name" "$secret"
	# Nothing of it is left: no child, no descriptor.
	is "$(cat "/proc/$vault/task/$vault/children")" "$network "
	opened=$(descriptors | wc -w)
	stop
	ends 0 "$guardian"
	guarded
	[ "$(descriptors | wc -w)" -eq "$opened" ] || fail "$opened descriptors"
	stands_down
}

behaviour refuses_a_bad_file '-L: with a mistake in the file nothing is started, and no command run'
refuses_a_bad_file_body() {
	refused() {
		complains 1 "dazaid: $1" "$dazaid" -d -s "$sock" -L file
		complains 1 "dazaid: $1" "$dazaid" -s "$sock" -L file
		[ ! -e ran ] || fail "$1: a command has run"
		[ ! -e "$sock" ] || fail "$1: there is a socket"
		[ ! -e "$sock.pid" ] || fail "$1: there is a pid file"
	}
	refused 'file: No such file or directory'
	printf 'a echo x | tee ran\nb reads=x true\n' >file
	refused 'file:2: b: reads= not a number'
	echo 'a echo x | tee ran' >file
	chmod 666 file
	refused 'file: others may write to it'
	rm file
	mkfifo file
	refused 'file: is not a regular file'
}

behaviour ends_what_hangs '-L: a command that hangs, or prints without end, ends with the start' \
    require.progs setsid
ends_what_hangs_body() {
	printf 'big yes\na echo 1\nb echo $$ >hangs; exec sleep 300\n' >file
	for sig in TERM INT USR2; do
		: >hangs
		daemon -L file
		hung
		kill -$sig "$vault"
		ends 0
		talk - ended "$hung"
		grep -qx 'dazaid: big: there is no room for all that its command prints' log ||
		    fail 'not told'
	done
	# The process that runs them is killed.
	: >hangs
	daemon -L file
	hung
	loader=$(cut -d ' ' -f 4 "/proc/$hung/stat")
	kill -KILL "$loader"
	ends 1
	talk - ended "$hung"
	logged '--load-file: the process that runs the commands has ended'
	: >hangs
	on_terminal "$dazaid" -s "$sock" -L file <<-'EOT'
		run until [ -s hangs ]; do sleep 0.01; done
		key C-c
		wait
	EOT
	present '^signal 2' shown
	talk - ended "$(cat hangs)"
	gone
}

behaviour it_asks \
    '-L: a ? asks on the terminal, as -l does; without a terminal one line says so, and the others are loaded' \
    require.progs setsid
it_asks_body() {
	{ asking; echo 'none ?'; } >file
	on_terminal "$dazaid" -s "$sock" -L file <<-'EOT'
		expect Secret typed:
		type correct horse | again:
		type correct horse | which word
		type word | Secret none:
		send \n
		expect dazaid: none: nothing was typed
		wait
	EOT
	present '^exit 0' shown
	absent horse shown
	found
	client "$sock" hello echo guards hold
	"$ctl" list | grep -q '^typed 13 2 -' || fail "$("$ctl" list)"
	has typed 'correct horse'
	has b word
	end_there
	sed -i '/^b/d' file
	setsid -w "$dazaid" -s "$sock" -L file 2>err || fail "exit $?"
	found
	present -x 'dazaid: typed: there is no terminal to ask on' err
	"$ctl" list | grep -q '^a 1 ' || fail 'not loaded'
	end_there
}

behaviour a_typed_secret_without_room_leaves_the_echo \
    '-L: what is typed and finds no room is told, nothing of it is left to others, and the terminal echoes again'
a_typed_secret_without_room_leaves_the_echo_body() {
	cat >file <<-'EOT'
		big head -c 3700 /dev/zero
		typed ?
		next ?
	EOT
	on_terminal sh -c '"$@" && stty -a' sh "$dazaid" -z 4096 -s "$sock" \
	    -L file <<-'EOT'
		expect Secret typed:
		type correct horse battery staple, and so on: more than is left | dazaid: typed: there is no room for another secret of this size
		expect Secret next:
		type abc | again:
		send abc\n
		wait
		show
	EOT
	present '^exit 0' shown
	present -- ' echo ' shown
	absent horse shown
	found
	"$ctl" list | grep -q '^next 3 ' || fail "$("$ctl" list)"
	end_there
}

behaviour an_ignored_sigchld_hides_no_status \
    'a caller that ignores SIGCHLD: commands still have a status, for load, a credential helper, and -L in the background, which returns when all is loaded'
an_ignored_sigchld_hides_no_status_body() {
	unwaited='env --ignore-signal=CHLD'
	printf 'a sleep 0.3; echo 1\nb echo 2; exit 3\n' >file
	: >log
	$unwaited "$dazaid" -s "$sock" -L file 2>err || fail "$(cat err)"
	found
	present -x 'dazaid: b: its command ended with status 3' err
	client "$sock" hello echo guards hold
	has a 1
	got=0
	$unwaited "$ctl" load -r file 2>err || got=$?
	[ $got -eq 7 ] || fail "exit $got: $(cat err)"
	told 'b: its command ended with status 3'
	mkdir -p config/dazai
	echo 'https://example.org a' >config/dazai/git
	printf 'protocol=https\nhost=example.org\n\n' |
	    XDG_CONFIG_HOME=$PWD/config $unwaited \
	    "$top/dazaictl/git-credential-dazai" get >got || fail "exit $?"
	present -x 'password=1' got
	end_there
}

behaviour u_runs_commands_as_its_user \
    '-u -L: the commands run as the user, with an environment of its own and no terminal, from a file of the user or root' \
    require.user root
u_runs_commands_as_its_user_body() {
	public
	export DAZAI_SOCK="$sock"
	chown 65534:65534 "$dir"
	cat >"$dir/file" <<-EOT
		id echo "\$(id -u):\$(id -g):\$(id -G)"
		env env | grep -v '^\(PWD\|_\|SHLVL\|OLDPWD\)=' | sort | sed 's/=.*//' | tr '\n' ' '
		home echo "\$HOME \$USER \$PATH"
		tty (: </dev/tty) 2>/dev/null && echo tty || echo none
		root cat $PWD/secret
		caps grep -q '^CapPrm:.*[1-9a-f]' /proc/\$\$/status && echo some || echo none
	EOT
	chmod 700 .
	export LD_LIBRARY_PATH=/nowhere BASH_ENV=/nowhere
	for owner in 0 65534; do
		chown $owner "$dir/file"
		guarded -u nobody -L "$dir/file"
		has id 65534:65534:65534
		grep -qx 'dazaid: root: its command ended with status 1' log ||
		    fail 'it reads a file of root'
		has home "$(getent passwd nobody | cut -d : -f 6) nobody /usr/local/bin:/usr/bin:/bin"
		has tty none
		has caps none
		"$ctl" get env >got
		case $(cat got) in
		'HOME LOGNAME PATH SHELL USER '*) ;;
		*)	fail "$(cat got)" ;;
		esac
		stop
		ends 0 "$guardian"
	done
	# They can write to root's terminal, and not read from it.
	cat >"$dir/file" <<-'EOT'
		read cat <&2 || echo nothing
		write echo told >&2; echo written
	EOT
	on_terminal "$dazaid" -s "$sock" -u nobody -L "$dir/file" <<-'EOT'
		expect told
		wait
	EOT
	found
	client "$sock" hello echo guards hold
	has read nothing
	has write written
	end_there
	chown 1 "$dir/file"
	complains 1 "file: belongs to another user" "$dazaid" -d -s "$sock" \
	    -u nobody -L "$dir/file"
	# A file that only root can read is not read for the user.
	cp "$dir/file" own
	chmod 600 own
	complains 1 'own: Permission denied' "$dazaid" -d -s "$sock" -u nobody \
	    -L "$PWD/own"
}

shipped behaviour keeps_it_in_the_arena '-L: what a command has printed is in no memory but the arena' \
    require.user root
keeps_it_in_the_arena_body() {
	echo "X$secret-and-more" >value
	printf 'a cat value\nb echo $$ >hangs; exec sleep 300\n' >file
	: >hangs
	spawn vault "$dazaid" -d -s "$sock" -L file 2>log </dev/null
	hung
	# Its children are network and the process that runs the commands.
	set -- "$vault" $(cat "/proc/$vault/task/$vault/children") "$hung"
	[ $# -eq 4 ] || fail "processes: $*"
	for pid; do
		remember "$pid"
	done
	in_no_memory value "$@"
	stop
}
