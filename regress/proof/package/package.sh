#!/bin/sh
# SPDX-License-Identifier: ISC
# package.sh [SUITE...]: tries the Debian packages.  The tarball of make dist builds
# without git, lintian has nothing to say about what make deb makes, and in a bare Debian
# of each suite (bookworm) inside.sh installs, uses, replaces and removes it.
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

echo "package: make deb"
rm -f ./*.deb
quietly make deb
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
