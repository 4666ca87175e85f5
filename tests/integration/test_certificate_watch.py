# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that change under a running daemon: taken by themselves when they are good, never when they are worse
than what is served, and the log says so."""

import os
import pathlib
import shutil
import time

import pytest

from harness import Config
from harness.daemon import run_culvert
from harness.renewal import HOUR, Pair, served


@pytest.fixture
def pair(pki, workdir):
    return Pair(pki, workdir)


@pytest.fixture
def watched(culvert, echo, pair):
    return culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key})


def in_place(made, pair, pause=0.05, pieces=4):
    """As `cp` over a slow link does: truncated, then written bit by bit."""
    for source, target in ((made.chain, pair.cert), (made.key, pair.key)):
        data = open(source, "rb").read()
        with open(target, "wb", buffering=0) as file:
            for at in range(0, len(data), len(data) // pieces + 1):
                file.write(data[at:at + len(data) // pieces + 1])
                time.sleep(pause)


def is_served(daemon, pki, made, name="www.example"):
    return served(daemon, pki, name) == made.der


# -- good ones -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["rename", "in place"])
def test_a_renewed_pair_is_served_without_a_signal(watched, pki, pair, how):
    new = pair.make()
    pair.put(new) if how == "rename" else in_place(new, pair)
    taken = watched.wait_log("certificate loaded")
    assert taken["cert"] == pair.cert and "is valid for" in taken["validity"]
    assert is_served(watched, pki, new)
    counters = watched.counters()
    assert counters["certificates_taken"] == 1 and counters["certificates_refused"] == 0
    assert counters["reloads_ok"] == 0


def test_the_way_kubernetes_swaps_a_secret_is_seen(culvert, echo, pki, pair, workdir):
    """The files are links through `..data`, which is replaced as a whole; the names themselves never change."""
    def version(number, made):
        directory = workdir / "secret" / f"..{number}"
        directory.mkdir(parents=True)
        shutil.copy(made.chain, directory / "tls.crt")
        shutil.copy(made.key, directory / "tls.key")
        os.symlink(f"..{number}", workdir / "secret" / "..data_tmp")
        os.rename(workdir / "secret" / "..data_tmp", workdir / "secret" / "..data")

    version(1, pair.make())
    for name in ("tls.crt", "tls.key"):
        os.symlink(f"..data/{name}", workdir / "secret" / name)
    daemon = culvert(backend=echo.address, service={"cert": str(workdir / "secret" / "tls.crt"),
                                                    "key": str(workdir / "secret" / "tls.key")})
    new = pair.make()
    version(2, new)
    daemon.wait_log("certificate loaded")
    assert is_served(daemon, pki, new)


def test_a_file_that_comes_into_a_directory_is_served_and_one_that_goes_is_not(culvert, echo, pki, workdir):
    shelf = workdir / "shelf"
    shelf.mkdir()
    first = pki.issue("a", names=["a.example"], directory=workdir)
    shutil.copy(first.both, shelf / "a.pem")
    daemon = culvert(backend=echo.address, service={"cert": str(shelf), "key": None})
    second = pki.issue("b", names=["b.example"], directory=workdir)
    shutil.copy(second.both, shelf / "b.pem")
    daemon.wait_log("certificate loaded")
    assert is_served(daemon, pki, first, "a.example")
    os.unlink(shelf / "b.pem")
    daemon.wait_log("is gone: it is no longer served")
    assert is_served(daemon, pki, first, "b.example")


def test_an_expired_certificate_is_no_substitute(culvert, echo, pki, workdir):
    """It was served at the start, as there are reasons to; but no name in use is left to it by the watch."""
    shelf = workdir / "shelf"
    shelf.mkdir()
    names = ["www.example"]
    good = pki.issue("good", names=names, directory=workdir)
    old = pki.issue("old", names=names, directory=workdir, start=-48 * HOUR, end=-24 * HOUR)
    for one in (good, old):
        shutil.copy(one.both, shelf / os.path.basename(one.both))
    daemon = culvert(backend=echo.address, service={"cert": str(shelf), "key": None, "server-names": "www.example"})
    assert is_served(daemon, pki, good)
    os.unlink(shelf / os.path.basename(good.both))
    daemon.wait_log("lacks www.example, which server-names demands; the one in use stays")
    assert is_served(daemon, pki, good)


def test_a_directory_below_that_goes_is_no_shortage_of_watches(culvert, echo, pki, workdir):
    for name in "ab":
        made = pki.issue(name, names=[f"{name}.example"], directory=workdir)
        (workdir / "shelf" / name).mkdir(parents=True)
        shutil.copy(made.chain, workdir / "shelf" / name / "tls.crt")
        shutil.copy(made.key, workdir / "shelf" / name / "tls.key")
    daemon = culvert(backend=echo.address, service={"cert": str(workdir / "shelf"), "key": None})
    shutil.rmtree(workdir / "shelf" / "b")
    daemon.wait_log("b/tls.crt is gone: it is no longer served")
    assert not daemon.find_log("only every 30 s")


# -- worse ones ----------------------------------------------------------------------------------------------------

WORSE = {
    "expired": (dict(start=-48 * HOUR, end=-24 * HOUR), "expired"),
    "not yet valid": (dict(start=24 * HOUR), "is not valid before"),
}


@pytest.mark.parametrize("case", WORSE)
def test_a_worse_certificate_is_not_taken(watched, pki, pair, case):
    options, why = WORSE[case]
    old = served(watched, pki, "www.example")
    pair.put(pair.make(**options))
    watched.wait_log(why)
    assert served(watched, pki, "www.example") == old
    counters = watched.counters()
    assert counters["certificates_refused"] == 1 and counters["certificates_taken"] == 0
    good = pair.put(pair.make())
    watched.wait_log("certificate loaded")
    assert is_served(watched, pki, good)


@pytest.mark.parametrize("case", ["mismatched key", "garbage", "half a certificate", "gone", "a directory", "a pipe"])
def test_files_that_cannot_be_used_are_not_taken(watched, pki, pair, case):
    old = served(watched, pki, "www.example")
    new = pair.make()
    if case == "mismatched key":
        shutil.copy(new.key, pair.key)
    elif case in ("gone", "a directory", "a pipe"):
        os.unlink(pair.cert)
        if case != "gone":
            (os.mkdir if case == "a directory" else os.mkfifo)(pair.cert)
    else:
        with open(pair.cert, "w") as file:
            file.write("garbage\n" if case == "garbage" else open(new.chain).read()[:300])
    watched.wait_log("; the one in use stays")
    assert served(watched, pki, "www.example") == old
    assert watched.counters()["certificates_refused"] == 1 and len(watched.find_log("; the one in use stays")) == 1
    if case == "a directory":
        os.rmdir(pair.cert)
    pair.put(new)
    watched.wait_log("certificate loaded")
    assert is_served(watched, pki, new)


def test_a_name_that_the_configuration_demands_is_not_lost(culvert, echo, pki, workdir):
    pair = Pair(pki, workdir, names=["www.example", "mail.example"])
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key,
                                                    "server-names": "mail.example"})
    pair.put(pair.make(names=["www.example"]))
    daemon.wait_log("lacks mail.example, which server-names demands")
    assert daemon.counters()["certificates_taken"] == 0


def test_half_of_a_pair_is_waited_for_in_silence(watched, pki, pair):
    """Key and certificate are replaced one after the other; in between they do not match."""
    new = pair.make()
    shutil.copy(new.key, pair.key)
    time.sleep(0.6)  # looked at in this state, and not told yet
    shutil.copy(new.chain, pair.cert)
    watched.wait_log("certificate loaded")
    assert is_served(watched, pki, new)
    assert watched.counters()["certificates_refused"] == 0
    assert "does not belong" not in watched.log_text()


# -- an operator's word --------------------------------------------------------------------------------------------

def test_a_reload_warns_of_a_lost_name_and_takes_it(watched, pki, pair):
    assert served(watched, pki, "www.example")
    new = pair.make(names=["other.example"])
    pair.put(new)
    watched.reload()
    assert is_served(watched, pki, new)
    watched.wait_log("lacks www.example, which clients requested within 24 hours")


def test_a_reload_refuses_an_expired_certificate_and_warns_of_a_future_one(watched, pki, pair):
    old = served(watched, pki, "www.example")
    pair.put(pair.make(start=-48 * HOUR, end=-24 * HOUR))
    watched.reload(expect=False)
    assert served(watched, pki, "www.example") == old
    new = pair.put(pair.make(start=24 * HOUR))
    watched.reload()
    assert is_served(watched, pki, new)


def test_an_intermediate_is_not_lost(watched, pki, pair):
    """cert.pem instead of fullchain.pem: browsers may have the intermediate, others refuse. An operator's word counts."""
    old = served(watched, pki, "www.example")
    new = pair.make()
    leaf_alone = pathlib.Path(new.chain).read_text().partition("-----END CERTIFICATE-----\n")
    pathlib.Path(new.chain).write_text(leaf_alone[0] + leaf_alone[1])
    pair.put(new)
    watched.wait_log("the chain lacks the issuer's certificate, which the previous one had; the one in use stays")
    assert served(watched, pki, "www.example") == old
    lines = watched.reload()
    assert [line for line in lines if "the chain lacks the issuer's certificate" in line.text and " warning " in line.text]
    assert is_served(watched, pki, new)


