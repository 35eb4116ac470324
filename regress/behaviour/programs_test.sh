#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Programs as Debian packages them, each fed by a line that the
# README has.  They work for as long as the session is guarded, and no longer.

. "$(atf_get_srcdir)/lib.sh"

name=key
secret='Qx7~not-on-any-disk~Zv3'
PATH=$top/dazaictl:$PATH:/sbin
export HOME="$PWD"

# session GRACE OPTION...: an armed daemon that can read the secret from a pipe, and
# a dazai-hb that guards
session() {
	: >log
	printf '%s' "$secret" |
	    exec "$dazaid" -d -s "$sock" -a -g "$@" 2>log &
	vault=$!
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
	heartbeat -i 1
}

# store: the secret comes through a pipe; a file of it would be found
store() {
	printf '%s' "$secret" | dazaictl -s "$sock" put "$name" ||
	    fail "not put"
}

panic() {
	talk - kill USR1 "$vault" log log 'panic pending: SIGUSR1'
}

cancel() {
	talk - kill USR1 "$heartbeat" log log 'panic CANCELLED by CANCEL'
}

lose_heartbeat() {
	kill -KILL "$heartbeat"
	ends $SIGKILL
	logged 'PANIC: heartbeat connection dropped'
}

# typed LINE: in a bash that has nothing of our environment; what it says is in "out".
# Borg takes its time to test itself.
typed() {
	env -i PATH="$PATH" HOME="$PWD" TMPDIR="$PWD" DAZAI_SOCK="$sock" \
	    SSH_AUTH_SOCK="$PWD/agent" BORG_SELFTEST=disabled \
	    bash -c "$1" >out 2>&1 </dev/null
}

# wrong WHY: fails the test case, with what the line has said
wrong() {
	sed 's/^/out: /' out
	fail "$*"
}

says() {
	grep -qF -e "$1" out || wrong "no '$1'"
}

