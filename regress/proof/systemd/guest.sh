#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash disable=SC2016,SC2034,SC2059,SC2154
# The part of systemd.sh in the machine, as a service of its system manager.  It says to
# the host: ok CASE; failed CASE: WHY; note TEXT; and asks it to search the memory.
# CASES in the environment are the cases to run.

PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
if [ -p /io/from ]; then	# a container
	exec 3>/io/from 9</io/to
else
	stty -F /dev/ttyS0 raw -echo
	exec 3<>/dev/ttyS0
	exec 9<&3
fi
run=/run/proof
sock=/run/user/1000/dazai-1000.sock
secret=zebra-9152
patience=180

note() {
	echo "note $*" >&3
}

# A case runs in a subshell, so this ends the case.
fail() {
	echo "failed $case: $*" >&3
	[ ! -s "$run/out.1" ] || sed 's/^/note out.1: /' "$run/out.1" >&3
	[ ! -s /tmp/said ] || sed 's/^/note said: /' /tmp/said >&3
	loginctl 2>&1 | sed 's/^/note loginctl: /' >&3
	systemd-cgls --no-pager /user.slice 2>&1 | sed 's/^/note /' >&3
	journalctl -q -b -n 15 -o cat | sed 's/^/note all: /' >&3
	journalctl -q -b -n 15 -o cat -t dazaid -t dazai-logind -t dazai-hb |
	    sed 's/^/note journal: /' >&3
	exit 1
}

# await COMMAND...: waits until it succeeds, at most $patience seconds
await() {
	begin=$(date +%s)
	until "$@" 2>/dev/null; do
		[ $(($(date +%s) - begin)) -lt "$patience" ] || fail "not so: $*"
		sleep 0.2
	done
}
not() {
	! "$@"
}

# session N USER: a login of the user by ssh, whose shell does what `do_ N COMMAND' says;
# its output is in $run/out.N, and the id of its session in the variable sN
session() {
	rm -f "$run/in.$1" "$run/out.$1"
	mkfifo "$run/in.$1"
	ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -q \
	    -i "$run/key" "$2@127.0.0.1" 'exec bash -s' <"$run/in.$1" \
	    >"$run/out.$1" 2>&1 3>&- &
	eval "ssh$1=\$!; exec $((4 + $1))>'$run/in.$1'"
	do_ "$1" 'echo "session $XDG_SESSION_ID."'
	await grep -q '^session .*\.' "$run/out.$1"
	id=$(sed -n 's/^session \(.*\)\./\1/p' "$run/out.$1")
	eval "s$1=\$id"
}
do_() {
	n=$1
	shift
	echo "$*" >&$((4 + n))
}
# leave N: session N logs out
leave() {
	eval "exec $((4 + $1))>&-; wait \$ssh$1"
}

# ask PATTERN: waits until the daemon's STATUS matches
ask() {
	talk -w 180 $sock.ctl ask STATUS "$1" >/dev/null 2>&1 ||
	    fail "STATUS is not $1: $(talk $sock.ctl say STATUS show 2>&1)"
}
# running: sets $vault to the pid of the daemon that runs
running() {
	await test -s $sock.pid
	vault=$(cat $sock.pid)
}
ended() {
	talk -w "$patience" - ended "$vault" >/dev/null || fail "the vault lives on"
}
says() {
	await grep -q "$1" /tmp/said
}
journal() {
	journalctl -q -b -o cat | grep -q "$1"
}

# clean: logs everybody out, and removes what a case has left
clean() {
	systemctl -q stop 'dazaid@*' 'user-*.slice' 2>/dev/null
	await not test -e /run/user/1000
	await not test -e /run/user/1001
	rm -rf /tmp/said $sock* /tmp/dazai-1000 /home/ann/.config
}

# guarded N OPTION...: session N has a daemon in the background, and dazai-logind
guarded() {
	n=$1
	shift
	do_ "$n" "printf $secret | dazaid $* -l s=-"
	running
	do_ "$n" "dazai-logind \$OPTIONS >/tmp/said 2>&1 &"
	says 'holding login'
	ask '*guarded=1*'
}

# lock, unlock and the restart of logind
case_lock() {
	session 1 ann
	guarded 1 -a -g 60
	says "for session $s1 "
	loginctl lock-session "$s1"
	ask '*guarded=0*pending=1*'
	loginctl unlock-session "$s1"
	ask '*guarded=1*pending=0*'
	busctl call org.freedesktop.login1 /org/freedesktop/login1 \
	    org.freedesktop.login1.Manager ListInhibitors |
	    grep -q '"sleep" "dazaid"' || fail "no inhibitor"
	systemctl restart systemd-logind
	says 'let go of login'
	ask '*guarded=1*pending=0*'
	loginctl lock-session "$s1"
	ask '*pending=1*'
}

