#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A network process that was taken over and plays the vault to clients: see
# regress/proof/hostile/impostor.c.

. "$(atf_get_srcdir)/lib.sh"

dazaid=$top/regress/proof/hostile/impostor

behaviour nothing_of_networks_own_is_believed \
    'what the vault has not said: put sends no byte after such a GO, get prints no such secret, dazai-hb does not guard, and answers that break the grammar are not shown'
nothing_of_networks_own_is_believed_body() {
	start
	printf 'Hush~%s' "$secret" >hush
	complains 5 'did not come from the vault' \
	    "$ctl" -s "$sock" put token <hush
	"$ctl" -s "$sock" put token <hush && fail "a pipe was put"
	logged 'impostor: asked to PUT'
	not_logged 'Hush~'
	not_logged 'taken for the vault'
	complains 5 'did not come from the vault' "$ctl" -s "$sock" get "$name"
	DAZAI_SECRET=$name DAZAI_SOCK=$sock complains 5 'did not come from the vault' \
	    "$top/dazaictl/dazai-askpass"
	logged 'impostor: asked to GET'
	complains 4 'did not come from the vault' "$hb" -s "$sock"
	not_logged 'got P over its channel'
	for command in list status; do
		"$ctl" -s "$sock" "$command" >out 2>err && fail "$command: $(cat out)"
		absent "$(printf '\033')" out err
	done
	[ ! -e evil ] || fail "code was run"
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
