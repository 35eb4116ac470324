#!/bin/sh
# SPDX-License-Identifier: ISC
# make demo.  It gives a daemon a secret from a pipe, holds the session with a bash on a
# terminal, and ends that, first as a rehearsal and then armed, with two terminals, a
# stick and a restic that gets the secret.  Lines that are indented are quoted from the
# programs. If anything does not happen as described, the demo ends with one line and
# status 1.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dazaid=$top/dazaid/dazaid
dazaictl=$top/dazaictl/dazaictl
hb=$top/dazai-hb
peek=$top/regress/tools/peek

unset NOTIFY_SOCKET	# a service manager has no part in this

dir=
vault=			# pids of what runs, empty when it does not
pty=
shell=
second=			# the pty of the second terminal
stick=			# the dazai-hb of the stick

fail() {
	why=$*
	if [ -n "$dir" ] && [ -s "$dir/pty.err" ]; then
		why="$why ($(sed q "$dir/pty.err"))"
	elif [ -n "$dir" ] && [ -s "$dir/log" ]; then
		why="$why (the log ends: $(tail -n 1 "$dir/log"))"
	fi
	echo "demo: FAILED: $why" >&2
	exit 1
}

# ended PID: the process does not run any more; it may be a zombie
ended() {
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	'' | [ZX]*)	return 0 ;;
	*)		return 1 ;;
	esac
}

# within COMMAND...: waits until it succeeds, but not longer than 5 seconds
within() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || return 1
		sleep 0.05
	done
}

# The daemon is asked to end, because it wipes then; the rest need not be.  The
# dazai-hb ends with its shell.
cleanup() {
	trap '' HUP INT TERM PIPE
	for pid in $shell $pty $second $stick; do
		kill -KILL "$pid" 2>/dev/null
	done
	if [ -n "$vault" ]; then
		kill -TERM "$vault" 2>/dev/null
		within ended "$vault" || kill -KILL "$vault" 2>/dev/null
	fi
	wait
	[ -z "$dir" ] || rm -rf "$dir"
} 2>/dev/null

# has FILE TEXT: waits until FILE has a line with TEXT
has() {
	within grep -qF -e "$2" "$1" || fail "there is no line '$2'"
}

# quote FILE TEXT: shows that line
quote() {
	has "$@"
	grep -F -e "$2" "$1" | tail -n 1 | tr -d '\r' | sed 's/^/    /'
}

# daemon OPTION...: starts a daemon that reads the secret from a pipe, as $vault
daemon() {
	: >"$dir/log"
	printf '%s' "$secret" |
	    exec "$dazaid" -d -v -l backup=- "$@" 2>"$dir/log" &
	vault=$!
	has "$dir/log" 'ready, memory: '
	[ "$(cat "$DAZAI_SOCK.pid")" = "$vault" ] ||
	    fail 'the pid file names another process'
}

# Sets $status to what the daemon ended with.  2>/dev/null is for bash as sh, which
# would tell of a job that was killed.
daemon_ended() {
	within ended "$vault" 2>/dev/null || fail 'dazaid is still there'
	status=0
	wait "$vault" 2>/dev/null || status=$?
	vault=
	for file in "$DAZAI_SOCK"*; do
		case $file in
		*.last)	continue ;;	# its last words stay
		esac
		[ ! -e "$file" ] || fail "dazaid left $file behind"
	done
}

# terminal COMMAND...: lines of pty's script
terminal() {
	(trap '' PIPE && printf '%s\n' "$@") >&3 2>/dev/null ||
	    fail 'the terminal is gone'
}

# on_terminal COMMAND...: executes it on a terminal of its own, without the caller's
# rc files and environment
on_terminal() {
	exec env -i PATH="$hb:$top/dazaictl:$PATH" HOME="$dir" TERM=dumb TOP="$top" \
	    DAZAI_SOCK="$DAZAI_SOCK" "$top/regress/tools/pty" -t 5 "$@"
}

