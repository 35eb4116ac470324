#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The helpers that programs ask for a passphrase: dazai-askpass, git-credential-dazai
# and docker-credential-dazai, each asked as those programs do.

# shellcheck source=regress/behaviour/lib.sh
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
	    '[sudo] password for me: ' '[sudo] Passwort für me: '
	dazai-askpass >out || fail "without a prompt"
	[ "$(cat out)" = "$secret" ] || fail "without a prompt: $(cat out)"
	refuses "me@host.example.org's password: " '(me@host) Password: ' \
	    '(me@host) Enter passphrase for key: ' 'Password: ' 'Password for me: ' \
	    "Password for 'http://me@git.example.org': " 's password for me: ' \
	    'Enter passphrase (empty for no passphrase): ' 'Enter PIN for key: '
	complains 1 'a prompt that DAZAI_PROMPT allows' dazai-askpass ''
	complains 1 '\033]0;x' dazai-askpass "$(printf '\033]0;x')"
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
