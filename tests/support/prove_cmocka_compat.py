#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves that cmocka_compat.h gives CMocka's verdicts: builds cmocka_suite.c as C against libcmocka and as C++ against
cmocka_compat.h, runs every group of it with both, and compares test by test.

usage: prove_cmocka_compat.py [BUILD_DIRECTORY]     CC, CXX, CXXFLAGS are taken from the environment
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SUPPORT = pathlib.Path(__file__).resolve().parent
SUITE = SUPPORT / "cmocka_suite.c"
VERDICT = re.compile(r"^\[ +(OK|FAILED|SKIPPED|ERROR) +\] (\w+|GROUP SETUP|GROUP TEARDOWN)$")


def build(directory):
    cc = os.environ.get("CC", "cc")
    cxx = os.environ.get("CXX", "g++")
    flags = shlex.split(os.environ.get("CXXFLAGS", "-O1"))
    common = ["-Wall", "-Wextra", "-pthread"]
    real, compat = directory / "cmocka_suite.real", directory / "cmocka_suite.compat"
    commands = [
        [cc, "-std=c11", *common, "-o", str(real), str(SUITE), "-lcmocka"],
        [cxx, "-std=c++20", *common, "-Werror", *flags, "-DCMOCKA_COMPAT", f"-I{SUPPORT}", "-x", "c++",
         "-o", str(compat), str(SUITE), "-x", "none", "-lgtest", "-lfmt"],
    ]
    for command in commands:
        if subprocess.run(command).returncode != 0:
            sys.exit(f"cmocka: cannot build {command[-1]} variant (make deps installs libcmocka-dev and libgtest-dev)")
    return real, compat


def runReal(program, group):
    """libcmocka's verdicts in order; errors of fixtures are on stderr, everything else on stdout."""
    done = subprocess.run([program, group], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "STDOUT"})
    verdicts, group_verdicts = [], []
    summary = {"FAILED", "SKIPPED"}  # what stderr repeats at the end of the run
    for stream, ignored in ((done.stdout, set()), (done.stderr, summary)):
        for line in stream.splitlines():
            match = VERDICT.match(line)
            if not match:
                continue
            verdict, name = match.groups()
            if name.startswith("GROUP "):
                group_verdicts.append(f"{name} {verdict}")
            elif verdict not in ignored and name != group:
                verdicts.append((name, verdict))
    return sorted(verdicts), sorted(group_verdicts), done.returncode


def runCompat(program, group, directory):
    report = directory / "compat.json"
    report.unlink(missing_ok=True)
    done = subprocess.run([program, group], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "GTEST_OUTPUT": f"json:{report}"})
    if not report.exists():
        sys.exit(f"cmocka: the compatible suite ended without a report in group {group}:\n{done.stdout}{done.stderr}")
    verdicts, group_verdicts = [], []
    for suite in json.loads(report.read_text())["testsuites"]:
        for fixture in ("setup", "teardown"):
            if f"cmocka_{fixture}" in suite:
                group_verdicts.append(f"GROUP {fixture.upper()} {suite[f'cmocka_{fixture}']}")
        for test in suite["testsuite"]:
            if "cmocka" not in test:
                continue  # not run: the group's setup failed
            verdicts.append((test["name"], test["cmocka"]))
            # GoogleTest's own verdict must be the same: an error is a failure to it.
            own = "FAILED" if test.get("failures") else "SKIPPED" if test["result"] == "SKIPPED" else "OK"
            if own != test["cmocka"].replace("ERROR", "FAILED"):
                verdicts.append((test["name"], f"but {own} to GoogleTest"))
    return sorted(verdicts), sorted(group_verdicts), done.returncode


def intended(name):
    for ending, verdict in (("Fails", "FAILED"), ("Skips", "SKIPPED"), ("Errs", "ERROR")):
        if name.endswith(ending):
            return verdict
    return "OK"


def main():
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else scratch).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        real, compat = build(directory)
        groups = subprocess.run([real], capture_output=True, text=True, check=True).stdout.split()
        problems, compared = [], 0
        for group in groups:
            wanted, wantedGroup, wantedExit = runReal(real, group)
            given, givenGroup, givenExit = runCompat(compat, group, directory)
            compared += len(wanted) + len(wantedGroup)
            problems += [f"{group}: {name}: libcmocka says {verdict}, cmocka_compat.h does not"
                         for name, verdict in wanted if wanted.count((name, verdict)) != given.count((name, verdict))]
            problems += [f"{group}: {name}: cmocka_compat.h says {verdict}, libcmocka does not"
                         for name, verdict in given if (name, verdict) not in wanted]
            problems += [f"{group}: {name} is {verdict}, meant to be {intended(name)}"
                         for name, verdict in wanted if verdict != intended(name)]
            if wantedGroup != givenGroup:
                problems.append(f"{group}: group fixtures: libcmocka {wantedGroup}, cmocka_compat.h {givenGroup}")
            # libcmocka 1.1.5 exits with 0 though it says that a group's teardown failed; a test run must not.
            sameExit = wantedExit == givenExit or ("GROUP TEARDOWN FAILED" in wantedGroup and givenExit != 0)
            if not sameExit:
                problems.append(f"{group}: exit status: libcmocka {wantedExit}, cmocka_compat.h {givenExit}")
    for problem in problems:
        print(problem)
    print(f"cmocka: {compared} verdicts in {len(groups)} groups, "
          f"{'equal' if not problems else f'{len(problems)} differences'}")
    return 1 if problems or compared == 0 else 0


sys.exit(main())