# A bash with an rc file that guards it, as in real life.
open_shell() {
	: >"$dir/terminal"
	on_terminal bash --rcfile "$dir/bashrc" \
	    <"$dir/script" >"$dir/terminal" 2>"$dir/pty.err" &
	pty=$!
	exec 3>"$dir/script"
	# shellcheck disable=SC2016 # expanded by the bash and by pty's sh
	terminal 'run echo "pid $PTY_PID"' 'expect demo>' \
	    'send dazai_status; echo "status=$?"\n' 'expect status=0' show
	within grep -q '^pid ' "$dir/terminal" || fail 'there is no bash'
	shell=$(sed -n 's/^pid //p' "$dir/terminal")
	has "$dir/log" 'held by pid '
	has "$dir/terminal" 'dazai: session guarded by dazai-hb '
	[ "$(sed -n 's/.*held by pid //p' "$dir/log" | tail -n 1)" = \
	    "$(sed -n 's/.*session guarded by dazai-hb //p' "$dir/terminal" |
	    tr -d '\r')" ] || fail 'dazaid and bash name two different guards'
}

# A bash on a second terminal, which stays open.
open_second() {
	on_terminal bash --rcfile "$dir/bashrc" \
	    <"$dir/script.2" >"$dir/terminal.2" 2>&1 &
	second=$!
	exec 4>"$dir/script.2"
	has "$dir/log" 'tether session held by pid '
}

# A file does for a USB stick, whose name in /dev/disk/by-id comes and goes with it.
plug_stick() {
	: >"$dir/stick"
	: >"$dir/hb"
	"$hb/dazai-hb" -n usb -w "$dir/stick" >"$dir/hb" 2>&1 &
	stick=$!
	has "$dir/hb" 'guarding '
}

show_tethers() {
	"$dazaictl" tethers >"$dir/tethers" || fail 'dazaictl tethers'
	quote "$dir/tethers" 'session 2 held '
	quote "$dir/tethers" 'usb 1 held '
}

kill_shell() {
	terminal 'signal KILL' wait
	within grep -qx 'signal 9' "$dir/terminal" || fail 'bash does not die'
	shell=
	exec 3>&-
	wait "$pty" || fail 'pty failed'
	pty=
}

# look PID: searches its memory for the secret; $dir/seen is what peek found
look() {
	printf '%s' "$secret" | "$peek" "$1" >"$dir/seen" 2>"$dir/refused"
}

copies() {
	grep -c "^${#secret} bytes of it at " "$dir/seen"
}

# The kernel lets us open the memory: what can be found there?
found() {
	read=$(sed -n 's/ bytes read$//p' "$dir/seen")
	[ "${read:-0}" -gt 100000 ] || fail 'next to nothing could be read'
	if [ "$memory" != secretmem ]; then
		echo "    There is no memfd_secret here, only memory: $memory. So" \
		    "root can read it:"
		quote "$dir/seen" 'bytes of it at'
		return
	fi
	if grep -q 'bytes of it at' "$dir/seen"; then
		fail "it is there: $(sed q "$dir/seen")"
	fi
	echo "    $read bytes can be read, and no 8 in a row are the passphrase's."
	echo '    The arena that holds it, the mapping "secretmem", cannot be read:'
	grep -q /secretmem "/proc/$vault/maps" ||
	    fail 'there is no mapping named secretmem'
	quote "$dir/seen" 'bytes not readable'
}

# The kernel lets nobody but root open the memory of a process that is not dumpable.
refused() {
	quote "$dir/refused" 'Permission denied'
	echo '    dazaid is not dumpable, so that only root may open this.'
	if [ "$memory" = secretmem ]; then
		echo '    As root, this demonstration shows that root cannot' \
		    'read the secret either.'
	else
		echo "    Root could read it: there is no memfd_secret here, only" \
		    "memory: $memory."
	fi
}

look_for_secret() {
	if ! look "$vault"; then
		refused
	elif [ "$(id -u)" -eq 0 ]; then
		found
	else
		fail 'an ordinary user can look into dazaid'
	fi
	# Some systems let nobody look into a process that is not a child.
	look $$ || return 0
	[ "$(copies)" -gt 0 ] || fail 'such a look does not find what is there'
	echo "    The same look into this script, which made the passphrase, finds it."
}

