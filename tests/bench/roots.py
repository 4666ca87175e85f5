# SPDX-License-Identifier: GPL-3.0-or-later
"""PEERS_FROM=trixie: haproxy and nginx out of another Debian release, run in a root directory of that release beside culvert.

The root is made once (make-root) and kept under build/bench. /tmp, /dev and /proc are bound into it in a mount namespace of
the run's own, so nothing stays mounted, however the run ends."""
import ctypes
import os
import pathlib
import subprocess
import tempfile

import programs

SUITES = ("trixie",)
CLONE_NEWNS = 0x00020000


def prepare(suite):
    """Returns when the servers of the suite can be started; SystemExit says why they cannot."""
    if suite not in SUITES:
        raise SystemExit(f"bench: PEERS_FROM={suite}: allowed is {', '.join(SUITES)}")
    root = programs.BUILD / suite
    try:
        subprocess.run([programs.HERE / "make-root", suite, root], check=True)
        _ownMounts()
        for path in ("/dev", "/proc", tempfile.gettempdir()):
            inside = pathlib.Path(f"{root}{path}")
            inside.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--rbind", path, inside], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"bench: PEERS_FROM={suite}: haproxy and nginx of {suite} cannot be run here: {error}") from None


def _ownMounts():
    """What this process mounts from here on, only it and its children see."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
