# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of dazaid(8) for bash(1).

_dazaid_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Offers those of the words $1, which are our own, that begin with $2.
_dazaid_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# Offers what may follow "--", which is the word before $1: a command.
_dazaid_command() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif [ "$COMP_CWORD" -gt "$1" ] || [[ $2 == */* ]]; then
		_dazaid_files "$2"
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u)
	fi
}

_dazaid() {
	local IFS=$' \t\n'
	local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			_dazaid_command $((i + 1)) "$cur"
			return
		fi
	done
	# Readline makes three words of --socket=PATH and of NAME=FILE.
	if [ "$cur" = = ]; then
		cur=
		i=$((COMP_CWORD - 1))
	elif [ "$option" = = ]; then
		i=$((COMP_CWORD - 2))
	else
		i=0
	fi
	if [ "$i" -gt 0 ]; then
		option=${COMP_WORDS[i]}
		case ${COMP_WORDS[i - 1]}:$option in
		-l:* | --load:* | =:* | *:-l*)
			option=--load-file ;;
		esac
	fi
	case $option in
	-L | -s | --load-file | --socket)
		_dazaid_files "$cur" ;;
	-m | --memory)
		_dazaid_words 'secretmem mlock' "$cur" ;;
	-u | --user)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	-[fgltz] | --first | --grace | --load | --ping-timeout | --size) ;;
	*)	_dazaid_words '-1 -a -d -f -g -h -l -L -m -s -t -u -v -V -z --arm
		    --debug --first --grace --help --load --load-file --memory --once
		    --ping-timeout --require-lock --size --socket --user --verbose
		    --version' "$cur" ;;
	esac
}

complete -F _dazaid dazaid
