#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazai-hb as one holder of many: -n, -p, -w, -W and a command.

. "$(atf_get_srcdir)/lib.sh"

behaviour a_stopped_one_does_not_outlive_its_shell \
    'the vault watches the processes of -p itself, so the end of the first is a loss even if dazai-hb is stopped'
a_stopped_one_does_not_outlive_its_shell_body() {
	start
	idler
	first=$idler
	idler
	heartbeat -n session -p "$first" -p "$idler"
	kill "$first"
	ends 0 "$heartbeat"
	rehearsed 'tether session lost'
	start
	heartbeat -n session -p "$idler"
	kill -STOP "$heartbeat"
	kill -KILL "$idler"
	rehearsed 'tether session lost: the watched process ended'
	kill -KILL "$heartbeat"
}

# lets_go COMMAND...: while a link to a file is watched, this ends the watch
lets_go() {
	mkdir -p up/dir other
	: >up/dir/stick
	: >other/stick
	ln -sf up/dir/stick link
	start
	heartbeat -n usb -w link
	"$@"
	ends 0 "$heartbeat"
	rehearsed 'tether usb lost'
	rm -rf up link other
}

behaviour a_path_that_goes_ends_it \
    '-w: dazai-hb ends when the link, its target or a directory above is removed or renamed'
a_path_that_goes_ends_it_body() {
	lets_go rm link
	lets_go rm up/dir/stick
	lets_go mv up/dir/stick up/dir/away
	lets_go mv up away
	rm -rf away
	lets_go ln -sfn other/stick link
	lets_go sh -c 'rm up/dir/stick; : >up/dir/stick'
	start -a -g 0
	: >stick
	heartbeat -n usb -w stick
	echo more >>stick
	: >neighbour
	chmod 600 stick
	held 'usb 1 held,'
	stands_down
	atf_check -s exit:1 -e match:'--watch-path nothing: No such file' \
	    "$hb" -s "$sock" -n usb -w nothing
	complains 1 '--watch-path: the path is empty' "$hb" -s "$sock" -n usb -w ''
	ln -s /proc/self/cwd/stick link
	for path in /proc/$$ link /sys/kernel; do
		complains 1 "--watch-path $path: in /proc and /sys the kernel" \
		    "$hb" -s "$sock" -n usb -w "$path"
	done
}

behaviour the_way_to_a_path_may_change \
    '-w: links on the way may change if the path still leads to the same file, and the new ones are watched'
the_way_to_a_path_may_change_body() {
	start
	mkdir -p real there/dir
	: >there/dir/stick
	ln -s there one
	ln -s ../one real/two
	heartbeat -n usb -w real/two/../one/dir/stick
	ln -s there three
	ln -sfn ../three real/two
	mv -T three four
	ends 0 "$heartbeat"
	rehearsed 'tether usb lost'
	rm one four real/two
	start -a -g 0
	ln -s there one
	ln -s one two
	heartbeat -n usb -w two/dir/stick
	ln -s there three
	ln -sfn three new
	mv -T new two
	rm one
	held 'usb 1 held,'
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	stands_down
}

behaviour an_unmount_is_an_end \
    '-w: dazai-hb ends when the file system is unmounted' require.user root
an_unmount_is_an_end_body() {
	for how in umount 'umount -l'; do
		mkdir -p stick
		mount -t tmpfs none stick || atf_skip "nothing can be mounted: run it as root with all capabilities"
		: >stick/file
		start
		exec 9<stick
		[ "$how" = umount ] && exec 9<&-
		heartbeat -n usb -w stick/file
		$how stick
		ends 0 "$heartbeat"
		exec 9<&-
		rehearsed 'tether usb lost'
	done
}

# plug KIND: makes the node of a disk or of a token, and a link to it as udev does
plug() {
	mkdir -p dev/by-id
	if [ "$1" = disk ]; then
		mknod dev/node b "$((0x$(stat -c %t "$loop")))" "$((0x$(stat -c %T "$loop")))"
	else
		mknod dev/node c 1 3
	fi
	ln -sf ../node dev/by-id/usb-Key
}

behaviour a_device_that_goes_ends_it \
    '-w: dazai-hb ends when the node of a disk or of a token is removed, also if a new one comes at once' require.user root
