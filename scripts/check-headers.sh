#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every header compiles alone: whoever includes it needs to know nothing else.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# No word of the directory, and objects instead of a mere look: then ccache remembers what has not changed.
flags=$(make -s --no-print-directory print-cxxflags | sed 's/-ffile-prefix-map=[^ ]*//')
mapfile -t headers < <(find src tests -name '*.h' | sort)
count=${#headers[@]}
work=build/check-headers
mkdir -p "$work"
: >"$work/none.cc"
ccache=$(command -v ccache || true)
# shellcheck disable=SC2016,SC2086  # expanded by the inner shell; flags are words
printf '%s\n' "${headers[@]}" | xargs -P "$(nproc)" -I{} bash -c '
  case {} in tests/*) extra="-I. -Itests -Itests/support" ;; *) extra= ;; esac
  '"$ccache ${CXX:-g++}"' '"$flags"' -g0 -O0 -U_FORTIFY_SOURCE $extra -c -include {} '"$work/none.cc"' -o '"$work"'/$$.o || { echo "{}: does not compile alone"; exit 1; }'
status=$?
echo "check-headers: $count headers, $([ $status = 0 ] && echo 'each compiles alone' || echo 'not all compile alone')"
exit $status
