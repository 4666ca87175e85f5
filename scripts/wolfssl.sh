#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Provides the wolfSSL that culvert is linked with. It gets the pinned release, checks it and builds it as a small static
# library. The result is kept in a cache outside the source tree, so that it is built once per machine.
#
# usage: scripts/wolfssl.sh [--print-prefix | --print-origin | --print-version |
#   --print-flags | --configure DIR | --help]
#   (nothing)        build the library unless the cache has it; print a line only if something is done
#   --print-prefix   print where the library is or will be (PREFIX/include, PREFIX/lib/libwolfssl.a); builds nothing
#   --print-origin   print a description of that library (for `culvert --version`)
#   --print-version  print the version that the installed library's header declares
#   --print-flags    print the compiler flags that this script chooses, one per line; the build adds those of scripts/wolfssl.list
#   --configure DIR  unpack the source into DIR, change it and run its own configure there (needs autoconf, automake, libtool;
#                    scripts/wolfssl-configure-check.sh compares the result with the list)
#   --archive DIR    put the pinned archive into DIR, checked
#
# environment:
#   WOLFSSL=             which one: empty = the pinned release (tests and CI require it);
#                        `fallback` = the distribution's source package, built with the same assembly options;
#                        `distro` = the distribution's library as it is (slower: Debian builds it without assembly)
#   WOLFSSL_TARBALL=     a local copy of the pinned archive, for machines without a network; without it, the archive in the
#                        directory vendor/ of the source is used if there is one (`make dist` puts it there)
#   WOLFSSL_KEYLOG=1     a library that reveals the secrets of its sessions, for `keylog-file`; never for production
#   WOLFSSL_CACHE=       the cache, default ${XDG_CACHE_HOME:-~/.cache}/culvert
#   KEEP_SOURCE=1        keep the unpacked source beside the prefix, as PREFIX.src (to read or debug)
#   WOLFSSL_LOG=         a file for the output of the compiler; without it, only PREFIX/build.log has the output
#   CC=, JOBS=           the C compiler (cc) and the number of parallel jobs (the number of CPUs)
set -euo pipefail

readonly VERSION=5.9.2
readonly ARCHIVE=wolfssl_$VERSION.orig.tar.gz
# Debian's source archive is upstream's release archive (the tag v5.9.2-stable, commit
# ac01707f552c611fbd135cc723b2682b3e7f80f2) byte for byte, so one hash is valid for both sources.
readonly SHA256=2f4ef3d4fd387a9b3191d36a6316d69116c46ff69bb9583b6c82b36d7b8ca114
readonly POOL_PATH=pool/main/w/wolfssl/$ARCHIVE
readonly UPSTREAM=https://github.com/wolfSSL/wolfssl/archive/refs/tags/v$VERSION-stable.tar.gz

