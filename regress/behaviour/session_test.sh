#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What README's table "What is your session?" says, with the programs themselves.

. "$(atf_get_srcdir)/lib.sh"

PATH=$top/dazai-hb:$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=xterm HOME=$PWD
# Without SHELL both take that of the passwd file, which may be nologin(8).
SHELL=/bin/sh TMUX_TMPDIR=$PWD SCREENDIR=$PWD/screens
export PATH DAZAI_SOCK TERM HOME SHELL TMUX_TMPDIR SCREENDIR
unset TMUX STY ZELLIJ DAZAI_TETHER DAZAI_GUARD DAZAI_GUARD_AT

# still: dazaictl get still prints the secret
still='[ "$(dazaictl get '$name')" = '"'$secret'"' ] && ! grep -q lost log'

# tmux_up: a server with two windows
tmux_up() {
	tmux -f /dev/null new-session -d -s work 'sleep 600' \; \
	    set -g default-terminal screen \; new-window 'sleep 601' ||
	    fail "no tmux"
	server=$(tmux display -p '#{pid}')
	remember "$server"
}

behaviour a_tmux_server_holds \
    'a holder for the tmux server holds through detach, attach, a closed pane and a lost connection' \
    require.progs tmux
a_tmux_server_holds_body() {
	for end in 'tmux kill-server' 'kill -KILL $server' 'tmux kill-session'; do
		start
		tmux_up
		tmux new-window 'dash -i'
		# Typed inside, as README has it.
		on_terminal tmux attach <<-EOT
			send dazai-hb -b -n session -p \$(tmux display -p '#{pid}')\n
			run $talk - log log 'tether session held'
			run $still
			run tmux detach-client -s work
			wait
		EOT
		eval "$still" || fail "lost by detach"
		on_terminal tmux attach <<-EOT
			expect work
			send exit\n
			run until [ \$(tmux list-windows | wc -l) -eq 2 ]; do sleep 0.02; done
			hangup
			wait
		EOT
		eval "$still" || fail "lost by a closed pane or by hangup"
		eval "$end"
		rehearsed 'tether session lost'
		talk - ended "$server"
	done
}

behaviour a_tmux_client_holds \
    'a command "tmux attach" holds as long as this client is attached' \
    require.progs tmux
a_tmux_client_holds_body() {
	for end in 'run tmux detach-client -s work' 'signal KILL' hangup \
	    'run tmux kill-server'; do
		start
		tmux_up
		on_terminal "$hb" -n session -- tmux attach <<-EOT
			run $talk - log log 'tether session held'
			expect work
			run tmux kill-window
			run $still
			$end
			wait
		EOT
		rehearsed 'tether session lost'
		tmux kill-server 2>/dev/null || :
		talk - ended "$server"
	done
}

behaviour a_shell_becomes_a_tmux_client \
    'a login shell that becomes a tmux client stays guarded, and is lost when it detaches' \
    require.progs 'tmux bash'
a_shell_becomes_a_tmux_client_body() {
	echo "PS1='P> '; . $top/shell/dazai.sh" >rc
	start
	tmux_up
	on_terminal bash --rcfile rc <<-EOT
		expect P>
		send exec tmux attach\n
		expect work
		run tmux new-window "bash --rcfile $PWD/rc"
		run until tmux capture-pane -p -J | grep -q 'inside tmux, .* hold the session: session (1) does'; do sleep 0.02; done
		run $still
		run tmux detach-client -s work
		wait
	EOT
	rehearsed 'tether session lost'
	tmux kill-server
}

behaviour screen_holds \
    'screen: a holder for the server holds through detach, and one for the client ends with it' require.progs 'screen bash'
screen_holds_body() {
	mkdir -m 700 screens
	echo "PS1='P> '; . $top/shell/dazai.sh" >rc
	for line in 'dazai-hb -b -n session -p ${STY%%.*}' ''; do
		start
		screen -c /dev/null -d -m -S work bash --rcfile "$PWD/rc" ||
		    fail 'no screen'
		await sh -c 'screen -ls | grep -q "work.*Detached"'
		server=$(ls screens)
		server=${server%%.*}
		remember "$server"
		set -- screen -r
		[ -n "$line" ] || set -- "$hb" -n session -- "$@"
		on_terminal "$@" <<-EOT
			send \n$line\n
			run $talk - log log 'tether session held'
			run $still
			run timeout 20 sh -c 'until screen -ls | grep -q "work.*Attached"; do sleep 0.02; done'
			run screen -d
			wait
		EOT
		if [ -n "$line" ]; then
			eval "$still" || fail "lost by detach"
		else
			rehearsed 'tether session lost'
		fi
		screen -X quit
		talk - ended "$server"
		[ -z "$line" ] || rehearsed 'tether session lost'
	done
}

