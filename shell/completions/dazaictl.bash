# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of dazaictl(8) for bash(1).

# Offers those of the words $1, which are our own, that begin with $2.
_dazaictl_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_dazaictl_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Offers the first words of what "dazaictl $1" prints: names of secrets or tethers.  $2
# is the socket, as typed, if there was -s, and $3 what is typed of the name.  A name is
# text that somebody else has chosen: nothing here expands it (compgen -W would), and it
# is quoted for the command line.  Readline replaces only what follows the last of
# COMP_WORDBREAKS, such as an @.
_dazaictl_names() {
	local sock=${2/#\~\//$HOME/} cur=$3 typed name

	[[ $cur != [@:\<\>\&\|\;] ]] || cur=
	typed=${COMP_LINE:0:COMP_POINT}
	typed=${typed##*[[:blank:]]}
	[[ $typed == *"$cur" ]] || typed=$cur
	while read -r name _; do
		[[ $name == "$typed"* ]] || continue
		printf -v name %q "$name"
		COMPREPLY+=("${name#"${typed%"$cur"}"}")
	done < <(dazaictl ${sock:+-s "$sock"} "$1" 2>/dev/null)
}

# Offers what may follow "run": a program, and then what that wants.
_dazaictl_run() {
	local at=$1 cur=$2

	if [ "$COMP_CWORD" -gt "$at" ]; then
		# bash-completion, if it is there, knows what that is.
		if declare -F _command_offset >/dev/null; then
			_command_offset "$at"
		else
			_dazaictl_files "$cur"
		fi
	elif [[ $cur == */* ]]; then
		_dazaictl_files "$cur"
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	fi
}

_dazaictl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' sock='' i=1

	COMPREPLY=()
	# Readline makes three words of --socket=PATH.
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	if [ "$cur" = = ]; then
		cur=
	fi
	while [ "$i" -lt "$COMP_CWORD" ] && [ -z "$command" ]; do
		case ${COMP_WORDS[i]} in
		-s | --socket)
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			i=$((i + 1))
			sock=${COMP_WORDS[i]-}
			;;
		-s*)	sock=${COMP_WORDS[i]#-s} ;;
		-*)	;;
		*)	command=${COMP_WORDS[i]} ;;
		esac
		i=$((i + 1))
	done

	case $command:$prev:$cur in
	:-s:* | :--socket:*)
		_dazaictl_files "$cur" ;;
	:*:-*)	_dazaictl_words '-h -s -V --help --socket --version' "$cur" ;;
	:*)	_dazaictl_words 'status arm panic put get del list run
		    tethers release watch wait' "$cur" ;;
	status:*)
		_dazaictl_words -l "$cur" ;;
	panic:*:-*)
		_dazaictl_words -w "$cur" ;;
	panic:*)
		_dazaictl_words hard "$cur" ;;
	put:-[nt]:*) ;;
	put:*)	_dazaictl_words '-n -t' "$cur" ;;
	get:*:-*)
		_dazaictl_words -f "$cur" ;;
	get:* | del:*)
		_dazaictl_names list "$sock" "$cur" ;;
	release:release:*)
		_dazaictl_names tethers "$sock" "$cur" ;;
	wait:wait:*)
		_dazaictl_words 'guarded lost released pending cancelled armed
		    put got gone bye' "$cur" ;;
	run:*)	_dazaictl_run "$i" "$cur" ;;
	esac
}

complete -F _dazaictl dazaictl
