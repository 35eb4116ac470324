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
# terminal, and so it holds only after dazai_guard.  If the session is not guarded yet,
# sourcing this file again tries again.  dazai-shell(7) has the details.
#
#	dazai_status	ask the daemon for the state of the session; succeeds if it is
#			guarded and no panic is pending
#	dazai_guard	guard this session, if it is not guarded
#	dazai_cancel	cancel a pending panic
#	dazaid		start dazaid(8) with its arguments, and guard this session if it
#			succeeds and goes into the background
#	DAZAI_TETHER	the tether to hold, "session" unless set; if it is set and
#			empty, dazai-hb is the daemon's only heartbeat instead
#	DAZAI_HB	the dazai-hb to start: a path, or a name in PATH
#	DAZAI_CTL	the dazaictl to ask the daemon with: the same
#	DAZAI_QUIET	if not empty, a start without a daemon prints nothing
#	DAZAI_VERBOSE	if not empty, report success, too
#	DAZAI_GUARD	set and exported here: the pid of the guarded process, and
#			that of its dazai-hb.  A child shell learns from it that its
#			parent is guarded; a shell that was started with exec has
#			the guarded pid itself.
#	DAZAI_GUARD_AT	set and exported here: the tether, and the variables for the
#			place of the daemon.  If they have changed, the guard belongs
#			to another daemon or tether.

case $- in
*i*)	;;
*)	return 0 ;;
esac

# Sets _dazai_at to the current value for DAZAI_GUARD_AT.
_dazai_where() {
	_dazai_at="${DAZAI_SOCK-} ${XDG_RUNTIME_DIR-} ${DAZAI_TETHER-session}"
}

# Succeeds if the dazai-hb of DAZAI_GUARD lives and holds the heartbeat of this
# daemon.  Checks the name, because another process may have got the pid, and the
# state, because a zombie keeps its name.  Sets _dazai_hb to its pid.
_dazai_alive() {
	_dazai_hb=${DAZAI_GUARD-}
	[ -n "$_dazai_hb" ] || return 1
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

# Succeeds if the dazai-hb of DAZAI_GUARD lives and guards this shell, too.  A shell on
# another terminal may outlive the guarded one, so it needs a dazai-hb of its own; a
# tether can have many holders.
_dazai_covered() {
	_dazai_alive || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] && [ -n "${DAZAI_TETHER-session}" ] ||
	    return 0
	_dazai_terminal "${DAZAI_GUARD%% *}"
	_dazai_their=$_dazai_tty
	_dazai_terminal "$$"
	[ "$_dazai_their" = "$_dazai_tty" ]
}

# Succeeds in the shell itself, and fails in its subshells.  $$ is the shell's pid in
# both; /proc/self is the process that runs.
_dazai_main() {
	{ IFS='' read -r _dazai_line </proc/self/stat; } 2>/dev/null &&
	    [ "${_dazai_line%% *}" = "$$" ]
}

# Ends the shell's own dazai-hb, which would notice the end of the shell anyway.
# zsh runs its hooks also when a subshell exits.
_dazai_exit() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if _dazai_main && _dazai_own; then
		command kill -TERM "$_dazai_hb" 2>/dev/null || :
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

# Makes the shell run _dazai_exit when it exits, after the action that the EXIT trap has
# now.  Starts no process, except in ksh93, whose subshells are not processes.
_dazai_hook() {
	if [ -n "${ZSH_VERSION-}" ]; then
		# In zsh a trap that a function sets belongs to the function.
		eval 'typeset -ga zshexit_functions
		zshexit_functions=(
		    "${(@)zshexit_functions[@]:#_dazai_exit}" _dazai_exit)'
		return
	fi
	_dazai_now='' _dazai_text=''
	case ${KSH_VERSION-} in
	Version*)
		# ksh93 prints the action alone.
		# shellcheck disable=SC3045 # ksh93 only
		_dazai_now=$(trap -p EXIT) ;;
	*)
		# Subshells have no traps, so this process itself must print the
		# list, EXIT first.  It prints into the here-document, which is a
		# pipe or a file, and reads it from there.  It is an empty line,
		# since for an empty document bash opens /dev/null.
		{
			trap >|/proc/self/fd/9
			while IFS='' read -r _dazai_line <&9; do
				_dazai_text=$_dazai_text$_dazai_line$_dazai_nl
			done
		} 2>/dev/null 9<<-EOF || :

		EOF
		_dazai_text=${_dazai_text#"$_dazai_nl"} ;;
	esac
	case $_dazai_text in
	'')		;;
	"trap -- "*)	eval "_dazai_$_dazai_text" ;;
	*)		return 0 ;;	# unknown format: leave the trap alone
	esac
	case $_dazai_now in
	*_dazai_exit*)	;;
	*)
		_dazai_old=$_dazai_now
		trap 'eval "$_dazai_old"; _dazai_exit' EXIT ;;
	esac
}

