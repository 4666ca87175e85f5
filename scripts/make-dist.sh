#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What `make dist` does: packs the committed source into build/culvert-VERSION.tar.gz, with wolfSSL's pinned archive inside, so that it
# builds with apt's packages and no other network. Beside it: the list of parts (SPDX) and checksums of all archives of this version.
# CHANGES.md has to begin with this version. RELEASE=1 also requires a date there, no uncommitted change, and the tag vVERSION.
#
# usage: scripts/make-dist.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VERSION=$1 BUILD=${BUILD:-build}
readonly NAME=culvert-$VERSION
die() { echo "make dist: error: $*" >&2; exit 1; }

git rev-parse --git-dir >/dev/null 2>&1 || die "this needs a git clone: the archive has what is committed"
heading=$(grep -m1 '^## ' CHANGES.md)
[[ $heading == "## $VERSION ("* ]] || die "CHANGES.md begins with \"$heading\"; the Makefile's VERSION is $VERSION"
changed=$(git status --porcelain --untracked-files=no)
if [ "${RELEASE:-}" = 1 ]; then
  [[ $heading =~ \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$ ]] || die "CHANGES.md: write the date of the release: \"## $VERSION (YYYY-MM-DD)\""
  [ -z "$changed" ] || die "uncommitted changes: $changed"
  [ "$(git describe --exact-match --match 'v*' 2>/dev/null)" = "v$VERSION" ] || die "the commit has no tag v$VERSION"
else
  [ -z "$changed" ] || echo "make dist: uncommitted changes are left out" >&2
fi
revision=$(git describe --always --match 'v*')
epoch=$(git log -1 --format=%ct)

work=$BUILD/dist
rm -rf "$work"
mkdir -p "$work"
git archive --format=tar --prefix="$NAME/" HEAD | tar -xf - -C "$work"
echo "$revision $epoch" >"$work/$NAME/.revision"
mkdir -p "$work/$NAME/vendor"
WOLFSSL='' scripts/wolfssl.sh --archive "$work/$NAME/vendor"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s --format=gnu \
  -C "$work" -cf - "$NAME" | gzip -9n >"$BUILD/$NAME.tar.gz"
scripts/make-sbom.py "$VERSION" "$epoch" >"$BUILD/$NAME.spdx.json"
(cd "$BUILD" && find . -maxdepth 1 -type f \( -name "culvert[-_]$VERSION*" \) -printf '%P\n' | grep -v SHA256SUMS | LC_ALL=C sort |
  xargs sha256sum) >"$BUILD/$NAME.SHA256SUMS"
sed 's/^/  /' "$BUILD/$NAME.SHA256SUMS"