# works LINE [TEXT]: it succeeds, and says TEXT
works() {
	typed "$1" || wrong "exit $?"
	[ $# -eq 1 ] || says "$2"
}

# fails LINE TEXT...: it fails, and says each TEXT
fails() {
	local text

	! typed "$1" || wrong 'it works'
	shift
	for text; do
		says "$text"
	done
}

# No file here has the secret, but the one that shows that the search finds it.
nothing_left() {
	local found

	printf 'a%sb' "$secret" >planted
	found=$(grep -rlF -e "$secret" . | tr '\n' ' ')
	rm planted
	[ "$found" = './planted ' ] || fail "the secret is in: $found"
}

# life PREPARE LINE TEXT ERROR: what PREPARE makes, of the file "plain" if it likes,
# LINE opens, and says TEXT, in a session that is guarded, and again after a panic was
# cancelled.  While one is pending, and after the session's end, it fails with ERROR.
life() {
	echo 'not a secret' >plain
	session 60
	store
	works "$1"
	works "$2" "$3"
	panic
	fails "$2" "$4" 'refused: pending'
	cancel
	works "$2" "$3"
	stand_down

	session 0 -l "$name=-"
	works "$2" "$3"
	lose_heartbeat
	fails "$2" "$4" ': no daemon'
	nothing_left
}

# program NAME HOW PROGS: declares the test case
program() {
	behaviour "$1" "$2: as long as the session, and no longer" \
	    require.progs "bash $3"
}

# agent [COMMAND...]: starts an ssh-agent, which is $agent, by the line that the README
# has; "dazaictl run" is COMMAND
agent() {
	: >agent.out
	typed "rm -f '$PWD/agent'; $* ssh-agent -D -a '$PWD/agent' >agent.out 2>&1 &
	    echo \$! >agent.pid" || wrong "no agent"
	read -r agent <agent.pid
	remember "$agent"
	talk - log agent.out SSH_AUTH_SOCK
}

# serve DIRECTORY [PASSWORD]: at $url, to the user "me" with this password, or the secret
serve() {
	: >port
	printf '%s' "${2-$secret}" | python3 -c '
import base64, functools, http.server, sys

auth = "Basic " + base64.b64encode(b"me:" + sys.stdin.buffer.read()).decode()

class Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        if self.headers.get("Authorization") == auth:
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic realm=\"dazai\"")
        self.end_headers()

handler = functools.partial(Handler, directory=sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print("port", server.server_port, flush=True)
server.serve_forever()' "$1" >port 2>http.log &
	remember $!
	talk - log port port
	url=127.0.0.1:$(cut -d ' ' -f 2 port)
}

program restic 'run -e and --password-command' restic
restic_body() {
	# Each command takes half a second to make a key of the password.
	life 'restic -r repo --password-command "dazaictl get key" init &&
	    RESTIC_PASSWORD_COMMAND="dazaictl get key" restic -r repo backup plain' \
	    'dazaictl run -e RESTIC_PASSWORD=key restic -r repo dump latest plain' \
	    'not a secret' 'dazaictl: '
}

program borg 'run -e and BORG_PASSCOMMAND' borg
borg_body() {
	life 'export BORG_PASSCOMMAND="dazaictl get key"
	    borg init -e repokey repo && borg create repo::first plain' \
	    'dazaictl run -e BORG_PASSPHRASE=key borg extract --stdout repo::first &&
	    BORG_PASSCOMMAND="dazaictl get key" borg extract --stdout repo::first' \
	    'not a secret' 'dazaictl: '
}

program age 'an identity from standard input' 'age age-keygen'
age_body() {
	secret=$(age-keygen 2>/dev/null | tail -n 1)
	recipient=$(printf '%s' "$secret" | age-keygen -y)
	life "age -r $recipient -o plain.age plain" \
	    'dazaictl run -i key age -d -i - plain.age' 'not a secret' 'dazaictl: '
}

program openssl '-pass stdin' openssl
openssl_body() {
	life 'dazaictl run -i key openssl enc -aes-256-cbc -pbkdf2 -pass stdin \
	    -in plain -out plain.enc' \
	    'dazaictl run -i key openssl enc -d -aes-256-cbc -pbkdf2 -pass stdin \
	    -in plain.enc' \
	    'not a secret' 'dazaictl: '
}

program gpg '--passphrase-fd' gpg
gpg_body() {
	# With a count of its own it needs no gpg-agent, which would be left running.
	life 'dazaictl run -i key gpg --batch --no-autostart --pinentry-mode loopback \
	    --passphrase-fd 0 --s2k-count 65536 -c plain' \
	    'dazaictl run -i key gpg --batch --no-autostart --pinentry-mode loopback \
	    --passphrase-fd 0 -d plain.gpg' \
	    'not a secret' 'dazaictl: '
}

program cryptsetup '--key-file -' /sbin/cryptsetup
cryptsetup_body() {
	life 'truncate -s 20M volume
	    dazaictl run -i key cryptsetup -q luksFormat --pbkdf pbkdf2 \
	    --pbkdf-force-iterations 1000 --key-file - volume' \
	    'dazaictl run -i key cryptsetup -v open --test-passphrase --key-file - volume' \
	    'Key slot 0 unlocked' 'dazaictl: '
}

program ssh_add 'SSH_ASKPASS' 'ssh-add ssh-agent ssh-keygen'
ssh_add_body() {
	agent
	life "ssh-keygen -q -t ed25519 -N '$secret' -f id" \
	    'ssh-add -q -D
	    DAZAI_SECRET=key SSH_ASKPASS=dazai-askpass SSH_ASKPASS_REQUIRE=force \
	    ssh-add id
	    ssh-add -l' \
	    '(ED25519)' 'The agent has no identities'
	kill "$agent"
}

program git 'git-credential-dazai' 'git python3'
git_body() {
	serve .
	config git "http://$url $name me"
	life 'git init -q work && cd work && cp ../plain . && git add plain &&
	    git -c user.name=me -c user.email=me@localhost commit -q -m first &&
	    git clone -q --bare . ../repo && git -C ../repo update-server-info' \
	    "rm -rf copy
	    git -c credential.helper=dazai clone -q http://$url/repo copy &&
	    cat copy/plain" \
	    'not a secret' 'told us to quit'
}

program docker 'docker-credential-dazai, asked by skopeo' 'skopeo python3'
docker_body() {
	serve .
	config docker "$url $name me"
	mkdir -p v2/image/manifests .docker
	echo "{\"credHelpers\": {\"$url\": \"dazai\"}}" >.docker/config.json
	echo '{"schemaVersion": 2, "config": {}, "layers": []}' \
	    >v2/image/manifests/latest
	life true "skopeo inspect --raw --tls-verify=false docker://$url/image" \
	    '"schemaVersion": 2' 'error getting credentials'
}

program curl '--config from standard input' 'curl python3'
curl_body() {
	serve . 'tok~en'
	secret='user = "me:tok~en"'
	life true "dazaictl run -i key curl -fsS -K - http://$url/plain" 'not a secret' \
	    'dazaictl: '
}

program psql 'run -e PGPASSWORD' 'psql python3'
psql_body() {
	: >port
	printf '%s' "$secret" | python3 "$tools/postgres.py" >port 2>err &
	remember $!
	talk - log port port
	life true "dazaictl run -e PGPASSWORD=key psql -w -At \
	    -h 127.0.0.1 -p $(cut -d ' ' -f 2 port) -U me -c 'SELECT text' db" \
	    'not a secret' 'dazaictl: '
}

program ansible_vault '--vault-password-file, a program' ansible-vault
ansible_vault_body() {
	life 'printf "%s\n" "#!/bin/sh" "exec dazaictl get key" >key.sh
	    chmod 755 key.sh
	    ansible-vault encrypt --vault-password-file key.sh --output vault plain' \
	    'ansible-vault view --vault-password-file key.sh vault' \
	    'not a secret' 'dazaictl: '
}

behaviour ssh_agent 'run ssh-agent: it dies with the session, with the key in it' \
    require.progs 'bash ssh-add ssh-agent ssh-keygen'
ssh_agent_body() {
	ssh-keygen -q -t ed25519 -N '' -f id
	secret=$(cat id; echo x)
	secret=${secret%x}
	rm id

	export DAZAI_SOCK="$sock"
	session 60
	store
	agent dazaictl run
	works 'dazaictl run -i key ssh-add -' 'Identity added'
	works 'ssh-add -l' '(ED25519)'
	panic
	works 'ssh-add -l' '(ED25519)'
	cancel
	works 'ssh-add -l' '(ED25519)'
	stand_down
	kill "$agent"
	talk - ended "$agent"

	# The socket that an agent leaves is not in the way of the next one.
	for life in first second; do
		session 0 -l "$name=-"
		agent dazaictl run
		works 'dazaictl run -i key ssh-add -' 'Identity added'
		works 'ssh-add -l' '(ED25519)'
		lose_heartbeat
		talk - ended "$agent"
		[ -S agent ] || fail "$life: the agent has taken its socket away"
		fails 'ssh-add -l' 'Error connecting to agent: Connection refused'
	done
	fails 'dazaictl run -i key ssh-add -' ': no daemon'
	secret=$(printf '%s' "$secret" | sed -n 3p)
	nothing_left
}