def test_a_chain_that_a_reload_takes_is_warned_of_again(watched, pki, pair):
    """The watch has said that the one before stays: that must not be the last word."""
    new = pair.make()
    leaf_alone = pathlib.Path(new.chain).read_text().partition("-----END CERTIFICATE-----\n")
    pathlib.Path(new.chain).write_text(leaf_alone[0] + leaf_alone[1] + pathlib.Path(pair.make().cert).read_text())
    pair.put(new)
    watched.wait_log("the chain is incomplete or out of order, unlike the previous one; the one in use stays")
    lines = watched.reload()
    assert [line for line in lines if "was not issued by certificate 2" in line.text and " warning " in line.text]
    assert is_served(watched, pki, new)


def test_the_end_of_a_certificate_is_told_when_it_comes(culvert, echo, pki, pair):
    pair.put(pair.make(end=HOUR / 600))
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key})
    assert " warning " in daemon.wait_log("certificate expires soon").text
    line = daemon.wait_log("serving an expired certificate", 20)
    assert " err " in line.text and line["cert"] == pair.cert


def test_a_start_serves_an_expired_certificate_loudly(culvert, echo, pki, pair):
    """A reboot must not become an outage."""
    pair.put(pair.make(start=-48 * HOUR, end=-24 * HOUR))
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key})
    line = daemon.wait_log("serving an expired certificate")
    assert " err " in line.text and line["cert"] == pair.cert
    counters = daemon.counters()
    assert counters["certificates_invalid"] == 1 and counters["certificate_days_left"] == 0
    assert served(daemon, pki, "www.example")


