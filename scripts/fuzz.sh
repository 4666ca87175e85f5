#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs built fuzzers (build/fuzz/bin/NAME), each for SECONDS_EACH seconds, on its corpus in tests/fuzz/corpus/NAME
# plus what earlier runs found (build/fuzz/corpus/NAME). It ends with one line per fuzzer, and fails if one found a fault.
#
# environment: SECONDS_EACH=60, JOBS= how many run at a time (default: one for each CPU)
set -uo pipefail
cd "$(dirname "$0")/.." || exit

readonly SECONDS_EACH=${SECONDS_EACH:-60}
readonly DIR=${BUILD:-build}/fuzz
JOBS=${JOBS:-$(nproc)}
[ $# -gt 0 ] || { echo "fuzz: no fuzzers"; exit 1; }

# Runs one fuzzer. Writes its line of the summary to a file, because it runs in a subshell.
fuzz() {
  local name=$1 found=$DIR/corpus/$1 log=$DIR/$1.log crashes=$DIR/crashes/$1/ seeds=() dictionary=()
  mkdir -p "$found" "$crashes"
  [ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
  [ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
  printf '  %-7s %s for %s s\n' FUZZ "$name" "$SECONDS_EACH"
  if "$DIR/bin/$name" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=1 \
    -artifact_prefix="$crashes" "${dictionary[@]}" "$found" "${seeds[@]}" >"$log" 2>&1; then
    echo "$name: $(grep '^Done ' "$log" | tail -1), $(grep -o 'cov: [0-9]*' "$log" | tail -1), clean" >"$DIR/$name.result"
  else
    tail -60 "$log"
    echo "$name: FAILED, input in $crashes, log in $log" >"$DIR/$name.result"
  fi
}

for name in "$@"; do rm -f "$DIR/$name.result"; done
for name in "$@"; do
  while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
  fuzz "$name" &
done
wait
failed=0
for name in "$@"; do
  cat "$DIR/$name.result" || failed=1
  ! grep -q ': FAILED, ' "$DIR/$name.result" || failed=1
done
exit $failed