# lock with --lock=empty
case_empty() {
	session 1 ann
	do_ 1 OPTIONS=--lock=empty
	guarded 1 -a -g 0
	loginctl lock-session "$s1"
	ask '*guarded=1*secrets=0*'
	loginctl unlock-session "$s1"
	do_ 1 "printf $secret | dazaictl put again"
	ask '*guarded=1*secrets=1*'
	kill -0 "$vault" || fail "the daemon ended"
}

# the end of the login, though processes of the session go on: dazai-logind and the daemon
case_logout() {
	session 1 ann
	guarded 1 -a -g 0
	leave 1
	ended
	journal 'tether login lost' || fail "another end"
}

# a login manager that is stopped, and answers no longer, is a loss
case_stopped_manager() {
	session 1 ann
	guarded 1 -a -g 120
	systemctl kill -s STOP systemd-logind
	# What makes dazai-logind ask: a session seems to have ended.
	touch /run/systemd/sessions/none
	rm /run/systemd/sessions/none
	ask '*guarded=0*pending=1*'
	systemctl kill -s CONT systemd-logind
	ask '*guarded=1*pending=0*'
}

# loginctl terminate-session
case_terminate_session() {
	session 1 ann
	guarded 1 -a -g 0
	loginctl terminate-session "$s1"
	ended
	await not test -e "/proc/$vault"
}

# loginctl terminate-user
case_terminate_user() {
	session 1 ann
	session 2 ann
	guarded 2 -a -g 60
	loginctl terminate-user ann
	ended
	await not test -e /run/user/1000
}

# the logout of one of two logins is no loss, that of the second one is
case_two_logins() {
	session 1 ann
	session 2 ann
	do_ 1 "printf $secret | dazaid -a -g 0 -l s=-"
	running
	for i in 1 2; do
		do_ $i 'dazai-hb -q -n session -p $$ &'
	done
	await holders 2
	leave 1
	await holders 1
	do_ 2 'dazaictl get s; echo .'
	await grep -q "$secret" "$run/out.2"
	leave 2
	ended
	journal 'tether session lost' || fail "another end"
}
holders() {
	talk $sock.ctl say TETHERS like "session $1 held*" >/dev/null 2>&1
}

# KillUserProcesses=yes: the daemon ends with the login, guarded or not
case_kill_user_processes() {
	mkdir -p /run/systemd/logind.conf.d
	printf '[Login]\nKillUserProcesses=yes\n' >/run/systemd/logind.conf.d/kill.conf
	systemctl restart systemd-logind
	session 1 ann
	do_ 1 "printf $secret | dazaid -a -f 0 -l s=-"
	running
	leave 1
	talk -w "$patience" - ended "$vault" >/dev/null
	rc=$?
	rm /run/systemd/logind.conf.d/kill.conf
	systemctl restart systemd-logind
	[ $rc -eq 0 ] || fail "the vault lives on"
}

# KillUserProcesses=yes: a daemon in a scope, or a unit, of the user manager survives the
# login that has started it; it ends with the last one
case_users_own() {
	mkdir -p /run/systemd/logind.conf.d
	printf '[Login]\nKillUserProcesses=yes\n' >/run/systemd/logind.conf.d/kill.conf
	systemctl restart systemd-logind
	trap 'rm /run/systemd/logind.conf.d/kill.conf
	    systemctl restart systemd-logind' EXIT
	for start in 'systemd-run -q --user --scope dazaid -a -g 0' \
	    'systemctl --user start dazaid'; do
		session 1 ann
		session 2 ann
		do_ 1 "$start </dev/null"
		running
		do_ 1 "printf $secret | dazaictl put s; echo put."
		await grep -q '^put' "$run/out.1"
		do_ 2 'dazai-hb -q -n session -p $$ &'
		await holders 1
		leave 1
		await not loginctl show-session "$s1"
		do_ 2 'dazaictl get s; echo .'
		await grep -q "$secret" "$run/out.2"
		leave 2
		ended
		clean
	done
}

