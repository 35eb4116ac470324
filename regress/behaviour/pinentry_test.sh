#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# pinentry-dazai, asked by a real gpg-agent for a key of the test's own, and line by line.

. "$(atf_get_srcdir)/lib.sh"

pinentry=$top/dazaictl/pinentry-dazai
PATH=$top/dazaictl:$PATH
export DAZAI_SOCK="$sock" HOME="$PWD"
unset XDG_CONFIG_HOME PINENTRY_PROGRAM DAZAI_PINENTRY
grip=0123456789ABCDEF0123456789ABCDEF01234567
CANCELLED='ERR 83886179 Operation cancelled <dazai>'
NO_PINENTRY='ERR 83886165 No pinentry <dazai>'

# other PIN: "pinentry" in $installed is one that answers with PIN, and writes what it
# hears into the file "heard"
other() {
	installed=$PWD/installed
	mkdir -p "$installed"
	: >heard
	cat >"$installed/pinentry" <<-EOF
		#!/bin/sh
		echo "args: \$*" >>'$PWD/heard'
		echo 'OK the other one'
		while read -r line; do
			echo "\$line" >>'$PWD/heard'
			case \$line in
			GETPIN)	printf 'D %s\nOK\n' '$1' ;;
			INQ)	echo 'INQUIRE QUALITY'
				read -r line && echo "got \$line" >>'$PWD/heard'
				read -r line && echo "got \$line" >>'$PWD/heard'
				echo OK ;;
			FAIL)	echo 'ERR 1 no' ;;
			DIE)	exit 1 ;;
			*)	printf '# a comment\nS status\nOK\n' ;;
			esac
		done
	EOF
	chmod 755 "$installed/pinentry"
}

# says TEXT LINE...: the answers to these lines, after the greeting and up to that to BYE,
# where the other pinentry is the one in $installed, if any
says() {
	local text=$1

	shift
	printf '%s\n' "$@" BYE >asked
	env PATH="${installed-/nowhere}" "$pinentry" --display :7 <asked >out 2>err ||
	    fail "$*: exit $?: $(cat err)"
	printf '%s\n' 'OK Pleased to meet you' "$text" 'OK closing connection' >wanted
	diff wanted out >differ || fail "$*: $(cat differ err)"
}

# lines TEXT...: sets $text to them
lines() {
	text=$(printf '%s\n' "$@")
}

# of LENGTH: prints so many letters
of() {
	printf "%$1s" '' | tr ' ' a
}

