#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the revision of this source and its time, in seconds since 1970: out of git, or out of the file .revision that `make dist`
# puts into the source archive. Prints "unknown 0" if there is neither. SOURCE_DATE_EPOCH= replaces the time.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e .revision ]; then
  read -r revision epoch <.revision
elif revision=$(git describe --always --dirty --match 'v*' 2>/dev/null); then
  epoch=$(git log -1 --format=%ct)
else
  revision=unknown epoch=0
fi
echo "$revision ${SOURCE_DATE_EPOCH:-$epoch}"
