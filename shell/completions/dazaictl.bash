# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Completion of dazaictl(8) for bash(1).
#
# Readline replaces only what follows the last of COMP_WORDBREAKS, such as =, in the word
# at the cursor; an @ is replaced as well.  So $cur is the word up to the cursor as it is
# typed, and $kept is the part of it that stays.

# Sets words to those of the line up to the cursor, as typed, and cur and kept.
_dazaictl_line() {
	local line=${COMP_LINE:0:COMP_POINT} last=${COMP_WORDS[COMP_CWORD]}

	read -ra words <<<"$line"
	[[ $line != *[[:blank:]] ]] || words+=('')
	cur=${words[${#words[@]} - 1]}
	[[ $last != [=:\<\>\&\|\;] ]] || last=
	[[ $cur != *@"$last" ]] || last=@$last
	kept=
	[[ $cur != *"$last" ]] || kept=${cur%"$last"}
}

# Offers those of the words $1, which are our own, that go on with what is typed.
_dazaictl_words() {
	local word

	for word in $1; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("${word#"$kept"}")
	done
}

# Offers files that go on with $1.
_dazaictl_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Offers the first words of what "dazaictl $1" prints, which are names of secrets or
# tethers, each with $2, if any, before it.  Somebody else may have chosen a name, so
# nothing here expands it (compgen -W would), and it is quoted for the command line.
_dazaictl_names() {
	local name before=${2-}

	while read -r name _; do
		[[ $before$name == "$cur"* ]] || continue
		printf -v name %q "$name"
		name=$before$name
		COMPREPLY+=("${name#"$kept"}")
	done < <(dazaictl ${sock:+-s "${sock/#\~\//$HOME/}"} "$1" 2>/dev/null)
}

# Offers a program, or what the program wants, whose name is word $1.
_dazaictl_program() {
	local i=0 word joined

	if [ "${#words[@]}" -gt $(($1 + 1)) ]; then
		# bash-completion, if it is there, knows what that is.
		if ! declare -F _command_offset >/dev/null; then
			_dazaictl_files "${cur#"$kept"}"
			return
		fi
		# It counts in COMP_WORDS, where A=b is three words.
		for word in "${words[@]:0:$1}"; do
			joined=
			while [ "$joined" != "$word" ] && [ "$i" -lt "$COMP_CWORD" ]; do
				joined+=${COMP_WORDS[i++]}
			done
		done
		_command_offset "$i"
	elif [[ $cur == */* ]]; then
		_dazaictl_files "$cur"
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	fi
}

# Offers what may follow "run", which is the word before $1.
_dazaictl_run() {
	local i=$1 last=$((${#words[@]} - 1))

	while [ "$i" -lt "$last" ]; do
		case ${words[i]} in
		-[efi])	i=$((i + 2)) ;;
		--)	i=$((i + 1))
			break ;;
		-*)	i=$((i + 1)) ;;
		*)	break ;;
		esac
	done
	if [ "$i" -le "$last" ]; then
		case $i:$cur in
		"$last":-[ef]*=*)
			_dazaictl_names list "${cur%%=*}=" ;;
		"$last":-*)
			_dazaictl_words '-e -f -h -i --help' ;;
		*)	_dazaictl_program "$i" ;;
		esac
		return
	fi
	case ${words[last - 1]}:$cur in
	-i:*)	_dazaictl_names list ;;
	-[ef]:*=*)
		_dazaictl_names list "${cur%%=*}=" ;;
	esac
}

# Offers arguments of the command $1; the word before is $2.
_dazaictl_arguments() {
	case $1:$2:$cur in
	put:-[nt]:* | panic:-w:[0-9]*) ;;
	status:*:-* | list:*:-* | tethers:*:-* | why:*:-*)
		_dazaictl_words '-h -l --help --json --lines' ;;
	watch:*:-*)
		_dazaictl_words '-h --help --json' ;;
	panic:*:-*)
		_dazaictl_words '-h -w --help' ;;
	panic:*)
		_dazaictl_words hard ;;
	put:*:-*)
		_dazaictl_words '-1 -h -n -r -t --help' ;;
	put:-r:*)
		_dazaictl_names list ;;
	get:*:-*)
		_dazaictl_words '-f -h --help' ;;
	del:*:-*)
		_dazaictl_words '-h --all --help' ;;
	get:* | del:*)
		_dazaictl_names list ;;
	load:*:-*)
		_dazaictl_words '-1 -h -r --help' ;;
	load:*)	_dazaictl_files "$cur" ;;
	*:*:-*)	_dazaictl_words '-h --help' ;;
	release:release:*)
		_dazaictl_names tethers ;;
	wait:wait:*)
		_dazaictl_words 'guarded lost released pending cancelled armed
		    put got gone bye' ;;
	help:help:*)
		_dazaictl_words "$commands" ;;
	esac
}

_dazaictl() {
	local commands='status arm panic put get del list load run tethers release
	    watch wait why help'
	local IFS=$' \t\n' cur kept command='' sock='' i=1 last
	local -a words

	COMPREPLY=()
	_dazaictl_line
	last=$((${#words[@]} - 1))
	while [ "$i" -lt "$last" ] && [ -z "$command" ]; do
		case ${words[i]} in
		-s | --socket)
			i=$((i + 1))
			sock=${words[i]} ;;
		--socket=*)
			sock=${words[i]#*=} ;;
		-s*)	sock=${words[i]#-s} ;;
		-*)	;;
		*)	command=${words[i]} ;;
		esac
		i=$((i + 1))
	done
	case $command:${words[last - 1]}:$cur in
	:-s:* | :--socket:*)
		_dazaictl_files "$cur" ;;
	:*:--socket=*)
		_dazaictl_files "${cur#*=}" ;;
	:*:-*)	_dazaictl_words '-h -s -V --help --socket --version' ;;
	:*)	_dazaictl_words "$commands" ;;
	run:*)	_dazaictl_run "$i" ;;
	*)	_dazaictl_arguments "$command" "${words[last - 1]}" ;;
	esac
}

complete -F _dazaictl dazaictl