readonly KIND=${WOLFSSL:-pinned}
readonly CC=${CC:-cc}
readonly JOBS=${JOBS:-$(nproc)}
LIST=$(cd "${BASH_SOURCE[0]%/*}" && pwd)/wolfssl.list
readonly LIST
readonly VENDOR=${LIST%/*/*}/vendor
CACHE=${WOLFSSL_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/culvert}

# shellcheck source=scripts/wolfssl-mends.sh
. "${BASH_SOURCE[0]%/*}/wolfssl-mends.sh"

say() { printf '  %-7s %s\n' WOLFSSL "$*"; }
die() { printf 'wolfssl.sh: error: %s\n' "$*" >&2; exit 1; }

# --- what is built --------------------------------------------------------------------------------------

# What the compiler compiles for: x86_64, aarch64 or other.
architecture() {
  case $("$CC" -dumpmachine 2>/dev/null || echo "$(uname -m)-") in
    x86_64-*x32) echo other ;;
    x86_64-* | amd64-*) echo x86_64 ;;
    aarch64-* | arm64-*) echo aarch64 ;;
    *) echo other ;;
  esac
}
ARCH=$(architecture)
readonly ARCH

# The pinned release is compiled from scripts/wolfssl.list on the two architectures of that list. All other builds use the
# library's own configure.
isListed() { [ "$KIND" = pinned ] && [ "$ARCH" != other ]; }

# listed KIND: the entries of that kind for this architecture, one per line.
listed() { awk -v kind="$1" -v arch="$ARCH" '$1 == kind && ($2 == "all" || $2 == arch) { print $3 }' "$LIST"; }

# Small and static. Off on purpose: the OpenSSL layer (it costs memory per connection), TLS below 1.2, finite-field
# Diffie-Hellman (every key exchange uses one of the groups in src/tls/protocol/tls_names.cc), and the error queue. So is the
# hash DRBG, because random bytes come from getrandom(2) through culvertRandomBlock() in src/tls.
# On x86-64 also a table of 512 bytes in each of a session's two AES-GCM keys, which the assembly never reads. A CPU without
# AES instructions needs the table, and gets slow AES-GCM without it. So culvert prefers ChaCha20 there.
# scripts/wolfssl.list holds the result of these flags. After a change, run scripts/wolfssl-configure-check.sh --update.
configureFlags() {
  local flags=(--enable-static --disable-shared --with-pic --enable-sp --enable-sp-asm
    --enable-sni --enable-alpn --enable-session-ticket --enable-curve25519 --enable-ed25519
    --enable-maxfragment --enable-ocsp --enable-ocspstapling --enable-crl --enable-certgen --enable-enckeys --enable-scrypt
    --disable-oldtls --disable-dh --disable-errorqueue --disable-hashdrbg --disable-examples --disable-crypttests
    --disable-benchmark)
  case $ARCH in
    x86_64) flags+=(--enable-intelasm --enable-aesgcm=small) ;;
    aarch64) flags+=(--enable-armasm) ;;
    *) flags=("${flags[@]/--enable-sp-asm/}") ;;
  esac
  # Releases before 5.7 need another library for ML-KEM, and serve 3DES suites if they are built with DES3, which opens old
  # private keys.
  [ "$KIND" = fallback ] || flags+=(--enable-mlkem --enable-des3)
  printf '%s\n' "${flags[@]}" | sed '/^$/d'
}

compilerFlags() {
  # Raised limits: no RFC sets them, and peers exceed the defaults. SP_INT_BITS: RSA keys of up to 8192 bits; ALT_ECC_SIZE
  # prevents elliptic curve keys from growing with it. MAX_CERTIFICATE_SZ bounds every handshake message, also a ClientHello of
  # 64 KiB. Arrays in a session or a handshake stay small: scripts/wolfssl-mends.sh shortens lists instead.
  local flags=(-O2 -g1 -ffunction-sections -fdata-sections -fstack-protector-strong "-Wp,-D_FORTIFY_SOURCE=2"
    -DWOLFSSL_TLS13_MIDDLEBOX_COMPAT -DWOLFSSL_EXTRA_ALERTS -DWOLFSSL_ALWAYS_VERIFY_CB
    -DCUSTOM_RAND_GENERATE_BLOCK=culvertRandomBlock -DWOLFSSL_ALT_NAMES
    -DSP_INT_BITS=8192 -DALT_ECC_SIZE -DMAX_CERTIFICATE_SZ=103424 -DCULVERT_MAX_PEER_CHAIN=100
    -DWOLFSSL_MAX_ALT_NAMES=16384 -DWOLFSSL_MAX_NAME_CONSTRAINTS=1024 -DWOLFSSL_ASN_ALLOW_0_SERIAL
    -DWOLFSSL_TICKET_NONCE_MALLOC  # tickets of servers whose nonces are longer than 8 bytes
    -DWOLFSSL_SEND_HRR_COOKIE  # to decline early data, see src/tls/hello/hello_guard.h
    -DWOLFSSL_ALLOW_BAD_TLS_LEGACY_VERSION  # see mendVersions
    -DWOLFSSL_CHECK_SIG_FAULTS  # an ECDSA signature that a hardware fault has changed is not sent: it would reveal the key
    -DWOLFSSL_NO_GETPID)  # only the hash DRBG has to detect a fork
  # Later releases have the first one by default. For them, functions of wolfssl-mends.sh lift the other two limits: the bytes
  # of suites, and those of a ticket.
  [ "$KIND" != fallback ] || flags+=(-DWOLFSSL_IP_ALT_NAME -DWOLFSSL_MAX_SUITE_SZ=1024 -DMAX_PSK_ID_LEN=4096)
  [ -z "${WOLFSSL_KEYLOG:-}" ] || flags+=(-DHAVE_SECRET_CALLBACK -DWOLFSSL_EXTRA)  # EXTRA: wolfSSL_get_keys
  local extra
  for extra in -fstack-clash-protection -fcf-protection=none; do  # the second: see HARDEN in the Makefile
    if "$CC" -Werror "$extra" -x c -c -o /dev/null - </dev/null 2>/dev/null; then flags+=("$extra"); fi
  done
  printf '%s\n' "${flags[@]}"
}

# The random source is a function of ours, and wolfSSL's files need its prototype. The assembler gets the same flags, so the
# header needs the guard.
randomHeader() {
  cat <<'HEADER'
#ifndef __ASSEMBLER__
#ifdef __cplusplus
extern "C"
#endif
int culvertRandomBlock(unsigned char* out, unsigned size);
#endif
HEADER
}

# Programs that use the library include this header first; configure writes the same one.
optionsHeader() {
  cat <<'HEADER'
/* wolfssl options.h: made by culvert's scripts/wolfssl.sh */
#ifndef WOLFSSL_OPTIONS_H
#define WOLFSSL_OPTIONS_H
HEADER
  { listed option; compilerFlags; } | sed -nE 's/^-D([^=]*)=?(.*)/#undef \1\n#define \1 \2/p'
  echo '#endif'
}

