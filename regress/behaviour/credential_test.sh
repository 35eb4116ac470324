#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The helpers that programs ask for a passphrase: dazai-askpass, git-credential-dazai
# and docker-credential-dazai, each asked as those programs do.

. "$(atf_get_srcdir)/lib.sh"

PATH=$top/dazaictl:$PATH
export DAZAI_SOCK="$sock" HOME="$PWD"
unset XDG_CONFIG_HOME DAZAI_PROMPT DAZAI_SECRET SSH_ASKPASS_PROMPT

# answers PROMPT...: dazai-askpass answers each with the secret, in a line
answers() {
	local prompt

	for prompt; do
		dazai-askpass "$prompt" >out 2>err || fail "'$prompt': $(cat err)"
		[ "$(cat out)" = "$secret" ] || fail "'$prompt': $(cat out)"
		[ ! -s err ] || fail "'$prompt': $(cat err)"
	done
}

# refuses PROMPT...: dazai-askpass refuses each in one line
refuses() {
	local prompt

	for prompt; do
		complains 1 "$prompt" dazai-askpass "$prompt"
	done
}

behaviour askpass_answers_what_is_usual 'dazai-askpass answers the prompts for a key, of git and of sudo, and no others'
askpass_answers_what_is_usual_body() {
	export DAZAI_SECRET="$name"
	guarded -a
	answers "Enter passphrase for key '/home/me/.ssh/id_ed25519': " \
	    'Enter passphrase for /home/me/.ssh/id_ed25519: ' \
	    "Password for 'https://me@git.example.org': " \
	    '[sudo] password for me: ' '[sudo] Passwort für me: ' \
	    '[sudo: authenticate] Password: '
	dazai-askpass >out || fail "without a prompt"
	[ "$(cat out)" = "$secret" ] || fail "without a prompt: $(cat out)"
	refuses "me@host.example.org's password: " '(me@host) Enter passphrase for key: ' \
	    'Password: ' "Password for 'http://me@git.example.org': " \
	    's password for me: ' 'Enter passphrase (empty for no passphrase): '
	complains 1 'a prompt that DAZAI_PROMPT allows' dazai-askpass ''
	complains 1 'refused, because this prompt does not ask for a secret: Username \033]0;x\012for me:' \
	    dazai-askpass "$(printf 'Username \033]0;x\nfor me:')"
}

behaviour askpass_answers_what_it_may 'DAZAI_PROMPT is a pattern of the prompts that dazai-askpass answers'
askpass_answers_what_it_may_body() {
	export DAZAI_SECRET="$name"
	guarded -a
	export DAZAI_PROMPT="me@host.example.org's password: "
	answers "me@host.example.org's password: "
	refuses "me@host.example.com's password: " '[sudo] password for me: ' \
	    "Enter passphrase for key '/home/me/.ssh/id_ed25519': "
	export DAZAI_PROMPT="Password for 'http*://*@git.example.org': "
	answers "Password for 'https://me@git.example.org': " \
	    "Password for 'http://me@git.example.org': "
	refuses "Password for 'https://me@git.example.com': "
	export DAZAI_PROMPT='*'
	answers 'Password: '
	refuses 'Are you sure (yes/no/[fingerprint])? ' 'Username for me: ' \
	    'Bad passphrase, try again for /home/me/.ssh/id_ed25519: '
	(
		export SSH_ASKPASS_PROMPT=confirm
		refuses 'Password: '
	)
	export DAZAI_PROMPT=''
	answers '[sudo] password for me: '
	refuses 'Password: '
}

# git_says TEXT ATTRIBUTE...: what git-credential-dazai answers to these, as
# printf(1) writes them
git_says() {
	local text=$1

	shift
	printf '%b\n' "$@" '' >asked
	git-credential-dazai get <asked >out 2>err || fail "$*: exit $?: $(cat err)"
	[ ! -s err ] || fail "$*: $(cat err)"
	printf "$text" | cmp -s - out || fail "$*: $(cat out)"
}

