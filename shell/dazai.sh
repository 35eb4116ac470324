# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# dazai.sh: ties the secrets of dazaid(8) to this shell.  Source it from the rc
# file of bash, zsh, ksh or mksh; for dash, from the file that $ENV names:
#
#	. /usr/local/share/dazai/dazai.sh
#
# An interactive shell then starts a dazai-hb(1), which watches the shell by its
# pid.  However the shell ends, the heartbeat ends, and the daemon wipes its
# secrets.  If the shell cannot be guarded, one line says so.  To source this file
# again does nothing if the session is guarded, and tries again if it is not.
# dazai-shell(7) has the details.
#
#	dazai_status	say what guards this session; succeeds if it is guarded
#	dazai_guard	guard this session, if it is not guarded
#	DAZAI_HB	the dazai-hb to start: a path, or a name in PATH
#	DAZAI_VERBOSE	if not empty, report success, too
#	DAZAI_GUARD	set and exported here: the pid of the guarded process, and
#			that of its dazai-hb.  A child shell learns from it that its
#			parent is guarded; a shell that was started with exec has
#			the guarded pid itself.
#	DAZAI_GUARD_AT	set and exported here: the variables that said where the
#			daemon is.  If they have changed, the guard belongs to
#			another daemon.

case $- in
*i*)	;;
*)	return 0 ;;
esac

# Succeeds if the dazai-hb of DAZAI_GUARD lives and holds the heartbeat of this
# daemon.  Checks the name, because another process may have got the pid, and the
# state, because a zombie keeps its name.  Sets _dazai_hb to its pid.
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

# Ends the shell's own dazai-hb, which would notice the end of the shell anyway.
# zsh runs its hooks also when a subshell exits, and there $$ is the pid of the
# shell; /proc/self is the process that really runs.
_dazai_exit() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	{ IFS='' read -r _dazai_line </proc/self/stat; } 2>/dev/null || return 0
	if [ "${_dazai_line%% *}" = "$$" ] && _dazai_alive &&
	    [ "$DAZAI_GUARD" = "$$ $_dazai_hb" ]; then
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

# Guards this session, if it is not guarded.  Fails if that is not possible.
dazai_guard() {
	[ -z "${ZSH_VERSION-}" ] || emulate -L sh
	_dazai_alive || _dazai_ask || return 1
	[ "${DAZAI_GUARD%% *}" != "$$" ] || _dazai_hook
}

# Prints in one line what guards this session.  Fails if nothing does.
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