distroVersion() {
  local version
  version=$(dpkg-query -W -f '${Version}' libwolfssl-dev 2>/dev/null ||
    apt-cache policy libwolfssl-dev 2>/dev/null | awk '/Candidate:/ { print $2 }')
  printf '%s' "${version:-unknown}" | tr -c 'A-Za-z0-9.+-' _
}

# The name of the cache entry: the version and a hash of everything that changes the result.
prefix() {
  local key
  case $KIND in
    distro) echo "$CACHE/wolfssl-distro-$(distroVersion)"; return ;;
    fallback) key=fallback-$(distroVersion) ;;
    *) key=$VERSION ;;
  esac
  echo "$CACHE/wolfssl-$key-$({
    configureFlags; compilerFlags; randomHeader; textOfMends; uname -m; "$CC" --version 2>/dev/null | head -1
    ! isListed || { cat "$LIST"; declare -f compileListed compileOne; }
    [ "$KIND" = fallback ] || echo "$SHA256"
  } | sha256sum | cut -c1-12)"
}

origin() {
  local keylog=${WOLFSSL_KEYLOG:+, with the key log}
  case $KIND in
    distro) echo "the distribution's library $(distroVersion)" ;;
    fallback) echo "the distribution's source $(distroVersion), built with assembly$keylog" ;;
    *) echo "release $VERSION, built from source$keylog" ;;
  esac
}

# --- getting it -----------------------------------------------------------------------------------------

checked() { [ -f "$1" ] && echo "$SHA256  $1" | sha256sum --check --status; }

asRoot() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

# download URL FILE: uses the client that is installed; every Debian has apt's own.
download() {
  if [ -x /usr/lib/apt/apt-helper ]; then
    /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$1" "$2" "SHA256:$SHA256"
  elif command -v curl >/dev/null; then
    curl -fsSL --retry 2 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    echo "cannot download: apt, curl and wget are missing"; return 1
  fi
}

# The sites of this machine's own apt sources, Debian's main archive before its security archive.
aptSites() {
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format '$(SITE)' 2>/dev/null | sort -u | awk '/security/ { later = later $0 "\n"; next } 1
    END { printf "%s", later }'
}

