# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# dazai.sh: ties dazaid(8) to this session.  Source it from the rc file of bash,
# zsh, ksh or mksh; for dash, from the file that $ENV names:
#
#	. /usr/local/share/dazai/dazai.sh
#
# An interactive shell then has a dazai-hb(1) that watches it by its pid: however
# the shell ends, the heartbeat ends, and the secret goes.  A session without one
# is told so, in one line.  Sourcing this again does nothing, or tries again.
#
#	dazai_status	who guards this session; 0 if anybody does
#	dazai_guard	try again
#	DAZAI_HB	the dazai-hb to start, a path or a name in PATH
#	DAZAI_VERBOSE	not empty: speak of success, too
#	DAZAI_GUARD	is set and exported here: the pid of the guarded process, and
#			its dazai-hb's.  exec keeps a shell's pid, so that the next
#			one knows itself guarded; a child finds its parent's.
#	DAZAI_GUARD_AT	likewise: what said where the daemon is, since a guard at
#			another daemon's socket is none at this one's

case $- in
*i*)	;;
*)	return 0 ;;
esac

# True if the dazai-hb of DAZAI_GUARD lives, and is this daemon's.  Its name is asked, because a pid may
# be used anew, and its state, because a zombie that nobody reaps keeps its name.
_dazai_alive() {
	_dazai_hb=${DAZAI_GUARD-}
	_dazai_hb=${_dazai_hb##* }
	_dazai_at="${DAZAI_SOCK-} ${XDG_RUNTIME_DIR-}"
	[ "${DAZAI_GUARD_AT-$_dazai_at}" = "$_dazai_at" ] || return 1
	{ IFS='' read -r _dazai_line <"/proc/$_dazai_hb/stat"; } 2>/dev/null ||
	    return 1
	case $_dazai_line in
	"$_dazai_hb (dazai-hb) "[!ZX]*)	return 0 ;;
	*)				return 1 ;;
	esac
}

# The polite end of an own dazai-hb; without this, it would notice.  zsh runs its
# hooks also when a subshell says exit, and $$ is the shell's there: /proc/self is
# the process that really opens it.
_dazai_exit() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	{ IFS='' read -r _dazai_line </proc/self/stat; } 2>/dev/null || return 0
	if [ "${_dazai_line%% *}" = "$$" ] && _dazai_alive &&
	    [ "$DAZAI_GUARD" = "$$ $_dazai_hb" ]; then
		kill -TERM "$_dazai_hb" 2>/dev/null || :
	fi
}

# Called in place of trap, with what trap printed; a bash in POSIX mode prints "-"
# for none.
_dazai_trap() {
	case "$3 $2" in
	"EXIT -")	;;
	"EXIT "*)	_dazai_now=$2 ;;
	esac
}

# Runs _dazai_exit at the end, after what the EXIT trap holds by now.
_dazai_hook() {
	if [ -n "${ZSH_VERSION-}" ]; then
		# A trap that is set in a function is the function's there.
		autoload -Uz add-zsh-hook && add-zsh-hook zshexit _dazai_exit
		return
	fi
	_dazai_now='' _dazai_text=''
	case ${BASH_VERSION:+bash}${KSH_VERSION-} in
	bash*)
		# shellcheck disable=SC3045 # bash only
		_dazai_text=$(trap -p EXIT && echo : end) ;;
	Version*)
		# ksh93 prints the bare action, and its full list has EXIT last.
		# shellcheck disable=SC3045 # ksh93 only
		_dazai_now=$(trap -p EXIT)
		_dazai_text=': end' ;;
	*)
		# mksh and dash know no -p, and their subshells no traps: the list
		# (EXIT comes first) must be printed by this very process.  It goes
		# into the empty here-document, a pipe in dash and a file in mksh.
		{
			{ trap && echo : end; } >|/proc/self/fd/9
			_dazai_text=$(cat <&9)
		} 2>/dev/null 9<<-EOF || :
		EOF
		;;
	esac
	case $_dazai_text in
	": end")		;;
	"trap -- "*": end")	eval "_dazai_$_dazai_text" ;;
	*)			return 0 ;;	# not known: leave it alone
	esac
	case $_dazai_now in
	*_dazai_exit*)	;;
	*)
		_dazai_old=$_dazai_now
		trap 'eval "$_dazai_old"; _dazai_exit' EXIT ;;
	esac
}

