# SPDX-License-Identifier: GPL-3.0-or-later
"""What another user of the machine could do to a culvert that starts as root, or to one of the same user.

Done: a link was put in the place of the log file, in a directory of another user. Seen: culvert appended to the link's
target. Right: culvert refuses to start, and --check says why. Done: culvert was started without root. Seen: it could
be dumped, so its keys could be read. Right: it is not dumpable, whoever starts it, and the unit forbids core files.
"""

import os
import pathlib
import shutil

import pytest

from harness import StartFailed, eventually
from harness.daemon import run_culvert
from harness.util import ROOT

STRANGER = 65534


@pytest.mark.root
def test_a_log_file_is_not_opened_through_a_link_of_another_user(culvert, echo, workdir):
    theirs, victim = workdir / "theirs", workdir / "victim"
    theirs.mkdir()
    victim.write_text("")
    (theirs / "log").symlink_to(victim)
    for path in (theirs, theirs / "log"):
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    where = f"file:{theirs / 'log'}"
    refused = culvert(backend=echo.address, globals_={"log": where}, wait=False)
    refused.allowed_exits = (3,)
    with pytest.raises(StartFailed) as failure:
        refused.wait_ready()
    words = '"log" is a symbolic link in a directory of user 65534; allowed: '
    assert failure.value.code == 3 and f"[global] log: cannot open log file {theirs / 'log'}: {words}" in \
        failure.value.stderr, failure.value.stderr
    assert victim.read_text() == ""
    config = workdir / "culvert-0" / "culvert.ini"
    for strict, code in ("", 0), ("=strict", 5):
        result = run_culvert(f"--check{strict}", "-c", config)
        assert result.returncode == code and f"[global] log: cannot write {theirs / 'log'}: {words}" in result.stderr, result
    # A directory of the user that culvert becomes is an ordinary place for a log.
    (theirs / "log").unlink()
    daemon = culvert(backend=echo.address, globals_={"log": where, "user": "nobody"}, log=None)
    eventually(lambda: "ready" in (theirs / "log").read_text(), 5)
    assert daemon.running()


@pytest.mark.root
def test_a_process_without_root_is_not_dumpable(culvert, echo, workdir, need):
    need("setpriv")
    home = workdir / "culvert-0"
    home.mkdir()
    shutil.chown(home, STRANGER, STRANGER)
    daemon = culvert(backend=echo.address, service={"cert": "self-signed", "key": None},
                     prefix=["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"])
    assert daemon.proc.status("Uid").split()[0] == str(STRANGER)
    # What the owner of the process may not read belongs to root (proc(5), /proc/PID).
    assert os.stat(f"/proc/{daemon.pid}/fd").st_uid == 0


@pytest.mark.root
def test_root_that_stays_root_is_not_dumpable(culvert, echo):
    """A core file would be named by the pattern; the limit is raised, so that nothing else keeps it away."""
    daemon = culvert(backend=echo.address, prefix=["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"])
    os.kill(daemon.pid, 6)
    assert os.waitstatus_to_exitcode(waited := os.waitpid(daemon.pid, 0)[1]) == -6
    daemon.process.returncode = -6
    daemon.allowed_exits = (-6,)
    assert not os.WCOREDUMP(waited)


def test_the_unit_forbids_core_files():
    assert "\nLimitCORE=0\n" in pathlib.Path(ROOT, "etc/culvert.service").read_text()