# git_quits STATUS TEXT ATTRIBUTE...: it fails so, with TEXT in its one line, and tells
# git to quit
git_quits() {
	local status=$1 text=$2 got=0

	shift 2
	printf '%b\n' "$@" '' >asked
	git-credential-dazai get <asked >out 2>err || got=$?
	[ "$got" -eq "$status" ] || fail "$*: exit $got: $(cat err)"
	[ "$(cat out)" = quit=1 ] || fail "$*: $(cat out)"
	[ "$(wc -l <err)" -eq 1 ] || fail "$*: $(cat err)"
	grep -qF -e "$text" err || fail "$*: $(cat err)"
}

behaviour git_is_answered 'git-credential-dazai gives git the secret of the server that it asks for, and of no other'
git_is_answered_body() {
	guarded
	put token 't0ken with = and %%\n'
	put deep 'deep'
	put other 'other'
	config git '# servers' '' "https://git.example.org/team/ deep bot" \
	    "	https://git.example.org   $name  me	" \
	    'https://git.example.org other you' \
	    'https://Git.Example.org:8443 token' 'http://plain.example.org:80 other' \
	    'https://[::1]:3000/a/b other'
	me="username=me\npassword=$secret\n"
	git_says "$me" protocol=https host=git.example.org
	git_says "$me" protocol=https host=GIT.example.org:443 username=me \
	    'capability[]=authtype' 'wwwauth[]=Basic realm="Über uns"'
	git_says 'username=you\npassword=other\n' protocol=https host=git.example.org \
	    username=you
	git_says 'username=bot\npassword=deep\n' protocol=https host=git.example.org \
	    path=team/repo.git
	git_says 'password=t0ken with = and %%\n' protocol=https \
	    host=git.example.org:8443 username=anybody
	git_says 'password=other\n' protocol=http host=plain.example.org
	git_says 'password=other\n' protocol=https 'host=[::1]:3000' path=a/b/c

	# These are other servers.
	git_says '' protocol=http host=git.example.org
	git_says '' protocol=https host=git.example.org username=nobody
	git_says '' protocol=https host=git.example.org.evil.example
	git_says '' protocol=https host=git.example.org:444
	git_says '' protocol=https 'host=[::1]:3000' path=a/b/../../c
	git_says '' protocol=https 'host=[::1]:3000' path=a/bc
	git_says '' protocol=cert host= path=/home/me/key.pem
	git_says '' protocol=https

	# It keeps and forgets nothing, and ignores what is to come.
	for command in store erase capability; do
		printf 'protocol=https\nhost=git.example.org\n\n' |
		    git-credential-dazai $command >out 2>&1 || fail "$command"
		[ ! -s out ] || fail "$command: $(cat out)"
	done
	dazaictl get "$name" | cmp -s - secret || fail "$name has gone"
	complains 1 usage git-credential-dazai
	rm -r .config
	git_says '' protocol=https host=git.example.org
}

behaviour git_is_told_to_quit 'when git-credential-dazai cannot answer, git does not ask on the terminal instead'
git_is_told_to_quit_body() {
	start -a
	config git "https://git.example.org $name me" \
	    'https://lines.example.org lines' 'https://nul.example.org nul' \
	    'https://none.example.org none'
	put lines 'a\npassword=b'
	put nul 'a\0b'
	git_quits 3 'refused: unguarded' protocol=https host=git.example.org
	client "$sock" hello echo guards hold
	git_quits 4 'no-such-secret' protocol=https host=none.example.org
	git_quits 5 'the secret lines has a newline inside' protocol=https \
	    host=lines.example.org
	git_quits 5 'the secret nul has a NUL inside' protocol=https \
	    host=nul.example.org

	# Lines that a URL may have smuggled in.
	git_quits 1 'a control character' protocol=https 'host=git.example.org\0.evil'
	git_quits 1 'host comes twice' protocol=https host=git.example.org host=evil
	git_quits 1 'not an attribute' protocol=https git.example.org
	git_quits 1 'path is not ASCII' protocol=https host=git.example.org path=ü
	git_quits 1 'host is too long' protocol=https \
	    "host=$(printf '%2000s' '' | tr ' ' a)"
	printf 'protocol=https\nhost=git.exam' >asked
	git-credential-dazai get <asked >out 2>err && fail "cut off: $(cat out)"
	present 'was cut off' err
	DAZAI_SOCK=$PWD/nobody git_quits 2 'no daemon' protocol=https \
	    host=git.example.org
}

