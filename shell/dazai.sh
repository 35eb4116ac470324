# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# dazai.sh: ties the secrets of dazaid(8) to this shell.  Source it from the rc
# file of bash, zsh, ksh or mksh; for dash, from the file that $ENV names:
#
#	. /usr/local/share/dazai/dazai.sh
#
# An interactive shell on a terminal then starts a dazai-hb(1), which holds the tether
# "session" of the daemon for as long as the shell lives.  Every terminal of the user
# does so: when the last of them has ended, however it ended, the daemon wipes its
# secrets.  If the shell cannot be guarded, one line says so.  A shell that runs one
# command (-c) holds nothing.  A shell inside tmux, screen or zellij outlives its
# terminal, and so holds only if it is told to.  To source this file again does nothing
# if the session is guarded, and tries again if it is not.  dazai-shell(7) has the
# details.
#
#	dazai_status	ask the daemon for the state of the session; succeeds if it is
#			guarded and no panic is pending
#	dazai_guard	guard this session, if it is not guarded
#	dazai_cancel	cancel a pending panic
#	DAZAI_TETHER	the tether to hold, "session" unless set; if it is set and
#			empty, dazai-hb is the daemon's only heartbeat instead
#	DAZAI_HB	the dazai-hb to start: a path, or a name in PATH
#	DAZAI_CTL	the dazaictl to ask the daemon with: the same
#	DAZAI_VERBOSE	if not empty, report success, too
#	DAZAI_GUARD	set and exported here: the pid of the guarded process, and
#			that of its dazai-hb.  A child shell learns from it that its
#			parent is guarded; a shell that was started with exec has
#			the guarded pid itself.
#	DAZAI_GUARD_AT	set and exported here: the variables that said where the
#			daemon is, and the tether.  If they have changed, the guard
#			belongs to another daemon or tether.

case $- in
*i*)	;;
*)	return 0 ;;
esac

# Sets _dazai_at to what DAZAI_GUARD_AT would be now.
_dazai_where() {
	_dazai_at="${DAZAI_SOCK-} ${XDG_RUNTIME_DIR-} ${DAZAI_TETHER-session}"
}

# Succeeds if the dazai-hb of DAZAI_GUARD lives and holds the heartbeat of this
# daemon.  Checks the name, because another process may have got the pid, and the
# state, because a zombie keeps its name.  Sets _dazai_hb to its pid.
_dazai_alive() {
	_dazai_hb=${DAZAI_GUARD-}
	_dazai_hb=${_dazai_hb##* }
	_dazai_where
	[ "${DAZAI_GUARD_AT-$_dazai_at}" = "$_dazai_at" ] || return 1
	{ IFS='' read -r _dazai_line <"/proc/$_dazai_hb/stat"; } 2>/dev/null ||
	    return 1
	case $_dazai_line in
	"$_dazai_hb (dazai-hb) "[!ZX]*)	return 0 ;;
	*)				return 1 ;;
	esac
}

# Succeeds if the dazai-hb of DAZAI_GUARD is this shell's own.
_dazai_own() {
	_dazai_alive && [ "$DAZAI_GUARD" = "$$ $_dazai_hb" ]
}

# Sets _dazai_tty to the number of the controlling terminal of process $1.
_dazai_terminal() {
	_dazai_tty=''
	{ IFS='' read -r _dazai_line <"/proc/$1/stat"; } 2>/dev/null || return 0
	_dazai_line=${_dazai_line##*") "}		# state ppid pgrp session tty ...
	_dazai_line=${_dazai_line#* * * * }
	_dazai_tty=${_dazai_line%% *}
}

# Succeeds if the dazai-hb of DAZAI_GUARD lives and speaks for this shell, too.  A tether
# can have many holders, so a shell on another terminal than the guarded one, which may
# be there for longer, needs a dazai-hb of its own.
_dazai_covered() {
	_dazai_alive || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] && [ -n "${DAZAI_TETHER-session}" ] ||
	    return 0
	_dazai_terminal "${DAZAI_GUARD%% *}"
	_dazai_their=$_dazai_tty
	_dazai_terminal "$$"
	[ "$_dazai_their" = "$_dazai_tty" ]
}

# Ends the shell's own dazai-hb, which would notice the end of the shell anyway.
# zsh runs its hooks also when a subshell exits, and there $$ is the pid of the
# shell; /proc/self is the process that really runs.
_dazai_exit() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	{ IFS='' read -r _dazai_line </proc/self/stat; } 2>/dev/null || return 0
	if [ "${_dazai_line%% *}" = "$$" ] && _dazai_own; then
		kill -TERM "$_dazai_hb" 2>/dev/null || :
	fi
}

# Takes the arguments of a trap command that trap printed, and keeps the action for
# EXIT in _dazai_now.  A bash in POSIX mode prints "-" if there is no action.
_dazai_trap() {
	case "$3 $2" in
	"EXIT -")	;;
	"EXIT "*)	_dazai_now=$2 ;;
	esac
}

