# SPDX-License-Identifier: GPL-3.0-or-later
"""The two commands of a newcomer.

Done: `make demo ONCE=1 | cat`. Seen: three warnings of the demo's own making, escape codes in what is no terminal, and
a last line of 2 KB. Right: none of them. Done: `make test` where the name localhost does not resolve. Seen: hundreds of
failures, minutes later. Right: it says so first.
"""

import os
import re
import subprocess

from harness import BINARY
from harness.daemon import clean_environment
from harness.util import ROOT, slack


def test_the_demo_shows_nothing_that_it_did_not_mean_to(need):
    need("busybox", "socat", "curl", "openssl")
    env = clean_environment({"CULVERT": str(BINARY), "ONCE": "1", "TERM": "xterm"})
    result = subprocess.run([ROOT / "scripts/demo.sh"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=slack(60), check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    assert "\033" not in result.stdout
    assert not re.findall(r".*\bwarning\b.*", result.stdout)
    longest = max(result.stdout.splitlines(), key=len)
    assert len(longest) < 700, longest


def test_make_test_asks_for_localhost_first(workdir, need):
    need("make", "bash")
    assert re.search(r"^test:\n\t@getent hosts localhost ", (ROOT / "Makefile").read_text(), re.MULTILINE)  # before all else
    (workdir / "getent").write_text("#!/bin/sh\nexit 2\n")
    (workdir / "getent").chmod(0o755)
    env = clean_environment({"PATH": f"{workdir}:{os.environ['PATH']}"})
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    result = subprocess.run(["make", "test"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=slack(30),
                            check=False)
    assert result.returncode != 0 and "localhost does not resolve here" in result.stderr, result
    assert result.stdout == ""
