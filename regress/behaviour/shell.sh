# SPDX-License-Identifier: ISC
# What the tests of dazai.sh and dazai.fish share: each shell is a real one, on a terminal
# of its own (see tools/pty), with the real dazaid and dazai-hb.

bourne='bash zsh ksh mksh dash'
shells="$bourne fish"

# setup SHELL [OTHER...]: it is $sh; rc files for it, for the others, and for what reads
# $ENV, since one may exec another.  They run ./before, then the integration, then ./after.
setup() {
	sh=$1
	status='$?' file=$top/shell/dazai.sh
	[ "$sh" != fish ] || status='$status' file=$top/shell/dazai.fish
	# The prompt tells shells apart: ksh shows its own twice.
	cat >rc <<-EOF
		LEVEL=\$((\${LEVEL:-0} + 1)) PS1="P\$LEVEL> "
		export LEVEL
		. '$PWD/before'
		. '$top/shell/dazai.sh'
		. '$PWD/after'
	EOF
	for shell; do
		case $shell in
		bash)	ln -s rc .bashrc ;;
		zsh)	ln -s rc .zshrc ;;
		fish)	setup_fish ;;
		esac
	done
	: >before
	: >after
	: >starts
	# Tells how often it was started.
	cat >counted <<-EOF
		#!/bin/sh
		echo "\$*" >>'$PWD/starts'
		exec '$hb' "\$@"
	EOF
	chmod +x counted
	unset LEVEL DAZAI_GUARD DAZAI_GUARD_AT DAZAI_HB DAZAI_CTL DAZAI_VERBOSE
	unset DAZAI_TETHER DAZAI_QUIET TMUX STY ZELLIJ XDG_DATA_HOME
	PATH=$top/dazaid:$top/dazai-hb:$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb
	ENV=$PWD/rc HOME=$PWD ZDOTDIR=$PWD XDG_CONFIG_HOME=$PWD
	export PATH DAZAI_SOCK TERM ENV HOME ZDOTDIR XDG_CONFIG_HOME
}

setup_fish() {
	# Else fish reads every man page there is at its first start, in the background.
	mkdir -p fish .local/share/fish/generated_completions
	cat >fish/config.fish <<-EOF
		set -gx LEVEL (math 0\$LEVEL + 1)
		function fish_prompt; echo -n "P\$LEVEL> "; end
		function fish_greeting; end
		source '$PWD/before'
		source '$top/shell/dazai.fish'
	EOF
}

command_line() {
	case $1 in
	bash)	echo "bash --rcfile $PWD/rc" ;;
	*)	echo "$1" ;;
	esac
}

# drive [VARIABLE=VALUE ...]: the shell on a terminal does the script on standard input;
# what pty says goes to ./out
drive() {
	expand >script
	env "$@" "$tools/pty" $(command_line "$sh") <script >out 2>err ||
	    fail "$sh on a terminal: $(cat err)"
}

# visit [VARIABLE=VALUE ...]: as drive, from the first prompt to "exit 7", with all that
# the terminal showed
visit() {
	{
		echo 'expect P1>'
		cat
		printf '%s\n' 'send exit 7\n' wait show
	} >visit
	drive "$@" <visit
	said 'exit 7'
}

# said LINE: pty did; shown N: the integration has spoken so often
said() {
	present -x "$1" out
}

shown() {
	[ "$(grep -c 'dazai: ' out)" -eq "$1" ] || fail "not $1 times: $(cat out)"
}

started_once() {
	[ "$(wc -l <starts)" -eq 1 ] || fail "not started once: $(cat starts)"
}

# The daemon saw the session's end, and rehearsed what it had to do.
wiped() {
	rehearsed "${1:-tether session lost}"
}

# in_each NAME TEXT [SHELL...]: declares the case NAME for each of these shells, or all
in_each() {
	local case=$1 text=$2 shell

	shift 2
	[ $# -gt 0 ] || set -- $shells
	for shell; do
		behaviour "${shell}_$case" "$shell: $text" require.progs "$shell"
		eval "${shell}_${case}_body() { setup $shell; $case; }"
	done
}

# holders N: a command that succeeds if so many hold the session
holders() {
	echo "dazaictl tethers | grep -q '^session $1 held'"
}
