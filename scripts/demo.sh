#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shows culvert with real traffic: in front of a plaintext HTTP server and of a raw TCP service. curl and
# `openssl s_client` connect to it with TLS. The demo runs in the foreground until Ctrl-C; with ONCE=1 it ends by
# itself. All files are in a temporary directory, all traffic is on loopback, and nothing needs root. Exit code 0 means
# that every byte came back unchanged.
#
# environment: CULVERT= the binary; DEMO_TIMES=, DEMO_SECONDS= the earlier steps of scripts/make-demo.sh, and their seconds
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CULVERT=${CULVERT:-$PWD/${BUILD:-build}/demo/culvert}
DIR=$(mktemp -d "${TMPDIR:-/tmp}/culvert-demo.XXXXXX")
readonly DIR
readonly LOG=$DIR/culvert.log
pids=() culvert_pid='' tail_pid='' finished=''

# Bold and faint text, on a terminal only.
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
  readonly BOLD=$'\033[1m' FAINT=$'\033[2m' PLAIN=$'\033[0m'
else
  readonly BOLD='' FAINT='' PLAIN=''
fi
title() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
shown() { printf '%s$ %s%s\n' "$FAINT" "$*" "$PLAIN"; }
die() {
  printf '\ndemo: error: %s\n' "$*" >&2
  for file in "$DIR"/*.log; do [ ! -s "$file" ] || { echo "--- ${file##*/}"; tail -40 "$file"; } >&2; done
  exit 1
}

# Shows how long each step took, for `make demo`.
showTimes() {
  [ -z "${DEMO_TIMES:-}" ] || echo "demo: ${DEMO_TIMES}demo $SECONDS s, total $((DEMO_SECONDS + SECONDS)) s"
}
whatNext() {
  echo "demo: next: \`make\` builds build/release/culvert, optimised; README.md shows how to put it in front of your service"
}

