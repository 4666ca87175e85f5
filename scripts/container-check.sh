#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the container without a container engine. mmdebstrap makes a root with the packages of the Dockerfile's last stage.
# In it culvert runs with the same binary, user and environment, read-only, as process 1 without any capability. Behind
# culvert is a redis as in compose.yaml, and redis-cli connects to it with TLS. Needs root.
#
# usage: scripts/container-check.sh    (after make; scripts/install-deps.sh container installs what it needs)
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "container-check.sh: needs root" >&2; exit 1; }
  for tool in mmdebstrap redis-server redis-cli openssl setpriv; do
    command -v "$tool" >/dev/null || { echo "container-check.sh: $tool is missing (scripts/install-deps.sh container)" >&2; exit 1; }
  done
  unshare --mount --pid --fork true 2>/dev/null || { echo "container-check: skipped: this machine does not allow namespaces"; exit 0; }
  exec unshare --mount --propagation private "$0" --inside
fi

readonly DOCKERFILE=etc/docker/Dockerfile BINARY=${BUILD:-build}/release/culvert
# Reads the values of the Dockerfile's last stage.
stage() { awk '/^FROM/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$DOCKERFILE"; }
packages=$(stage | grep -o 'no-install-recommends .*' | sed 's/no-install-recommends //; s/ *\\$//' | tr ' ' ,)
user=$(stage | sed -n 's/^USER //p')
mapfile -t environment < <(stage | sed -n 's/^ENV //p')

dir=$(mktemp -d /var/tmp/culvert-container.XXXXXX)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
  wait 2>/dev/null || :
  umount -R "$dir/root" 2>/dev/null || :
  rm -rf --one-file-system "$dir"
}
trap cleanup EXIT
die() {
  echo "container-check: error: $*" >&2
  tail -20 "$dir"/*.log >&2 || :
  exit 1
}
waitFor() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

echo "  ROOT    Debian 12 with $packages"
mapfile -t sources < <(apt-get indextargets --format 'deb $(SITE) $(RELEASE) main' 'Created-By: Packages' | grep ' bookworm' | sort -u)
printf '%s\n' "${sources[@]}" |
  mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$dir/root" - >"$dir/mmdebstrap.log" 2>&1 ||
  die "mmdebstrap failed"
install -m 0755 "$BINARY" "$dir/root/usr/bin/culvert"
mkdir -p "$dir/root/run/secrets"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -keyout "$dir/root/run/secrets/key" -out "$dir/root/run/secrets/cert" 2>/dev/null
cp "$dir/root/run/secrets/cert" "$dir/ca.pem"
chown "$user" "$dir/root/run/secrets/key"
chmod 0400 "$dir/root/run/secrets/key"
mount --bind "$dir/root" "$dir/root"
mount -t proc proc "$dir/root/proc"
mount -o remount,ro,bind "$dir/root"

redisAnswers() { [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; }
for _ in {1..10}; do
  port=$((20000 + RANDOM % 12000))
  redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$dir" >"$dir/redis.log" 2>&1 &
  redis=$!
  if waitFor 5 redisAnswers && kill -0 "$redis" 2>/dev/null; then break; fi
  kill "$redis" 2>/dev/null || :
  redis=
done
[ -n "$redis" ] || die "redis does not start"
pids+=("$redis")

echo "  RUN     culvert as process 1, user $user, ${environment[*]}"
: >"$dir/stdout.log"
unshare --pid --fork --kill-child chroot "$dir/root" /usr/bin/setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups \
  --no-new-privs --bounding-set=-all --inh-caps=-all \
  /usr/bin/env -i "${environment[@]}" CULVERT_TUNNEL_LISTEN=127.0.0.1:0 "CULVERT_TUNNEL_BACKEND=127.0.0.1:$port" \
  CULVERT_TUNNEL_CERT=/run/secrets/cert CULVERT_TUNNEL_KEY=/run/secrets/key \
  CULVERT_PORT=tcp://10.0.0.1:6380 CULVERT_SERVICE_HOST=10.0.0.1 /usr/bin/culvert >"$dir/stdout.log" 2>"$dir/stderr.log" &
outer=$!
pids+=("$outer")
isReady() { grep -q '\bready\b' "$dir/stdout.log" || ! kill -0 "$outer" 2>/dev/null; }
waitFor 10 isReady && kill -0 "$outer" 2>/dev/null || die "culvert does not become ready"
address=$(sed -n 's/.*listening service=main address=\([^ ]*\).*/\1/p' "$dir/stdout.log" | head -1)
[ -n "$address" ] || die "culvert does not say where it listens"

reply=$(redis-cli --tls --cacert "$dir/ca.pem" --sni localhost -h 127.0.0.1 -p "${address##*:}" set greeting hello 2>&1)
[ "$reply" = OK ] || die "redis-cli over TLS: $reply"
[ "$(redis-cli -p "$port" get greeting)" = hello ] || die "redis did not get the value"
ended() { grep -q 'cause=' "$dir/stdout.log"; }
waitFor 10 ended || die "no log line on stdout"
inner=$(pgrep -P "$outer" | head -1)
grep -qE '^Uid:[[:space:]]+'"${user%:*}" "/proc/$inner/status" || die "culvert does not run as $user"
grep -qE '^CapEff:[[:space:]]+0+$' "/proc/$inner/status" || die "culvert holds capabilities"
[ ! -s "$dir/stderr.log" ] || die "something was written to stderr"
kill -TERM "$inner"
status=0
wait "$outer" || status=$?
[ "$status" = 0 ] || die "culvert as process 1 ended with $status after TERM"
grep 'cause=' "$dir/stdout.log" | sed 's/^/    /'
echo "container-check: redis-cli --tls reached redis through culvert; TERM ended it with 0"
