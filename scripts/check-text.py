#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks every file of the repository: it has a licence line, says what it is for, keeps the length limits, has no loose
ends and no forbidden characters, and does not name the machine on which it was written."""
import os
import pathlib
import re
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = {".h", ".cc", ".def"}
SCRIPTS = {".sh", ".py"}
LIMITS = {".cc": 600, ".h": 160}
TEST_HEADER_LIMIT = 350
FILE_LIMITS = {"README.md": 160}  # what a stranger reads; the rest belongs in docs/
SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"
LOOSE_ENDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
NO_HEADER = {"LICENSE", ".gitignore", ".editorconfig", ".clang-format", ".clang-tidy"}


def repositoryFiles():
    try:
        out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                             check=True, capture_output=True).stdout.decode()
        names = [name for name in out.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if "build" not in path.relative_to(ROOT).parts[:1] and ".git" not in path.parts]
    return sorted({name for name in names if (ROOT / name).is_file()})


def machineWords():
    """Names of this machine that no file may contain: the checkout's path, the home directory, the host's name."""
    words = {str(ROOT)}
    home = os.path.expanduser("~")
    if home not in ("/", "/root") and home.count("/") >= 2:
        words.add(home)
    host = socket.gethostname()
    if len(host) > 6 and host not in ("localhost", "localhost.localdomain"):
        words.add(host)
    return {word for word in words if len(word) > 5}


def headerProblems(name, suffix, lines):
    opening = lines[:4]
    if not any(SPDX in line for line in opening):
        yield f"{name}:1: the licence line is missing ({SPDX})"
    if suffix in CODE:
        if not lines or not lines[0].startswith("// " + SPDX):
            yield f"{name}:1: the first line is not the licence line"
        isUnitOfHeader = suffix == ".cc" and (ROOT / name).with_suffix(".h").is_file()
        if not isUnitOfHeader and not (len(lines) > 1 and lines[1].startswith("// ")):
            yield f"{name}:2: the file does not say what it is for (one or two sentences)"
        if suffix == ".h" and "#pragma once" not in lines[:40]:
            yield f"{name}: no #pragma once"


def main():
    problems, files, words = [], 0, machineWords()
    for name in repositoryFiles():
        path = ROOT / name
        data = path.read_bytes()
        if b"\0" in data:
            problems.append(f"{name}: a binary file; the repository has only text files")
            continue
        files += 1
        try:
            text = data.decode()
        except UnicodeDecodeError:
            problems.append(f"{name}: not UTF-8")
            continue
        lines = text.splitlines()
        if path.suffix in CODE | SCRIPTS or name in ("Makefile", ".ci/run"):
            problems += headerProblems(name, path.suffix, lines)
        if text and not text.endswith("\n"):
            problems.append(f"{name}: no newline at the end")
        makefile = path.name == "Makefile"
        for number, line in enumerate(lines, 1):
            if line != line.rstrip() and path.suffix != ".md" and path.name not in NO_HEADER:
                problems.append(f"{name}:{number}: trailing blanks")
            if "\t" in line and (path.suffix in CODE | SCRIPTS) and not makefile:
                problems.append(f"{name}:{number}: a tab")
            if LOOSE_ENDS.search(line) and path.name not in NO_HEADER:
                problems.append(f"{name}:{number}: a loose end: {line.strip()}")
            for word in words:
                if word in line:
                    problems.append(f"{name}:{number}: names this machine: {word}")
        limit = FILE_LIMITS.get(name, LIMITS.get(path.suffix))
        if path.suffix == ".h" and name.startswith("tests/"):
            limit = TEST_HEADER_LIMIT
        if limit and len(lines) > limit:
            problems.append(f"{name}: {len(lines)} lines, allowed are {limit}")
    for problem in problems:
        print(problem)
    print(f"check-text: {files} files, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
