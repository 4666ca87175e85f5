#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs every structural check (scripts/check-*), even after one has failed, and prints a summary.
#
# usage: scripts/check.sh [NAME...]    e.g. scripts/check.sh layers text
set -uo pipefail
cd "$(dirname "$0")/.." || exit

checks=()
for file in scripts/check-*.sh scripts/check-*.py; do
  name=${file#scripts/check-}
  [ $# -eq 0 ] || [[ " $* " == *" ${name%.*} "* ]] || continue
  checks+=("$file")
done
[ ${#checks[@]} -gt 0 ] || { echo "check.sh: no such check: $*" >&2; exit 2; }

failed=()
for file in "${checks[@]}"; do
  case $file in
    *.py) "${PYTHON:-/usr/bin/python3}" "$file" ;;
    *) "$file" ;;
  esac || failed+=("$file")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "check: ${#failed[@]} of ${#checks[@]} failed: ${failed[*]}"
  exit 1
fi
echo "check: ${#checks[@]} of ${#checks[@]} passed"
