# SPDX-License-Identifier: GPL-3.0-or-later
# What .ci/run and .ci/full share. `step NAME COMMAND...` runs a command, keeps its output in build/ci/NAME.log and continues
# even if the command fails. `summary` prints a line per step, the tests that took longest, and the sum; it fails if a step
# failed. This file is sourced, not run.

export LC_ALL=C.UTF-8
export PYTEST_ARGS="${PYTEST_ARGS:-} --durations=25 --durations-min=2"
readonly CI_LOGS=build/ci
ci_results=() ci_failed=0
mkdir -p "$CI_LOGS"

step() {
  local name=$1 started=$SECONDS status log
  log=$CI_LOGS/$1.log
  shift
  printf '\n=== %s: %s\n' "$name" "$*"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  [ "$status" = 0 ] || ci_failed=1
  ci_results+=("$name $status $((SECONDS - started)) $log")
}

summary() {
  printf '\n=== summary (%s s)\n' "$SECONDS"
  printf '%s\n' "${ci_results[@]}" | /usr/bin/python3 .ci/summary.py || ci_failed=1
  return "$ci_failed"
}
