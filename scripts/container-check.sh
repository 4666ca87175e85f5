#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the container image and runs it, without a container engine. buildah follows etc/docker/Dockerfile; the Debian that the file
# begins with is made by mmdebstrap, so nothing is pulled. The image then runs as an engine would run it: its own user, environment and
# entry point, as process 1, read-only, without any capability. Behind it is a redis as in compose.yaml, and redis-cli connects to it
# with TLS. The image's health check runs, too. Needs root.
#
# usage: scripts/container-check.sh    (scripts/install-deps.sh container installs what it needs)
# The image's program stays in build/container/culvert, for scripts/static-check.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "container-check.sh: needs root" >&2; exit 1; }
  for tool in buildah mmdebstrap redis-server redis-cli openssl git; do
    command -v "$tool" >/dev/null || { echo "container-check.sh: $tool is missing (scripts/install-deps.sh container)" >&2; exit 1; }
  done
  unshare --mount --pid --fork true 2>/dev/null || { echo "container-check: skipped: this machine does not allow namespaces"; exit 0; }
  exec unshare --mount --propagation private "$0" --inside
fi

readonly BUILD=${BUILD:-build} IMAGE=localhost/culvert
dir=$(mktemp -d /var/tmp/culvert-container.XXXXXX)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -s CONT "$pid" 2>/dev/null || :; kill "$pid" 2>/dev/null || :; done
  wait 2>/dev/null || :
  umount -R "$dir/root" 2>/dev/null || :
  rm -rf --one-file-system "$dir"
}
trap cleanup EXIT
die() {
  echo "container-check: error: $*" >&2
  tail -n 20 "$dir"/*.log >&2 || :
  exit 1
}
waitFor() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.02
  done
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
image() { buildah --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs "$@"; }

# --- the image --------------------------------------------------------------------------------------------

base=$(sed -n 's/^FROM \(.*\) AS build$/\1/p' etc/docker/Dockerfile)
echo "  BASE    $base, made by mmdebstrap"
mapfile -t sources < <(apt-get indextargets --format 'deb $(SITE) $(RELEASE) main' 'Created-By: Packages' | grep ' bookworm' | sort -u)
printf '%s\n' "${sources[@]}" | mmdebstrap --quiet --variant=apt bookworm "$dir/base.tar" - >"$dir/mmdebstrap.log" 2>&1 ||
  die "mmdebstrap failed"
container=$(image from scratch)
{ image add "$container" "$dir/base.tar" / && image commit --rm "$container" "docker.io/library/$base"; } >"$dir/base.log" 2>&1 ||
  die "buildah cannot make the base"
rm "$dir/base.tar"

# The source as `make dist` packs it, with wolfSSL's archive: the image needs apt's packages and no other network.
scripts/make-dist.sh "$(make -s print-version)" >/dev/null
mkdir "$dir/source"
tar -xzf "$BUILD/culvert-$(make -s print-version).tar.gz" -C "$dir/source" --strip-components=1
echo "  BUILD   etc/docker/Dockerfile"
started=$SECONDS
image build --isolation chroot --pull=never --format docker --tag "$IMAGE" --ignorefile etc/docker/Dockerfile.dockerignore \
  --file etc/docker/Dockerfile "$dir/source" >"$dir/build.log" 2>&1 || die "buildah cannot build the image"
echo "          in $((SECONDS - started)) s"
container=$(image from --pull=never "$IMAGE")
cp -a "$(image mount "$container")" "$dir/root"
image inspect --type image "$IMAGE" >"$dir/image.json"
mkdir -p "$BUILD/container"
install -m 0755 "$dir/root/usr/bin/culvert" "$BUILD/container/culvert"
bytes=$(du -sb --apparent-size "$dir/root" | cut -f 1)
printf '  SIZE    %d.%02d MB in %d files\n' $((bytes / 1000000)) $((bytes / 10000 % 100)) "$(find "$dir/root" -type f | wc -l)"
[ "$bytes" -lt 8500000 ] || die "the image is larger than 8.5 MB"

# value PATH: a value of the image's configuration; lists have a line for each item.
value() {
  /usr/bin/python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))["Docker"]["config"]
for key in sys.argv[2].split("."): value = value[key]
print("\n".join(value) if isinstance(value, list) else value)' "$dir/image.json" "$1"
}
user=$(value User)
mapfile -t environment < <(value Env)
mapfile -t entry < <(value Entrypoint)
mapfile -t health < <(value Healthcheck.Test)
[ "$user" = 65532:65532 ] || die "the image's user is $user"
[ "$(value StopSignal)" = SIGTERM ] || die "the image's stop signal is $(value StopSignal)"
[ "${health[0]}" = CMD ] || die "the image has no health check that needs no shell"
[ "$(value Labels | grep -c org.opencontainers)" -ge 1 ] || die "the image has no labels"

# --- running it -------------------------------------------------------------------------------------------

mkdir -p "$dir/root/run/secrets" "$dir/root/proc"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -keyout "$dir/root/run/secrets/key" -out "$dir/root/run/secrets/cert" 2>/dev/null
cp "$dir/root/run/secrets/cert" "$dir/ca.pem"
chown "$user" "$dir/root/run/secrets/key"
chmod 0400 "$dir/root/run/secrets/key"
mount --bind "$dir/root" "$dir/root"
mount -t proc proc "$dir/root/proc"
mount -o remount,ro,bind "$dir/root"
if touch "$dir/root/file" 2>/dev/null; then die "the root is not read-only"; fi

redisAnswers() { [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; }
for _ in {1..10}; do
  port=$((20000 + RANDOM % 12000))
  redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$dir" >"$dir/redis.log" 2>&1 &
  redis=$!
  if waitFor 10 redisAnswers && kill -0 "$redis" 2>/dev/null; then break; fi
  kill "$redis" 2>/dev/null || :
  redis=
done
[ -n "$redis" ] || die "redis does not start"
pids+=("$redis")
# Two free ports: nobody else asks for them in the short time until culvert listens there.
read -r service door < <(/usr/bin/python3 -c 'import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in taken))')

environment=("${environment[@]/#CULVERT_GLOBAL_METRICS=*/CULVERT_GLOBAL_METRICS=127.0.0.1:$door}")
environment=("${environment[@]/#CULVERT_ADMIN=*/CULVERT_ADMIN=127.0.0.1:$door}")
inImage() { env -i "${environment[@]}" "${settings[@]}" scripts/run-image.py "$dir/root" "$user" "$@"; }
settings=(CULVERT_TUNNEL_LISTEN="127.0.0.1:$service" CULVERT_TUNNEL_BACKEND="127.0.0.1:$port"
  CULVERT_TUNNEL_CERT=/run/secrets/cert CULVERT_TUNNEL_KEY=/run/secrets/key
  CULVERT_PORT=tcp://10.0.0.1:6380 CULVERT_SERVICE_HOST=10.0.0.1)
echo "  RUN     ${entry[*]} as process 1, user $user, ${environment[*]}"
begin=$(milliseconds)
env -i PATH="$PATH" "${environment[@]}" "${settings[@]}" unshare --pid --fork --kill-child \
  "$PWD/scripts/run-image.py" "$dir/root" "$user" "${entry[@]}" >"$dir/stdout.log" 2>"$dir/stderr.log" &
outer=$!
pids+=("$outer")
tls=(redis-cli --tls --cacert "$dir/ca.pem" --sni localhost -h 127.0.0.1 -p "$service")
answers() { [ "$("${tls[@]}" ping 2>/dev/null)" = PONG ] || ! kill -0 "$outer" 2>/dev/null; }
waitFor 20 answers && kill -0 "$outer" 2>/dev/null || die "culvert does not answer"
echo "  START   $(($(milliseconds) - begin)) ms to the first byte of redis over TLS"

[ "$("${tls[@]}" set greeting hello 2>&1)" = OK ] || die "redis-cli over TLS cannot set a value"
[ "$(redis-cli -p "$port" get greeting)" = hello ] || die "redis did not get the value"
ended() { grep -q '"cause":' "$dir/stdout.log"; }
waitFor 10 ended || die "no JSON line of an ended tunnel on stdout"
inner=$(pgrep -P "$outer" | head -1)
pids+=("$inner")
state() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$inner/status"; }
[ "$(state Uid)" = "${user%:*}" ] && [ "$(state Gid)" = "${user#*:}" ] || die "culvert does not run as $user"
for set in CapEff CapPrm CapInh CapBnd CapAmb; do
  [[ $(state $set) =~ ^0+$ ]] || die "culvert holds capabilities: $set $(state $set)"
done
[ "$(state NoNewPrivs)" = 1 ] || die "culvert could gain privileges"

# --- its health, and its end ------------------------------------------------------------------------------

healthy() { inImage "${health[@]:1}" >"$dir/health.log" 2>&1; }
unhealthy() { ! healthy; }
waitFor 10 healthy || die "the health check of a working culvert fails"
kill -STOP "$inner"
unhealthy || die "the health check of a stopped culvert succeeds"
kill -CONT "$inner"
waitFor 10 healthy || die "the health check of a culvert that continues fails"
"${tls[@]}" blpop nothing 0 >"$dir/blocked.log" 2>&1 &
pids+=("$!")
waits() { redis-cli -p "$port" client list | grep -q 'cmd=blpop'; }
waitFor 10 waits || die "no tunnel stays open"
begin=$(milliseconds)
kill -TERM "$inner"
waitFor 5 unhealthy || die "the health check of a draining culvert succeeds"
status=0
wait "$outer" || status=$?
# 8: drain-timeout cut the tunnel that stayed open.
[ "$status" = 8 ] || die "culvert as process 1 ended with $status after TERM"
took=$(($(milliseconds) - begin))
[ "$took" -lt 12000 ] || die "culvert needed $took ms to end; the grace period is 12 s"
grep '"cause":' "$dir/stdout.log" | tail -1 | sed 's/^/    /'
[ ! -s "$dir/stderr.log" ] || die "something was written to stderr"
echo "container-check: the image carried redis over TLS, read-only and without capabilities; healthy, unhealthy when stopped and when" \
  "draining; TERM ended it after $took ms, with a tunnel open until then"
