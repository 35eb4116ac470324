#!/bin/sh
# SPDX-License-Identifier: ISC
# Has spin(1) check each property of two models, dazai.pml and tethers.pml, in every order
# of events, and then that each property is broken by a change of the model that must break
# it.  Prints a line for each and a count; exits 1 if one is not as it must be.  Takes some
# six minutes.
set -u
cd "$(dirname "$0")" || exit 1

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
count=0
bad=0

# The table of dazaid/imsg.c, as macros: WHEN_HELLO and so on, in the words of imsg.h.
table() {
	sed -n 's/^#define \(IMSG_[A-Z_]*\)[ 	]*0x0\([1248]\) .*/#define \1 \2/p' \
	    ../../../dazaid/imsg.h
	sed -n '/^#define \(ANY\|CTL\)[ 	]/p' ../../../dazaid/imsg.c
	tr '\n\t}' '  \n' <../../../dazaid/imsg.c | sed -n \
	    's/.*\[IMSG_\([A-Z_]*\)\] = *{.*, \([A-Z_| ]*\) $/#define WHEN_\1 (\2)/p'
}

# What of panic.pml and the models is not asked for: an option is 0, and what property N
# needs alone is hidden.
flags() {
	for name in ARMED ARMS DIES FRONT GETS HARD_SIGNAL HOSTILE MISSES ORDERS PROMPT RELEASES \
	    SIGNALS STOPS STRANGER THIRD TIMEOUT UNGUARDED \
	    $(grep -oh 'WRONG_[A-Z_]*' dazai.pml vault.pml tethers.pml panic.pml | sort -u); do
		printf '#ifndef %s\n#define %s 0\n#endif\n' "$name" "$name"
	done
	printf '#ifndef LINES\n#define LINES 2\n#endif\n'
	for n in 1 2 3 5 6 7 10; do
		printf '#ifndef OF_%s\n#define OF_%s hidden\n#endif\n' "$n" "$n"
	done
}

# check holds|breaks NUMBER safety|fair TEXT OPTION...: requires this of property NUMBER of
# $model; the output of pan(1) is in "out"
check() {
	must=$1
	number=$2
	mode=$3
	text=$4
	shift 4
	cflags=-DSAFETY
	search=
	broken="assertion violated (($number!=$number)||"
	if [ "$mode" = fair ]; then
		cflags=-DNFAIR=3
		search='-a -f'
		broken='acceptance cycle'
	fi
	[ "$must" = holds ] && optimize=-O2 || optimize=-O0
	rm -f "$dir/$model.trail"
	# shellcheck disable=SC2086 # lists of options
	(
		cd "$dir" && spin -a "-DP=$number" "-DOF_$number=" "$@" "$model" &&
		    cc -w "$optimize" -DMEMLIM=3500 $cflags -o pan pan.c &&
		    ./pan -m10000 -w22 $search
	) >"$dir/out" 2>&1
	is=unclear
	if grep -q 'errors: 0$' "$dir/out"; then
		grep -q 'not completed\|too small' "$dir/out" || is=holds
	elif grep -F "$broken" "$dir/out" | grep -q '^pan:1:'; then
		is=breaks
	fi
	if [ "$is" = "$must" ]; then
		echo "$number $text: $is"
		count=$((count + 1))
		return
	fi
	echo "$number $text ($*): NOT AS IT MUST BE, it $is"
	bad=$((bad + 1))
	grep -v '^$\|unreached' "$dir/out" | tail -n 20
	[ ! -f "$dir/$model.trail" ] || (
		cd "$dir" && spin "-DP=$number" "-DOF_$number=" "$@" -t -p -g "$model" | tail -n 100
	)
}

property() {
	check holds "$@"
}

# This change must break the property.
wrong() {
	check breaks "$@"
}

cp ./*.pml "$dir" || exit 1
{
	table
	flags
} >"$dir/flags.h"
sed -n '/^enum imsg_type {/,/^}/s/^	IMSG_\([A-Z_]*\)[ ,].*/\1/p' ../../../dazaid/imsg.h |
    sort >"$dir/code"