# Starts a dazai-hb that holds the session for this shell, and sets _dazai_line to its
# output.  It goes into the background by itself, so it is no job of this shell.  It
# finds the terminal by its standard input, which is not redirected: ksh93 would redirect
# its own.
_dazai_start() {
	_dazai_line="${DAZAI_HB:-dazai-hb}: not found"
	command -v "${DAZAI_HB:-dazai-hb}" >/dev/null 2>&1 || return 0
	_dazai_line=': no daemon'
	[ "${1-}" != start ] || _dazai_maybe || return 0
	set -- "${DAZAI_HB:-dazai-hb}" -b -p "$$"
	[ -z "${DAZAI_TETHER-session}" ] || set -- "$@" -n "${DAZAI_TETHER-session}"
	_dazai_line=$(exec "$@" 2>&1) || :
}

# Succeeds if there may be a daemon, because one of its places has a socket: see
# dazaid(8).  Starts no process.
_dazai_maybe() {
	if [ -n "${DAZAI_SOCK+set}" ]; then
		[ -z "$DAZAI_SOCK" ] || [ -e "$DAZAI_SOCK" ]
		return
	fi
	# shellcheck disable=SC3028 # bash only
	case $-:${BASHOPTS-}: in
	*:failglob:*)	return 0 ;;
	esac
	case $- in
	*f*)		return 0 ;;
	esac
	for _dazai_place in "${XDG_RUNTIME_DIR-}"/dazai-*.sock \
	    /run/user/*/dazai-*.sock /tmp/dazai-*/dazai-*.sock; do
		[ ! -e "$_dazai_place" ] || return 0
	done
	return 1
}

# Asks the daemon to guard this session.  If something guards it then, sets DAZAI_GUARD
# and succeeds.  $1 is empty if the user has asked for this; otherwise it names the
# caller: the start of this shell, or dazaid, which has just returned.
_dazai_ask() {
	unset DAZAI_GUARD DAZAI_GUARD_AT
	_dazai_start "$@"
	case $_dazai_line in
	*": guarding $$ with dazaid "*": pid "[1-9]*)
		DAZAI_GUARD="$$ ${_dazai_line##*": pid "}" ;;
	*": guarded already, by dazai-hb "[1-9]*" for process "[1-9]*)
		_dazai_by=${_dazai_line##*": guarded already, by dazai-hb "}
		DAZAI_GUARD=${_dazai_by#*" for process "}
		DAZAI_GUARD="${DAZAI_GUARD%%[!0-9]*} ${_dazai_by%%[!0-9]*}"
		# Print nothing if it is our own dazai-hb, whose answer or
		# variable was lost.
		[ "${DAZAI_GUARD%% *}" = "$$" ] || printf '%s %s\n' \
		    "dazai: session guarded already, by dazai-hb" "$_dazai_by" >&2 ;;
	*)
		_dazai_failed "$@"
		return 1 ;;
	esac
	_dazai_where
	DAZAI_GUARD_AT=$_dazai_at
	export DAZAI_GUARD DAZAI_GUARD_AT
	[ -z "${DAZAI_VERBOSE-}" ] || dazai_status >&2
}

# Prints that nothing guards, with the message of dazai-hb or dazaictl.  $1 is as in
# _dazai_ask.
_dazai_failed() {
	case $_dazai_line in
	*": guarded already"*)
		_dazai_line='guarded already, by nobody whom this shell can watch'
		set -- 'session %s' ;;
	*": no room for one more holder"*)
		set -- 'this shell does not hold the session: %s' ;;
	*": no daemon"*)
		[ "${1-}" != dazaid ] || return 0	# it does not run on, or elsewhere
		[ "${1-}" != start ] || [ -z "${DAZAI_QUIET-}" ] || return 0
		if [ "${1-}" = start ]; then
			_dazai_line=
			set -- 'no daemon; session UNGUARDED%s'
		else
			set -- 'session UNGUARDED: %s'
		fi ;;
	*)
		: "${_dazai_line:=no answer}"
		set -- 'session UNGUARDED: %s' ;;
	esac
	# shellcheck disable=SC2059 # one of those above
	printf "dazai: $1\n" "$_dazai_line" >&2
}

# Sets _dazai_answer to the output of dazaictl for the command in the arguments.
_dazai_ctl() {
	set -- "${DAZAI_CTL:-dazaictl}" "$@"
	_dazai_answer="$1: not found"
	command -v "$1" >/dev/null 2>&1 || return 1
	_dazai_answer=$("$@" 2>&1)
}

# Asks for the daemon's state, for _dazai_field.  If that fails, sets _dazai_answer to the
# first line of dazaictl's messages; the second one is about the last daemon.
_dazai_query() {
	if _dazai_ctl status -l; then
		case $_dazai_answer in
		"STATUS "*)	return 0 ;;
		esac
	fi
	_dazai_answer=${_dazai_answer%%"$_dazai_nl"*}
	return 1
}

