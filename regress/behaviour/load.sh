# SPDX-License-Identifier: ISC
# What the tests of dazaictl load and of dazaid -L share.

export DAZAI_SOCK="$sock"
umask 022

# has NAME FORMAT: the secret NAME is what printf(1) makes of FORMAT
has() {
	printf "$2" >want
	"$ctl" get "$1" >got || fail "get $1: exit $?"
	cmp want got || fail "$1: $(od -c got)"
}

# hung: waits until a command of the file, which writes its pid to "hangs", runs, as $hung
hung() {
	await [ -s hangs ]
	read -r hung <hangs
	remember "$hung"
}

# told LINE...: "err" has these lines, and nothing else
told() {
	printf 'dazaictl: %s\n' "$@" | cmp - err || fail "$(cat err)"
}

# A file that asks for a secret, and whose last command does so itself.
asking() {
	cat <<-'EOT'
		a echo 1
		typed reads=2 ?
		b exec 3<>/dev/tty; echo 'which word' >&3; read x <&3; echo $x
	EOT
}