# restic, with a repository and a cache of its own, and the password from dazaid
backup() {
	restic --quiet --no-cache --repo "$dir/repo" \
	    --password-command "'$dazaictl' get restic" "$@" >"$dir/restic" 2>&1
}

# A real password for a real repository, of which dazaid has the only copy.
use_restic() {
	od -An -N 16 -t x2 /dev/urandom | tr -d ' \n' | "$dazaictl" put restic ||
	    fail 'dazaictl put'
	backup init || fail "restic init: $(tail -n 1 "$dir/restic")"
	backup backup "$top/shell" || fail "restic: $(tail -n 1 "$dir/restic")"
	backup ls latest || fail "restic: $(tail -n 1 "$dir/restic")"
	quote "$dir/restic" 'shell/dazai.sh'
	"$dazaictl" list >"$dir/list" || fail 'dazaictl list'
	quote "$dir/list" 'restic 32'
}

trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 141' PIPE

for prog in "$dazaid" "$dazaictl" "$hb/dazai-hb" "$peek" "$top/regress/tools/pty" \
    bash restic; do
	command -v "$prog" >/dev/null || fail "there is no $prog"
done
# In /tmp, because the path of a socket must be short.
dir=$(mktemp -d /tmp/dazai-demo.XXXXXX) || exit 1
DAZAI_SOCK=$dir/sock
export DAZAI_SOCK
mkfifo "$dir/script" "$dir/script.2" || exit 1
cat >"$dir/bashrc" <<'EOF'
PS1='demo> '
. "$TOP/shell/dazai.sh"
EOF
secret=$(od -An -N 16 -t x2 /dev/urandom | tr -s ' \n' '-')
secret=${secret#-}
secret=${secret%-}
[ ${#secret} -eq 39 ] || fail 'no random passphrase'

who=$(id -un 2>/dev/null) || who=$(id -u)

echo "1. dazaid takes a random passphrase from a pipe. Without -a it only rehearses:"
daemon
quote "$dir/log" 'ready, memory: '
memory=$(sed -n 's/.*ready, memory: \([a-z]*\),.*/\1/p' "$dir/log")

echo "2. A bash on a terminal sources dazai.sh, and dazai-hb holds the session. Both say so:"
open_shell
quote "$dir/log" 'held by pid '
quote "$dir/terminal" 'dazai: session guarded by dazai-hb '

echo "3. $who looks for the passphrase in dazaid's memory, /proc/$vault/mem:"
look_for_secret

echo "4. kill -9 for that bash: no exit trap, no goodbye. dazaid knows at once:"
kill_shell
quote "$dir/log" 'secrets wiped, WOULD SIGKILL'
daemon_ended
[ $status -eq 0 ] || fail "dazaid exited with $status"
echo "    It exited with status 0, as a rehearsal does, and removed its sockets."

echo "5. The same, armed (-a), with one second in which to come back (-g 1), and a session" \
    "of two terminals and a USB stick:"
daemon -a -g 1
plug_stick
open_second
open_shell
show_tethers

echo "6. A new password goes in, and restic makes a backup with it. A file in the backup, and the secret:"
use_restic

echo "7. kill -9 for the first terminal's bash. The second still holds the session, and restic still reads the backup:"
kill_shell
within sh -c "'$dazaictl' tethers | grep -q '^session 1 held '" ||
    fail 'the first terminal still holds, or the second does not'
backup ls latest || fail "restic: $(tail -n 1 "$dir/restic")"
quote "$dir/restic" 'shell/dazai.sh'

echo "8. The stick is pulled, and one second later:"
rm "$dir/stick"
quote "$dir/log" 'panic pending: tether usb lost'
daemon_ended
quote "$dir/log" 'secrets wiped, SIGKILL'
[ $status -eq 137 ] || fail "dazaid ended with $status, not by SIGKILL"
echo "    It died by SIGKILL: its wait status is 137, which is 128 + 9."
backup ls latest && fail 'restic still has the password'
quote "$dir/restic" 'Resolving password failed'
echo "    So ends the backup's password with the session, for restic as for anybody."