sed -n '/^mtype = {/,/^}/p' dazai.pml | tr -cs 'A-Z_' '\n' | grep . | sort >"$dir/model"
if ! [ -s "$dir/code" ] || ! diff "$dir/code" "$dir/model"; then
	echo "model: its messages are not those of dazaid/imsg.h" >&2
	exit 1
fi

loss='-DSTOPS -DSIGNALS=1 -DTIMEOUT -DLINES=1'
quit='-DPROMPT -DTIMEOUT -DLINES=3'
gets='-DGETS=1 -DSIGNALS=1 -DTIMEOUT -DLINES=1'
again='-DSIGNALS=2 -DTIMEOUT -DARMS -DLINES=1'
trio='-DTHIRD -DSTRANGER -DSIGNALS=1 -DARMED -DLINES=1'
pongs='-DSIGNALS=1 -DTIMEOUT'
once='-DHARD_SIGNAL -DSIGNALS=1'
front='-DFRONT -DSIGNALS=1'

# Lists of options:
# shellcheck disable=SC2086
{
	echo 'The heartbeat, network and vault:'
	model=dazai.pml
	property 1 fair 'a lost heartbeat leads to the wipe, unless an entitled client cancels in time' $loss
	property 1 fair 'the same, whatever a hostile network sends' -DHOSTILE
	property 2 safety 'QUIT, then close at once, never ends as a panic' $quit
	property 3 safety 'no secret is handed out between trigger and cancel' $gets
	property 4 safety 'a second trigger never moves the deadline later' $again
	property 5 safety 'a client that was refused or said no HELLO cancels nothing, a return no order' $trio
	property 5 safety 'the same, with any lines of two clients in any order' -DSIGNALS=1 -DARMED
	property 6 fair 'the death of network is a hard panic' -DDIES -DLINES=1
	property 7 safety 'WELCOME, PONG, CANCELLED and BYE come after what they report' $pongs
	property 8 safety 'the panic is executed once' $once
	property 9 safety 'no deadlock, no client waits for ever, no hangup is unseen' $pongs
	property 10 safety 'the end of a command stops the vault until it has a heartbeat, and never again' $front

	wrong 1 fair 'the kernel'\''s word alone does not count' -DSTOPS -DLINES=1 \
	    -DWRONG_NO_BACKSTOP
	wrong 1 safety 'a cancel at the deadline' -DSIGNALS=1 -DLINES=2 -DWRONG_LATE_CANCEL
	wrong 1 fair 'a dead heartbeat cancels' -DHOSTILE -DWRONG_DEAD_CANCELS
	wrong 1 fair 'messages are read without end' -DHOSTILE -DWRONG_ENDLESS_READ
	wrong 2 safety 'the vault acts on a hangup at once' $quit -DWRONG_ACTS_AT_ONCE
	wrong 2 safety 'network takes a line before the vault is told' $quit -DWRONG_TAKES_FIRST
	wrong 2 safety 'QUIT is lost when the hangup is seen first' $quit \
	    -DWRONG_DROP_FORGETS_QUIT
	wrong 2 safety 'the table allows no QUIT after a drop' $quit -DWRONG_TABLE
	wrong 3 safety 'a hangup alone does not stop a GET' $gets -DWRONG_GIVES_HUNG_UP
	wrong 3 safety 'a trigger does not cut a GET' $gets -DWRONG_GETS_GO_ON
	wrong 3 safety 'a GET does not check the clock' $gets -DWRONG_GET_UNTICKED
	wrong 4 safety 'a second trigger moves the deadline' $again -DWRONG_SECOND_MOVES
	wrong 5 safety 'a bare connection cancels' $trio -DWRONG_BARE_CANCELS
	wrong 5 safety 'a refused client cancels' $trio -DWRONG_REFUSED_CANCELS
	wrong 5 safety 'a return undoes an order' -DSIGNALS=1 -DARMED -DLINES=1 \
	    -DWRONG_RETURN_UNDOES
	wrong 6 fair 'the death of network has a grace' -DDIES -DLINES=1 \
	    -DWRONG_GRACEFUL_DEATH
	wrong 7 safety 'network says PONG by itself' $pongs -DWRONG_EARLY_PONG
	wrong 7 safety 'a PING that came too late reads PONG' $pongs -DWRONG_PONG_ANYHOW
	wrong 8 safety '"over" is set late' $once -DWRONG_LATE_OVER
	wrong 9 safety 'network is not told of a drop' $pongs -DWRONG_SILENT_DROP
	wrong 10 safety 'the end of a command is not seen' $front -DWRONG_FRONT_IGNORED
	wrong 10 safety 'a heartbeat does not end the watch of its command' $front \
	    -DWRONG_FRONT_STAYS
	wrong 10 safety 'any heartbeat ends the watch of the command' $front -DWRONG_ANY_GUARDS

	echo 'Two tethers with two holders each:'
	model=tethers.pml
	property 1 safety 'a tether whose last holder is lost leads to the wipe, unless it is held again' \
	    -DSTOPS
	property 1 safety 'the same, whatever a hostile network sends' -DARMED -DHOSTILE
	property 2 safety 'the loss of one holder is none of the tether while another lives' \
	    -DARMED -DMISSES=1
	property 3 safety 'no secret is handed out while a tether is lost or a panic pending' \
	    -DARMED -DGETS=1 -DORDERS=1
	property 4 safety 'a second loss or an order never moves the deadline later' \
	    -DARMED -DORDERS=1
	property 5 safety 'a panic ends when new connections hold all that was lost, an order by CANCEL alone' \
	    -DARMED -DORDERS=1
	property 5 safety 'the same, whatever a hostile network sends' -DARMED -DHOSTILE -DMISSES=1
	property 6 safety 'a lost tether cannot be released' -DARMED -DRELEASES=1
	property 7 safety 'a secret that nobody guards does not stay' -DUNGUARDED -DRELEASES=1
	property 8 safety 'network and vault agree who holds, no hangup is unseen' -DMISSES=1

	wrong 1 safety 'the kernel'\''s word alone does not count' -DSTOPS -DARMED \
	    -DWRONG_NO_KERNEL
	wrong 2 safety 'one holder'\''s loss is the tether'\''s' -DARMED -DWRONG_ONE_IS_ALL
	wrong 3 safety 'any tether that holds is enough for a GET' -DARMED -DGETS=1 \
	    -DWRONG_ANY_TETHER_GIVES
	wrong 4 safety 'a second loss moves the deadline' -DARMED -DWRONG_SECOND_MOVES
	wrong 5 safety 'one tether that is back cancels, though another is lost' -DARMED \
	    -DWRONG_ONE_RETURN_ENDS
	wrong 5 safety 'a return undoes an order' -DARMED -DORDERS=1 -DWRONG_RETURN_UNDOES
	wrong 5 safety 'a connection that hung up is a return' -DARMED -DHOSTILE \
	    -DWRONG_DEAD_RETURNS
	wrong 5 safety 'an old connection is a return' -DARMED -DHOSTILE -DMISSES=1 \
	    -DWRONG_OLD_RETURNS
	wrong 5 safety 'CANCEL is accepted while a tether is lost' -DARMED \
	    -DWRONG_CANCEL_WHILE_LOST
	wrong 5 safety 'RELEASE ends a panic' -DARMED -DORDERS=1 -DRELEASES=1 \
	    -DWRONG_RELEASE_ENDS
	wrong 6 safety 'RELEASE of a lost tether is accepted' -DARMED -DRELEASES=1 \
	    -DWRONG_RELEASES_LOST
	wrong 6 safety 'RELEASE comes before a hangup is seen' -DARMED -DRELEASES=1 \
	    -DWRONG_RELEASE_UNSEEN
	wrong 7 safety 'after RELEASE of the last tether no deadline runs' -DUNGUARDED \
	    -DRELEASES=1 -DWRONG_RELEASED_FOR_GOOD
	wrong 8 safety 'a holder that is given up stays connected' -DMISSES=1 \
	    -DWRONG_SILENT_DROP
}

echo "model: $count properties hold and mutations break them, $bad are not as they must be"
[ $bad -eq 0 ]