# the units of the user manager: secrets by load, a lock, a panic that is no failure
case_user_units() {
	session 1 ann
	do_ 1 "mkdir -p ~/.config/dazai; echo 's printf $secret' >~/.config/dazai/secrets
	    chmod -R go= ~/.config/dazai
	    systemctl --user -q enable dazaid dazai-logind
	    systemctl --user start dazaid; echo started."
	await grep -q '^started' "$run/out.1"
	running
	ask '*armed=1*guarded=1*memory=secretmem secrets=1*'
	do_ 1 'systemctl --user show -p StatusText dazaid
	    dazaictl get s; echo .'
	await grep -q 'StatusText=guarded' "$run/out.1"
	await grep -q "$secret" "$run/out.1"
	loginctl lock-session "$s1"
	ask '*pending=1*'
	ended
	do_ 1 'sleep 1; systemctl --user show -p ActiveState -p Result -p StatusText \
	    dazaid; systemctl --user is-failed dazaid dazai-logind; echo over.'
	await grep -q '^over' "$run/out.1"
	for text in ActiveState=inactive Result=success \
	    'secrets wiped: tether login lost'; do
		grep -q "$text" "$run/out.1" || fail "not $text"
	done
	! grep -q '^failed' "$run/out.1" || fail "a failed unit"
}

# the tether of the graphical session
case_desktop_unit() {
	session 1 ann
	do_ 1 'mkdir -p ~/.config/systemd/user
	    printf "[Unit]\nBindsTo=graphical-session.target\n[Service]\nExecStart=sleep inf\n" \
	    >~/.config/systemd/user/compositor.service
	    printf "[Service]\nEnvironment=\"DAZAID_OPTIONS=-g 0\"\n" >/tmp/drop
	    mkdir -p ~/.config/systemd/user/dazaid.service.d
	    cp /tmp/drop ~/.config/systemd/user/dazaid.service.d/o.conf
	    systemctl --user daemon-reload
	    systemctl --user -q enable dazai-desktop
	    systemctl --user start compositor; echo started.'
	await grep -q '^started' "$run/out.1"
	running
	ask '*guarded=1*'
	do_ 1 "printf $secret | dazaictl put s; systemctl --user stop compositor"
	ended
	journal 'tether desktop lost' || fail "another end"
}

# root's unit for one user: a credential, its hardening, and the runtime directory's end
case_system_unit() {
	systemd-sysusers
	mkdir -p /etc/systemd/system/dazaid@ann.service.d /etc/credstore.encrypted
	printf $secret | systemd-creds encrypt --name=s - \
	    /etc/credstore.encrypted/ann.s 2>/dev/null || fail systemd-creds
	cat >/etc/systemd/system/dazaid@ann.service.d/s.conf <<-EOT
		[Service]
		LoadCredentialEncrypted=s:/etc/credstore.encrypted/ann.s
		Environment="DAZAID_OPTIONS=-g 1 -l s=%d/s"
	EOT
	systemctl daemon-reload
	session 1 ann
	systemctl start dazaid@ann || fail "it does not start"
	running
	do_ 1 'dazai-hb -q -n session -p $$ &'
	ask '*guarded=1*memory=secretmem secrets=1*'
	do_ 1 'dazaictl get s; echo .'
	await grep -q "$secret" "$run/out.1"
	network=$(cat "/proc/$vault/task/$vault/children")
	[ "$(stat -c %U "/proc/${network% }")" = _dazaid ] || fail "network's user"
	# A container may not lower it.
	[ -p /io/from ] || [ "$(cat "/proc/$vault/oom_score_adj")" -eq -1000 ] ||
	    fail "its OOM score"
	systemd-analyze security --threshold=29 dazaid@ann >/dev/null ||
	    fail "$(systemd-analyze security dazaid@ann | tail -n 1)"
	do_ 1 'dazaictl release session; echo released.'
	await grep -q '^released' "$run/out.1"
	leave 1
	ended
	journal 'sockets removed' || fail "another end"
	[ "$(systemctl show -P Result dazaid@ann)" = success ] || fail "a failure"
}

