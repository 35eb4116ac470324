#!/bin/sh
# SPDX-License-Identifier: ISC
# inside.sh: what package.sh does in a bare Debian, as root, with the packages in /srv.
set -eu

fail() {
	echo "package: FAILED: $*" >&2
	exit 1
}

# as USER COMMAND...
as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups \
	    env HOME="/home/$user" USER="$user" "$@"
}

# await COMMAND...: it succeeds within ten seconds
await() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "not so: $*"
		sleep 0.05
	done
}

lives() {
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	'' | [ZX]*)	return 1 ;;
	esac
}

ended() {
	! lives "$1"
}

# names_what_to_install WHY COMMAND...: as a user without rights
names_what_to_install() {
	why=$1
	shift
	as alice "$@" regress/tools/deps.sh build >/srv/out 2>&1 &&
	    fail "$why: deps.sh installed something"
	tail -n 1 /srv/out | grep -x 'please install, as root: apt-get install.* gcc .*' ||
	    fail "$why: deps.sh says $(cat /srv/out)"
}

useradd -m alice
echo "== What is missing is named"
names_what_to_install 'no sudo' env
mkdir /srv/bin
printf '#!/bin/sh\necho "alice is not in the sudoers file." >&2\nexit 1\n' >/srv/bin/sudo
chmod 755 /srv/bin/sudo
names_what_to_install 'sudo refuses' env PATH="/srv/bin:$PATH"

apt-get -qq update
echo "== apt install ./dazaid_*.deb"
apt-get -qq install -y --no-install-recommends /srv/dazai*[0-9]_*.deb >/srv/out 2>&1 ||
    { cat /srv/out; fail 'apt install'; }
dpkg -L dazaid | while read -r file; do
	[ -e "$file" ] || fail "dazaid has no $file"
	[ ! -f "$file" ] || ! grep -Iq /usr/local "$file" || fail "$file names /usr/local"
done

echo "== The README's five minutes"
apt-get -qq install -y --no-install-recommends python3 \
    >/srv/out 2>&1 || { cat /srv/out; fail 'apt install python3'; }
debian/tests/five-minutes || fail 'five minutes, as root'
as alice debian/tests/five-minutes || fail 'five minutes, as a user'

echo "== A daemon runs while the package is replaced"
printf 'correct horse' >/srv/secret
as alice dazaid -a -g 0 -l backup=- </srv/secret
setpriv --reuid alice --regid alice --clear-groups dazai-hb >/srv/hb 2>&1 &
hb=$!
await grep -q guarding /srv/hb
read -r vault <"/tmp/dazai-$(id -u alice)/dazai-$(id -u alice).sock.pid"
apt-get -qq install -y --no-install-recommends /srv/dazai*newer_*.deb >/srv/out 2>&1 ||
    { cat /srv/out; fail 'apt install of a newer one'; }
grep "process $vault is of the version before" /srv/out || fail "upgrade: $(cat /srv/out)"
lives "$vault" || fail 'the daemon did not survive the upgrade'
[ "$(as alice dazaictl get backup | cat)" = 'correct horse' ] ||
    fail 'a new dazaictl, an old dazaid'
dpkg -s dazaid | grep '^Version: .*newer'

echo "== A daemon runs while the package is removed"
apt-get -qq purge -y 'dazai*' >/srv/out 2>&1 || { cat /srv/out; fail 'apt purge'; }
grep "process $vault goes on" /srv/out || fail "removal: $(cat /srv/out)"
lives "$vault" || fail 'the daemon did not survive the removal'
# The process that setpriv(1) has become.
kill $hb
await ended "$vault"
left=$(find / -xdev \( -path /proc -o -path /sys -o -path /srv -o -path /tmp \
    -o -path /home \) -prune -o -name '*dazai*' -print)
[ -z "$left" ] || fail "left behind: $left"
