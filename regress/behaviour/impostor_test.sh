#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
#
# A network process that was taken over and plays the vault to clients: see
# regress/proof/hostile/impostor.c.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

dazaid=$top/regress/proof/hostile/impostor

behaviour put_gives_network_no_byte \
    'dazaictl put sends no byte after a GO that the vault has not sent'
put_gives_network_no_byte_body() {
	start
	printf 'Hush~%s' "$secret" >hush
	complains 5 'did not come from the vault' \
	    "$ctl" -s "$sock" put token <hush
	"$ctl" -s "$sock" put token <hush && fail "a pipe was put"
	logged 'impostor: asked to PUT'
	not_logged 'Hush~'
	not_logged 'taken for the vault'
}

behaviour get_takes_nothing_from_network \
    'dazaictl get does not print a secret that network invents'
get_takes_nothing_from_network_body() {
	start
	complains 5 'did not come from the vault' "$ctl" -s "$sock" get "$name"
	export DAZAI_SECRET="$name" DAZAI_SOCK="$sock"
	complains 5 'did not come from the vault' "$top/dazaictl/dazai-askpass"
	logged 'impostor: asked to GET'
}

behaviour the_heartbeat_is_not_deceived \
    'dazai-hb does not rely on a WELCOME that the vault has not sent'
the_heartbeat_is_not_deceived_body() {
	start
	complains 4 'did not come from the vault' "$hb" -s "$sock"
	not_logged 'got P over its channel'
}

behaviour an_order_is_done_all_the_same \
    'dazaictl panic reaches the vault, though network answers OK and does not pass the order on'
an_order_is_done_all_the_same_body() {
	start -a
	"$ctl" -s "$sock" panic hard >out 2>&1 || fail "panic hard: $(cat out)"
	ends "$SIGKILL"
	logged 'HARD PANIC'
	start -a -g 0.3
	# dazaictl says so if network lies about what came of the order.
	complains 5 "not the answer of a dazaid" "$ctl" -s "$sock" panic
	ends "$SIGKILL"
	logged 'panic pending: SIGUSR1'
	start
	"$ctl" -s "$sock" panic -w >out 2>&1 || fail "panic -w: $(cat out)"
	ends 0
}

behaviour lies_are_not_shown \
    'dazaictl refuses answers that break the grammar, does not show them, and runs no program'
lies_are_not_shown_body() {
	start
	for command in list status; do
		"$ctl" -s "$sock" "$command" >out 2>err && fail "$command: $(cat out)"
		grep -q "$(printf '\033')" out err && fail "$command: raw bytes"
	done
	[ ! -e evil ] || fail "code was run"
}
