# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of dazai-logind(1) for bash(1).

_dazai_logind() {
	local IFS=$' \t\n'
	local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
	local words='-h -n -q -s -S -v -V -W --help --lock --quiet --session --sleep
	    --socket --tether --verbose --version --wait'

	# Readline makes three words of --sleep=panic.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$option" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $option in
	-s | --socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	--lock)	words='release empty ignore' ;;
	--sleep)
		words='panic ignore' ;;
	-[nSW] | --tether | --session | --wait)
		words= ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _dazai_logind dazai-logind