behaviour it_answers_for_keys 'pinentry-dazai gives the secret of the key that is named, in one line'
it_answers_for_keys_body() {
	guarded -a -g 0
	rest=${grip#?}
	put odd '100%%, \303\274 \r and \n more\n'
	put long "$(of 998)"
	put longer "$(of 997)%%"
	put nul 'a\0b'
	config pinentry '# keys' '' "$grip $name" "A$rest odd" "B$rest long" "C$rest longer" \
	    "D$rest nul" "E$rest none"
	lines OK "D $secret" OK
	says "$text" "SETKEYINFO n/$grip" GETPIN
	says "$text" "setkeyinfo s/0123456789abcdef0123456789abcdef01234567" GetPin
	lines OK 'D 100%25, ü %0D and %0A more' OK
	says "$text" "SETKEYINFO n/A$rest" GETPIN
	lines OK "D $(of 998)" OK
	says "$text" "SETKEYINFO n/B$rest" GETPIN
	lines OK "$CANCELLED"
	says "$text" "SETKEYINFO n/C$rest" GETPIN
	present 'too long for a passphrase' err
	says "$text" "SETKEYINFO n/D$rest" GETPIN
	present 'has a NUL inside' err
	says "$text" "SETKEYINFO n/E$rest" GETPIN
	present no-such-secret err

	# Each key has its own.
	lines OK "D $secret" OK OK "D $(of 998)" OK OK "$NO_PINENTRY"
	says "$text" "SETKEYINFO n/$grip" GETPIN "SETKEYINFO n/B$rest" GETPIN \
	    "SETKEYINFO n/F$rest" GETPIN

	# A cancelled question may be asked again; after the end there is no answer.
	talk - kill KILL "$guardian" ended "$vault"
	lines OK "$CANCELLED" "$CANCELLED"
	says "$text" "SETKEYINFO n/$grip" GETPIN GETPIN
	present 'no daemon' err
}

behaviour it_answers_once \
    'a passphrase that was wrong is not given again, and the old one is not given where a new one is wanted'
it_answers_once_body() {
	guarded -a
	config pinentry "$grip $name"
	key="SETKEYINFO n/$grip"
	lines OK "D $secret" OK "$NO_PINENTRY"
	says "$text" "$key" GETPIN GETPIN
	lines OK "D $secret" OK OK "$NO_PINENTRY" "$NO_PINENTRY"
	says "$text" "$key" GETPIN 'SETERROR Bad Passphrase (try 2 of 3)' GETPIN GETPIN
	lines OK OK "$NO_PINENTRY"
	for set in SETREPEAT 'SETQUALITYBAR Quality' 'SETERROR Bad' RESET 'SETKEYINFO --clear'; do
		says "$text" "$key" "$set" GETPIN
	done
	says "$text" SETREPEAT "$key" GETPIN
	lines OK "$NO_PINENTRY"
	for no in "SETKEYINFO u/$grip" "SETKEYINFO n/${grip#?}" 'SETDESC Please'; do
		says "$text" "$no" GETPIN
	done
	other typed
	lines 'S status' OK "D $secret" OK 'S status' OK 'D typed' OK
	says "$text" "$key" GETPIN 'SETERROR Bad Passphrase' GETPIN
}

behaviour it_hands_over 'every other request goes to the pinentry that is installed, and its answers come back'
it_hands_over_body() {
	guarded -a
	config pinentry "$grip $name"
	other typed
	ok=$(printf '%s\n' 'S status' OK)
	lines "$ok" 'D typed' OK 'ERR 1 no' 'INQUIRE QUALITY' OK "$ok" 'D typed' OK
	says "$text" "OPTION ttyname=/dev/pts/7" GETPIN FAIL INQ "D 1%25" END \
	    "SETDESC Please%0Atype" GETPIN
	printf '%s\n' 'args: --display :7' 'OPTION ttyname=/dev/pts/7' GETPIN FAIL INQ \
	    'got D 1%25' 'got END' 'SETDESC Please%0Atype' GETPIN >wanted
	diff wanted heard >differ || fail "heard: $(cat differ)"

	# A line that is no request does no harm.
	lines 'ERR 83886343 Line too long <dazai>' "$ok" \
	    'ERR 83886355 Unknown IPC command <dazai>'
	says "$text" "SETDESC $(of 1000)" '# nothing' '' "SETDESC $(of 990)" 'D x'
	present "SETDESC $(of 990)\$" heard
	absent "SETDESC $(of 991)" heard

	# If the other pinentry ends, or there is none, keys are answered all the same.
	lines "$CANCELLED" OK "D $secret" OK "$NO_PINENTRY"
	says "$text" DIE "SETKEYINFO n/$grip" GETPIN GETPIN
	for none in 'exit 0' 'echo ERR 1 no; sleep 300' 'echo no'; do
		printf '#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n' "$none" >"$installed/pinentry"
		lines OK "D $secret" OK
		says "$text" "SETKEYINFO n/$grip" GETPIN
	done

	# The file and the environment can name the other pinentry.
	other typed
	mv "$installed/pinentry" "$installed/mine"
	config pinentry "$grip $name" "pinentry $installed/mine"
	lines 'D typed' OK
	says "$text" GETPIN
	config pinentry "$grip $name" 'pinentry /nowhere/pinentry'
	lines "$NO_PINENTRY"
	says "$text" GETPIN
	export PINENTRY_PROGRAM="$installed/mine"
	lines 'D typed' OK
	says "$text" GETPIN
}

behaviour it_is_not_its_own_child 'pinentry-dazai under the name pinentry does not start itself'
it_is_not_its_own_child_body() {
	guarded -a
	config pinentry "$grip $name"
	installed=$PWD/installed
	mkdir "$installed"
	ln -s "$pinentry" "$installed/pinentry"
	lines "$NO_PINENTRY" OK "D $secret" OK
	says "$text" GETPIN "SETKEYINFO n/$grip" GETPIN
	rm "$installed/pinentry"
	printf '#!/bin/sh\nexec %s "$@"\n' "'$pinentry'" >"$installed/pinentry"
	chmod 755 "$installed/pinentry"
	says "$text" GETPIN "SETKEYINFO n/$grip" GETPIN
	present 'is this program' err
	export PINENTRY_PROGRAM="$pinentry"
	says "$text" GETPIN "SETKEYINFO n/$grip" GETPIN
	"$pinentry" --version >out || fail "no version"
	present '^pinentry-dazai (pinentry) [0-9]' out
}

behaviour it_ends_with_its_client 'when the client leaves, the other pinentry is ended, although it asks'
it_ends_with_its_client_body() {
	other typed
	cat >"$installed/pinentry" <<-EOF
		#!/bin/sh
		echo OK
		echo \$\$ >'$PWD/pid'
		exec /usr/bin/sleep 300
	EOF
	mkfifo to
	PATH=$installed:$PATH "$pinentry" <to >out &
	asker=$!
	remember "$asker"
	exec 7>to
	echo GETPIN >&7
	await [ -s pid ]
	read -r asking <pid
	remember "$asking"
	exec 7>&-
	ends 0 "$asker"
	talk - ended "$asking"
}

behaviour its_file_is_the_users \
    'if others may write to the file of keys, or it has mistakes, no secret is given'
its_file_is_the_users_body() {
	config pinentry "$grip $name"
	chmod 666 .config/dazai/pinentry
	complains 1 'others may write to it' "$pinentry" </dev/null
	for line in "$grip" "${grip#?} x" "$grip x y" 'pinentry pinentry'; do
		config pinentry '# keys' "$line"
		complains 1 'pinentry:2: ' "$pinentry" </dev/null
	done
	seq 65 | sed "s/.*/$grip $name/" >.config/dazai/pinentry
	complains 1 'pinentry:65: too many keys' "$pinentry" </dev/null
}

# sign: gpg makes a signature; what it says is in "out"
sign() {
	gpg --batch --yes --clearsign -o signed plain >out 2>&1
}

# signs: gpg makes a signature, and it is good
signs() {
	sign || fail "not signed: $(cat out)"
	gpg --verify signed >out 2>&1 || fail "$(cat out)"
}

behaviour gpg_agent_is_answered 'gpg-agent gets the passphrase of a private key as long as the session lives' \
    require.progs 'gpg gpg-agent gpg-connect-agent gpgconf'
gpg_agent_is_answered_body() {
	# Its path is to be short, for a socket.
	GNUPGHOME=$(mktemp -d /tmp/dazai-gpg.XXXXXX)
	export GNUPGHOME
	echo "$GNUPGHOME" >public
	# Without a count it would measure how many rounds take 100 ms.
	printf '%s\n' 'default-cache-ttl 0' 'max-cache-ttl 0' 's2k-count 65536' \
	    "pinentry-program $pinentry" >"$GNUPGHOME/gpg-agent.conf"
	echo 'not a secret' >plain
	gpg-agent --daemon >out 2>&1 || fail "$(cat out)"
	gpg-connect-agent 'getinfo pid' /bye >agent || fail "no agent"
	agent=$(sed -n 's/^D //p' agent)
	remember "$agent"
	printf '%s' "$secret" | gpg --batch --pinentry-mode loopback --passphrase-fd 0 \
	    --quick-gen-key me ed25519 sign never >out 2>&1 || fail "$(cat out)"
	key=$(gpg --list-keys --with-keygrip --with-colons 2>out |
	    sed -n 's/^grp:*\([0-9A-F]*\):*$/\1/p')
	config pinentry "$key $name"

	start -a -g 60
	heartbeat -i 1
	signs
	talk - kill USR1 "$vault" log log 'panic pending'
	sign && fail "signed while a panic was pending"
	present -i cancel out
	talk - kill USR1 "$heartbeat" log log 'panic CANCELLED by CANCEL'
	signs
	stand_down
	sign && fail "signed after the end"
	present -i cancel out

	# The wrong passphrase is given once; then the pinentry that is there asks.
	printf wrong >secret
	launch "$dazaid" -d -s "$sock" -l "$name=-" <secret
	client "$sock" hello echo guards hold
	sign && fail "signed with the wrong passphrase"
	other "$secret"
	config pinentry "$key $name" "pinentry $installed/pinentry"
	signs
	[ "$(grep -c '^GETPIN' heard)" -eq 1 ] || fail "$(cat heard)"
	present '^SETERROR' heard
	gpgconf --kill gpg-agent
	talk - ended "$agent"
}
