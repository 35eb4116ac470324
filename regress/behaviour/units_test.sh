#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The units of contrib/, as far as systemd-analyze can tell.  `make systemd' runs them.

. "$(atf_get_srcdir)/lib.sh"

# units: copies the units into the directory "units", with the programs of this tree
units() {
	mkdir units
	for unit in "$top"/contrib/systemd/*/*.service; do
		sed "s,/usr/local/bin/\\(dazai[a-z-]*\\),$top/\\1/\\1," "$unit" \
		    >"units/${unit##*/}" || fail "$unit"
	done
	cp units/dazaid@.service units/dazaid@nobody.service
}

behaviour the_units_are_right \
    'systemd-analyze finds nothing wrong with the units of contrib/' \
    require.progs systemd-analyze \
    require.files "$top/dazai-logind/dazai-logind"
the_units_are_right_body() {
	units
	XDG_RUNTIME_DIR=$PWD
	export XDG_RUNTIME_DIR
	for unit in "$top"/contrib/systemd/user/*.service; do
		systemd-analyze verify --man=no --user "units/${unit##*/}" \
		    >found 2>&1 || fail "$unit: $(cat found)"
		[ ! -s found ] || fail "$unit: $(cat found)"
	done
	systemd-analyze verify --man=no units/dazaid@nobody.service >found 2>&1 ||
	    fail "$(cat found)"
	[ ! -s found ] || fail "$(cat found)"
}

behaviour the_daemon_of_root_is_hardened \
    'dazaid@.service, a unit of root: systemd-analyze security says less than 3' \
    require.progs systemd-analyze
the_daemon_of_root_is_hardened_body() {
	units
	systemd-analyze security --offline=true --threshold=29 \
	    units/dazaid@nobody.service >found || fail "$(tail -n 1 found)"
}
