#!/bin/sh
# SPDX-License-Identifier: ISC
# package.sh [SUITE...]: tries the Debian packages.  The tarball of make dist builds
# without git, make deb works in a bare Debian, lintian has nothing to say about what it
# makes, and in a bare Debian of each suite (bookworm) inside.sh installs, uses, replaces
# and removes it.
set -eu
cd "$(dirname "$0")/../../.."

[ $# -gt 0 ] || set -- bookworm
tmp=$(mktemp -d "${TMPDIR:-/tmp}/dazai-package.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

quietly() {
	"$@" >"$tmp/out" 2>&1 || {
		tail -n 40 "$tmp/out" >&2
		echo "package: FAILED: $*" >&2
		exit 1
	}
}

version=$(sed -n 's/^#define DAZAI_VERSION "\(.*\)"/\1/p' common/version.h)
[ "$(sed -n '1s/^dazaid (\([^)]*\)).*/\1/p' debian/changelog)" = "$version" ] || {
	echo "package: FAILED: debian/changelog is not about version $version" >&2
	exit 1
}

echo "package: the tarball builds without git"
quietly make dist
tar -x -C "$tmp" -f "dazaid-$version.tar.xz"
quietly env GIT_DIR=/nonexistent make -C "$tmp/dazaid-$version" -j 2
"$tmp/dazaid-$version/dazaid/dazaid" -V

# In a bare Debian, since make deb installs what it needs; what it makes comes out by tar.
echo "package: make deb"
rm -rf ./*.deb .deb
regress/tools/debian.sh "$1" "$(dpkg --print-architecture)" sh -euc '
	exec 3>&1 >/dev/null
	apt-get -qq update
	apt-get -qq install -y make
	make deb >/srv/out 2>&1 || { tail -n 40 /srv/out >&2; exit 1; }
	find . -maxdepth 1 -name "*.deb" >/srv/made
	find .deb -maxdepth 1 -type f >>/srv/made
	tar -c --no-recursion -T /srv/made /srv/out >&3
' >"$tmp/made.tar" 2>"$tmp/out" || {
	cat "$tmp/out" >&2
	echo "package: FAILED: make deb" >&2
	exit 1
}
tar -x --no-same-owner -f "$tmp/made.tar" --exclude srv/out
tar -x -O -f "$tmp/made.tar" srv/out >"$tmp/out"
if grep -n 'warning: ' "$tmp/out"; then
	echo "package: FAILED: the flags of dpkg-buildflags give warnings" >&2
	exit 1
fi

echo "package: lintian"
lintian --allow-root -EvIL +pedantic --fail-on error,warning,info,pedantic \
    .deb/*.changes >"$tmp/lintian" 2>&1 || {
	cat "$tmp/lintian"
	exit 1
}

# The same package with a higher version.
for deb in ./*.deb; do
	dpkg-deb -R "$deb" "$tmp/newer"
	sed -i "s/^Version: .*/Version: $version+newer/; s/(= $version)/(= $version+newer)/" \
	    "$tmp/newer/DEBIAN/control"
	quietly dpkg-deb --root-owner-group -b "$tmp/newer" "$tmp"
	rm -r "$tmp/newer"
done

for suite; do
	echo "package: in a bare Debian, $suite"
	DEBIAN_FILES="$(echo ./*.deb "$tmp"/*+newer_*.deb)" regress/tools/debian.sh \
	    "$suite" "$(dpkg --print-architecture)" regress/proof/package/inside.sh
done
echo "package: all as it should be"
