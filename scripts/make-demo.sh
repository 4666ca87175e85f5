#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What `make demo` does: installs the packages that are missing, builds wolfSSL and the demo's culvert, and runs scripts/demo.sh.
# Meanwhile it shows the current step, its progress and how long it takes: on a terminal in one line that is renewed, elsewhere
# with a new line every PLAIN_EVERY seconds. The output of each step goes to a log, and if the step fails, the end of the log is
# shown. V=1 shows all output instead.
#
# environment: MAKE, MAKEFLAGS, BUILD, V and ONCE, as make passes them; FILES= the number of files that culvert is compiled
# from; PLAIN_EVERY= seconds between two lines without a terminal
set -euo pipefail
cd "$(dirname "$0")/.."

readonly MAKE=${MAKE:-make} BUILD=${BUILD:-build} FILES=${FILES:-4}
readonly BINARY=$BUILD/demo/culvert
LOGS=$(realpath -m "$BUILD/demo/logs")
readonly LOGS
readonly APT_OUTPUT=$LOGS/apt.log COMPILER_OUTPUT=$LOGS/wolfSSL-compiler.log
readonly PLAIN_EVERY=${PLAIN_EVERY:-15}  # seconds
watcher='' times='' took=0 missing=''

# --- how long it takes ----------------------------------------------------------------------------------

# One of the demo's files takes up to 700 MB to compile.
jobsThatFit() {
  local cpus room
  cpus=$(nproc)
  room=$(awk '/^MemAvailable:/ { print int($2 / 700000) }' /proc/meminfo)
  if [ "$room" -lt "$cpus" ]; then cpus=$((room > 1 ? room : 1)); fi
  echo "$cpus"
}

# The estimates are seconds on a server CPU of 2023.
estimate() {
  local jobs
  jobs=$(jobsThatFit)
  about_packages=0 about_wolfssl=0 about_culvert=2
  missing=$(scripts/install-deps.sh --check build demo 2>&1 | sed -n 's/.*packages are missing: //p') || :
  [ -z "$missing" ] || about_packages=20
  [ -f "$(scripts/wolfssl.sh --print-prefix)/.ready" ] || about_wolfssl=$((30 / $(nproc) + 4))
  if [ ! -x "$BINARY" ] || [ $((about_packages + about_wolfssl)) != 0 ] || [ -n "$(find src docs/man Makefile -newer "$BINARY" -print -quit)" ]; then
    about_culvert=$((42 / (jobs < FILES ? jobs : FILES) + 2))
  fi
  echo "make demo: packages, wolfSSL, culvert, then the demo itself: about $(rounded $((about_packages + about_wolfssl + about_culvert + 3)))"
}

rounded() {
  if [ "$1" -lt 10 ]; then echo "$1 s"; elif [ "$1" -lt 100 ]; then echo "$((($1 + 5) / 10 * 10)) s"; else echo "$((($1 + 30) / 60)) minutes"; fi
}

# --- progress: a few words for each step ----------------------------------------------------------------

count() { grep -c "$1" "$2" || :; }

packagesDone() {
  local total unpacked ready
  total=$(sed -n 's/.* \([0-9]*\) newly installed.*/\1/p' "$APT_OUTPUT" | tail -1)
  unpacked=$(count '^Unpacking ' "$APT_OUTPUT") ready=$(count '^Setting up ' "$APT_OUTPUT")
  if [ -z "$total" ]; then
    echo "reading the package lists"
  elif [ "$ready" -gt 0 ]; then
    echo "$ready of $total set up"
  elif [ "$unpacked" -gt 0 ]; then
    echo "$unpacked of $total unpacked"
  else
    echo "$(count '^Get:' "$APT_OUTPUT") of $total fetched"
  fi
}

wolfsslDone() {
  local total
  total=$(sed -n 's/^  FILES *//p' "$COMPILER_OUTPUT")
  if [ -z "$total" ]; then echo "at work"; else echo "file $(count '^  CC ' "$COMPILER_OUTPUT") of $total"; fi
}

