#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that make install puts every file under DESTDIR and PREFIX, that manuals and shell
# files name these places, that make uninstall removes all of it, and that make says
# what it needs.
set -eu
cd "$(dirname "$0")/../.."

dir=$(mktemp -d "${TMPDIR:-/tmp}/dazai install.XXXXXX")
trap 'rm -rf "$dir"' EXIT
# One line of ours names what the build lacks.
if make -s PKG_CONFIG_LIBDIR="$dir" 2>"$dir/why"; then
	echo "it builds without its libraries" >&2
	exit 1
fi
wanted="cannot build without libbsd-overlay libseccomp libbsd-ctor: 'make deps' installs what is needed"
grep -qxF "$wanted" "$dir/why" || { cat "$dir/why" >&2; exit 1; }
rm "$dir/why"
make -s install DESTDIR="$dir" PREFIX=/opt/dazai
for f in bin/dazaid bin/dazai-hb bin/dazaictl bin/dazai-askpass \
    bin/docker-credential-dazai bin/git-credential-dazai bin/pinentry-dazai \
    share/man/man1/git-credential-dazai.1 \
    share/dazai/dazai.sh share/dazai/dazai.fish \
    share/man/man1/dazai-hb.1 share/man/man7/dazai-protocol.7 \
    share/man/man7/dazai-shell.7 share/man/man8/dazaid.8 \
    share/man/man8/dazaictl.8 share/bash-completion/completions/dazaictl \
    share/zsh/site-functions/_dazaictl \
    share/fish/vendor_completions.d/dazaictl.fish; do
	[ -s "$dir/opt/dazai/$f" ] || { echo "not installed: $f" >&2; exit 1; }
done
if grep -rI /usr/local "$dir"; then
	echo "installed in /opt/dazai, and named in /usr/local" >&2
	exit 1
fi
grep -q '\. /opt/dazai/share/dazai/dazai.sh' \
    "$dir/opt/dazai/share/man/man7/dazai-shell.7" ||
    { echo "dazai-shell(7) does not name the installed file" >&2; exit 1; }
"$dir/opt/dazai/bin/dazaid" -V
"$dir/opt/dazai/bin/dazaictl" -V
# A link beside it, wherever the tree is moved to.
link=$(readlink "$dir/opt/dazai/bin/dazai-askpass")
[ "$link" = dazaictl ] || { echo "dazai-askpass is '$link'" >&2; exit 1; }
# An installed link to a directory is replaced, not followed.
ln -sfn ../share "$dir/opt/dazai/bin/dazai-askpass"
make -s install DESTDIR="$dir" PREFIX=/opt/dazai
link=$(readlink "$dir/opt/dazai/bin/dazai-askpass")
[ "$link" = dazaictl ] || { echo "dazai-askpass is '$link'" >&2; exit 1; }
make -s uninstall DESTDIR="$dir" PREFIX=/opt/dazai
left=$(find "$dir" ! -type d)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
