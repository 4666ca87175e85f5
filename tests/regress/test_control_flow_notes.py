# SPDX-License-Identifier: GPL-3.0-or-later
"""Done: culvert was built with -fcf-protection. Seen: its binary lacks the notes IBT and SHSTK, so that nothing switches
the protection on; wolfSSL's assembly and Debian's start files have none. Right: the flag goes, or the notes are there."""

import re
import subprocess

import pytest

from harness import BINARY
from harness.util import ROOT

CHECKED = re.compile(r"IBT, SHSTK")


def notes(path):
    return subprocess.run(["readelf", "-nW", path], capture_output=True, text=True, check=True).stdout


def test_the_binary_has_the_notes_or_no_flag_asks_for_them(need):
    need("readelf", "make")
    flags = subprocess.run(["make", "-s", "MODE=release", "print-cxxflags"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.split()
    asked = [flag for flag in flags if flag.startswith("-fcf-protection") and flag != "-fcf-protection=none"]
    assert not asked or CHECKED.search(notes(BINARY)), f"{asked}, and the binary has no notes"


def test_the_library_is_of_one_kind(need):
    need("readelf")
    prefix = subprocess.run([ROOT / "scripts/wolfssl.sh", "--print-prefix"], capture_output=True, text=True,
                            check=True).stdout.strip()
    archive = f"{prefix}/lib/libwolfssl.a"
    try:
        objects = re.split(r"^File: ", notes(archive), flags=re.MULTILINE)[1:]
    except subprocess.CalledProcessError:
        pytest.skip("the distribution's library")
    marked = [text.split("\n")[0] for text in objects if CHECKED.search(text)]
    assert len(objects) > 10 and not marked, f"{len(marked)} of {len(objects)} objects are marked: {marked[:3]}"