# Has _dazai_exit run when the shell exits, after the action that the EXIT trap has
# now.
_dazai_hook() {
	if [ -n "${ZSH_VERSION-}" ]; then
		# In zsh a trap that a function sets belongs to the function.
		autoload -Uz add-zsh-hook && add-zsh-hook zshexit _dazai_exit
		return
	fi
	_dazai_now='' _dazai_text=''
	case ${BASH_VERSION:+bash}${KSH_VERSION-} in
	bash*)
		# shellcheck disable=SC3045 # bash only
		_dazai_text=$(trap -p EXIT && echo : end) ;;
	Version*)
		# ksh93 prints the action alone.
		# shellcheck disable=SC3045 # ksh93 only
		_dazai_now=$(trap -p EXIT)
		_dazai_text=': end' ;;
	*)
		# mksh and dash have no trap -p, and their subshells have no traps,
		# so this process itself must print the list, EXIT first.  It
		# prints into the empty here-document, which is a pipe in dash and
		# a file in mksh, and reads it from there.
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
	*)			return 0 ;;	# not understood: leave it alone
	esac
	case $_dazai_now in
	*_dazai_exit*)	;;
	*)
		_dazai_old=$_dazai_now
		trap 'eval "$_dazai_old"; _dazai_exit' EXIT ;;
	esac
}

# Starts a dazai-hb; sets _dazai_hb to its pid and _dazai_line to its first line.
# A /bin/sh starts it and ends at once, so it is not a job of this shell: the shell
# does not list it, report its end or lower its priority.  It leads no process
# group, so it can leave the session.  The pid and the line come in either order.
# The inner sh waits for both, because ksh93 takes what there is when its child ends.
_dazai_start() {
	set -- -p "$$"
	[ -z "${DAZAI_TETHER-session}" ] ||
	    set -- -n "${DAZAI_TETHER-session}" "$@"
	# shellcheck disable=SC2016 # expanded by the sh
	_dazai_line=$(/bin/sh -c '
		command -v "$1" >/dev/null || { echo "0 $1: not found"; exit; }
		{
			"$@" </dev/null 2>&1 &
			echo "pid=$!"
		} | {
			read -r one
			read -r two
			case $two in
			pid=*)	printf "%s %s\n" "${two#*=}" "$one" ;;
			*)	printf "%s %s\n" "${one#*=}" "$two" ;;
			esac
		}' sh "${DAZAI_HB:-dazai-hb}" "$@") || :
	_dazai_hb=${_dazai_line%% *}
	_dazai_line=${_dazai_line#* }
}

# Asks the daemon to guard this session.  Sets DAZAI_GUARD and succeeds if something
# guards it then.
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
		# Print nothing for our own dazai-hb, whose answer or variable
		# was lost.
		[ "${DAZAI_GUARD%% *}" = "$$" ] || printf '%s %s\n' \
		    "dazai: session guarded already, by dazai-hb" "$_dazai_by" >&2 ;;
	*": guarded already"*)
		printf 'dazai: session %s\n' \
		    'guarded already, by nobody whom this shell can watch' >&2
		return 1 ;;
	*": no room for one more holder"*)
		printf 'dazai: this shell does not hold the session: %s\n' \
		    "$_dazai_line" >&2
		return 1 ;;
	*)
		printf 'dazai: session UNGUARDED: %s\n' \
		    "${_dazai_line:-no answer}" >&2
		return 1 ;;
	esac
	_dazai_where
	DAZAI_GUARD_AT=$_dazai_at
	export DAZAI_GUARD DAZAI_GUARD_AT
	[ -z "${DAZAI_VERBOSE-}" ] || dazai_status >&2
}

# Sets _dazai_answer to what dazaictl says to the command in the arguments.
_dazai_ctl() {
	set -- "${DAZAI_CTL:-dazaictl}" "$@"
	_dazai_answer="$1: not found"
	command -v "$1" >/dev/null 2>&1 || return 1
	_dazai_answer=$("$@" 2>&1)
}

# Asks for the daemon's state, for _dazai_field.
_dazai_query() {
	_dazai_ctl status -l || return 1
	case $_dazai_answer in
	"STATUS "*)	return 0 ;;
	*)		return 1 ;;
	esac
}

