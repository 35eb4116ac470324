#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# What bash, zsh and fish offer on a command line of dazaictl: asked for, and typed on
# a terminal (see pty.c) with a Tab, against a real daemon.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

completions=$top/shell/completions

# ready: a daemon, its socket the default one; dazaictl in PATH
ready() {
	# shellcheck disable=SC2119 # no options
	start
	PATH=$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb HOME=$PWD
	export PATH DAZAI_SOCK TERM HOME
	printf other | dazaictl put ant -n 3 || fail "no second secret"
}

# offers LINE WORD...: asked by "ask", a function, for what may follow LINE, the shell
# offers these words and no others
offers() {
	local line=$1

	shift
	printf '%s\n' "$@" | sort >wanted
	ask "$line" >offered 2>err || fail "asking for '$line': $(cat err)"
	cut -f 1 offered | sort | diff wanted - >differ ||
	    fail "after '$line': $(cat differ)"
}

# What each shell is to offer.
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
	ask 'dazaictl get ' >offered
	[ ! -s offered ] || fail "without a daemon: $(cat offered)"
	over
}

# The daemon is told to end, as it would be by a user.
over() {
	kill "$vault"
	ends 0
}

# typed COMMAND...: in that interactive shell, whose prompt is "P> " once "start" is
# run, a Tab completes a command and the name of a secret
typed() {
	"$tools/pty" -t 30 "$@" >shown <<-EOF || fail "$1 on a terminal: $(cat shown)"
		send . ./start\r
		expect ready\r
		expect P>
		send dazaictl sta\t\r
		expect UNGUARDED
		expect P>
		send dazaictl del ze\t
		expect $name
		send \r
		expect P>
		send exit\r
		wait
	EOF
	# Only if the whole name was there did the command find it.
	dazaictl list >left
	[ "$(cut -d ' ' -f 1 left)" = ant ] || fail "left: $(cat left)"
	over
}

behaviour bash_offers 'bash offers commands, options, names of secrets, files and programs' \
    require.progs bash
bash_offers_body() {
	ask() {
		# shellcheck disable=SC2016 # bash expands it
		bash --norc -c '. "$1"/dazaictl.bash
			read -ra COMP_WORDS <<<"$2"
			[[ $2 != *" " ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			_dazaictl dazaictl
			((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' \
		    bash "$completions" "$1"
	}
	ready
	offers_all
}

behaviour bash_types 'a Tab in bash completes them' require.progs bash
bash_types_body() {
	ready
	cat >start <<-EOF
		PS1='P> '
		. '$completions/dazaictl.bash'
		echo rea''dy
	EOF
	typed bash --norc
}

# zsh_start: "start" for zsh; what takes seconds on a machine that is busy is done here
zsh_start() {
	cat >start <<-EOF
		PS1='P> '
		setopt no_always_last_prompt
		fpath=('$completions' \$fpath)
		autoload -Uz compinit
		compinit -C -d '$PWD/dump'
		echo rea''dy
	EOF
	zsh -f ./start >/dev/null || fail "compinit"
}

behaviour zsh_types 'a Tab in zsh completes them' require.progs zsh
zsh_types_body() {
	ready
	zsh_start
	typed zsh -f
}

behaviour zsh_offers 'zsh offers commands, options, names of secrets, files and programs' \
    require.progs zsh
zsh_offers_body() {
	ready
	zsh_start
	: >only.this
	"$tools/pty" -t 30 zsh -f >shown <<-EOF || fail "zsh on a terminal: $(cat shown)"
		send . ./start\r
		expect ready\r
		expect P>
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
		key C-u
		send exit\r
		wait
	EOF
	over
}

behaviour fish_offers 'fish offers commands, options, names of secrets, files and programs' \
    require.progs fish
fish_offers_body() {
	ask() {
		# shellcheck disable=SC2016 # fish expands it
		fish --no-config -c 'source $argv[1]/dazaictl.fish
			complete -C $argv[2]' "$completions" "$1"
	}
	ready
	offers_all
}

behaviour fish_types 'a Tab in fish completes them' require.progs fish
fish_types_body() {
	ready
	# Else fish reads every man page there is, in the background.
	mkdir -p .local/share/fish/generated_completions
	unset XDG_DATA_HOME
	cat >start <<-EOF
		function fish_prompt; echo -n 'P> '; end
		source '$completions/dazaictl.fish'
		echo rea''dy
	EOF
	typed fish --no-config
}