# untrusted TEXT: with the file "git" as it is, nothing is answered, as TEXT says
untrusted() {
	git_quits 1 "$1" protocol=https host=git.example.org
}

behaviour the_file_is_the_users \
    'if others may write to the file of servers, or it has mistakes, no secret is given'
the_file_is_the_users_body() {
	guarded -a
	config git "https://git.example.org $name"
	chmod 602 .config/dazai/git
	untrusted 'others may write to it'
	chmod 644 .config/dazai/git
	git_says "password=$secret\n" protocol=https host=git.example.org
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534 .config/dazai/git
		untrusted 'belongs to uid 65534, not to us'
	fi
	mv .config/dazai/git .config/dazai/kept
	ln -s /proc/version .config/dazai/git
	[ "$(id -u)" -eq 0 ] || untrusted 'belongs to uid 0, not to us'
	rm .config/dazai/git
	mkdir .config/dazai/git
	untrusted 'is not a file'
	rmdir .config/dazai/git
	config git "https://git.example.org $name" 'https://git.example.com'
	untrusted 'git:2: not the name of a secret'
	config git "https://git.example.org $name" '' 'https://x y z more'
	untrusted 'git:3: too many words'
	for url in 'https://me@git.example.org' 'https:///path' \
	    'https://git.example.org/a/../b' 'https://*.example.org'; do
		config git "https://git.example.org $name" "$url x"
		untrusted 'git:2: the '
	done
	config git "https://git.example.org $name" "$(printf 'https://ü y z')"
	untrusted 'git:2: not a line of printable ASCII'

	# The file may be in another place.
	mkdir -p elsewhere/dazai
	config git 'https://git.example.org none'
	echo "https://git.example.org $name" >elsewhere/dazai/git
	XDG_CONFIG_HOME=$PWD/elsewhere
	export XDG_CONFIG_HOME
	git_says "password=$secret\n" protocol=https host=git.example.org
	XDG_CONFIG_HOME=elsewhere
	git_quits 4 'no-such-secret' protocol=https host=git.example.org
	unset HOME
	untrusted 'neither XDG_CONFIG_HOME nor HOME is a path'
}

# docker_says JSON URL: what docker-credential-dazai answers to "get"
docker_says() {
	printf '%s\n' "$2" | docker-credential-dazai get >out 2>err ||
	    fail "$2: exit $?: $(cat out err)"
	[ ! -s err ] || fail "$2: $(cat err)"
	printf '%s\n' "$1" | cmp -s - out || fail "$2: $(cat out)"
}

# docker_knows_nothing URL: it says so in the words of the protocol
docker_knows_nothing() {
	printf '%s' "$1" | docker-credential-dazai get >out 2>err &&
	    fail "$1: $(cat out)"
	[ "$(cat out)" = 'credentials not found in native keychain' ] ||
	    fail "$1: $(cat out)"
	[ ! -s err ] || fail "$1: $(cat err)"
}

