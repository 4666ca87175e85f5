#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every header compiles alone: whoever includes it needs to know nothing else.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

flags=$(make -s --no-print-directory print-cxxflags)
mapfile -t headers < <(find src tests -name '*.h' | sort)
count=${#headers[@]}
# shellcheck disable=SC2016,SC2086  # expanded by the inner shell; flags are words
printf '%s\n' "${headers[@]}" | xargs -P "$(nproc)" -I{} bash -c '
  case {} in tests/*) extra="-I. -Itests -Itests/support" ;; *) extra= ;; esac
  '"${CXX:-g++}"' '"$flags"' $extra -fsyntax-only -x c++ -include {} /dev/null || { echo "{}: does not compile alone"; exit 1; }'
status=$?
echo "check-headers: $count headers, $([ $status = 0 ] && echo 'each compiles alone' || echo 'not all compile alone')"
exit $status
