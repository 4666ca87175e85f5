#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs built fuzzers (build/fuzz/bin/NAME), each for SECONDS_EACH seconds, on its corpus in tests/fuzz/corpus/NAME
# plus what earlier runs found (build/fuzz/corpus/NAME). It ends with one line per fuzzer, and fails if one found a fault.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

readonly SECONDS_EACH=${SECONDS_EACH:-60}
readonly DIR=${BUILD:-build}/fuzz
[ $# -gt 0 ] || { echo "fuzz: no fuzzers"; exit 1; }
summary=() failed=0
for name in "$@"; do
  found=$DIR/corpus/$name
  log=$DIR/$name.log
  crashes=$DIR/crashes/$name/
  mkdir -p "$found" "$crashes"
  seeds=()
  [ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
  dictionary=()
  [ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
  printf '  %-7s %s for %s s\n' FUZZ "$name" "$SECONDS_EACH"
  if "$DIR/bin/$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=1 \
    -artifact_prefix="$crashes" "${dictionary[@]}" "$found" "${seeds[@]}" >"$log" 2>&1; then
    summary+=("$name: $(grep '^Done ' "$log" | tail -1), $(grep -o 'cov: [0-9]*' "$log" | tail -1), clean")
  else
    failed=1
    tail -60 "$log"
    summary+=("$name: FAILED, input in $crashes, log in $log")
  fi
done
printf '%s\n' "${summary[@]}"
exit $failed
