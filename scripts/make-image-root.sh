#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Puts the files of the container image into a directory, after `make static`: the program under its two names, the CAs of this
# machine, the licences and the list of parts, and a user database with the image's user. etc/docker/Dockerfile runs it.
#
# usage: scripts/make-image-root.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ROOT=$1 USER_ID=65532
tarball=$(echo "${BUILD:-build}"/culvert-*-linux-*.tar.gz)
[ -f "$tarball" ] || { echo "make-image-root.sh: error: one archive of make static is needed, not: $tarball" >&2; exit 1; }
umask 022
mkdir -p "$ROOT"/usr/bin "$ROOT"/usr/share/doc/culvert/licences "$ROOT"/etc/ssl/certs
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
tar -xzf "$tarball" -C "$unpacked" --strip-components=1
install -m 0755 "$unpacked/culvert" "$ROOT/usr/bin/culvert"
# A symbolic link: an image's layers would hold a hard link twice.
ln -s culvert "$ROOT/usr/bin/culvertctl"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/"
gzip -9n "$unpacked"/licences/* "$unpacked/LICENSE" "$unpacked/culvert.spdx.json"
install -m 0644 "$unpacked"/licences/* "$ROOT/usr/share/doc/culvert/licences/"
install -m 0644 "$unpacked/LICENSE.gz" "$unpacked/culvert.spdx.json.gz" "$ROOT/usr/share/doc/culvert/"
echo "culvert:x:$USER_ID:$USER_ID:culvert:/:/sbin/nologin" >"$ROOT/etc/passwd"
echo "culvert:x:$USER_ID:" >"$ROOT/etc/group"
