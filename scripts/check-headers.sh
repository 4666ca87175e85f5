#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks that every header compiles alone, so that a file that includes it needs no other include for it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# Flags without the directory's name, and objects instead of -fsyntax-only, so that ccache finds unchanged headers.
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