a_device_that_goes_ends_it_body() {
	truncate -s 1M image
	# Detached by the kernel when this shell, which has it open, ends.
	loop=$(losetup -f --show image 2>loop.err) ||
	    atf_skip "no loop device ($(head -n 1 loop.err)): run it as root with all capabilities"
	exec 9<"$loop"
	losetup -d "$loop"
	plug disk || atf_skip 'no device nodes: run it as root with all capabilities'
	for kind in disk token; do
		for then in : "plug $kind"; do
			rm -rf dev
			plug "$kind"
			start
			heartbeat -n usb -w dev/by-id/usb-Key
			[ "$kind" = token ] || : <dev/node
			rm dev/node
			$then
			ends 0 "$heartbeat"
			rehearsed 'tether usb lost'
		done
	done
}

behaviour it_guards_once_the_vault_watches \
    'dazai-hb says that it guards only after the vault has said WATCHING, and not if the process has ended by then'
it_guards_once_the_vault_watches_body() {
	idler
	spawn client sh -c 'exec "$1" -l "$2" echo up accept accept want STATUS \
	    say "STATUS timeout=0 pid=$$" use 0 want "HOLD t" offer HOLDING \
	    take 1 use 0 want "WATCH $3" echo asked log go go use 2 \
	    say "WATCHING $3" hold' sh "$talk" "$sock.ctl" "$idler" >said
	talk - log said up
	spawn heartbeat "$hb" -s "$sock" -n t -p "$idler" >hb.out
	talk - log said asked
	[ ! -s hb.out ] || fail "$(cat hb.out)"
	echo go >go
	talk - log hb.out "guarding $idler with dazaid $client"
	kill "$heartbeat"
	ends 0 "$heartbeat"
}

behaviour it_holds_what_it_asked_for_or_nothing \
    'dazai-hb refuses a name that no tether can have, and ends if the vault says over the channel that another tether is held'
it_holds_what_it_asked_for_or_nothing_body() {
	for tether in '' Usb 12345678901234567; do
		complains 1 ': not 1 to 16' "$hb" -s "$sock" -n "$tether"
	done
	complains 1 '--tether: heartbeat: only' "$hb" -s "$sock" -n heartbeat
	for held in other heartbeat tt; do
		rm -f "$sock.ctl"
		client -l "$sock.ctl" echo up accept accept want STATUS \
		    say 'STATUS timeout=0 pid=1' use 0 want 'HOLD t' offer HOLDING \
		    take 1 say "TETHER $held" hold
		complains 4 'another tether is held than t' "$hb" -q -s "$sock" -n t
		talk - ended "$client"
	done
}

behaviour a_release_lets_it_go \
    'RELEASE, and SIGQUIT of a holder: the tether is released, its dazai-hb exit with 0, and nothing is lost'
a_release_lets_it_go_body() {
	start -a -g 0
	heartbeat -n usb
	first=$heartbeat
	heartbeat -n usb
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$first"
	logged 'tether usb released'
	held ''
	heartbeat -n usb
	"$ctl" -s "$sock" release usb || fail "release: $?"
	ends 0 "$heartbeat"
	talk - log hb.out 'dazai-hb: released'
	stands_down
}

behaviour it_waits_for_the_daemon \
    '-W: dazai-hb waits for a daemon, and gives up when the time is over'
it_waits_for_the_daemon_body() {
	atf_check -s exit:2 -e match:'no daemon' "$hb" -s "$sock" -W 0.2
	atf_check -s exit:2 -e match:'no daemon' \
	    sh -c 'ulimit -n 10; exec "$@"' sh "$hb" -s "$sock" -W 0.8
	spawn heartbeat "$hb" -s "$sock" -n session -W 60 >hb.out 2>&1
	start
	talk - log hb.out 'dazai-hb: guarding'
	held 'session 1 held,'
	kill "$heartbeat"
	rehearsed 'tether session lost'
}

behaviour a_command_is_held_for \
    'dazai-hb -- COMMAND: the command has its arguments, its status, its signals and its output to itself'
a_command_is_held_for_body() {
	start -a -g 60
	atf_check -s exit:7 -o inline:'a b\njob 1 held\n' "$hb" -s "$sock" \
	    -n job -- sh -c 'echo "$1"; "$2" -s "$3" tethers |
	    sed "s/ [0-9]*$//"; exit 7' x 'a b' "$ctl" "$sock"
	logged 'panic pending: tether job lost'
	spawn heartbeat "$hb" -s "$sock" -n job -- sh -c 'echo $$ >pid; exec sleep 60'
	logged 'panic CANCELLED by a new holder'
	held 'job 1 held,'
	kill -TERM "$heartbeat"
	ends 143 "$heartbeat"
	atf_check -s exit:127 -e match:'nothing-here: No such file' \
	    "$hb" -s "$sock" -n never -- nothing-here
	not_logged 'tether never'
	atf_check -o inline:'kept\nno child: \n' "$hb" -s "$sock" -n job -- \
	    sh -c 'cat <&9; read -r children </proc/$$/task/$$/children
	    echo "no child: $children"' 9<<-EOT
		kept
	EOT
	atf_check -s exit:2 -e match:'no daemon' "$hb" -s "$sock.no" -- true
	atf_check -s exit:1 -e match:usage "$hb" -s "$sock" true
	atf_check -s exit:1 -e match:'echo: not an option' \
	    "$hb" -s "$sock" -n job echo -- true
}