culvertDone() {
  if grep -q '^  LINK ' "$LOGS/culvert.log"; then echo "linking"; else echo "file $(count '^  CXX ' "$LOGS/culvert.log") of $FILES"; fi
}

# --- showing it -----------------------------------------------------------------------------------------

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then readonly TERMINAL=1; else readonly TERMINAL=''; fi

# watch TITLE ABOUT WORDS: shows a step until the watcher is killed, or until this script is gone.
watch() {
  local started=$SECONDS last=$SECONDS line width
  width=$(stty size 2>/dev/null </dev/tty | cut -d ' ' -f 2) || width=0
  [ "${width:-0}" -gt 20 ] || width=80
  while kill -0 $$ 2>/dev/null; do
    line="$1: $("$3"), $((SECONDS - started)) s"
    if [ $((SECONDS - started)) -le "$2" ]; then line+=" of about $2 s"; fi
    if [ -n "$TERMINAL" ]; then
      printf '\r\033[K%s' "${line:0:$((width - 1))}"
    elif [ $((SECONDS - last)) -ge $PLAIN_EVERY ]; then
      echo "$line"
      last=$SECONDS
    fi
    sleep 0.5
  done
}

stopWatching() {
  [ -n "$watcher" ] || return 0
  kill "$watcher" 2>/dev/null || :
  wait "$watcher" 2>/dev/null || :
  watcher=
  [ -z "$TERMINAL" ] || printf '\r\033[K'
}
trap stopWatching EXIT

# step NUMBER NAME ABOUT WORDS COMMAND...: runs one step. The command is in the foreground, so that Ctrl-C reaches it.
step() {
  local title="[$1/4] $2" name=$2 about=$3 words=$4 started=$SECONDS status=0 log=$LOGS/$2.log
  shift 4
  if [ "${V:-}" = 1 ]; then
    echo "$title"
    "$@" || exit
  else
    [ -n "$TERMINAL" ] || [ "$about" = 0 ] || echo "$title: about $(rounded "$about")"
    : >"$log"
    watch "$title" "$about" "$words" &
    watcher=$!
    "$@" >"$log" 2>&1 || status=$?
    stopWatching
    [ $status = 0 ] || fail "$title" "$log"
  fi
  took=$((SECONDS - started))
  if [ "$about" = 0 ]; then echo "$title: already there"; else echo "$title: done in $took s"; fi
  times+="${name/packages/apt} $took s, "
}

fail() {
  echo "$1: failed; the end of $2:" >&2
  tail -40 "$2" | sed 's/^/    /' >&2
  exit 1
}

# --- the steps ------------------------------------------------------------------------------------------

packages() { APT_LOG=$APT_OUTPUT scripts/install-deps.sh build demo; }

wolfssl() { WOLFSSL_LOG=$COMPILER_OUTPUT "$MAKE" wolfssl; }

culvert() {
  local parallel=()
  [[ ${MAKEFLAGS:-} == *jobserver* ]] || parallel=("-j$(jobsThatFit)")
  "$MAKE" "${parallel[@]}" MODE=demo "$BINARY"
}

main() {
  mkdir -p "$LOGS"
  : >"$APT_OUTPUT"
  : >"$COMPILER_OUTPUT"
  estimate
  if [ -n "$missing" ]; then
    echo "[1/4] packages: apt installs $missing"
    # sudo must ask for its password before a line is renewed.
    if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then sudo -v; fi
  fi
  step 1 packages "$about_packages" packagesDone packages
  step 2 wolfSSL "$about_wolfssl" wolfsslDone wolfssl
  # If an earlier step took longer than estimated, the machine is slow or busy, and the next step takes longer, too.
  if [ "$took" -gt "$about_wolfssl" ] && [ "$about_wolfssl" != 0 ]; then about_culvert=$((about_culvert * took / about_wolfssl)); fi
  step 3 culvert "$about_culvert" culvertDone culvert
  echo "[4/4] demo"
  CULVERT=$(realpath "$BINARY") DEMO_TIMES=$times DEMO_SECONDS=$SECONDS exec scripts/demo.sh
}

main "$@"
