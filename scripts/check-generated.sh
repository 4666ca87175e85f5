#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# culvert itself prints the sample file, the manual pages, the option table of docs/configuration.md and the table of metrics
# (--generate WHAT) from its tables. culvertctl prints its manual page and its completion. This script compares the committed files with that output.
#
# usage: scripts/check-generated.sh [--update]    (--update, or `make generated`, writes them)
set -uo pipefail
cd "$(dirname "$0")/.." || exit

readonly CULVERT=${BUILD:-build}/release/culvert CTL=${BUILD:-build}/release/culvertctl
update=
[ "${1:-}" != --update ] || update=1
[ -x "$CULVERT" ] && [ -x "$CTL" ] || { echo "check-generated: $CULVERT and culvertctl are not built"; exit 1; }

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
status=0 count=0

generated() {  # WHAT: on stdout, without the CULVERT_* variables of the caller
  env -i PATH="$PATH" "$CULVERT" --generate "$1" || { echo "check-generated: culvert --generate $1 failed" >&2; return 1; }
}

hold() {  # WHAT FILE, the new text being $fresh/text
  count=$((count + 1))
  if cmp -s "$fresh/text" "$2"; then return; fi
  if [ -n "$update" ]; then
    cat "$fresh/text" >"$2"
    printf '  %-7s %s\n' GEN "$2"
  else
    echo "$2: differs from what --generate $1 prints (make generated)"
    diff -u "$2" "$fresh/text" 2>&1 | sed -n '3,12p'
    status=1
  fi
}

for pair in sample:etc/culvert.ini man:etc/culvert.8 man-ini:etc/culvert.ini.5; do
  generated "${pair%%:*}" >"$fresh/text" && hold "${pair%%:*}" "${pair#*:}" || status=1
done
for pair in man:etc/culvertctl.8 completion:etc/culvertctl.bash; do
  env -i PATH="$PATH" "$CTL" --generate "${pair%%:*}" >"$fresh/text" && hold "${pair%%:*}" "${pair#*:}" || status=1
done
# The tables between two marks in a page.
for pair in readme-table:docs/configuration.md metrics-table:docs/monitoring.md; do
  what=${pair%%:*} page=${pair#*:} end="<!-- /generated -->"
  begin="<!-- generated: $what -->"
  grep -qF "$begin" "$page" || { echo "$page: the line $begin is missing"; status=1; continue; }
  generated "$what" >"$fresh/table" || status=1
  awk -v begin="$begin" -v end="$end" -v table="$fresh/table" '
    $0 == begin { print; while ((getline line < table) > 0) print line; skip = 1 }
    $0 == end { skip = 0 }
    !skip && $0 != begin { print }' "$page" >"$fresh/text"
  hold "$what" "$page"
done
# culvert must be able to read the sample files.
for file in etc/culvert.ini etc/culvert-minimal.ini; do
  if [ -f "$file" ] && [ -z "$update" ]; then
    count=$((count + 1))
    env -i PATH="$PATH" "$CULVERT" -c "$file" --dump-config >/dev/null 2>"$fresh/errors" ||
      { cat "$fresh/errors"; echo "$file: culvert cannot read it"; status=1; }
  fi
done
echo "check-generated: $count files, $([ $status = 0 ] && echo 'up to date' || echo 'see above')"
exit $status
