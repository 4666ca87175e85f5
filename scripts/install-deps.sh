#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that culvert needs for a purpose, and prints which. It does nothing if all are installed.
# While it installs daemons for tests, it prevents them from starting.
#
# usage: scripts/install-deps.sh [--check] SET...   (sets: build test demo bench check
#   container fuzz wolfssl-check static cross-arm64 cross-amd64; none = build)
#   --check   install nothing; name what is missing and fail
# environment: APT_LOG= a file for apt's output; without it, the output is shown only if apt fails
set -euo pipefail

# scripts/wolfssl.list knows two architectures; this is the compiler for the other one.
crossCompiler() {
  case $(dpkg --print-architecture) in
    arm64) echo "gcc-x86-64-linux-gnu libc6-dev-amd64-cross" ;;
    *) echo "gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
  esac
}

# The browser that the test of the page drives; not every architecture of Debian has it.
browser() {
  case $(dpkg --print-architecture) in
    amd64 | arm64 | armhf | i386 | ppc64el) echo chromium-headless-shell ;;
  esac
}

# What the build of wolfSSL needs: nothing more if scripts/wolfssl.list covers it, else the tools for its own configure.
packagesForWolfssl() {
  case ${WOLFSSL:-}-$(dpkg --print-architecture) in
    distro-* | -amd64 | -arm64) ;;
    fallback-*) echo "autoconf automake libtool dpkg-dev" ;;
    *) echo "autoconf automake libtool" ;;
  esac
}

packagesOf() {
  case $1 in
    build) echo "g++ make binutils libevent-dev libinih-dev libexpected-dev libcli11-dev libfmt-dev
      libcap-dev nlohmann-json3-dev ca-certificates $(packagesForWolfssl)" ;;
    test) echo "libgtest-dev libgmock-dev libcmocka-dev libssl-dev python3-pytest python3-pytest-timeout python3-pytest-xdist
      python3-cryptography curl openssl gnutls-bin sslscan testssl.sh redis-server redis-tools nginx-light libnginx-mod-stream haproxy dovecot-imapd dovecot-pop3d dovecot-lmtpd
      dovecot-submissiond dovecot-managesieved postgresql mariadb-server slapd ldap-utils vsftpd prosody exim4-daemon-light swaks libnet-ssleay-perl
      stunnel4 caddy openssh-client python3-aiosmtpd rsyslog iproute2 procps util-linux mount libcap2-bin busybox socat tmux man-db python3-yaml $(browser)" ;;
    demo) echo "curl openssl busybox socat" ;;
    bench) echo "nginx-light libnginx-mod-stream haproxy stunnel4 hitch openssl libssl-dev python3 procps" ;;
    check) echo "clang-format libssl-dev python3 git shellcheck" ;;
    container) echo "buildah mmdebstrap mount procps redis-server redis-tools openssl git python3" ;;
    fuzz) echo "clang libclang-rt-14-dev" ;;
    wolfssl-check) echo "autoconf automake libtool $(crossCompiler)" ;;
    static) echo "python3" ;;
    cross-arm64) echo "g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" ;;
    cross-amd64) echo "g++-x86-64-linux-gnu libc6-dev-amd64-cross qemu-user-static" ;;
    *) echo "install-deps.sh: no set named $1 (build test demo bench check container fuzz wolfssl-check static cross-arm64 cross-amd64)" >&2
       return 2 ;;
  esac
}

missingOf() {
  local package
  for package in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
      installed) ;;
      *) echo "$package" ;;
    esac
  done
}

asRoot() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "install-deps.sh: neither root nor sudo: as root, run  apt-get install ${missing[*]}" >&2
    return 1
  fi
}

readonly POLICY=/usr/sbin/policy-rc.d
policy_is_ours=
forbidDaemons() {
  [ ! -e "$POLICY" ] || return 0
  printf '#!/bin/sh\nexit 101\n' | asRoot tee "$POLICY" >/dev/null
  asRoot chmod 755 "$POLICY"
  policy_is_ours=1
}
restorePolicy() {
  if [ -n "$policy_is_ours" ]; then asRoot rm -f "$POLICY"; policy_is_ours=; fi
}

main() {
  local check='' sets=() packages=() set
  for set in "$@"; do
    if [ "$set" = --check ]; then check=1; else sets+=("$set"); fi
  done
  [ ${#sets[@]} -gt 0 ] || sets=(build)
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    [ -n "$check" ] || echo "install-deps.sh: no apt here; docs/building.md lists what culvert needs"
    return 0
  fi
  for set in "${sets[@]}"; do
    # shellcheck disable=SC2207  # words are wanted
    packages+=($(packagesOf "$set"))
  done
  mapfile -t missing < <(missingOf "${packages[@]}" | sort -u)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ -n "$check" ]; then
    echo "culvert: packages are missing: ${missing[*]}
culvert: 'make deps' installs them (apt, as root or through sudo); 'make demo' and 'make test' do it by themselves" >&2
    return 1
  fi
  echo "  APT     installing for ${sets[*]}: ${missing[*]}"
  log=${APT_LOG:-$(mktemp)}
  trap 'restorePolicy; [ -n "${APT_LOG:-}" ] || rm -f "$log"' EXIT
  trap 'exit 130' INT TERM
  forbidDaemons
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends
    -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300)
  # The package lists are fetched only if they are missing or too old.
  if ! asRoot "${install[@]}" "${missing[@]}" >"$log" 2>&1; then
    if ! { asRoot apt-get update -q && asRoot "${install[@]}" "${missing[@]}"; } >"$log" 2>&1; then
      tail -20 "$log" >&2
      echo "install-deps.sh: error: apt could not install ${missing[*]}" >&2
      return 1
    fi
  fi
}

missing=()
main "$@"