stop() {
  local status=$?
  trap '' INT TERM
  [ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null || :
  if [ -n "$culvert_pid" ]; then
    kill -TERM "$culvert_pid" 2>/dev/null || :
    wait "$culvert_pid" || :
  fi
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
  wait 2>/dev/null || :
  rm -rf "$DIR"
  [ -z "$finished" ] || status=0
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

# waitFor SECONDS COMMAND...: polls until the command succeeds.
waitFor() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
alive() { kill -0 "$1" 2>/dev/null; }

# startBackend NAME COMMAND...: starts a server on a free port of loopback (@PORT@ in the command) and leaves
# the port in $port.
startBackend() {
  local name=$1 pid
  shift
  for _ in {1..20}; do
    port=$((20000 + RANDOM % 12000))
    if answers "$port"; then continue; fi
    "${@//@PORT@/$port}" >"$DIR/$name.log" 2>&1 &
    pid=$!
    if waitFor 5 answers "$port" && alive "$pid"; then
      pids+=("$pid")
      return
    fi
    kill "$pid" 2>/dev/null || :
  done
  die "the $name server does not start"
}

addressOf() { sed -n "s/.*listening service=$1 address=\([^ ]*\).*/\1/p" "$LOG" | head -1; }
logHas() { grep -q -- "$1" "$LOG"; }

[ -x "$CULVERT" ] || die "$CULVERT is not built"

title "A certificate for localhost"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>"$DIR/openssl.log" ||
  die "openssl cannot make a certificate"
openssl x509 -in "$DIR/cert.pem" -noout -subject -ext subjectAltName | sed 's/^/  /'

title "Two plaintext services: a web server and a raw TCP echo"
mkdir "$DIR/www"
printf 'Hello from a server that knows no TLS.\n' >"$DIR/www/index.html"
head -c 4194304 /dev/urandom >"$DIR/www/four-mebibytes.bin"
startBackend web busybox httpd -f -v -p 127.0.0.1:@PORT@ -h "$DIR/www"
readonly WEB=$port
startBackend echo socat TCP-LISTEN:@PORT@,bind=127.0.0.1,fork,reuseaddr EXEC:/bin/cat
readonly ECHO=$port
echo "  busybox httpd on 127.0.0.1:$WEB, socat echo on 127.0.0.1:$ECHO"

title "culvert in front of both"
# If the demo runs as root, culvert gets a user to become. An ordinary user cannot become another one.
user_lines=''
if [ "$(id -u)" = 0 ]; then user_lines=$'[global]\nuser = nobody\n'; fi
cat >"$DIR/culvert.ini" <<INI
${user_lines}[defaults]
cert = $DIR/cert.pem
key = $DIR/key.pem
[service web]
listen = 127.0.0.1:0
backend = 127.0.0.1:$WEB
[service echo]
listen = 127.0.0.1:0
backend = 127.0.0.1:$ECHO
INI
shown "cat culvert.ini"
cat "$DIR/culvert.ini"
shown "culvert -c culvert.ini"
: >"$LOG"
env -i PATH="$PATH" "$CULVERT" -c "$DIR/culvert.ini" >"$LOG" 2>&1 &
culvert_pid=$!
isReady() { logHas '\bready\b' || ! alive "$culvert_pid"; }
waitFor 10 isReady && alive "$culvert_pid" || die "culvert does not become ready"
cat "$LOG"
WEB_TLS=$(addressOf web)
ECHO_TLS=$(addressOf echo)
[ -n "$WEB_TLS" ] && [ -n "$ECHO_TLS" ] || die "culvert does not say where it listens"
readonly WEB_URL=https://localhost:${WEB_TLS##*:}

title "curl over TLS"
shown "curl --cacert cert.pem -i $WEB_URL/"
curl -sS --noproxy '*' --resolve "localhost:${WEB_TLS##*:}:127.0.0.1" --cacert "$DIR/cert.pem" --max-time 20 -v "$WEB_URL/" \
  -o "$DIR/page" 2>"$DIR/curl.log" || die "curl failed"
grep -E '^\* +SSL connection using|^< ' "$DIR/curl.log" | tr -d '\r' | sed 's/^[*<] /  /'
sed 's/^/  /' "$DIR/page"
cmp -s "$DIR/page" "$DIR/www/index.html" || die "the page is not what the server has"
shown "curl --cacert cert.pem -O $WEB_URL/four-mebibytes.bin"
curl -sS --noproxy '*' --resolve "localhost:${WEB_TLS##*:}:127.0.0.1" --cacert "$DIR/cert.pem" --max-time 60 \
  -w '  %{size_download} bytes in %{time_total} s, HTTP %{http_code}\n' "$WEB_URL/four-mebibytes.bin" -o "$DIR/big" 2>>"$DIR/curl.log" ||
  die "curl failed on the large file"
cmp -s "$DIR/big" "$DIR/www/four-mebibytes.bin" || die "the large file arrived changed"
echo "  identical to the file on the server"

title "Raw TCP over TLS"
shown "openssl s_client -quiet -connect $ECHO_TLS -CAfile cert.pem -verify_return_error"
coproc CLIENT { exec openssl s_client -quiet -no_ign_eof -connect "$ECHO_TLS" -servername localhost -CAfile "$DIR/cert.pem" \
  -verify_return_error 2>"$DIR/s_client.log"; }
client_pid=$CLIENT_PID
pids+=("$client_pid")
for line in 'EHLO legacy service' 'any bytes, any protocol'; do
  echo "$line" >&"${CLIENT[1]}"
  IFS= read -r -t 10 reply <&"${CLIENT[0]}" || die "no echo of \"$line\""
  printf '  > %s\n  < %s\n' "$line" "$reply"
  [ "$reply" = "$line" ] || die "the echo differs"
done
eval "exec ${CLIENT[1]}>&-"
wait "$client_pid" || :

title "What culvert says about it"
threeEnds() { [ "$(grep -c 'cause=' "$LOG")" -ge 3 ]; }
waitFor 10 threeEnds || die "the log lacks the end of a tunnel"
grep 'cause=' "$LOG"

if [ -z "${ONCE:-}" ]; then
  showTimes
  title "culvert continues to run; try, in another terminal:"
  echo "  curl --cacert $DIR/cert.pem $WEB_URL/"
  echo "  openssl s_client -quiet -connect $ECHO_TLS -CAfile $DIR/cert.pem"
  echo "Ctrl-C ends it. What culvert logs from here on:"
  tail -n 0 -f "$LOG" &
  tail_pid=$!
  trap 'finished=1; echo; whatNext; exit 0' INT TERM
  wait "$culvert_pid" || die "culvert ended by itself"
  exit 1
fi

title "A clean end"
kill -TERM "$culvert_pid"
status=0
wait "$culvert_pid" || status=$?
culvert_pid=
# The last line; the one before has all counters.
tail -1 "$LOG"
[ "$status" = 0 ] || die "culvert ended with exit code $status"
echo "demo: everything came back right; culvert stopped with exit code 0"
showTimes
whatNext
finished=1