# Starts a dazai-hb; sets _dazai_hb to its pid, _dazai_line to what it says first.
# As a child of a /bin/sh that ends at once it is nobody's job: no shell lists it,
# tells of its end or makes it nice; and it leads no process group, so that it can
# leave the session.  The two lines come in either order; that both are waited for
# in there is for ksh93, which takes what there is when its child ends.
_dazai_start() {
	# shellcheck disable=SC2016 # expanded by the sh
	_dazai_line=$(/bin/sh -c '
		command -v "$1" >/dev/null || { echo "0 $1: not found"; exit; }
		{
			"$1" -p "$2" </dev/null 2>&1 &
			echo "pid=$!"
		} | {
			read -r one
			read -r two
			case $two in
			pid=*)	printf "%s %s\n" "${two#*=}" "$one" ;;
			*)	printf "%s %s\n" "${one#*=}" "$two" ;;
			esac
		}' sh "${DAZAI_HB:-dazai-hb}" "$$") || :
	_dazai_hb=${_dazai_line%% *}
	_dazai_line=${_dazai_line#* }
}

# Asks the daemon to guard this session, and sets DAZAI_GUARD if anybody does.
_dazai_ask() {
	unset DAZAI_GUARD DAZAI_GUARD_AT
	_dazai_start
	case $_dazai_line in
	*": guarding $$ with dazaid "*)
		DAZAI_GUARD="$$ $_dazai_hb" ;;
	*": guarded already, by dazai-hb "[1-9]*" for process "[1-9]*)
		_dazai_by=${_dazai_line##*": guarded already, by dazai-hb "}
		DAZAI_GUARD=${_dazai_by#*" for process "}
		DAZAI_GUARD="${DAZAI_GUARD%%[!0-9]*} ${_dazai_by%%[!0-9]*}"
		# By our own, if its answer was lost or the variable was.
		[ "${DAZAI_GUARD%% *}" = "$$" ] || printf '%s %s\n' \
		    "dazai: session guarded already, by dazai-hb" "$_dazai_by" >&2 ;;
	*": guarded already"*)
		_dazai_why='guarded already, by nobody whom this shell can watch'
		printf 'dazai: session %s\n' "$_dazai_why" >&2
		return 1 ;;
	*)
		_dazai_why="UNGUARDED: ${_dazai_line:-no answer}"
		printf 'dazai: session %s\n' "$_dazai_why" >&2
		return 1 ;;
	esac
	DAZAI_GUARD_AT="${DAZAI_SOCK-} ${XDG_RUNTIME_DIR-}"
	export DAZAI_GUARD DAZAI_GUARD_AT
	[ -z "${DAZAI_VERBOSE-}" ] || dazai_status >&2
}

# Guards this session, if it is not guarded.
dazai_guard() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	_dazai_alive || _dazai_ask || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] || _dazai_hook
}

# Says in one line who guards this session.  Fails if nobody does.
dazai_status() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if ! _dazai_alive; then
		[ -z "${DAZAI_GUARD-}" ] ||
		    _dazai_why="UNGUARDED: dazai-hb $_dazai_hb has ended, or is another daemon's"
		printf 'dazai: session %s\n' "${_dazai_why:-UNGUARDED}"
		return 1
	fi
	case $DAZAI_GUARD in
	"$$ "*)	echo "dazai: session guarded by dazai-hb $_dazai_hb" ;;
	*)	echo "dazai: session guarded by dazai-hb $_dazai_hb" \
		    "for process ${DAZAI_GUARD%% *}" ;;
	esac
}

dazai_guard || :