# Sets _dazai_value to the value of the field $1 in the daemon's state.
_dazai_field() {
	_dazai_value=${_dazai_answer#*" $1="}
	_dazai_value=${_dazai_value%% *}
}

# Asks for the tethers.  Sets _dazai_held to those that are held, each with the number of
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

# Guards this session, if it is not guarded.  Fails if that is not possible.  Users do not
# give $1: see _dazai_ask.
dazai_guard() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	_dazai_covered || _dazai_ask "$@" || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] || _dazai_hook
}

# A shell would expand an alias in the name of the function, too.  It comes back below.
_dazai_alias=''
if alias dazaid >/dev/null 2>&1; then
	_dazai_alias=$(alias dazaid)
	unalias dazaid
fi

# Starts the daemon, and guards this shell as soon as it runs in the background.
dazaid() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	for _dazai_word do
		[ "$_dazai_word" = -- ] || continue
		# The session of that daemon is the command's, not ours.
		command dazaid "$@"
		return
	done
	if [ -z "$_dazai_holds" ] || ! _dazai_main; then
		command dazaid "$@"
		return
	fi
	# The variable tells dazaid that this shell is about to guard it.
	DAZAI_SHELL=$$ command dazaid "$@" || return
	dazai_guard dazaid || :
}
[ -z "$_dazai_alias" ] || eval "alias ${_dazai_alias#alias }"

# Prints the daemon's state of this session in one line: a pending panic, or else what
# guards it.  Fails if a panic is pending or nothing guards the session.
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

# Succeeds if our standard error is a terminal that takes messages, so that its dazai-hb
# reports a cancelled panic there.
_dazai_hears() {
	_dazai_covered && [ -t 2 ] && [ -w /dev/stderr ] || return 1
	# As mesg(1) does, which Debian 14 does not install by itself.
	case $(command ls -lL /dev/stderr) in
	?????w*) ;;
	*)	return 1 ;;
	esac
}

# Cancels a pending panic: makes the dazai-hb that guards this shell send CANCEL, and waits
# for the result.
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
	if ! _dazai_alive || ! command kill -USR1 "$_dazai_hb" 2>/dev/null; then
		echo 'dazai: not cancelled: this shell does not guard the session;' \
		    'dazai_guard first' >&2
		return 1
	fi
	_dazai_tries=''
	while _dazai_query; do
		_dazai_field pending
		if [ "$_dazai_value" = 0 ]; then
			_dazai_hears || echo 'dazai: panic cancelled' >&2
			return 0
		fi
		_dazai_tethers
		if [ -n "$_dazai_lost" ]; then
			echo "dazai: not cancelled: tether $_dazai_lost is lost" >&2
			return 1
		fi
		_dazai_tries=x$_dazai_tries
		[ "$_dazai_tries" != xxxxxxxxxxxxxxxxxxxx ] || break
		command sleep 0.1
	done
	dazai_status >&2
	return 1
}

# Sets _dazai_holds if the session depends on this shell, and _dazai_in to the name of the
# multiplexer that it is inside of.  The flag c means one command, s commands from standard
# input.  dash and zsh have no c, and bash and zsh set s only later.
_dazai_look() {
	_dazai_holds='' _dazai_in=''
	[ -z "${ZELLIJ-}" ] || _dazai_in=zellij
	[ -z "${STY-}" ] || _dazai_in=screen
	[ -z "${TMUX-}" ] || _dazai_in=tmux
	case ${BASH_VERSION:+s}${ZSH_VERSION:+s}${ZSH_EXECUTION_STRING+c}$- in
	*c*)	return 1 ;;
	*s*)	[ -t 0 ] || return 1 ;;
	*)	return 1 ;;
	esac
	[ -n "$_dazai_in" ] || _dazai_holds=1
}

# Guards this shell at its start, if it is one that the session depends on.
_dazai_begin() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	if ! _dazai_look; then
		! _dazai_covered || dazai_guard
	elif [ -n "$_dazai_holds" ] || _dazai_covered; then
		dazai_guard start
	elif [ -z "${_dazai_told-}" ]; then
		_dazai_told=1
		_dazai_inside
	fi
}

# Prints that a shell inside $_dazai_in does not hold the session by itself, and what does.
_dazai_inside() {
	_dazai_answer=': no daemon'
	if ! _dazai_maybe || ! _dazai_query; then
		_dazai_line=$_dazai_answer
		_dazai_failed start
		return 1
	fi
	_dazai_tethers
	printf 'dazai: inside %s, this shell does not hold the session: %s\n' \
	    "$_dazai_in" "${_dazai_held:-nobody} does; dazai_guard holds it all the same" >&2
}

_dazai_begin || :
