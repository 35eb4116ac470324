#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# What bash, zsh and fish offer on a command line of dazaictl: asked for, and typed on
# a terminal (see pty.c) with a Tab, against a real daemon.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

completions=$top/shell/completions
shell=			# the one that a case is about

# ready: a daemon has two secrets and the default socket, and dazaictl is in PATH
ready() {
	start -a -g 0
	PATH=$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb HOME=$PWD
	export PATH DAZAI_SOCK TERM HOME
	printf other | dazaictl put ant -n 3 || fail "no second secret"
}

# ask_bash LINE, ask_fish LINE: prints what that shell offers after LINE
ask_bash() {
	# shellcheck disable=SC2016 # bash expands it
	bash --norc -c '. "$1"/dazaictl.bash
		read -ra COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_dazaictl dazaictl
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
	    bash "$completions" "$1"
}
ask_fish() {
	# shellcheck disable=SC2016 # fish expands it
	fish --no-config -c 'source $argv[1]/dazaictl.fish
		complete -C $argv[2]' "$completions" "$1" | cut -f 1
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

# What bash and fish are to offer.
offers_all() {
	offers 'dazaictl ' arm del get list panic put release run status tethers \
	    wait watch
	offers 'dazaictl p' panic put
	offers "dazaictl -s $sock g" get
	offers 'dazaictl get ' ant "$name"
	offers 'dazaictl del z' "$name"
	offers 'dazaictl get -' -f
	offers 'dazaictl panic ' hard
	offers 'dazaictl panic -' -w
	offers 'dazaictl wait p' pending put
	offers 'dazaictl run dazaict' dazaictl
	: >only.this
	offers 'dazaictl -s on' only.this
	unset DAZAI_SOCK
	offers "dazaictl -s $sock get z" "$name"
	export DAZAI_SOCK="$PWD/nobody"
	"ask_$shell" 'dazaictl get ' >offered
	[ ! -s offered ] || fail "without a daemon: $(cat offered)"
}

# prompt: writes "start", which makes the prompt of $shell "P> "; $interactive is its
# command line
prompt() {
	interactive="$shell --norc"
	case $shell in
	bash)	cat >start <<-EOF
			PS1='P> '
			bind 'set show-all-if-ambiguous on'
			. '$completions/dazaictl.bash'
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
		# What takes seconds on a machine that is busy is done here.
		zsh -f ./start >/dev/null || fail "compinit"
		;;
	fish)	interactive='fish --no-config'
		cat >start <<-EOF
			function fish_prompt; echo -n 'P> '; end
			source '$completions/dazaictl.fish'
		EOF
		# Else fish reads every man page there is, in the background.
		mkdir -p .local/share/fish/generated_completions
		unset XDG_DATA_HOME
		;;
	esac
	echo "echo rea''dy" >>start
}

# typed: $shell on a terminal does a script for pty from standard input, at its prompt
typed() {
	{
		printf '%s\n' 'send . ./start\r' 'expect ready\r' 'expect P>'
		cat
		printf '%s\n' 'key C-u' 'send exit\r' wait
	} >script
	# shellcheck disable=SC2086 # a list of words
	"$tools/pty" -t 30 $interactive <script >shown ||
	    fail "$shell on a terminal: $(cat shown)"
}

# shellcheck disable=SC2016 # to be expanded by nobody
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
			send dazaictl \t
			expect arm  
			expect del  
			expect get  
			expect list  
			expect panic  
			expect put  
			expect run  
			expect status  
			expect P>
			send get \t
			expect ant
			expect $name
			expect P>
			send -\t
			expect -f
			key C-u
			send dazaictl pan\t
			expect panic
			send h\t
			expect hard
			key C-u
			send dazaictl run dazaict\t
			expect dazaictl 
			key C-u
			send dazaictl -s on\t
			expect only.this
			key C-u
			send unset DAZAI_SOCK; dazaictl -s $sock get z\t
			expect $name
		EOF
	fi
	typed <<-EOF
		send dazaictl sta\t\r
		expect UNGUARDED
		expect P>
		send dazaictl del ze\t
		expect $name
		send \r
		expect P>
	EOF
	# Only if the whole name was there did the command find it.
	dazaictl list >left
	[ "$(cut -d ' ' -f 1 left)" = ant ] || fail "left: $(cat left)"
	stop
}

# listing: a daemon that is none, whose secrets have the names $evil and ant
listing() {
	rm -f "$sock.ctl"
	client -l "$sock.ctl" echo up accept until LIST \
	    raw "$evil 5 - -\\n\`>evil\` 5 - -\\nant 5 - -\\nOK\\n" hold
	talk - log said up
	PATH=$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb HOME=$PWD
	export PATH DAZAI_SOCK TERM HOME
}

evaluate_nothing() {
	prompt
	if [ "$shell" != zsh ]; then
		listing
		"ask_$shell" 'dazaictl get ' >offered 2>&1
		grep -qx ant offered || fail "$(cat offered)"
		[ "$shell" = fish ] || grep -qxF '\$\(\>evil\)' offered ||
		    fail "$(cat offered)"
		[ ! -e evil ] || fail "a name was evaluated: $(cat offered)"
		[ "$shell" != fish ] || return 0
	fi
	listing
	typed <<-'EOF'
		send dazaictl get \t
		expect ant
	EOF
	[ ! -e evil ] || fail "a name was evaluated: $(cat shown)"
}

completes bash
completes zsh
completes fish
