#!/bin/sh
# SPDX-License-Identifier: ISC
# make install puts all in its place under DESTDIR and PREFIX, make uninstall
# takes all of it away again.
set -eu
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s install DESTDIR="$dir" PREFIX=/opt/dazai
for f in sbin/dazaid bin/dazai-hb share/dazai/dazai.sh share/dazai/dazai.fish \
    share/man/man8/dazaid.8 share/man/man1/dazai-hb.1; do
	[ -s "$dir/opt/dazai/$f" ] || { echo "not installed: $f" >&2; exit 1; }
done
"$dir/opt/dazai/sbin/dazaid" -V
make -s uninstall DESTDIR="$dir" PREFIX=/opt/dazai
left=$(find "$dir" -type f)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
