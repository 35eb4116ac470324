#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A network process that was taken over, in front of the vault that is shipped:
# regress/proof/hostile/attack tells it what to do.  The vault must panic or refuse at
# once, and show a secret to nobody who may not see it.
#
# With DAZAI_SIEGE in the environment, as make hostile sets it, there are more cases,
# which take minutes, and root runs every attack as an ordinary user as well.

. "$(atf_get_srcdir)/lib.sh"

hostile=$top/regress/proof/hostile
siege=${DAZAI_SIEGE:-}

# attack NAME [PROCESSES]: runs this attack
attack() {
	printf '%s' "$secret" >secret
	# It is larger than a client's buffers: a GET of it takes as long as the client likes.
	yes "$secret" | tr -d '\n' | head -c 660000 >large
	"$hostile/attack" "$@" || fail "as $(id -un)"
	[ -n "$siege" ] && [ "$(id -u)" -eq 0 ] || return 0
	public
	cp "$hostile/attack" "$hostile/dazaid" secret large "$dir"
	chmod 777 "$dir"
	chmod 755 "$dir/attack" "$dir/dazaid"
	chmod 666 "$dir/secret" "$dir/large"
	(cd "$dir" && as_other ./attack "$@") || fail "as an ordinary user"
}

# attacks ATTACK PROCESSES NAME TEXT: declares the case that runs it
attacks() {
	local attack=$1 processes=$2 case=$3 text=$4

	shift 4
	behaviour "$case" "$text" timeout 1800 "$@"
	eval "${case}_body() { attack $attack $processes; }"
}

attacks losses 5 no_loss_can_be_hidden \
    'network can neither hide the loss of the heartbeat or of a tether, nor invent a return'
attacks life 2 no_heartbeat_can_be_faked \
    'a heartbeat that has hung up gets nothing, and network cannot be one itself'
attacks tethers 4 no_tether_can_be_faked \
    'network can neither cancel nor release in the name of a holder'
attacks front 1 no_command_can_be_abandoned \
    'network cannot end the watch of the process in front in the name of a client'
attacks descriptors 2 descriptors_are_checked \
    'no descriptor that network sends makes the vault serve a client that may not ask'
attacks slow 1 slow_descriptors_do_not_block \
    'no descriptor that network sends makes the vault wait'
attacks floods 4 floods_do_not_block \
    'a network process that floods, stalls or never reads does not hold the vault up'

shipped behaviour system_calls_are_listed \
    'a system call that is not listed for the process kills it by SIGSYS' timeout 900
system_calls_are_listed_body() {
	if [ "$(id -u)" -ne 0 ]; then
		"$hostile/calls" || fail "as $(id -un)"
		return 0
	fi
	"$hostile/calls" 60706 || fail "as root"
	[ -n "$siege" ] || return 0
	public
	cp "$hostile/calls" "$dir"
	chmod 755 "$dir/calls"
	(cd "$dir" && as_other ./calls) || fail "as an ordinary user"
}

[ -n "$siege" ] || return 0

shipped attacks messages 3 impossible_messages_in_every_state \
    'a message that network may never send is a panic, whatever the vault is doing'
shipped attacks ends 2 every_end_of_network_is_a_panic \
    'network exits with any status, or shuts down its socket: the vault panics'
shipped attacks calls 2 every_system_call_of_network \
    'network makes every system call: what is not listed kills it, and the vault panics'