# pam_exec with dazai-hb -p, for sshd and login(1)
case_pam() {
	line='session optional pam_exec.so quiet /usr/local/lib/dazai/dazai-pam-hold'
	for service in sshd login; do
		echo "$line" >>/etc/pam.d/$service
	done
	systemctl start dazaid@ann || fail "it does not start"
	vault=$(systemctl show -P MainPID dazaid@ann)
	sock=/tmp/dazai-1000/dazai-1000.sock
	session 1 ann
	await holders 1
	pty -t 180 login >/tmp/said 2>&1 3>&- <<-EOT &
		expect login:
		send ann\n
		expect Password:
		send ann\n
		expect \$
		send echo in''side\n
		expect inside
		run until talk $sock.ctl say TETHERS like 'session 2 held*'; do sleep .1; done
		run touch $run/two
		send exit\n
		wait
	EOT
	await test -e $run/two
	await holders 1
	leave 1
	ended
	journal 'tether session lost' || fail "another end"
	for service in sshd login; do
		sed -i '/dazai-pam-hold/d' /etc/pam.d/$service
	done
}

# xss-lock and i3lock: the screen saver locks, and the password unlocks
case_xss_lock() {
	session 1 ann
	do_ 1 'Xvfb :7 -noreset >/dev/null 2>&1 & export DISPLAY=:7'
	guarded 1 -a -g 120
	await test -S /tmp/.X11-unix/X7
	# A screen saver that starts before xss-lock knows its session aborts xss-lock.
	do_ 1 'hint() { loginctl show-session -P LockedHint "$XDG_SESSION_ID"; }
	    until [ "$(hint)" = yes ]; do
	    pgrep -x xss-lock || { xss-lock -- i3lock -n & sleep 1; }
	    xset s reset; xset s activate; sleep 1; done'
	ask '*guarded=0*pending=1*'
	do_ 1 'while [ "$(hint)" = yes ]; do
	    xdotool key Escape; xdotool type ann; xdotool key Return; sleep 1; done'
	ask '*guarded=1*pending=0*'
}

# swayidle and swaylock: a second without input locks, and the end of swaylock unlocks
case_swayidle() {
	session 1 ann
	do_ 1 'export WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman
	    sway -c /dev/null >/dev/null 2>&1 &'
	await test -S /run/user/1000/wayland-1
	guarded 1 -a -g 120
	do_ 1 "WAYLAND_DISPLAY=wayland-1 swayidle timeout 1 'loginctl lock-session' \
	    lock 'swaylock && loginctl unlock-session' &"
	ask '*guarded=0*pending=1*'
	await unlocks
	ask '*guarded=1*pending=0*'
}
# swaylock unlocks at SIGUSR1, once it catches it.
unlocks() {
	for pid in $(pgrep -x swaylock); do
		caught=$(sed -n 's/^SigCgt:.//p' "/proc/$pid/status")
		[ $((0x$caught >> 9 & 1)) -eq 0 ] || { kill -USR1 "$pid"; return; }
	done
	return 1
}

# sleep WHAT: a daemon with a secret that was never in a pipe, found in the memory of the
# machine while it is awake; sets $found to what is found when the machine sleeps.
sleep_with() {
	session 1 ann
	do_ 1 "OPTIONS=$1"
	guarded 1 -a -g 60
	pattern make "$case" 1024 >/home/ann/file
	chown ann /home/ann/file
	do_ 1 'dazaictl put kept <file; echo put.'
	await grep -q '^put' "$run/out.1"
	shred -u /home/ann/file
	echo "find $case 1024" >&3
	read -r whole pieces <&9
	note "awake: $whole whole, $pieces pieces"
	[ "$pieces" -gt 0 ] || fail "not found while awake"
	echo "asleep $case 1024" >&3
	systemctl suspend || fail "no suspend"
	read -r whole pieces <&9
	note "asleep: $whole whole, $pieces pieces"
}

# suspend to RAM: nothing of the secret is in the sleeping machine's memory
case_suspend() {
	sleep_with ''
	ended
	[ "$pieces" -eq 0 ] || fail "found while asleep"
	says 'the daemon has ended before the machine sleeps'
	journal 'HARD PANIC' || fail "another end"
}

# the control: with --sleep=ignore, the secret is found
case_suspend_control() {
	sleep_with --sleep=ignore
	[ "$pieces" -gt 0 ] || fail "not found while asleep"
	ask '*guarded=1*secrets=2*'
}

mkdir -p $run
ssh-keygen -q -t ed25519 -N '' -f $run/key
for user in ann ben; do
	install -d -o $user -m 700 /home/$user/.ssh
	install -o $user -m 600 $run/key.pub /home/$user/.ssh/authorized_keys
done
await test -S /run/systemd/notify
systemctl start ssh polkit
for case in $CASES; do
	rm -f $run/out.* /tmp/said
	if ("case_$case"); then
		echo "ok $case" >&3
	fi
	(clean)
done
echo end >&3
read -r _ <&9
