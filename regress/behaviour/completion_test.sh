#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The completions that bash, zsh and fish offer for our programs: asked for, and typed on
# a terminal (see tools/pty) with a Tab, against a real daemon.

. "$(atf_get_srcdir)/lib.sh"

completions=$top/shell/completions
shell=			# the one that a case is about

# ready: a daemon has two secrets, a tether and the default socket, and dazaictl is in PATH
ready() {
	start -a -g 0
	client "$sock.ctl" say 'HOLD session' want HOLDING echo holds hold
	PATH=$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb HOME=$PWD
	export PATH DAZAI_SOCK TERM HOME
	printf other | dazaictl put ant -n 3 || fail "no second secret"
}

# ask_bash LINE, ask_fish LINE: prints what that shell offers after LINE.  Bash's readline
# begins a word at an = or @.
ask_bash() {
	bash --norc -c 'program=${2%% *}
		. "$1/$program.bash"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS < <(sed "s/[=@]/ & /g" <<<"$2")
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) IFS=-tae:
		set -u
		"_${program//-/_}" "$program"
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
	    bash "$completions" "$1"
}
ask_fish() {
	# Fish 4 offers words with these letters anywhere in them, too.
	fish --no-config -c 'source $argv[1]/(string replace -r " .*" "" $argv[2]).fish
		complete -C $argv[2]' "$completions" "$1" | cut -f 1 |
	    typed=${1##* } awk 'index($0, ENVIRON["typed"]) == 1'
}

# offers LINE WORD...: $shell offers these words after LINE, and no others
offers() {
	local line=$1

	shift
	printf '%s\n' "$@" | sort >wanted
	"ask_$shell" "$line" >offered 2>err || fail "asking for '$line': $(cat err)"
	sort offered | diff wanted - >differ ||
	    fail "after '$line': $(cat differ)"
}

# kept TEXT WORD...: prints the words, each after TEXT for a shell other than bash, whose
# readline keeps what stands before an =
kept() {
	local text=$1

	shift
	[ "$shell" != bash ] || text=
	printf -- "$text%s\n" "$@"
}

# explained PROGRAM PATTERN: prints the words with this pattern that "PROGRAM --help" has
# at the begin of its lines
explained() {
	"$1" --help | sed -n "s/^  \(-., \|    \)\{0,1\}\($2\)\( .*\)\{0,1\}\$/\2/p" |
	    sort -u
}

# offers_all: what bash and fish are to offer
offers_all() {
	offers 'dazaictl ' $(explained dazaictl '[a-z]*')
	offers 'dazaid --' $(explained "$dazaid" '--[a-z][a-z-]*')
	offers 'dazai-hb --' $(explained "$hb" '--[a-z][a-z-]*')
	offers "dazaictl -s $sock p" panic put
	offers 'dazaictl get ' ant "$name"
	offers 'dazaictl del --a' --all
	offers 'dazaictl list --' --help --json --lines
	offers 'dazaictl panic ' hard
	offers 'dazaictl wait p' pending put
	offers 'dazaictl help re' release
	offers 'dazaictl release s' session
	offers 'dazaictl put -r z' "$name"
	offers 'dazaictl run -i z' "$name"
	for line in 'dazaictl -s ' 'dazaictl load ' 'dazaid -s ' 'dazaid -L ' \
	    'dazaid --socket ' 'dazai-hb -s ' 'dazai-hb -w ' 'dazai-logind -s '; do
		offers "${line}on" only.this
	done
	offers 'dazaictl run -e VAR=z' $(kept VAR= "$name")
	offers 'dazaictl run -f 3=' $(kept 3= ant "$name")
	offers 'dazaid -l key=on' $(kept key= only.this)
	offers 'dazai-logind --lock=' $(kept --lock= empty ignore release)
	offers 'dazaictl run -e A=ant dazaict' dazaictl
	offers 'dazaictl run -i ant -- dazaict' dazaictl
	offers 'dazaid --re' --require-lock
	offers 'dazaid -m ' mlock secretmem
	offers 'dazaid -u roo' root
	offers 'dazaid -a -- dazaict' dazaictl
	offers 'dazai-hb --wa' --wait --watch-path --watch-pid
	offers 'dazai-hb -n ' session
	offers 'dazai-hb -n session -- dazaict' dazaictl
	offers 'dazai-logind --sl' --sleep
	unset DAZAI_SOCK
	offers "dazaictl -s $sock get z" "$name"
	export DAZAI_SOCK="$PWD/nobody"
	for line in 'dazaictl get ' 'dazaictl release ' 'dazai-hb -n '; do
		"ask_$shell" "$line" >offered
		[ ! -s offered ] || fail "without a daemon: $(cat offered)"
	done
}

# prompt: writes "start", which makes the prompt of $shell "P> "; $interactive is its
# command line
prompt() {
	interactive="$shell --norc"
	case $shell in
	bash)	cat >start <<-EOF
			PS1='P> '
			bind 'set show-all-if-ambiguous on'
			for file in '$completions'/*.bash; do . "\$file"; done
		EOF
		;;
	zsh)	interactive='zsh -f'
		cat >start <<-EOF
			PS1='P> '
			setopt no_always_last_prompt
			fpath=('$completions' \$fpath)
			autoload -Uz compinit
			compinit -C -d '$PWD/dump'
		EOF
		# This takes seconds on a busy machine, so it is done before the terminal is there.
		zsh -f ./start >/dev/null || fail "compinit"
		;;
	fish)	interactive='fish --no-config'
		cat >start <<-EOF
			function fish_prompt; echo -n 'P> '; end
			for file in '$completions'/*.fish; source \$file; end
		EOF
		# Else fish reads every man page there is, in the background.
		mkdir -p .local/share/fish/generated_completions
		unset XDG_DATA_HOME
		;;
	esac
	echo "echo rea''dy" >>start
}

# typed: $shell on a terminal does a script for pty from standard input, at its prompt;
# "tab TEXT | WORD" types the text and a Tab, and expects the word
typed() {
	{
		printf '%s\n' 'send . ./start\r' 'expect ready\r' 'expect P>'
		sed 's/^tab \(.*\) | \(.*\)$/send \1\\t\
expect \2/'
		printf '%s\n' 'key C-u' 'send exit\r' wait
	} >script
	"$tools/pty" -t 30 $interactive <script >shown ||
	    fail "$shell on a terminal: $(cat shown)"
}

evil='$(>evil)'

# completes SHELL: declares the cases of that shell
completes() {
	behaviour "$1_completes" \
	    "$1 offers commands, options, names, files and programs, and a Tab completes them" \
	    require.progs "$1"
	eval "$1_completes_body() { shell=$1; complete_all; }"
	behaviour "$1_evaluates_no_name" \
	    "$1 offers the names of secrets as text, whatever a daemon says, and runs nothing" \
	    require.progs "$1"
	eval "$1_evaluates_no_name_body() { shell=$1; evaluate_nothing; }"
}

complete_all() {
	ready
	prompt
	: >only.this
	if [ "$shell" != zsh ]; then
		(offers_all) || fail "$shell"
	else
		typed <<-EOF
			tab dazaictl  | arm  
			$(explained dazaictl '[a-z]*' | sed '1d; s/.*/expect &/')
			expect P>
			send get \t
			expect ant
			expect $name
			expect P>
			tab - | -f
			key C-u
			tab dazaictl pan | panic
			tab h | hard
			key C-u
			tab dazaictl run -e VAR=z | VAR=$name 
			tab -f 3=a | 3=ant 
			tab -i z | $name 
			tab dazaict | dazaictl
			key C-u
			tab dazaictl release s | session
			key C-u
			tab dazaid -m sec | secretmem
			tab --req | --require-lock
			tab -l key=on | key=only.this
			key C-u
			tab dazai-hb -n s | session
			tab --watch-pa | --watch-path
			key C-u
			tab dazai-logind --lock=em | --lock=empty
			key C-u
			tab dazaictl -s on | only.this
			key C-u
			tab unset DAZAI_SOCK; dazaictl -s $sock get z | $name
		EOF
	fi
	typed <<-EOF
		send dazaictl sta\t\r
		expect guarded
		expect P>
		tab dazaictl del ze | $name
		send \r
		expect P>
	EOF
	# Only if the whole name was there did the command find it.
	dazaictl list >left
	[ "$(cut -d ' ' -f 1 left)" = ant ] || fail "left: $(cat left)"

	# So does a name with what a shell takes for the end of a word, and one that would be
	# code.
	dazaictl del ant
	for secret in "$evil" mail/me@example.org x:y=z; do
		printf other | dazaictl put "$secret" || fail "no secret $secret"
	done
	typed <<-EOF
		tab dazaictl del mail/me@e | example.org
		send \r
		expect P>
		tab dazaictl run -i x:y= | z 
		key C-u
		tab dazaictl del x: | y=z
		send \r
		expect P>
		tab dazaictl del  | evil
		send \r
		expect P>
	EOF
	dazaictl list >left
	[ ! -s left ] || fail "left: $(cat left)"
	[ ! -e evil ] || fail "a name was evaluated: $(cat shown)"
	stop
}

