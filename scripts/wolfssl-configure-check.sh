#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Compares scripts/wolfssl.list with the result of wolfSSL's own configure with the flags of scripts/wolfssl.sh. It does so
# for this machine's architecture, and with a cross compiler for the other one of the list.
#
# usage: scripts/wolfssl-configure-check.sh [--objects | --update]
#   --objects   also build both libraries with configure, and compare every object with ours
#   --update    write scripts/wolfssl.list
# It installs the packages that it needs (scripts/install-deps.sh wolfssl-check).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LIST=scripts/wolfssl.list
# Not in our list: a header's guard, macros that describe configure's own run, and macros that only wolfSSL's tests use.
readonly LEFT_OUT='WOLFSSL_OPTIONS_H|PACKAGE_[A-Z]*|VCS_[A-Z]*|LT_OBJDIR|HAVE_WC_INTROSPECTION|HAVE_OPENSSL_CMD|WOLFSSL_TEST_STATIC_BUILD'
# Objects that HAVE_WC_INTROSPECTION changes: with it the library can print the flags that it was configured with.
readonly DIFFERENT_OBJECTS=' logging.o wolfmath.o '

work=$(mktemp -d /var/tmp/culvert-wolfssl-check.XXXXXX)
trap 'rm -rf "$work"' EXIT

# Each architecture's compiler; the other one is a cross compiler.
compilerFor() { if [ "$1" = "$(uname -m)" ]; then echo "${CC:-cc}"; else echo "$1-linux-gnu-gcc"; fi; }

# madeVariable SOURCE NAME: the value of a variable of configure's Makefile, one word a line.
madeVariable() {
  make -s -C "$1" -f <(printf 'include Makefile\nprint-it:\n\t@printf "%%s\\n" $(%s)\n' "$2") print-it
}

# defined FILE: the macros of a header, as a compiler's flags.
defined() { sed -nE 's/^#define ([A-Za-z0-9_]+) *(.*)$/-D\1=\2/p' "$1" | sed 's/=$//' | grep -vE "^-D($LEFT_OUT)(=|$)"; }

# Without what scripts/wolfssl.sh chooses itself, warnings, and files that are included.
withoutOwn() { grep -vxFf "$work/own" | grep -vE '^-(W|include|ffile-prefix-map)|\.build_params$|culvert_random\.h$'; }

# resultOf SOURCE: the result of configure there, in the form of the list without the architecture.
resultOf() {
  defined "$1/wolfssl/options.h" >"$work/options"
  withoutOwn <"$work/options" | sed 's/^/option /'
  defined "$1/config.h" | sed 's/^/config /'
  { madeVariable "$1" AM_CPPFLAGS; madeVariable "$1" AM_CFLAGS; madeVariable "$1" CFLAGS; } |
    withoutOwn | grep -vxFf "$work/options" | grep -vE "^-D($LEFT_OUT)(=|$)" | sed 's/^/flag /'
  { madeVariable "$1" AM_CPPFLAGS; madeVariable "$1" AM_CCASFLAGS; } | withoutOwn | sed 's/^/assembly /'
  madeVariable "$1" src_libwolfssl_la_SOURCES | sed 's/^/source /'
}

configured() {  # ARCH: leaves the result in $work/ARCH.result
  mkdir "$work/$1"
  CC=$(compilerFor "$1") scripts/wolfssl.sh --configure "$work/$1"
  CC=$(compilerFor "$1") scripts/wolfssl.sh --print-flags >"$work/own"
  resultOf "$work/$1/source" | sort -u >"$work/$1.result"
}

update() {
  {
    sed -n '/^#/p' "$LIST"
    comm -12 "$work/x86_64.result" "$work/aarch64.result" | sed 's/ / all /'
    comm -23 "$work/x86_64.result" "$work/aarch64.result" | sed 's/ / x86_64 /'
    comm -13 "$work/x86_64.result" "$work/aarch64.result" | sed 's/ / aarch64 /'
  } | awk '/^#/ { print; next } { print | "sort -s -k1,1" }' >"$work/list"
  cp "$work/list" "$LIST"
  echo "wolfssl-configure-check: $(grep -vc '^#' "$LIST") entries written to $LIST"
}

compareLists() {  # ARCH
  awk -v arch="$1" '$2 == "all" || $2 == arch { print $1, $3 }' "$LIST" | sort -u >"$work/$1.ours"
  if diff -u --label "$LIST ($1)" --label "configure ($1)" "$work/$1.ours" "$work/$1.result"; then
    echo "wolfssl-configure-check: $1: the same $(wc -l <"$work/$1.ours") entries"
  else
    return 1
  fi
}

# compareObjects ARCH: every object has to be the same, byte for byte, except for debug information.
compareObjects() {
  local arch=$1 dir=$work/$1 object name count=0 status=0 strip
  export CC WOLFSSL_CACHE=$work/cache
  CC=$(compilerFor "$arch")
  strip=$("$CC" -print-prog-name=strip)
  make -s -C "$dir/source" -j"$(nproc)" src/libwolfssl.la >"$dir/make.log" 2>&1 || { tail -30 "$dir/make.log"; return 1; }
  WOLFSSL_TARBALL=$(echo "$dir"/*.tar.gz) scripts/wolfssl.sh || return 1
  mkdir "$dir/ours"
  ar x --output "$dir/ours" "$(scripts/wolfssl.sh --print-prefix)/lib/libwolfssl.a"
  while IFS= read -r object; do
    name=${object##*_la-}
    count=$((count + 1))
    "$strip" --strip-debug "$object" "$dir/ours/$name" || { status=1; continue; }
    if [[ $DIFFERENT_OBJECTS != *" $name "* ]] && ! cmp "$object" "$dir/ours/$name"; then status=1; fi
  done < <(find "$dir/source/src" "$dir/source/wolfcrypt/src" -name '*_la-*.o' ! -path '*/.libs/*')
  [ "$count" = "$(find "$dir/ours" -name '*.o' | wc -l)" ] || { echo "wolfssl-configure-check: $arch: the number of objects differs"; status=1; }
  [ $status != 0 ] || echo "wolfssl-configure-check: $arch: the same $count objects, byte for byte except$DIFFERENT_OBJECTS(no introspection)"
  return $status
}

main() {
  local arch status=0
  scripts/install-deps.sh build wolfssl-check
  for arch in x86_64 aarch64; do configured "$arch"; done
  if [ "${1:-}" = --update ]; then update; fi
  for arch in x86_64 aarch64; do compareLists "$arch" || status=1; done
  if [ "${1:-}" = --objects ]; then
    for arch in x86_64 aarch64; do (compareObjects "$arch") || status=1; done
  fi
  return $status
}

main "$@"
