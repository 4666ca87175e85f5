# SPDX-License-Identifier: GPL-3.0-or-later
"""Done: `culvert --daemon` was started where no syslog daemon listens at /dev/log. Seen: exit code 0 and not a word, and
the whole log was lost. Right: a warning on standard error before it detaches; --check has a note."""

import os
import signal
import subprocess

import pytest

from harness import BINARY, Config, eventually, is_root
from harness.daemon import clean_environment
from harness.util import Proc, slack

WORDS = "[global] log: no syslog daemon accepts lines at /dev/log ("


@pytest.fixture
def run(workdir, echo, pki, need):
    """Runs culvert to the end of the command, with nobody at /dev/log."""
    prefix = []
    if os.path.exists("/dev/log"):
        if not is_root():
            pytest.skip("there is a syslog daemon, and only root can hide it")
        need("unshare", "mount")
        prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/log && exec "$@"', "sh"]
    pid_file = workdir / "culvert.pid"

    def start(*arguments, **globals_):
        config = Config({"main": {"backend": echo.address}}, pid_file=pid_file, **globals_)
        path = workdir / "culvert.ini"
        path.write_text(config.render(pki))
        return subprocess.run([*prefix, BINARY, "-c", path, *arguments], env=clean_environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=slack(20), check=False)

    yield start
    if pid_file.exists():
        proc = Proc(int(pid_file.read_text()))
        os.kill(proc.pid, signal.SIGTERM)
        eventually(lambda: not os.path.exists(f"/proc/{proc.pid}") or proc.status("State").startswith("Z"), 5)


def test_a_daemon_whose_log_is_lost_says_so_before_it_detaches(run):
    result = run("--daemon")
    assert result.returncode == 0, result
    # Nothing but the warning: the other lines are the log's.
    assert result.stderr.count("\n") == 1 and "warning: " + WORDS in result.stderr, result.stderr
    assert "log lines are lost until a syslog daemon listens" in result.stderr


def test_a_daemon_with_a_log_file_has_nothing_to_say(run, workdir):
    result = run("--daemon", log=f"file:{workdir}/culvert.log")
    assert (result.returncode, result.stderr) == (0, ""), result


def test_check_has_a_note(run):
    result = run("--check", log="syslog")
    assert result.returncode == 0 and "note: " + WORDS in result.stderr, result
    assert run("--check=strict", log="syslog").returncode == 5
