#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2034 # the groups, which are used by their names
# deps.sh GROUP|PACKAGE...: installs what is missing.  The groups are build, logind (to
# build dazai-logind, and to test it), check, programs (that programs_test.sh hands
# secrets to), deb, package, lint, audit, machine, bench, model, mutants and fuzz; and sshd, which
# is no part of check, because Debian's package starts the server.  On Debian and the like
# with apt-get, as root or through sudo; elsewhere it names what to install.
set -eu

build="gcc libc6-dev make pkg-config libbsd-dev libseccomp-dev"
logind="dbus libsystemd-dev python3-dbusmock systemd"
check="kyua libatf-dev atf-sh zsh ksh mksh dash fish gdb iproute2 procps
python3 screen socat strace tmux"
sshd="openssh-server"
programs="age ansible-core borgbackup cryptsetup-bin curl git gpg gpg-agent openssh-client
openssl postgresql-client python3 restic skopeo"
deb="build-essential dpkg-dev debhelper kyua libatf-dev libsystemd-dev xz-utils"
package="debootstrap lintian"
audit="qemu-system-x86 busybox-static cpio"
machine="debootstrap e2fsprogs systemd-container"
lint="clang clang-format clang-tidy clang-tools cppcheck shellcheck mandoc"
bench="gnuplot-nox gpg-agent keyutils openssh-client zsh dash fish"
model="spin gcc libc6-dev"
mutants="python3 git"
fuzz="clang libclang-rt-dev llvm"

wanted=
for g; do
	case $g in
	*[!a-z]*) packages=$g ;;
	*)	eval "packages=\${$g:-$g}" ;;
	esac
	wanted="$wanted $packages"
done

if ! command -v apt-get >/dev/null 2>&1; then
	# The names of packages differ elsewhere, but those of the programs are the same.
	missing=
	command -v cc >/dev/null 2>&1 || missing="$missing cc"
	command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
	for lib in libbsd-overlay libbsd-ctor libseccomp; do
		pkg-config --exists "$lib" 2>/dev/null || missing="$missing $lib"
	done
	case $wanted in
	*kyua*)
		for prog in kyua atf-sh; do
			command -v $prog >/dev/null 2>&1 ||
			    missing="$missing $prog"
		done
		pkg-config --exists atf-c 2>/dev/null || missing="$missing atf-c"
		;;
	esac
	[ -z "$missing" ] && exit 0
	echo "please install:$missing" >&2
	exit 1
fi

missing=
for p in $wanted; do
	case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
	*" installed") ;;
	*) missing="$missing $p" ;;
	esac
done
[ -z "$missing" ] && exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	# Somebody who may not use sudo is told the same.
	if ! command -v sudo >/dev/null 2>&1 || ! sudo -v; then
		echo "please install, as root: apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi
echo "installing:$missing"
$sudo apt-get -qq update
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
    --no-install-recommends $missing >/dev/null
