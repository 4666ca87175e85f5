#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums up a run of .ci/run: reads `NAME STATUS SECONDS LOG` a line from standard input, counts the tests that each
step's log reports, and prints one line a step, the tests that took longest, and `N passed, N failed, N skipped` at the end.

A step that failed without a failed test counts as one failed test, a step without tests as one passed test."""
import collections
import pathlib
import re
import sys

RAN = re.compile(r"^\[==========\] (\d+) tests? from .* ran\.")
GTEST = re.compile(r"^\[  (PASSED|SKIPPED) +\] (\d+) tests?\.?$")
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
CHECK = re.compile(r"^check: (?:(\d+) of (\d+) passed|(\d+) of (\d+) failed)")
SLOW = re.compile(r"^([\d.]+)s (?:call|setup|teardown) +(\S+)")
LONGEST = 15
FUZZER = re.compile(r"^(\w+): (Done .*, clean|FAILED, input in .*)$")
# An expected failure is a known fault, so it does not count as passed.
KINDS = {"passed": "passed", "xpassed": "passed", "failed": "failed", "error": "failed", "errors": "failed",
         "skipped": "skipped", "xfailed": "skipped"}


def count(lines):
    """Counts the tests in the output of GoogleTest, pytest, scripts/check.sh and scripts/fuzz.sh."""
    total = collections.Counter()
    for line in lines:
        if match := RAN.match(line):  # GoogleTest's brief output does not sum up failures
            total["failed"] += int(match[1])
        elif match := GTEST.match(line):
            total[match[1].lower()] += int(match[2])
            total["failed"] -= int(match[2])
        elif match := PYTEST.match(line):
            for number, word in re.findall(r"(\d+) ([a-z]+)", match[1]):
                if word in KINDS:
                    total[KINDS[word]] += int(number)
        elif match := CHECK.match(line):
            failed = int(match[3] or 0)
            total["failed"] += failed
            total["passed"] += int(match[2] or match[4]) - failed
        elif match := FUZZER.match(line):
            total["passed" if match[2].startswith("Done") else "failed"] += 1
    return total


def slowTests(name, lines):
    """The tests that pytest reports as slow: (seconds, step, test)."""
    return [(float(match[1]), name, match[2]) for match in map(SLOW.match, lines) if match]


def main():
    whole, slow = collections.Counter(), []
    for row in sys.stdin:
        name, status, seconds, log = row.rstrip("\n").split(" ", 3)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", pathlib.Path(log).read_text(errors="replace")).splitlines()
        total = count(lines)
        slow += slowTests(name, lines)
        if status != "0" and total["failed"] <= 0:
            total["failed"] = 1
        elif not any(total.values()):
            total["passed"] = 1
        whole += total
        said = "ok     " if status == "0" else "FAILED "
        print(f"{said} {name}: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped ({seconds} s)")
    for seconds, name, test in sorted(slow, reverse=True)[:LONGEST]:
        print(f"{seconds:7.1f} s  {name}: {test}")
    print(f"{whole['passed']} passed, {whole['failed']} failed, {whole['skipped']} skipped")


main()
