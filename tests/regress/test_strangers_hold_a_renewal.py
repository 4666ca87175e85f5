# SPDX-License-Identifier: GPL-3.0-or-later
"""One handshake of a stranger kept a renewal out.

Done: a client asked for a name that the certificate covers and its renewal does not (a name dropped, any invention where a
wildcard is replaced), or for the name of a certificate whose file is removed. Seen: the old certificate stayed for 24 hours a
handshake, even past its end. Right: only `server-names` binds; what clients ask for makes a warning; an expired certificate
never outlives a valid one, and a removed one goes.
"""

import os
import pathlib
import shutil

import pytest

from harness.renewal import HOUR, Pair, served

ASKED = "which clients requested within 24 hours"


@pytest.mark.parametrize("before,after,asked,lost", [
    (["www.example", "old.example"], ["www.example"], "old.example", "old.example"),
    (["*.shop.example"], ["www.shop.example"], "invented.shop.example", "*.shop.example")])
def test_a_name_that_a_client_asked_for_is_warned_of_and_no_more(culvert, echo, pki, workdir, before, after, asked, lost):
    pair = Pair(pki, workdir, names=before)
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key})
    served(daemon, pki, asked)
    new = pair.put(pair.make(names=after))
    daemon.wait_log("certificate loaded")
    (line,) = daemon.find_log(ASKED)
    assert " warning " in line.text and f"{pair.cert}: it lacks {lost}, " in line.text
    assert served(daemon, pki, asked) == new.der
    assert daemon.counters()["certificates_refused"] == 0


def test_a_removed_certificate_goes_although_clients_ask_for_it(culvert, echo, pki, workdir):
    shelf = workdir / "shelf"
    shelf.mkdir()
    made = {name: pki.issue(name, names=[f"{name}.example"], directory=workdir) for name in "ab"}
    for name, one in made.items():
        shutil.copy(one.both, shelf / f"{name}.pem")
    daemon = culvert(backend=echo.address, service={"cert": str(shelf), "key": None})
    assert served(daemon, pki, "b.example") == made["b"].der
    os.unlink(shelf / "b.pem")
    daemon.wait_log("b.pem is gone: it is no longer served")
    assert f"is gone, and the rest lacks b.example, {ASKED}" in daemon.log_text()
    assert served(daemon, pki, "b.example") == made["a"].der


@pytest.mark.parametrize("what", ["a demanded name", "an intermediate"])
def test_an_expired_certificate_does_not_outlive_a_valid_one(culvert, echo, pki, workdir, what):
    """What its renewal lacks is warned of."""
    names = ["www.example", "mail.example"]
    pair = Pair(pki, workdir, names=names)
    pair.put(pair.make(start=-48 * HOUR, end=-24 * HOUR))
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key, "server-names": names})
    new = pair.make(names=names[:1] if what == "a demanded name" else names)
    if what == "an intermediate":
        shutil.copy(new.cert, new.chain)
    pair.put(new)
    daemon.wait_log("certificate loaded")
    assert served(daemon, pki, "www.example") == new.der
    (line,) = daemon.find_log("no certificate covers mail.example" if what == "a demanded name" else
                              "the chain lacks the issuer's certificate")
    assert " warning " in line.text


def test_what_was_refused_is_taken_at_the_end_of_the_one_in_use(culvert, echo, pki, workdir):
    """Nothing happens then but that the time has come."""
    pair = Pair(pki, workdir, names=["www.example", "mail.example"])
    pair.put(pair.make(end=HOUR / 1800))
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key, "server-names": "mail.example"})
    new = pair.put(pair.make(names=["www.example"]))
    daemon.wait_log("certificate loaded", 15)
    assert served(daemon, pki, "www.example") == new.der


def test_a_demanded_name_is_kept_whatever_clients_ask_for(culvert, echo, pki, workdir):
    """The operator's word does bind, for each of more names than a warning would list."""
    demanded = [f"n{number}.example" for number in range(22)]
    shelf = workdir / "shelf"
    shelf.mkdir()
    key = pki.issue("first", names=["first.example"], directory=workdir)
    shutil.copy(key.both, shelf / "first.pem")
    for name in demanded:
        made = pki.issue("one", names=[name], directory=workdir, private=key.private)
        pathlib.Path(shelf / f"{name}.pem").write_bytes(pathlib.Path(made.both).read_bytes())
    daemon = culvert(backend=echo.address, service={"cert": str(shelf), "key": None, "server-names": demanded})
    for name in demanded:
        os.unlink(shelf / f"{name}.pem")
    daemon.wait_log("which server-names demands; the one in use stays", count=len(demanded))
    assert daemon.counters()["certificates"] == len(demanded) + 1