behaviour docker_is_answered 'docker-credential-dazai gives docker the secret of a registry, as JSON'
docker_is_answered_body() {
	guarded -a
	put hub 'h"u\\b/\001\t\303\274\360\237\230\200\177\n'
	config docker "https://index.docker.io/v1/ hub me" \
	    "registry.example.org:5000 $name \"odd\\" \
	    'http://plain.example.org hub <token>'
	docker_says '{"ServerURL":"https://index.docker.io/v1/","Username":"me",'\
"\"Secret\":\"h\\\"u\\\\b/\\u0001\\u0009ü😀$(printf '\177')\"}" \
	    'https://index.docker.io/v1/'
	odd="\"Username\":\"\\\"odd\\\\\",\"Secret\":\"$secret\"}"
	for url in registry.example.org:5000 https://registry.example.org:5000/v2/; do
		docker_says "{\"ServerURL\":\"$url\",$odd" "$url"
	done
	docker_says "{\"ServerURL\":\"https://registry.example.org:5000/\\\"\",$odd" \
	    'https://registry.example.org:5000/"'
	docker_knows_nothing registry.example.org
	docker_knows_nothing https://index.docker.io/v2/
	docker_knows_nothing plain.example.org
	docker-credential-dazai list >out || fail "no list"
	[ "$(cat out)" = '{"https://index.docker.io/v1/":"me",'\
'"registry.example.org:5000":"\"odd\\","http://plain.example.org":"<token>"}' ] ||
	    fail "list: $(cat out)"
	docker-credential-dazai version >out || fail "no version"
	present '^docker-credential-dazai [0-9]' out
	rm -r .config
	docker_knows_nothing https://index.docker.io/v1/
	[ "$(docker-credential-dazai list)" = '{}' ] || fail "list without a file"
}

behaviour docker_is_refused 'docker-credential-dazai stores nothing, and gives no more than JSON can carry'
docker_is_refused_body() {
	start -a
	config docker "a.example.org $name me" 'b.example.org bad me'
	put bad 'a\355\240\200b'	# a surrogate
	echo a.example.org >in
	complains 3 'refused: unguarded' docker-credential-dazai get <in
	client "$sock" hello echo guards hold
	echo b.example.org >in
	complains 5 'is not UTF-8' docker-credential-dazai get <in
	printf 'a.example.org\na.example.org\n' >in
	complains 1 'the registry is not valid' docker-credential-dazai get <in
	: >in
	complains 1 'the registry is not valid' docker-credential-dazai get <in
	printf '%2000s' '' | tr ' ' a >in
	complains 1 'too long a registry' docker-credential-dazai get <in
	for command in store erase; do
		complains 5 'dazaictl put' docker-credential-dazai $command </dev/null
	done
	complains 1 usage docker-credential-dazai
	config docker "a.example.org $name me" "b.example.org $name"
	complains 1 'docker:2: not a registry, a secret and a user' \
	    docker-credential-dazai list
}

# stuck PROGRAM FILE: sets $helper to a PROGRAM that answers "get" with FILE as its
# question, and cannot write all of the answer, as nobody reads it
stuck() {
	rm -f answer
	mkfifo answer
	exec 7<>answer
	spawn helper "$1" get <"$2" >answer
	await writes "$helper"
}

# writes PID: it, or its child, waits for room on its standard output; the number
# of the call is not the same on all machines
writes() {
	local child=

	read -r child <"/proc/$1/task/$1/children" || :
	child=${child%% *}
	grep -q '^[0-9]* 0x1 ' "/proc/${child:-$1}/syscall"
}

shipped behaviour no_memory_shows_a_secret 'what a helper gives is in no memory of it that root can read' \
    require.user root
no_memory_shows_a_secret_body() {
	guarded -a -z 1048576
	need_secretmem
	value='Yx9+another~of/them:33'
	put large "$(printf '%200000s' '')$value"
	printf '%s' "$value" >value
	config git 'https://git.example.org large me'
	config docker 'git.example.org large me'
	printf 'protocol=https\nhost=git.example.org\n\n' >git
	echo git.example.org >docker
	for program in git docker; do
		stuck "$program-credential-dazai" "$program"
		for pid in "$helper" $(cat "/proc/$helper/task/$helper/children"); do
			in_no_memory value "$pid"
			in_memory -credential-dazai "$pid"
		done
		timeout 10 head -c 150000 <&7 >/dev/null
		exec 7<&-
		kill "$helper" 2>/dev/null || :
		talk - ended "$helper"
	done
}