# An sshd of our own user at the address $1, which ssh calls "far".  The command $2 runs
# it, and $3 runs ssh.
sshd_up() {
	local dir

	# Root's sshd insists on this directory.
	dir=/run/sshd
	[ "$(id -u)" -ne 0 ] || [ -d $dir ] || mkdir -m 755 $dir
	ssh-keygen -q -t ed25519 -N '' -f host.key
	ssh-keygen -q -t ed25519 -N '' -f key
	cat >sshd.conf <<-EOT
		HostKey $PWD/host.key
		AuthorizedKeysFile $PWD/key.pub
		PidFile none
		StrictModes no
		PermitRootLogin yes
		ClientAliveInterval 1
		ClientAliveCountMax 2
	EOT
	port=$((20000 + $$ % 10000)) tries=0
	until grep -q 'Server listening' sshd.log 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 20 ] || atf_skip "sshd: $(tail -n 1 sshd.log)"
		port=$((port + 1))
		: >sshd.log
		spawn sshd ${2-} /usr/sbin/sshd -D -e \
		    -f "$PWD/sshd.conf" -o "ListenAddress $1:$port" 2>sshd.log
		await grep -q -e 'Server listening' -e 'Cannot bind' \
		    -e 'already in use' -e sshd: sshd.log
	done
	cat >ssh.conf <<-EOT
		Host far
		HostName $1
		Port $port
		User $(id -un)
		IdentityFile $PWD/key
		IdentitiesOnly yes
		StrictHostKeyChecking no
		UserKnownHostsFile /dev/null
		LogLevel ERROR
		BatchMode yes
		ExitOnForwardFailure yes
	EOT
	cat >far <<-EOT
		#!/bin/sh
		exec ${3-} ssh -F $PWD/ssh.conf "\$@"
	EOT
	chmod +x far
	# sshd gives no environment, and the HOME of the passwd file.
	cat >rc <<-EOT
		export PATH='$PATH' DAZAI_SOCK='$sock'
		PS1='P> '
		. '$top/shell/dazai.sh'
	EOT
	[ "$(./far far 'echo here' 2>ssh.err)" = here ] ||
	    atf_skip "no login by ssh as $(id -un) ($(head -n 1 ssh.err)): run it as a user with a login shell"
}

behaviour two_logins_by_ssh_are_one_session \
    'of two ssh logins the death of the first loses nothing, and that of the last wipes' \
    require.progs '/usr/sbin/sshd ssh ssh-keygen bash'
two_logins_by_ssh_are_one_session_body() {
	sshd_up 127.0.0.1
	./far -tt far true >ssh.err 2>&1 </dev/null ||
	    atf_skip "sshd gives no terminal ($(grep -i -e tty -e chown sshd.log)): run it as root"
	start
	is "$(./far far "bash -c '. $PWD/rc; echo said'" 2>&1)" said
	not_logged held
	cat >second <<-EOT
		expect P>
		run until dazaictl tethers | grep -q '^session 2 held'; do sleep 0.02; done
		run echo >second.holds
		run until [ -e first.ended ]; do sleep 0.02; done
		run until dazaictl tethers | grep -q '^session 1 held'; do sleep 0.02; done
		run $still
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		signal KILL
		wait
	EOT
	spawn second "$tools/pty" ./far -t far "bash --rcfile $PWD/rc -i" <second >shown.2 2>&1
	on_terminal ./far -t far "bash --rcfile $PWD/rc -i" <<-EOT
		expect P>
		run until [ -e second.holds ]; do sleep 0.02; done
		signal KILL
		wait
		run echo >first.ended
	EOT
	talk - ended "$second"
	wait "$second" || fail "$(cat shown.2)"
	rehearsed 'tether session lost'
}