# Sets _dazai_value to the value of the field $1 in the daemon's state.
_dazai_field() {
	_dazai_value=${_dazai_answer#*" $1="}
	_dazai_value=${_dazai_value%% *}
}

# Asks for the tethers.  Sets _dazai_held to those that hold, each with the number of
# its holders, and _dazai_lost to those that are lost.
_dazai_tethers() {
	_dazai_held='' _dazai_lost=''
	_dazai_ctl tethers || return 0
	while [ -n "$_dazai_answer" ]; do
		_dazai_line=${_dazai_answer%%"$_dazai_nl"*}
		_dazai_answer=${_dazai_answer#"$_dazai_line"}
		_dazai_answer=${_dazai_answer#"$_dazai_nl"}
		_dazai_name=${_dazai_line%% *}
		case $_dazai_line in
		*" lost "*)
			_dazai_lost="$_dazai_lost, $_dazai_name" ;;
		*" held "*)
			_dazai_value=${_dazai_line#* }
			_dazai_value=${_dazai_value%% *}
			_dazai_held="$_dazai_held, $_dazai_name ($_dazai_value)" ;;
		esac
	done
	_dazai_held=${_dazai_held#, }
	_dazai_lost=${_dazai_lost#, }
}
_dazai_nl='
'

# Guards this session, if it is not guarded.  Fails if that is not possible.
dazai_guard() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	_dazai_covered || _dazai_ask || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] || _dazai_hook
}

# Prints in one line what the daemon says of this session, a pending panic first.  Fails
# if a panic is pending or nothing guards the session.
dazai_status() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if ! _dazai_query; then
		printf 'dazai: session UNGUARDED: %s\n' "${_dazai_answer:-no answer}"
		return 1
	fi
	_dazai_field pending
	if [ "$_dazai_value" != 0 ]; then
		_dazai_field left
		_dazai_left=$_dazai_value
		_dazai_tethers
		printf 'dazai: PANIC PENDING: in %s s%s; to cancel it: %s\n' \
		    "$_dazai_left" "${_dazai_lost:+, lost: $_dazai_lost}" \
		    "${_dazai_lost:+hold what is lost, and }dazai_cancel"
		return 1
	fi
	_dazai_field guarded
	if [ "$_dazai_value" != 1 ]; then
		echo 'dazai: session UNGUARDED'
		return 1
	fi
	if _dazai_own; then
		echo "dazai: session guarded by dazai-hb $_dazai_hb"
	elif _dazai_covered; then
		echo "dazai: session guarded by dazai-hb $_dazai_hb" \
		    "for process ${DAZAI_GUARD%% *}"
	else
		_dazai_tethers
		printf 'dazai: session guarded, not by this shell: %s\n' "$_dazai_held"
	fi
}

# Cancels a pending panic: has the dazai-hb that guards this shell say CANCEL, and waits
# for what comes of it.
dazai_cancel() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if ! _dazai_query; then
		printf 'dazai: not cancelled: %s\n' "${_dazai_answer:-no answer}" >&2
		return 1
	fi
	_dazai_field pending
	if [ "$_dazai_value" = 0 ]; then
		echo 'dazai: no panic is pending' >&2
		return 0
	fi
	if ! _dazai_alive || ! kill -USR1 "$_dazai_hb" 2>/dev/null; then
		echo 'dazai: not cancelled: this shell does not guard the session;' \
		    'dazai_guard first' >&2
		return 1
	fi
	_dazai_tries=''
	while _dazai_query; do
		_dazai_field pending
		if [ "$_dazai_value" = 0 ]; then
			echo 'dazai: panic cancelled' >&2
			return 0
		fi
		_dazai_tethers
		if [ -n "$_dazai_lost" ]; then
			echo "dazai: not cancelled: tether $_dazai_lost is lost" >&2
			return 1
		fi
		_dazai_tries=x$_dazai_tries
		[ "$_dazai_tries" != xxxxxxxxxxxxxxxxxxxx ] || break
		sleep 0.1
	done
	dazai_status >&2
	return 1
}

# Guards this shell at its start, if it is one that the session depends on.
_dazai_begin() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if _dazai_covered; then
		dazai_guard
		return
	fi
	# The flag c means one command, s commands from standard input.  dash and zsh have
	# no c, and bash and zsh set s only later.
	case ${BASH_VERSION:+s}${ZSH_VERSION:+s}${ZSH_EXECUTION_STRING+c}$- in
	*c*)	return ;;
	*s*)	[ -t 0 ] || return 0 ;;
	*)	return ;;
	esac
	_dazai_in=''
	[ -z "${ZELLIJ-}" ] || _dazai_in=zellij
	[ -z "${STY-}" ] || _dazai_in=screen
	[ -z "${TMUX-}" ] || _dazai_in=tmux
	if [ -z "$_dazai_in" ]; then
		dazai_guard
	elif [ -z "${_dazai_told-}" ]; then
		_dazai_told=1
		_dazai_inside
	fi
}

# Says that a shell inside $_dazai_in does not hold the session by itself, and what does.
_dazai_inside() {
	if ! _dazai_query; then
		printf 'dazai: session UNGUARDED: %s\n' \
		    "${_dazai_answer:-no answer}" >&2
		return 1
	fi
	_dazai_tethers
	printf 'dazai: inside %s, this shell does not hold the session: %s\n' \
	    "$_dazai_in" "${_dazai_held:-nobody} does; dazai_guard holds it all the same" >&2
}

_dazai_begin || :