# listing: a daemon that is none, whose secrets have the names $evil and ant
listing() {
	rm -f "$sock.ctl"
	client -l "$sock.ctl" echo up accept until LIST \
	    raw "$evil 5 - -\\n\`>evil\` 5 - -\\nant 5 - -\\nOK\\n" hold
	PATH=$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb HOME=$PWD
	export PATH DAZAI_SOCK TERM HOME
}

evaluate_nothing() {
	prompt
	if [ "$shell" != zsh ]; then
		listing
		"ask_$shell" 'dazaictl get ' >offered 2>&1
		present -x ant offered
		[ "$shell" = fish ] || grep -qxF '\$\(\>evil\)' offered ||
		    fail "$(cat offered)"
		[ ! -e evil ] || fail "a name was evaluated: $(cat offered)"
		[ "$shell" != fish ] || return 0
	fi
	listing
	typed <<-'EOF'
		tab dazaictl get  | ant
	EOF
	[ ! -e evil ] || fail "a name was evaluated: $(cat shown)"
}

completes bash
completes zsh
completes fish

behaviour fish_finds_them 'dazai.fish adds the directory of the completions that are installed with it' \
    require.progs fish
fish_finds_them_body() {
	local share=$PWD/prefix/share

	PATH=$top/dazaictl:$top/dazaid:$top/dazai-hb:$PATH HOME=$PWD
	export PATH HOME
	unset XDG_DATA_DIRS XDG_DATA_HOME XDG_CONFIG_HOME DAZAI_GUARD
	mkdir -p "$share/dazai" "$share/fish/vendor_completions.d"
	cp "$top/shell/dazai.fish" "$share/dazai"
	cp "$completions"/*.fish "$share/fish/vendor_completions.d"
	for program in dazaictl dazaid dazai-hb; do
		fish -i -c 'source $argv[1]
			source $argv[1]
			complete -C "$argv[2] --ver"
			string match -- "$argv[3]*" $fish_complete_path' \
		    "$share/dazai/dazai.fish" $program "$PWD/prefix" >out 2>err </dev/null
		grep -q '^--version' out || fail "$program: $(cat out err)"
		[ "$(grep -cF "$share/fish/vendor_completions.d" out)" -eq 1 ] ||
		    fail "$program: $(cat out err)"
	done
}
