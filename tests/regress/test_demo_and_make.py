# SPDX-License-Identifier: GPL-3.0-or-later
"""The two commands of a newcomer.

Done: `make demo ONCE=1 | cat`. Seen: three warnings of the demo's own making, escape codes in what is no terminal, and
a last line of 2 KB. Right: none of them. Done: `make test` where the name localhost does not resolve. Seen: hundreds of
failures, minutes later. Right: it says so first.

Done: `make demo` on a bare machine. Seen: two hundred lines of a compiler, minutes of silence, and nothing about how long it
takes. Right: a line that is renewed on a terminal, a line now and then elsewhere; the end of the log of what fails; at the end
the seconds of each step and how to go on. The binary is build/demo/culvert, and build/culvert stays what `make` built.
"""

import os
import pty
import re
import signal
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
    assert result.stdout.splitlines()[-1].startswith("demo: next: `make` builds build/release/culvert")


STUB = """#!/bin/sh
case "$*" in
  *demo/culvert)
    echo "  CXX     one.cc"
    read -r word <"$FIFO"
    if [ "$word" = fail ]; then seq 1000; echo "one.cc: not C++"; exit 2; fi
    ln -s "$REAL" "$BUILD/demo/culvert" ;;
esac
"""


def build_and_run(workdir, need, word, stdout, read, **more):
    """scripts/make-demo.sh with a make that compiles nothing and goes on once the progress of the build was seen: what it
    showed, and its exit code. `read` gives more of its output."""
    need("busybox", "socat", "curl", "openssl")
    (workdir / "make").write_text(STUB)
    (workdir / "make").chmod(0o755)
    fifo = workdir / "fifo"
    os.mkfifo(fifo)
    env = clean_environment({"MAKE": str(workdir / "make"), "BUILD": str(workdir / "build"), "REAL": str(BINARY), "ONCE": "1",
                             "FIFO": str(fifo), "PLAIN_EVERY": "0", "TERM": "xterm", **more})
    process = subprocess.Popen([ROOT / "scripts/make-demo.sh"], env=env, stdin=subprocess.DEVNULL, stdout=stdout,
                               stderr=subprocess.STDOUT, start_new_session=True)
    os.close(stdout)
    shown, released = b"", False
    try:
        while chunk := read():
            shown += chunk
            if not released and (b"culvert: file 1 of 4" in shown or b"CXX" in shown):
                released = True
                fifo.write_text(word + "\n")
        return shown.decode(), process.wait(slack(30))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def through_a_pipe():
    reader, writer = os.pipe()
    return writer, lambda: os.read(reader, 65536)


def through_a_terminal():
    reader, writer = pty.openpty()

    def read():
        try:
            return os.read(reader, 65536)
        except OSError:  # the other end is closed
            return b""

    return writer, read


def test_make_demo_shows_plain_lines_where_there_is_no_terminal(workdir, need):
    shown, status = build_and_run(workdir, need, "go", *through_a_pipe())
    assert status == 0, shown
    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", shown)
    lines = shown.splitlines()
    assert re.fullmatch(r"make demo: packages, wolfSSL, culvert, then the demo itself: about \d+ (s|minutes)", lines[0])
    assert re.search(r"^\[3/4\] culvert: about \d+ s$", shown, re.MULTILINE)
    assert re.search(r"^\[3/4\] culvert: file 1 of 4, \d+ s of about \d+ s$", shown, re.MULTILINE)
    assert "[3/4] culvert: done in " in shown and "CXX" not in shown
    assert re.fullmatch(r"demo: apt \d+ s, wolfSSL \d+ s, culvert \d+ s, demo \d+ s, total \d+ s", lines[-2])
    assert lines[-1].startswith("demo: next: `make` builds build/release/culvert")
    assert sorted(path.name for path in (workdir / "build").iterdir()) == ["demo"]


def test_make_demo_renews_one_line_on_a_terminal(workdir, need):
    shown, status = build_and_run(workdir, need, "go", *through_a_terminal())
    assert status == 0, shown
    assert "\r\033[K[3/4] culvert: file 1 of 4, " in shown
    assert "\n[3/4] culvert: file" not in shown


def test_make_demo_shows_the_end_of_what_failed(workdir, need):
    shown, status = build_and_run(workdir, need, "fail", *through_a_pipe())
    assert status == 1, shown
    assert shown.splitlines()[-1] == "    one.cc: not C++"
    assert f"[3/4] culvert: failed; the end of {workdir}/build/demo/logs/culvert.log:" in shown
    assert "    990\n" in shown and "    900\n" not in shown and "A certificate" not in shown


def test_make_demo_with_v_shows_everything(workdir, need):
    shown, status = build_and_run(workdir, need, "go", *through_a_pipe(), V="1")
    assert status == 0, shown
    assert "  CXX     one.cc" in shown


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
