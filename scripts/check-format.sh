#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks that clang-format would change nothing (`make format` applies it). Scripts must parse and, if shellcheck is
# installed, pass it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

status=0
mapfile -t sources < <(find src tests -name '*.h' -o -name '*.cc' | sort)
if ! command -v clang-format >/dev/null; then
  echo "check-format: clang-format is missing (scripts/install-deps.sh check)"
  exit 1
fi
bad=$(clang-format --dry-run "${sources[@]}" 2>&1 | sed -n 's/^\(\(src\|include\|tests\)[^ :]*\):\([0-9]*\):.*/\1:\3: layout/p')
if [ -n "$bad" ]; then
  # one line for each file: its first difference
  sort -t: -k1,1 -u <<<"$bad"
  status=1
fi
scripts=()
while IFS= read -r file; do
  if head -c 20 "$file" | grep -q '^#!/bin/\(ba\)\?sh'; then scripts+=("$file"); fi
done < <(find scripts .ci etc tests -type f)
for file in "${scripts[@]}"; do bash -n "$file" || status=1; done
if command -v shellcheck >/dev/null; then shellcheck -S warning "${scripts[@]}" || status=1; fi
echo "check-format: ${#sources[@]} sources, ${#scripts[@]} scripts, $([ $status = 0 ] && echo clean || echo 'see above (make format)')"
exit $status
