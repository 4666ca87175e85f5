# SPDX-License-Identifier: GPL-3.0-or-later
"""The default certificate of a directory moved in silence.

Done: a file that sorts before the first one was added to the directory of `cert`. Seen: clients that name no server, or none
that a certificate has, got the new one from then on, and no line said so. Right: the default stays while its file is there, a
warning names what a start would take, and where it changes a warning names the new one.
"""

import os
import shutil

import pytest

from harness.renewal import served


@pytest.fixture
def shelf(culvert, echo, pki, workdir):
    """A daemon that serves a directory with m.pem and z.pem, and what puts certificates there."""
    class Shelf:
        path = workdir / "shelf"

        def put(self, name):
            made = pki.issue(name, names=[f"{name}.example"], directory=workdir)
            shutil.copy(made.both, self.path / "new")
            os.rename(self.path / "new", self.path / f"{name}.pem")
            return made.der

        def default(self):
            """For a client that names no server, and for one that names a stranger."""
            one, other = (served(self.daemon, pki, name) for name in (None, "stranger.example"))
            assert one == other
            return one

    shelf = Shelf()
    shelf.path.mkdir()
    shelf.first, shelf.second = shelf.put("m"), shelf.put("z")
    shelf.daemon = culvert(backend=echo.address, service={"cert": str(shelf.path), "key": None})
    assert shelf.default() == shelf.first
    return shelf


def warned(daemon, words):
    return [line for line in daemon.find_log(words) if " warning " in line.text]


def test_it_stays_where_a_file_comes_before_it(shelf, pki):
    added = shelf.put("a")
    shelf.daemon.wait_log("certificate loaded")
    assert shelf.default() == shelf.first and served(shelf.daemon, pki, "a.example") == added
    stays = f"{shelf.path}/a.pem comes before {shelf.path}/m.pem, which stays the default certificate"
    assert len(warned(shelf.daemon, stays)) == 1
    renewed = shelf.put("m")
    shelf.daemon.wait_log("certificate loaded", count=2)
    assert shelf.default() == renewed and len(warned(shelf.daemon, stays)) == 1, "said once"
    shelf.daemon.reload()
    assert shelf.default() == added
    assert len(warned(shelf.daemon, f"{shelf.path}/a.pem is the default certificate now, it was {shelf.path}/m.pem")) == 1


def test_it_moves_with_a_warning_where_its_file_goes(shelf):
    os.unlink(shelf.path / "m.pem")
    shelf.daemon.wait_log("m.pem is gone: it is no longer served")
    assert shelf.default() == shelf.second
    assert warned(shelf.daemon, f"{shelf.path}/z.pem is the default certificate now, it was {shelf.path}/m.pem")


def test_the_last_one_is_kept_as_the_default(shelf):
    """All files go, then another one comes: what was kept meanwhile is gone then."""
    for name in ("m", "z"):
        os.unlink(shelf.path / f"{name}.pem")
    shelf.daemon.wait_log("no other certificate can be served")
    assert shelf.default() == shelf.first
    other = shelf.put("k")
    shelf.daemon.wait_log("k.pem is the default certificate now")
    assert shelf.default() == other
