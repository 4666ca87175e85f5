# SPDX-License-Identifier: GPL-3.0-or-later
# What .ci/run and .ci/full share. `step NAME COMMAND...` runs a command, keeps its output in build/ci/NAME.log and continues
# even if the command fails. `records NAME VARIABLE GOAL...` is a step that builds another record layer. `summary` prints a line
# per step, the tests that took longest, and the sum; it fails if a step failed. This file is sourced, not run.

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

# Builds culvert with a variable of make, as RECORDS=library, makes the goals, and runs the black-box tests marked `records`.
# The mode is demo, because it compiles in a minute.
records() {
  local name=$1
  shift
  step "$name" otherRecords "build/$name" "$@"
}
otherRecords() {
  local options=(MODE=demo "BUILD=$1" "$2") binary=$1/demo/culvert goal failed=0
  shift 2
  make -j"$(nproc)" "${options[@]}" "$binary" || return
  for goal in "$@"; do make "${options[@]}" "$goal" || failed=1; done
  make "${options[@]}" integration PYTEST_ARGS="-m records $PYTEST_ARGS" || failed=1
  return "$failed"
}

summary() {
  printf '\n=== summary (%s s)\n' "$SECONDS"
  printf '%s\n' "${ci_results[@]}" | /usr/bin/python3 .ci/summary.py || ci_failed=1
  return "$ci_failed"
}