behaviour b_is_the_background \
    '-b: dazai-hb returns once it guards, and says which process guards, which is no child of the shell'
b_is_the_background_body() {
	complains 2 'no daemon' "$hb" -b -s "$sock"
	complains 1 '--background: not possible with a command' "$hb" -b -s "$sock" -- true
	start
	idler
	out=$("$hb" -b -s "$sock" -n session -p "$idler" 2>&1) || fail "$?: $out"
	heartbeat=${out##* }
	remember "$heartbeat"
	[ "$out" = "dazai-hb: guarding $idler with dazaid $vault, in the \
background: pid $heartbeat" ] || fail "$out"
	held 'session 1 held,'
	is "$(ps -o sid= -p "$heartbeat" | tr -d ' ')" "$heartbeat"
	[ "$(ps -o ppid= -p "$heartbeat" | tr -d ' ')" != $$ ] || fail "a child"
	# Its pipe must not become a standard descriptor that was closed.
	"$hb" -b -s "$sock" -n closed -p "$idler" <&- >&- || fail "closed: $?"
	"$hb" -b -s "$sock" -n shut -p "$idler" <&- 2>&- || fail "shut: $?"
	held 'session 1 held,closed 1 held,shut 1 held,'
	kill "$idler"
	logged 'WOULD SIGKILL'
	ends 0
}

# holders N: as many connections of one process hold the tether "many"
holders() {
	set -- "$1" say 'HOLD many' want HOLDING
	while [ $# -lt $(($1 * 5)) ]; do
		set -- "$@" connect say 'HOLD many' want HOLDING
	done
	shift
	client "$sock.ctl" "$@" echo "hold" hold
}

behaviour an_interrupted_start_leaves_nothing \
    '-b: the process that waits for a daemon ends with the process in front'
an_interrupted_start_leaves_nothing_body() {
	"$hb" -b -s "$sock" -W 60 >hb.out 2>&1 &
	front=$!
	await has_child "$front"
	kill -KILL "$front"
	talk - ended "$child"
}

# has_child PID: sets $child
has_child() {
	child=
	read -r child _ <"/proc/$1/task/$1/children" || :
	[ -n "$child" ]
}

behaviour no_room_for_one_more \
    'while 64 programs hold tethers, the next dazai-hb says that there is no room, or waits with -W'
no_room_for_one_more_body() {
	start -a -g 0
	holders 32
	holders 32
	complains 3 'no room for one more holder' "$hb" -s "$sock" -n session
	complains 3 'no room for one more holder' \
	    "$hb" -s "$sock" -n session -W 0.3
	spawn heartbeat "$hb" -s "$sock" -n session -W 60 >hb.out 2>&1
	kill "$client"
	talk - log hb.out 'dazai-hb: guarding'
	held 'many 32 held,session 1 held,'
}

behaviour it_keeps_the_daemons_time \
    'without -i dazai-hb keeps a short ping timeout; it warns of an -i that is too long for the timeout'
it_keeps_the_daemons_time_body() {
	start -a -g 0 -t 0.6
	heartbeat -n session
	talk - mark at 1500
	not_logged PANIC
	"$hb" -s "$sock" -n session -i 5 -W 0 >hb.out 2>hb.err &
	remember $!
	talk - log hb.err 'too long for the daemon, whose ping timeout is 0.6'
}

behaviour dazaid_runs_a_command 'dazaid -- COMMAND: a daemon and its heartbeat for as long as the command runs'
dazaid_runs_a_command_body() {
	printf '%s' "$secret" >secret
	PATH=$top/dazai-hb:$top/dazaictl:$PATH
	atf_check -s exit:3 -o inline:"$secret" -e ignore "$dazaid" -s "$sock" \
	    -l "$name=secret" -- sh -c "dazaictl get $name; exit 3"
	talk -w 5 - ended "$(cat "$sock.pid" 2>/dev/null || echo 999999)"
	# Its end is the loss of the heartbeat.
	grep 'reason="heartbeat connection dropped.* how=panic' "$sock.last" ||
	    fail "$(cat "$sock.last")"
	# All of its arguments are there, however many.
	atf_check -o inline:'5000\n' -e ignore "$dazaid" -s "$sock" \
	    -- sh -c 'echo $#' sh $(seq 5000)
	talk -w 5 - ended "$(cat "$sock.pid" 2>/dev/null || echo 999999)"
	atf_check -s exit:1 -e match:'not possible with a command' \
	    "$dazaid" -d -s "$sock" -- true
	atf_check -s exit:1 -e match:usage "$dazaid" -s "$sock" true
	: >text
	for command in '127 nothing-here: No such file' '126 ./text: Permission'; do
		program=${command#* }
		complains "${command%% *}" "$program" \
		    "$dazaid" -s "$sock" -l "$name" -- "${program%%:*}"
		[ ! -e "$sock.pid" ] || fail "a daemon without the command"
	done
}

behaviour dazaid_ends_without_its_command 'dazaid -- COMMAND: the daemon wipes its secrets and ends at once if its dazai-hb ends before it guards'
dazaid_ends_without_its_command_body() {
	printf '%s' "$secret" >secret
	mkdir bin
	cp "$dazaid" bin
	for row in "3 guarded already|exec $hb" '137 |kill -KILL $$;'; do
		expected=${row%% *}
		why=${row#* }
		cat >bin/dazai-hb <<-EOF
			#!/bin/sh
			cp '$sock.pid' pid
			# It says the pid of the process in front, which is ours; a
			# holder does, too.  Neither guards that process.
			'$talk' '$sock' say "HELLO \$\$" until WELCOME \\
			    to '$sock.ctl' connect say 'HOLD t' want HOLDING \\
			    say "WATCH \$\$" want OK echo guards hold >said 2>&1 &
			echo "\$!" >client
			'$talk' - log said guards
			${why#*|} "\$@"
		EOF
		chmod +x bin/dazai-hb
		: >said
		got=0
		bin/dazaid -a -g 60 -f 60 -s "$sock" -l "$name=secret" -- \
		    echo ran >out 2>&1 || got=$?
		remember "$(cat pid)"
		remember "$(cat client)"
		[ "$got" -eq "$expected" ] || fail "exit $got: $(cat out)"
		grep -q "${why%%|*}" out || [ -z "${why%%|*}" ] ||
		    fail "$(cat out)"
		! grep -q ran out || fail "the command was run"
		talk -w 5 - ended "$(cat pid)"
		[ ! -e "$sock" ] || fail "the socket is still there"
		grep 'reason="the command was never guarded".* how=stopped' \
		    "$sock.last" || fail "$(cat "$sock.last")"
	done
}

behaviour the_first_minute \
    'dazaid -l NAME -- SHELL on a terminal: the secret is typed, got in that shell, and gone after its end'
the_first_minute_body() {
	export PATH="$top/dazaid:$top/dazaictl:$top/dazai-hb:$PATH" DAZAI_SOCK="$sock"
	PS1='> ' on_terminal dash -i <<-EOT
		expect >
		type dazaid -a -g 0.2 -l backup -- dash | Secret backup:
		type correct horse | Secret backup again:
		type correct horse | >
		send dazaictl get backup | sed s/^/got./\n
		expect got.correct horse
		send exit\n
		type dazaictl wait bye; dazaictl why | heartbeat connection dropped
	EOT
}

# The first lines of such a script: the terminal takes messages, and a dazai-hb holds
# for it
on_line="expect >
run chmod g+w \$(readlink /proc/\$PTY_PID/fd/0)
run echo \$($hb -b -s $sock -n session -p \$PTY_PID) >hb.out"

behaviour the_terminal_is_told \
    'each terminal that holds shows a panic once, also if a dazai-hb takes over that was stopped meanwhile, and no dazai-hb keeps the terminal open'
the_terminal_is_told_body() {
	start -a -g 60
	pending='dazai: PANIC PENDING: in 60 s: SIGUSR1; to cancel it: dazai_cancel'
	PS1='> ' on_terminal dash -i <<-EOT
		$on_line
		run sed 's/.* //' hb.out >hb.pid
		$(second -n second)
		run ! ls -l /proc/\$(cat hb.pid)/fd | grep -e pts -e tty
		run kill -USR1 $vault
		expect $pending
		run kill -USR1 \$(cat hb.pid)
		expect dazai: panic cancelled by CANCEL
		run $talk - kill STOP \$(cat second.pid)
		run kill -USR1 $vault
		expect $pending
		run kill -USR1 \$(cat hb.pid)
		expect dazai: panic cancelled by CANCEL
		run kill -KILL \$(cat hb.pid)
		run $talk - log log 'panic pending: tether session lost'
		run kill -CONT \$(cat second.pid)
		expect in 60 s: tether session lost; it ends when that is held again
		run $talk $sock.ctl say 'HOLD session' want HOLDING
		expect dazai: panic cancelled by a new holder
		run kill -USR2 $vault
		expect dazai: PANIC: the secrets are wiped: SIGUSR2
		show
	EOT
	killed SIGUSR2
	for told in 'SIGUSR1; to cancel' 'cancelled by CANCEL'; do
		[ "$(grep -c "$told" shown)" -eq 2 ] || fail "$(cat shown)"
	done
}

# second [OPTION...]: what starts one more dazai-hb on the terminal; its pid is in second.pid
second() {
	echo "run $hb -b -s $sock $* -p \$PTY_PID >second.out"
	echo "run sed 's/.* //' second.out >second.pid"
}

behaviour the_end_is_told_once 'a terminal that holds is told of every end, and once: a dazai-hb that reads late does not tell again what another one has told'
the_end_is_told_once_body() {
	for how in 'TERM the daemon ended: session UNGUARDED' \
	    'KILL the daemon ended: session UNGUARDED' \
	    'USR2 PANIC: the secrets are wiped: SIGUSR2'; do
		start
		PS1='> ' on_terminal dash -i <<-EOT
			$on_line
			$(second -n second)
			run $talk - kill STOP \$(cat second.pid)
			run kill -${how%% *} $vault
			expect dazai: ${how#* }
			run $talk - ended $vault
			run kill -CONT \$(cat second.pid)
			run $talk - ended \$(cat second.pid) ended \$(sed 's/.* //' hb.out)
			show
		EOT
		[ "$(grep -c dazai: shown)" -eq 1 ] || fail "$(cat shown)"
		wait "$vault" || :
		rm -f "$sock"*
	done
}

behaviour a_heartbeat_that_came_back_counts 'nor does a heartbeat that was lost meanwhile and has come back'
a_heartbeat_that_came_back_counts_body() {
	start -a -g 60 -t 1
	PS1='> ' on_terminal dash -i <<-EOT
		$on_line
		$(second)
		run $talk - kill STOP \$(cat second.pid) log log 'panic pending: ping deadline missed'
		run $talk - kill CONT \$(cat second.pid) log log 'panic CANCELLED by a new heartbeat'
		run $talk - kill STOP \$(cat second.pid)
		run kill -KILL $vault
		expect dazai: the daemon ended
		run kill -CONT \$(cat second.pid)
		run $talk - ended \$(cat second.pid) ended \$(sed 's/.* //' hb.out)
		show
	EOT
	[ "$(grep -c 'daemon ended' shown)" -eq 1 ] || fail "$(cat shown)"
}

behaviour the_wait_for_others_can_be_ended 'a dazai-hb that has told the end of the daemon ends at a signal, though another one is stopped'
the_wait_for_others_can_be_ended_body() {
	start
	PS1='> ' on_terminal dash -i <<-EOT
		$on_line
		$(second -n second)
		run $talk - kill STOP \$(cat second.pid)
		run kill -KILL $vault
		expect dazai: the daemon ended
		run $talk - mark kill TERM \$(sed 's/.* //' hb.out) ended \$(sed 's/.* //' hb.out) within 2500
		run kill -KILL \$(cat second.pid)
	EOT
}

behaviour mesg_n_is_respected 'a terminal that takes no messages is told nothing'
mesg_n_is_respected_body() {
	start -a -g 60
	PS1='> ' on_terminal dash -i <<-EOT
		send chmod g-w \$(tty)\n
		send $hb -s $sock -n session -p \$\$ </dev/null >hb.out 2>&1 &\n
		run $talk - log hb.out guarding
		run kill -USR1 $vault
		run $talk - log log 'panic pending'
		run $talk $sock.ctl say 'HOLD t' want HOLDING say CANCEL want CANCELLED
		send echo do''ne\n
		expect done
		show
	EOT
	grep -q dazai: shown && fail "$(cat shown)"
	logged 'tether t lost'
}

behaviour a_full_terminal_delays_nothing \
    'a terminal that is full, or has been hung up, does not delay dazai-hb'
a_full_terminal_delays_nothing_body() {
	start -a -g 60
	PS1='> ' on_terminal dash -i <<-EOT
		$on_line
		key C-s
		send yes &\n
		run kill -USR1 $vault
		run $talk - log log 'panic pending'
		run kill -USR1 \$(sed 's/.* //' hb.out)
		run $talk - log log 'panic CANCELLED by CANCEL'
		hangup
	EOT
	logged 'tether session lost'
}
