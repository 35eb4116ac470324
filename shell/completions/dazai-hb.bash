# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of dazai-hb(1) for bash(1).

_dazai_hb_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Offers the names of the daemon's tethers that begin with $1, as text.
_dazai_hb_tethers() {
	local name

	while read -r name _; do
		[[ $name != "$1"* ]] || COMPREPLY+=("$(printf %q "$name")")
	done < <(dazaictl tethers 2>/dev/null)
}

# Offers what may follow "--", which is the word before $1: a command.
_dazai_hb_command() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif [ "$COMP_CWORD" -gt "$1" ] || [[ $2 == */* ]]; then
		_dazai_hb_files "$2"
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u)
	fi
}

_dazai_hb() {
	local IFS=$' \t\n'
	local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			_dazai_hb_command $((i + 1)) "$cur"
			return
		fi
	done
	# Readline makes three words of --socket=PATH.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$option" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $option in
	-s | -w | --socket | --watch-path)
		_dazai_hb_files "$cur" ;;
	-n | --tether)
		_dazai_hb_tethers "$cur" ;;
	-p | --watch-pid)
		mapfile -t COMPREPLY < <(compgen -W "$(ps -o pid= 2>/dev/null)" -- "$cur") ;;
	-[iW] | --interval | --wait) ;;
	*)	mapfile -t COMPREPLY < <(compgen -W '-b -h -i -n -p -q -s -v -V -w -W
		    --background --help --interval --quiet --socket --tether --verbose
		    --version --wait --watch-path --watch-pid' -- "$cur") ;;
	esac
}

complete -F _dazai_hb dazai-hb