# forwarded: dazai-hb holds "laptop" through ssh -L, as README has it
forwarded() {
	spawn ssh ./far -o StreamLocalBindUnlink=yes -NL "$PWD/near.ctl:$sock.ctl" far
	out=$("$hb" -b -W 10 -n laptop -s "$PWD/near" 2>&1) || fail "$out"
	remember "${out##* }"
	logged 'tether laptop held'
}

behaviour another_machine_by_ssh_holds \
    'a dazai-hb on another machine holds through ssh -L, until that connection dies' \
    require.progs '/usr/sbin/sshd ssh ssh-keygen'
another_machine_by_ssh_holds_body() {
	sshd_up 127.0.0.1
	for end in '$ssh' '${out##* }'; do
		start
		forwarded
		eval "$still" || fail "not given"
		eval "kill -KILL $end"
		rehearsed 'tether laptop lost'
		kill -KILL "$ssh" 2>/dev/null || :
		wait "$ssh" || :
	done
}

behaviour a_forwarded_daemon_is_used \
    'through ssh -L no channel comes: over the connection dazai-hb guards and stands down, dazaictl puts and gets' \
    require.progs '/usr/sbin/sshd ssh ssh-keygen'
a_forwarded_daemon_is_used_body() {
	sshd_up 127.0.0.1
	start -a -g 60 -t 5
	./far -N -L "$PWD/near:$sock" -L "$PWD/near.ctl:$sock.ctl" far &
	remember $!
	await [ -S near ]
	await [ -S near.ctl ]
	spawn heartbeat "$hb" -s "$PWD/near" -i 1 >hb.out 2>hb.err
	talk - log hb.out 'dazai-hb: guarding'
	logged 'guarded by pid'
	export DAZAI_SOCK="$PWD/near"
	head -c 300000 /dev/urandom | base64 >value
	printf typed | "$ctl" put far || fail "put of a pipe"
	[ "$("$ctl" get far)" = typed ] || fail "another secret"
	$ctl put -r far <secret || fail "put -r of a file"
	atf_check -o file:secret "$ctl" get far
	complains 5 'refused: too-large' "$ctl" put large <value
	atf_check "$ctl" del --all
	kill -USR1 "$vault"
	logged 'panic pending'
	kill -USR1 "$heartbeat"
	logged 'panic CANCELLED'
	stand_down
	logged 'QUIT from the heartbeat'
	talk - ended "$heartbeat"
}

# namespace VARIABLE: a network namespace of its own, whose pid it sets
namespace() {
	unshare -n sleep 300 &
	eval "$1=$!"
	remember $!
	await sh -c "! cmp -s /proc/$!/net/dev /proc/self/net/dev"
}

behaviour a_link_that_hangs_is_noticed \
    'if the link dies in silence, -t of the daemon and ClientAliveInterval of sshd notice' \
    require.user root require.progs '/usr/sbin/sshd ssh ssh-keygen ip'
a_link_that_hangs_is_noticed_body() {
	unshare -n true || atf_skip 'no network namespace: run it as root with all capabilities'
	namespace near
	namespace far
	nsenter -n -t "$near" ip link add name near0 type veth peer name far0 netns "$far" ||
	    atf_skip 'no veth: load the kernel module veth'
	nsenter -n -t "$near" sh -c 'ip addr add 10.9.0.1/24 dev near0; ip link set near0 up'
	nsenter -n -t "$far" sh -c 'ip addr add 10.9.0.2/24 dev far0; ip link set far0 up'
	sshd_up 10.9.0.2 "nsenter -n -t $far" "nsenter -n -t $near"
	start -a -g 0 -t 1
	forwarded
	talk - mark at 1500
	eval "$still" || fail "lost while the link was there"
	nsenter -n -t "$far" ip link set far0 down
	talk - mark ended "$vault" within 8000
	killed 'PANIC: tether laptop lost: ping deadline missed'
	kill -KILL "$ssh" "${out##* }" || :
	nsenter -n -t "$far" ip link set far0 up
	start
	on_terminal -t 40 ./far -t far "bash --rcfile $PWD/rc -i" <<-EOT
		run $talk - log log 'tether session held'
		run nsenter -n -t $far ip link set far0 down
		run $talk -w 30 - log log 'tether session lost'
	EOT
	rehearsed 'tether session lost'
}
