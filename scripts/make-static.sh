#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What `make static` does after the build: packs the static program into build/culvert-VERSION-linux-ARCH.tar.gz, with the sample files,
# the unit, the manual pages, the licences of all that is linked in, and the list of those parts (SPDX). The time of the source is the
# time of every file, so the same source gives the same bytes.
#
# usage: scripts/make-static.sh PROGRAM VERSION ARCH
# environment: BUILD= the directory of everything built; PACKAGES= versions of another architecture's packages
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PROGRAM=$1 VERSION=$2 ARCH=$3 BUILD=${BUILD:-build}
readonly NAME=culvert-$VERSION-linux-$ARCH
read -r _ epoch < <(scripts/revision.sh)

tree=$BUILD/tarball/$NAME
rm -rf "$tree"
mkdir -p "$tree"
umask 022
install -m 0755 "$PROGRAM" "$tree/culvert"
ln "$tree/culvert" "$tree/culvertctl"
install -m 0644 etc/culvert.ini etc/culvert-minimal.ini etc/culvert.service etc/culvert.8 etc/culvertctl.8 etc/culvert.ini.5 \
  etc/culvertctl.bash LICENSE README.md CHANGES.md "$tree/"
mkdir "$tree/licences"
sbom=(scripts/make-sbom.py "$VERSION" "$epoch" --licences "$tree/licences")
if [ -n "${PACKAGES:-}" ]; then sbom+=(--architecture "$ARCH" --packages "$PACKAGES"); fi
/usr/bin/python3 "${sbom[@]}" >"$tree/culvert.spdx.json"

# Nothing in the archive may depend on the machine: order, owner, times, and gzip's own header.
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s --format=gnu \
  -C "$BUILD/tarball" -cf - "$NAME" | gzip -9n >"$BUILD/$NAME.tar.gz.new"
mv -f "$BUILD/$NAME.tar.gz.new" "$BUILD/$NAME.tar.gz"
printf '  %-7s %s: %d KiB; the program alone: %d KiB\n' SIZE "$BUILD/$NAME.tar.gz" $(($(stat -c %s "$BUILD/$NAME.tar.gz") / 1024)) \
  $(($(stat -c %s "$PROGRAM") / 1024))
