#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Unpacks the libraries that culvert and its unit tests are linked with, for another architecture of Debian, into a directory. apt
# fetches them from this machine's own mirrors, with lists of its own: this machine's packages and architectures stay as they are.
#
# usage: scripts/foreign-libraries.sh ARCHITECTURE DIRECTORY     (e.g. arm64 build/libraries-arm64)
set -euo pipefail

readonly PACKAGES=(libevent-dev libinih-dev libcap-dev libgtest-dev libgmock-dev)
readonly ARCHITECTURE=$1
mkdir -p "$2"
directory=$(realpath "$2")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$work"/packages
options=(-q -o "Dir::State=$work/state" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null
  -o "APT::Architecture=$ARCHITECTURE" -o "APT::Architectures=$ARCHITECTURE" -o "APT::Sandbox::User=$(id -un)")
cd "$work/packages"
if ! { apt-get "${options[@]}" update && apt-get "${options[@]}" download "${PACKAGES[@]}"; } >"$work/log" 2>&1; then
  tail -20 "$work/log" >&2
  echo "foreign-libraries.sh: error: apt could not fetch ${PACKAGES[*]} for $ARCHITECTURE" >&2
  exit 1
fi
for package in *.deb; do dpkg-deb -x "$package" "$directory"; done
# What is linked into the program, for the list of its parts.
for package in *.deb; do dpkg-deb -f "$package" Package Version Source; done >"$directory/packages"