# fetchArchive DIR LOG: leaves the checked archive at DIR/$ARCHIVE.
fetchArchive() {
  local dir=$1 log=$2 site target=$1/$ARCHIVE
  if [ -n "${WOLFSSL_TARBALL:-}" ]; then
    [ -f "$WOLFSSL_TARBALL" ] || die "WOLFSSL_TARBALL=$WOLFSSL_TARBALL: no such file"
    checked "$WOLFSSL_TARBALL" || die "WOLFSSL_TARBALL=$WOLFSSL_TARBALL is not $ARCHIVE (SHA-256 $SHA256)"
    cp "$WOLFSSL_TARBALL" "$target"
    return
  fi
  local kept
  for kept in "$VENDOR/$ARCHIVE" "$CACHE/$ARCHIVE"; do
    if checked "$kept"; then
      cp "$kept" "$target"
      return
    fi
  done
  for site in $(aptSites); do
    echo "== ${site%/}/$POOL_PATH" >>"$log"
    if download "${site%/}/$POOL_PATH" "$target" >>"$log" 2>&1 && checked "$target"; then break; fi
    rm -f "$target"
  done
  if [ ! -f "$target" ]; then
    echo "== $UPSTREAM" >>"$log"
    download "$UPSTREAM" "$target" >>"$log" 2>&1 && checked "$target" || rm -f "$target"
  fi
  if [ ! -f "$target" ]; then
    sed 's/^/    /' "$log" >&2
    die "wolfSSL $VERSION could not be fetched, neither from this machine's Debian mirror nor from upstream.
    Copy the archive to this machine and set WOLFSSL_TARBALL=FILE (SHA-256 $SHA256),
    or choose another library: WOLFSSL=fallback (the distribution's source) or WOLFSSL=distro (its binary)."
  fi
  cp "$target" "$CACHE/.$ARCHIVE.$$" && mv "$CACHE/.$ARCHIVE.$$" "$CACHE/$ARCHIVE"
}

# fetchDistroSource DIR LOG: the source package of the distribution, unpacked and patched. apt may have no
# source index configured, so the machine's own sources are read as source entries, in a directory of its own.
fetchDistroSource() {
  local dir=$1 log=$2 file
  command -v dpkg-source >/dev/null || die "dpkg-source is missing: apt-get install dpkg-dev"
  mkdir -p "$dir/apt/parts" "$dir/apt/lists/partial" "$dir/apt/archives/partial"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    sed -E 's/^deb[[:space:]]/deb-src /; s/^Types:.*/Types: deb-src/' "$file" >"$dir/apt/parts/${file##*/}"
  done
  [ ! -f "$dir/apt/parts/sources.list" ] || mv "$dir/apt/parts/sources.list" "$dir/apt/parts/main.list"
  local apt=(apt-get -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$dir/apt/parts"
    -o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt" -o APT::Sandbox::User=root)
  (cd "$dir" && "${apt[@]}" update && "${apt[@]}" source wolfssl && mv wolfssl-*/ source) >>"$log" 2>&1 || {
    tail -20 "$log" >&2
    die "cannot get the distribution's source package of wolfSSL"
  }
}

# --- building it ----------------------------------------------------------------------------------------

# Every function of scripts/wolfssl-mends.sh whose name begins with `mend` is one change to the library's source.
applyMends() {
  local mend olderMayLack
  for mend in $(allMends); do
    olderMayLack=
    "$mend" "$1" || { [ "$KIND" = fallback ] && [ -n "$olderMayLack" ]; } ||
      die "$mend: this wolfSSL does not have the text that the function changes (scripts/wolfssl-mends.sh)"
  done
}

# configureSource SOURCE WORK TARGET: runs the library's own configure.
configureSource() {
  local source=$1 work=$2 target=$3 flags cflags machine
  randomHeader >"$work/culvert_random.h"
  mapfile -t flags < <(configureFlags)
  machine=$("$CC" -dumpmachine)
  [ "${machine%%-*}" = "$(uname -m)" ] || flags+=("--host=$machine")
  cflags="$(compilerFlags | tr '\n' ' ') -include $work/culvert_random.h -ffile-prefix-map=$work=."
  cd "$source"
  [ -x configure ] || ./autogen.sh
  ./configure --prefix="$target" CC="$CC" CFLAGS="$cflags" "${flags[@]}"
}

# compileConfigured SOURCE WORK TARGET: leaves the files to install in WORK/root.
compileConfigured() {
  set -x
  configureSource "$@"
  cd "$1"
  make -s -j"$JOBS"
  make -s install DESTDIR="$2/root"
}

# compileOne FILE: one object, in the directory of the source. Assembly needs different macros from C.
compileOne() {
  local name=${1##*/} kind=c
  [ "${1##*.}" != S ] || kind=assembly
  echo "  CC      $1"
  "$CC" "@$WORK/$kind.flags" -c -o "$WORK/objects/${name%.*}.o" "$1"
}

# compileListed SOURCE WORK TARGET: the same without configure, from scripts/wolfssl.list.
compileListed() {
  local source=$1 root=$2/root$3 files
  export CC WORK=$2
  mkdir -p "$WORK/objects" "$root/lib" "$root/include"
  randomHeader >"$WORK/culvert_random.h"
  optionsHeader >"$source/wolfssl/options.h"
  {
    printf '%s\n' -I. -fPIC -DPIC -DBUILDING_WOLFSSL "-include \"$WORK/culvert_random.h\"" "-ffile-prefix-map=\"$WORK\"=."
    listed config
    compilerFlags
  } >"$WORK/common.flags"
  { listed flag; listed option; cat "$WORK/common.flags"; } >"$WORK/c.flags"
  { listed assembly; cat "$WORK/common.flags"; } >"$WORK/assembly.flags"
  cat "$WORK/c.flags"
  cd "$source"
  export -f compileOne
  # The largest first, so that the processors end together. 255 stops xargs.
  files=$(listed source | xargs ls -S)
  echo "  FILES   $(wc -l <<<"$files")"
  xargs -P "$JOBS" -I{} bash -c 'compileOne {} || exit 255' <<<"$files"
  "$("$CC" -print-prog-name=ar)" qcsD "$root/lib/libwolfssl.a" "$WORK"/objects/*.o
  find wolfssl -name '*.h' ! -name internal.h ! -name 'libwolfssl_sources*' ! -path '*/port/*' -exec cp --parents -t "$root/include" {} +
}

# unpack WORK: unpacks the archive in WORK into WORK/source, without most of its four thousand files.
unpack() {
  local top=wolfssl-$VERSION-stable parts=()
  if isListed && [ -z "${KEEP_SOURCE:-}${CONFIGURE_ONLY:-}" ]; then parts=("$top"/src "$top"/wolfcrypt/src "$top"/wolfssl); fi
  mkdir "$1/source"
  tar -xzf "$1/$ARCHIVE" -C "$1/source" --strip-components=1 "${parts[@]}"
}

requireTools() {
  local tool missing='' tools=("$CC" make)
  isListed && [ -z "${CONFIGURE_ONLY:-}" ] || tools+=(autoreconf libtoolize)
  for tool in "${tools[@]}"; do command -v "$tool" >/dev/null || missing+=" $tool"; done
  [ -z "$missing" ] || die "missing:$missing (make deps installs what the build needs)"
}

# getSource WORK LOG: leaves the mended source in WORK/source.
getSource() {
  if [ "$KIND" = fallback ]; then
    say "getting the distribution's source package"
    fetchDistroSource "$1" "$2"
  else
    checked "$CACHE/$ARCHIVE" || [ -n "${WOLFSSL_TARBALL:-}" ] || say "getting wolfSSL $VERSION"
    fetchArchive "$1" "$2"
    unpack "$1"
  fi
  applyMends "$1/source"
}

buildFromSource() {
  local target=$1 work log how=compileConfigured started=$SECONDS
  requireTools
  work=$(mktemp -d "$CACHE/.build.XXXXXX")
  # shellcheck disable=SC2064  # the directory of now
  trap "rm -rf '$work'" EXIT
  log=${WOLFSSL_LOG:-$work/log}
  getSource "$work" "$log"
  ! isListed || how=compileListed
  say "building $(origin) (about $(isListed && echo "half a minute" || echo "two minutes"))"
  # In the background, because in a condition bash does not stop at the first error of a function.
  "$how" "$work/source" "$work" "$target" >>"$log" 2>&1 &
  if ! wait $! || [ ! -f "$work/root$target/lib/libwolfssl.a" ]; then
    cp "$log" "$CACHE/wolfssl-failed.log"
    tail -30 "$log" >&2
    die "cannot build wolfSSL; the whole log: $CACHE/wolfssl-failed.log"
  fi
  cp "$log" "$work/root$target/build.log"
  touch "$work/root$target/.ready"
  rm -rf "$target" "$target.src"
  if [ -n "${KEEP_SOURCE:-}" ]; then mv "$work/source" "$target.src"; fi
  mv "$work/root$target" "$target"
  say "ready in $((SECONDS - started)) s: $target"
}

# configureOnly DIR: for scripts/wolfssl-configure-check.sh.
configureOnly() {
  local CONFIGURE_ONLY=1 log=$1/log
  requireTools
  mkdir -p "$1"
  getSource "$1" "$log"
  configureSource "$1/source" "$1" /usr >>"$log" 2>&1 &
  wait $! || { tail -30 "$log" >&2; die "configure failed; the whole log: $log"; }
}

useDistro() {
  local target=$1
  if [ ! -f /usr/include/wolfssl/ssl.h ]; then
    say "installing libwolfssl-dev"
    asRoot env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends libwolfssl-dev >/dev/null ||
      die "libwolfssl-dev cannot be installed"
  fi
  mkdir -p "$target/include"
  ln -sfn /usr/include/wolfssl "$target/include/wolfssl"
  touch "$target/.ready"
}

main() {
  case $KIND in
    pinned | fallback | distro) ;;
    *) die "WOLFSSL=$KIND: allowed are nothing (the pinned release), fallback, distro" ;;
  esac
  case ${WOLFSSL_KEYLOG:-} in
    '') ;;
    1) [ "$KIND" = pinned ] || die "WOLFSSL_KEYLOG=1 is allowed with the pinned release only, not with WOLFSSL=$KIND" ;;
    *) die "WOLFSSL_KEYLOG=$WOLFSSL_KEYLOG: allowed are nothing and 1" ;;
  esac
  case ${1:-} in
    --print-prefix) prefix; return ;;
    --print-origin) origin; return ;;
    --print-version)
      sed -n 's/.*LIBWOLFSSL_VERSION_STRING "\(.*\)".*/\1/p' "$(prefix)/include/wolfssl/version.h"; return ;;
    --print-flags) compilerFlags; return ;;
    --help | -h) sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; return ;;
    --configure | --archive) [ $# = 2 ] || die "$1 takes a directory" ;;
    '') ;;
    *) die "unknown argument $1 (try --help)" ;;
  esac
  mkdir -p "$CACHE" 2>/dev/null || die "cannot create the cache $CACHE; set WOLFSSL_CACHE=DIR"
  case ${1:-} in
    --configure) configureOnly "$2"; return ;;
    --archive) fetchArchive "$2" /dev/stderr; return ;;
  esac
  local target
  target=$(prefix)
  if [ -f "$target/.ready" ] && { [ -z "${KEEP_SOURCE:-}" ] || [ "$KIND" = distro ] || [ -d "$target.src" ]; }; then return; fi
  exec 9>"$CACHE/.lock"
  flock 9
  # Another make may have built it while this one waited.
  if [ -f "$target/.ready" ] && { [ -z "${KEEP_SOURCE:-}" ] || [ -d "$target.src" ]; }; then return; fi
  if [ "$KIND" = distro ]; then useDistro "$target"; else buildFromSource "$target" 9>&-; fi
}

main "$@"
