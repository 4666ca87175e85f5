#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Tests the two commands of a newcomer on a bare Debian 12. It makes a Debian 12 with mmdebstrap (git, make and
# certificates only). It clones this repository into it, and runs `make demo ONCE=1` and `make test` there. It needs
# root and mmdebstrap, and works in a mount namespace of its own, so that nothing stays mounted.
#
# usage: scripts/bare-check.sh [COMMAND...]     (default: make demo ONCE=1, then make test; e.g. .ci/run)
# environment: BARE_DIR= where to make the root (default: a new directory under /var/tmp, removed at the end)
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "bare-check.sh: needs root" >&2; exit 1; }
  command -v mmdebstrap >/dev/null || { echo "bare-check.sh: needs mmdebstrap (apt-get install mmdebstrap)" >&2; exit 1; }
  exec unshare --mount --propagation private "$0" --inside "$@"
fi
shift

keep=${BARE_DIR:-}
root=${BARE_DIR:-$(mktemp -d /var/tmp/culvert-bare.XXXXXX)}
cleanup() {
  # Lazily: a process of the run may still hold one of them for a moment.
  local mounted
  for mounted in src dev proc; do umount -R -l "$root/$mounted" 2>/dev/null || :; done
  [ -n "$keep" ] || rm -rf --one-file-system "$root"
}
trap cleanup EXIT

if [ ! -e "$root/etc/debian_version" ]; then
  # This machine's own mirrors; the suites of Debian 12.
  mapfile -t lines < <(apt-get indextargets --format '$(SITE)|$(RELEASE)' 'Created-By: Packages' |
    grep -E '\|(bookworm|oldstable|stable)' | awk -F'|' '{ sub(/^(old)?stable/, "bookworm", $2); print "deb " $1 " " $2 " main" }' |
    sort -u)
  if ! printf '%s\n' "${lines[@]}" | grep -q ' bookworm main$'; then
    echo "bare-check.sh: no Debian 12 among this machine's apt sources" >&2
    exit 1
  fi
  echo "  BARE    making a Debian 12 in $root"
  printf '%s\n' "${lines[@]}" | mmdebstrap --quiet --variant=apt --include=git,make,ca-certificates bookworm "$root" -
fi
mkdir -p "$root/src" "$root/proc"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$PWD" "$root/src"
mount -o remount,ro,bind "$root/src"
cp /etc/resolv.conf /etc/hosts "$root/etc/"

commands='make demo ONCE=1 && make test'
[ $# -eq 0 ] || commands="$*"
started=$SECONDS
status=0
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb chroot "$root" /bin/bash -c "
  set -e
  git config --global --add safe.directory '*'
  cd
  rm -rf culvert
  git clone -q /src culvert
  cd culvert
  $commands" || status=$?
echo "bare-check: exit $status after $((SECONDS - started)) s"
exit $status