# -- what a look must never do -------------------------------------------------------------------------------------

def test_the_last_certificate_of_a_directory_stays(culvert, echo, pki, workdir):
    """Also with the directory itself gone, as a mount may be: a service without a certificate would serve nobody."""
    shelf = workdir / "shelf"
    shelf.mkdir()
    only = pki.issue("only", names=["only.example"], directory=workdir)
    shutil.copy(only.both, shelf / "only.pem")
    daemon = culvert(backend=echo.address, service={"cert": str(shelf), "key": None})
    os.unlink(shelf / "only.pem")
    daemon.wait_log("is gone, and no other certificate can be served; the one in use stays")
    assert is_served(daemon, pki, only, None)
    shelf.rmdir()
    daemon.wait_log("cannot read the directory")
    assert is_served(daemon, pki, only, None)
    shelf.mkdir()
    new = pki.issue("only", names=["only.example"], directory=workdir)
    shutil.copy(new.both, shelf / "only.pem")
    daemon.wait_log("certificate loaded", timeout=40)
    assert is_served(daemon, pki, new, None)


def test_a_refusal_is_told_once(watched, pki, pair):
    """However often the files are looked at."""
    pair.put(pair.make(start=-48 * HOUR, end=-24 * HOUR))
    watched.wait_log("; the one in use stays")
    for number in range(4):  # each write beside the files is a reason to look
        open(pair.cert + ".note", "w").close()
        time.sleep(0.3)
    assert len(watched.find_log("; the one in use stays")) == 1
    assert watched.counters()["certificates_refused"] == 1


def test_a_renewal_with_a_key_that_no_suite_fits_is_not_taken(culvert, echo, pki, workdir):
    """certbot has made ECDSA keys since its second version, and the service's suites may be for RSA alone."""
    pair = Pair(pki, workdir)
    pair.put(pair.make(kind="rsa"))
    daemon = culvert(backend=echo.address, service={"cert": pair.cert, "key": pair.key, "max-version": "1.2",
                                                    "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"})
    old = served(daemon, pki, "www.example")
    pair.put(pair.make())
    daemon.wait_log("no cipher suite fits the ECDSA P-256 key")
    assert served(daemon, pki, "www.example") == old


def test_a_key_that_leaves_a_version_without_a_suite_is_warned_of(pki, workdir):
    """All is well with TLS 1.3, and clients of 1.2 get handshake_failure."""
    config = {"backend": "127.0.0.1:1", "ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "cert": pki.ecdsa.chain, "key": pki.ecdsa.key}
    for more, told in (({}, True), ({"min-version": "1.3"}, False),
                       ({"cert": [pki.ecdsa.chain, pki.rsa.chain], "key": [pki.ecdsa.key, pki.rsa.key]}, False)):
        path = workdir / "c.ini"
        path.write_text(Config({"main": {**config, **more}}).render(pki))
        done = run_culvert("--check", "-c", path)
        assert done.returncode == 0
        assert ("warning: [service main] ciphers: no cipher suite fits the ECDSA P-256 key" in done.stderr) == told
        assert ("clients of TLS 1.2 are refused" in done.stderr) == told


def test_two_services_with_one_certificate_do_not_pull_at_it(culvert, echo, pki, pair):
    """One keeps the old certificate for a name that it demands, the other takes the new one; both rest there."""
    same = {"backend": echo.address, "cert": pair.cert, "key": pair.key}
    daemon = culvert(Config({"one": {**same, "server-names": "www.example"}, "two": same}))
    old = served(daemon, pki, "www.example", service="one")
    new = pair.put(pair.make(names=["other.example"]))
    daemon.wait_log("certificate loaded")
    daemon.wait_log("lacks www.example")
    for _ in range(3):
        open(pair.cert + ".note", "w").close()
        time.sleep(0.3)
    assert served(daemon, pki, "other.example", service="two") == new.der
    assert served(daemon, pki, "www.example", service="one") == old
    assert daemon.counters()["certificates_taken"] == 1
