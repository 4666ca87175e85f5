# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP stapling: a client that asks gets the response for the certificate it gets, out of a file or fetched in the
background; and nothing that a responder does is ever felt in a handshake."""

import datetime
import functools
import os
import re
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness import Config, Echo, eventually, slack
from harness.daemon import run_culvert
from harness.ocsp import (MUST_STAPLE, Responder, chunked, delegate, error_response, http, responder_at, response)
from harness.pki import Authority
from harness.util import free_port

pytestmark = pytest.mark.wolfssl(5, 9)  # test_old_library.py has the refusal

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
NOT_FETCHED = "OCSP response not fetched"
FETCHED = "OCSP response fetched"


@pytest.fixture
def responder(backend):
    """A factory of responders; all are stopped in the end."""
    return functools.partial(backend, Responder)


@pytest.fixture
def echo(backend):
    return backend(Echo)


def s_client(daemon, pki, version="1.3", service="main", name="localhost", extra=()):
    """The command line of an openssl client that asks for the status."""
    host, port = daemon.address(service)
    return ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", name, "-CAfile", pki.ca_file,
            "-verify_return_error", "-status", {"1.2": "-tls1_2", "1.3": "-tls1_3"}[version], *extra]


def output(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=slack(20), check=False).stdout.decode(errors="replace")


def status(*args, **options):
    """What `openssl s_client -status` says of the response: its text, "" where none was sent. The handshake has to
    succeed. The arguments are those of s_client()."""
    text = output(s_client(*args, **options))
    assert "Verify return code: 0 (ok)" in text, text
    if "OCSP response: no response sent" in text:
        return ""
    assert "OCSP Response Status: successful" in text, text
    return text


def served_serial(text):
    return int(re.search(r"Serial Number: ([0-9A-F]+)", text).group(1), 16) if text else None


def good(text):
    return "Cert Status: good" in text


def leaf(pki, workdir, stem="leaf", url=None, must=False, **options):
    extensions = ([responder_at(url)] if url else []) + ([MUST_STAPLE] if must else [])
    return pki.issue(stem, directory=workdir, extensions=extensions, **options)


def fetching(one, responder=None, **more):
    return {"cert": one.chain, "key": one.key, "ocsp-stapling": "fetch",
            **({"ocsp-responder": responder.url} if responder else {}), **more}


def put_file(one, der):
    """As an updater does it: a whole new file takes the place of the old one."""
    with open(one.chain + ".ocsp.new", "wb") as file:
        file.write(der)
    os.rename(one.chain + ".ocsp.new", one.chain + ".ocsp")


# -- openssl ocsp ------------------------------------------------------------------------------------------------------

@pytest.fixture
def openssl_responder(spawn, workdir, pki):
    """Starts `openssl ocsp` for these certificates: (process, its URL)."""
    def start(*credentials, port=None, revoked=()):
        stamp = (datetime.datetime.utcnow() + datetime.timedelta(days=20)).strftime("%y%m%d%H%M%SZ")
        gone = (datetime.datetime.utcnow() - datetime.timedelta(days=1)).strftime("%y%m%d%H%M%SZ")
        lines = []
        for one in credentials:
            serial = f"{one.serial:x}".upper()
            serial = "0" * (len(serial) % 2) + serial
            mark = ("R", gone) if one in revoked else ("V", "")
            lines.append(f"{mark[0]}\t{stamp}\t{mark[1]}\t{serial}\tunknown\t/CN=localhost\n")
        (workdir / "index.txt").write_text("".join(lines))
        key = workdir / "ca.key"
        key.write_bytes(pki.ca.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                     serialization.NoEncryption()))
        port = port or free_port()
        process = spawn(["openssl", "ocsp", "-index", workdir / "index.txt", "-port", str(port), "-rsigner",
                         pki.ca.path, "-rkey", key, "-CA", pki.ca.path, "-nmin", "30"], name="responder")
        return process, f"http://127.0.0.1:{port}/"
    return start


@VERSIONS
def test_a_real_responder_is_asked_in_the_background(culvert, echo, pki, workdir, openssl_responder, version):
    """The address comes out of the certificate; the answer is what s_client -status calls good."""
    port = free_port()
    one = leaf(pki, workdir, url=f"http://127.0.0.1:{port}/")
    process, _ = openssl_responder(one, port=port)
    daemon = culvert(backend=echo.address, service=fetching(one))
    daemon.wait_counter("ocsp_fetches_ok", 1, timeout=20)
    assert daemon.counters()["ocsp_responses_held"] == 1
    text = status(daemon, pki, version)
    assert good(text) and served_serial(text) == one.serial
    assert daemon.counters()["ocsp_responses_served"] == 1
    # Gone for good: what was fetched goes on being served, and no handshake notices.
    process.kill()
    process.wait()
    assert good(status(daemon, pki, version))


@VERSIONS
def test_gnutls_takes_the_response(culvert, echo, pki, workdir, need, version):
    need("gnutls-cli")
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    host, port = daemon.address()
    only = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}[version]
    done = subprocess.run(["gnutls-cli", "--x509cafile", pki.ca_file, "--priority", only, "-p", str(port), "localhost"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=slack(20), check=False)
    text = done.stdout.decode(errors="replace")
    assert "Handshake was completed" in text, text
    assert "OCSP status request" in text, text


# -- files -------------------------------------------------------------------------------------------------------------

@VERSIONS
def test_a_file_beside_the_certificate_is_served_without_being_asked_for(culvert, echo, pki, workdir, version):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    assert good(status(daemon, pki, version))
    assert daemon.counters()["ocsp_responses_held"] == 1
    assert not daemon.find_log("culvert-ocsp")


def test_a_client_that_does_not_ask_gets_none(culvert, echo, connect, pki, workdir):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    connect(daemon).echo()
    assert daemon.counters()["ocsp_responses_served"] == 0


@VERSIONS
def test_a_large_response_arrives_whole(culvert, echo, pki, workdir, version):
    """In TLS 1.3 it makes the certificate's message longer than a record. One that openssl's clients would not take in
    TLS 1.2 (more than a record) is refused before."""
    one = leaf(pki, workdir)
    single = len(pki.ca.object.public_bytes(serialization.Encoding.DER))
    count = (15_900 - len(response(one.object, pki.ca))) // single
    large = response(one.object, pki.ca, certificates=[pki.ca.object] * count)
    assert 15_000 < len(large) <= 16_000
    put_file(one, large)
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    text = status(daemon, pki, version)
    assert good(text) and text.count("BEGIN CERTIFICATE") >= count
    put_file(one, response(one.object, pki.ca, certificates=[pki.ca.object] * (count + 2)))
    lines = daemon.reload()
    assert any("is longer than 16000 bytes" in line.text for line in lines)
    assert good(status(daemon, pki, version))


@VERSIONS
def test_a_resumed_session_has_no_certificate_and_no_response(culvert, echo, pki, workdir, version):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    saved = workdir / "session"
    first = subprocess.Popen(s_client(daemon, pki, version, extra=("-sess_out", saved)), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    first.stdin.write(b"ping\n")
    first.stdin.flush()
    while line := first.stdout.readline():
        if b"ping" in line:
            break  # the backend's echo: the ticket has come before it
    before = daemon.counters()
    first.communicate(timeout=slack(20))
    assert before["ocsp_responses_served"] == 1
    text = output(s_client(daemon, pki, version, extra=("-sess_in", saved)))
    assert "Reused, TLSv" in text and "OCSP Response Status" not in text, text
    after = daemon.counters()
    assert after["handshakes_resumed"] == before["handshakes_resumed"] + 1
    assert after["ocsp_responses_served"] == before["ocsp_responses_served"]


@VERSIONS
def test_without_a_response_the_handshake_is_as_ever(culvert, echo, pki, version):
    daemon = culvert(backend=echo.address)
    assert status(daemon, pki, version) == ""


def test_off_serves_no_file(culvert, echo, pki, workdir):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key, "ocsp-stapling": "off"})
    assert status(daemon, pki) == ""
    assert daemon.counters()["ocsp_responses_held"] == 0


def test_a_changed_file_is_read_again(culvert, echo, pki, workdir):
    """The updater's new file is served without a reload; one that is no good does not replace the one before."""
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca, end=1000))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    mark = daemon.mark()
    put_file(one, response(one.object, pki.ca, start=-10, end=7200))
    daemon.wait_log("OCSP response read", 20, since=mark)
    newer = status(daemon, pki)
    assert good(newer)
    mark = daemon.mark()
    put_file(one, b"not a response")
    line = daemon.wait_log("is not an OCSP response", 20, since=mark)
    assert line["what"].startswith(one.chain + ".ocsp: ")
    assert re.search("Next Update: .*", status(daemon, pki)).group() == re.search("Next Update: .*", newer).group()
    assert daemon.counters()["ocsp_files_refused"] == 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_told_and_holds_nothing_up(culvert, echo, pki, workdir, make):
    """A mount point that was not filled, a pipe: one line, and the file that comes in its place is read."""
    one = leaf(pki, workdir)
    make(one.chain + ".ocsp")
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    assert daemon.wait_log("is not a regular file")["what"].startswith(one.chain + ".ocsp: ")
    assert not good(status(daemon, pki))
    os.rename(one.chain + ".ocsp", one.chain + ".away")
    put_file(one, response(one.object, pki.ca))
    daemon.wait_log("OCSP response read", 20)
    assert good(status(daemon, pki))
    assert daemon.counters()["ocsp_files_refused"] == 1


def test_a_fetched_response_that_is_fresher_than_the_file_stays(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca, start=-3000, end=1000))  # beyond its half: worth replacing
    asked = responder().for_certificates(pki.ca, one)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    daemon.wait_log(FETCHED)
    fresh = re.search("Next Update: .*", status(daemon, pki)).group()
    os.utime(one.chain + ".ocsp")
    daemon.reload()
    assert re.search("Next Update: .*", status(daemon, pki)).group() == fresh


def test_a_fresh_file_saves_the_question(culvert, echo, pki, workdir, responder):
    one, other = leaf(pki, workdir), leaf(pki, workdir, "other")
    put_file(one, response(one.object, pki.ca))
    asked = responder().for_certificates(pki.ca, one, other)
    daemon = culvert(Config({"main": {"backend": echo.address, **fetching(one, asked)},
                             "other": {"backend": echo.address, **fetching(other, asked)}}))
    daemon.wait_log(FETCHED)
    assert [ocsp.load_der_ocsp_request(request).serial_number for request in asked.requests] == [other.serial]
    assert good(status(daemon, pki)) and good(status(daemon, pki, service="other"))


# -- the responder's moods ---------------------------------------------------------------------------------------------

def test_a_handshake_never_waits_for_the_responder(culvert, echo, connect, pki, workdir, responder):
    """While the request is held open, clients are served; once it is answered, with the response."""
    one = leaf(pki, workdir)
    asked = responder(None)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    asked.wait_holding()
    for version in ("1.2", "1.3"):
        assert status(daemon, pki, version) == ""
    connect(daemon).echo()
    assert asked.holding == 1, "it was asked again meanwhile"
    assert "ocsp_fetches_ok" in daemon.counters() and daemon.counters()["ocsp_fetches_ok"] == 0
    asked.for_certificates(pki.ca, one).release()
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki))


def test_a_hanging_responder_holds_up_no_end(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder(None)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    asked.wait_holding()
    daemon.signal(signal.SIGTERM)
    assert daemon.process.wait(slack(5)) == 0


def test_the_request_is_as_responders_know_it(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    daemon.wait_log(FETCHED)
    request = ocsp.load_der_ocsp_request(asked.requests[0])
    assert request.serial_number == one.serial
    assert isinstance(request.hash_algorithm, hashes.SHA1) and len(request.extensions) == 0
    assert asked.heads[0].startswith("POST /ocsp HTTP/1.0\r\n")
    assert f"Host: 127.0.0.1:{asked.port}" in asked.heads[0]
    assert "Content-Type: application/ocsp-request" in asked.heads[0]


def test_a_responder_may_have_a_name(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    url = asked.url.replace("127.0.0.1", "localhost")
    daemon = culvert(backend=echo.address, service=fetching(one, **{"ocsp-responder": url}))
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki))


def test_a_name_that_does_not_resolve_is_told(culvert, echo, pki, workdir):
    one = leaf(pki, workdir)
    daemon = culvert(backend=echo.address,
                     service=fetching(one, **{"ocsp-responder": "http://no-such-host.invalid/"}))
    line = daemon.wait_log(NOT_FETCHED, 20)
    assert "cannot resolve no-such-host.invalid" in line["error"]
    assert status(daemon, pki) == ""


ACCEPTED = {
    "chunked": lambda pki, one: chunked(response(one.object, pki.ca)),
    "without a length": lambda pki, one: http(response(one.object, pki.ca), length=False),
    "more than its length": lambda pki, one: http(response(one.object, pki.ca)) + b"and more",
    "named by key": lambda pki, one: http(response(one.object, pki.ca, by_key=True)),
    "without nextUpdate": lambda pki, one: http(response(one.object, pki.ca, end=None)),
    "signed by a delegate": lambda pki, one: (lambda own: http(response(
        one.object, pki.ca, signer=own.object, key=own.private, certificates=[own.object])))(delegate(pki.ca)),
    "with the issuer's certificate": lambda pki, one: http(response(one.object, pki.ca, certificates=[pki.ca.object])),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_every_right_answer_is_taken(culvert, echo, pki, workdir, responder, kind):
    one = leaf(pki, workdir)
    asked = responder(lambda request: ACCEPTED[kind](pki, one))
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki)) and good(status(daemon, pki, "1.2"))


def _delegated(pki, one, **options):
    own = delegate(options.pop("ca", pki.ca), **options)
    return http(response(one.object, pki.ca, signer=own.object, key=own.private, certificates=[own.object]))


def _stranger(pki):
    return Authority(pki.directory, "stranger")


def _namesake(pki):
    elsewhere = os.path.join(pki.directory, "namesake")
    os.makedirs(elsewhere, exist_ok=True)
    return Authority(elsewhere, "culvert test CA", issuer=_stranger(pki))


NOT_SIGNED = "is not signed by the issuer"
REFUSED = {
    "nothing": (lambda pki, one: b"", "closes the connection without a response"),
    "no HTTP": (lambda pki, one: b"220 mail.example.org ESMTP\r\n\r\n", "does not speak HTTP"),
    "a web page": (lambda pki, one: http(b"<html>"), "is not an OCSP response"),
    "an empty body": (lambda pki, one: http(b""), "is not an OCSP response"),
    "an error of HTTP": (lambda pki, one: http(b"", "503 Busy"), "answers 503 Busy"),
    "a redirect": (lambda pki, one: http(b"", "301 Moved", ["Location: http://127.0.0.1/"]),
                   "redirects are not followed"),
    "too much": (lambda pki, one: http(bytes(1 << 20)), "announces 1048576 bytes"),
    "too much without a length": (lambda pki, one: http(bytes(1 << 20), length=False), "sends more than"),
    "too much in chunks": (lambda pki, one: chunked(bytes(1 << 20), 8192), "sends more than"),
    "headers without end": (lambda pki, one: b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 10000, "headers that are too long"),
    "a cut body": (lambda pki, one: http(response(one.object, pki.ca))[:-10], "within its response"),
    "malformed chunks": (lambda pki, one: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                         "malformed chunked body"),
    "a compressed body": (lambda pki, one: http(b"x", headers=["Content-Encoding: gzip"]), "unsupported encoding: gzip"),
    "try later": (lambda pki, one: http(error_response(ocsp.OCSPResponseStatus.TRY_LATER)), "tryLater"),
    "unauthorized": (lambda pki, one: http(error_response(ocsp.OCSPResponseStatus.UNAUTHORIZED)), "unauthorized"),
    "unknown": (lambda pki, one: http(response(one.object, pki.ca, "unknown")), "does not know the certificate"),
    "another certificate": (lambda pki, one: http(response(pki.rsa.object, pki.ca)), "is for another certificate"),
    "in the future": (lambda pki, one: http(response(one.object, pki.ca, start=600)), "is valid only from"),
    "expired": (lambda pki, one: http(response(one.object, pki.ca, start=-600, end=-60)), "has expired"),
    "another hash": (lambda pki, one: http(response(one.object, pki.ca, algorithm=hashes.SHA256())),
                     "by a hash other than SHA-1"),
    "a stranger's signature": (
        lambda pki, one: (lambda other: http(response(one.object, pki.ca, signer=other.object, key=other.private)))(
            _namesake(pki)), NOT_SIGNED),
    "a changed signature": (
        lambda pki, one: (lambda der: http(der[:-1] + bytes([der[-1] ^ 1])))(response(one.object, pki.ca)), NOT_SIGNED),
    "the issuer's name, a stranger's key": (
        lambda pki, one: (lambda other: http(response(one.object, pki.ca, signer=other.object, key=other.private,
                                                      certificates=[other.object])))(_namesake(pki)), NOT_SIGNED),
    "a delegate without the right": (
        lambda pki, one: _delegated(pki, one, usage=[ExtendedKeyUsageOID.SERVER_AUTH]), NOT_SIGNED),
    "a stranger's delegate": (lambda pki, one: _delegated(pki, one, ca=_stranger(pki)), NOT_SIGNED),
    "a delegate of the root": (lambda pki, one: _delegated(pki, one, ca=pki.root), NOT_SIGNED),
    "an expired delegate": (lambda pki, one: _delegated(
        pki, one, start=-2 * datetime.timedelta(days=1), end=-datetime.timedelta(days=1)), NOT_SIGNED),
    "its own signature": (lambda pki, one: http(response(one.object, pki.ca, signer=one.object, key=one.private,
                                                         certificates=[one.object])), NOT_SIGNED),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_answer_is_never_served(culvert, echo, pki, workdir, responder, kind):
    """It is refused with its reason, the handshake goes on without, and the next good answer is taken."""
    one = leaf(pki, workdir)
    make, words = REFUSED[kind]
    asked = responder(lambda request: make(pki, one))
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    line = daemon.wait_log(NOT_FETCHED)
    assert words in line["error"] and line["certificate"] == one.chain
    assert status(daemon, pki) == ""
    assert daemon.counters()["ocsp_fetches_failed"] >= 1
    asked.for_certificates(pki.ca, one)
    daemon.wait_log(FETCHED, 20)
    assert good(status(daemon, pki))


def test_a_dead_responder_is_tried_again(culvert, echo, pki, workdir, responder):
    port = free_port()
    one = leaf(pki, workdir, url=f"http://127.0.0.1:{port}/ocsp")
    daemon = culvert(backend=echo.address, service=fetching(one))
    assert "Connection refused" in daemon.wait_log(NOT_FETCHED)["error"]
    assert status(daemon, pki) == ""
    asked = responder().for_certificates(pki.ca, one)
    daemon.reload(Config({"main": {"backend": echo.address, **fetching(one, asked)}}))
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki))


def test_it_is_refreshed_before_it_expires(culvert, echo, pki, workdir, responder):
    """Seconds to live: asked for again at half of them, and what was fetched first is never served expired."""
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one, start=-1, end=8)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    daemon.wait_log(FETCHED)
    first = re.search("Next Update: .*", status(daemon, pki)).group()
    asked.wait_requests(2, 20)
    eventually(lambda: re.search("Next Update: .*", status(daemon, pki)).group() != first, 10, "a newer response")
    assert daemon.counters()["ocsp_fetches_failed"] == 0


def test_an_expired_response_is_not_served(culvert, echo, pki, workdir):
    one = leaf(pki, workdir)
    put_file(one, response(one.object, pki.ca, start=-5, end=3))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    daemon.wait_log("the OCSP response has expired", 20)
    assert status(daemon, pki) == "" and status(daemon, pki, "1.2") == ""
    assert daemon.counters()["ocsp_responses_held"] == 0


@VERSIONS
def test_that_a_certificate_is_revoked_is_told_to_everybody(culvert, echo, pki, workdir, openssl_responder, version):
    """The operator gets an error line and a counter, clients the response: hiding it would be a lie to them."""
    one = leaf(pki, workdir)
    _, url = openssl_responder(one, revoked=[one])
    daemon = culvert(backend=echo.address, service=fetching(one, **{"ocsp-responder": url}))
    line = daemon.wait_log("OCSP: the certificate is revoked", 20)
    assert "err" in line.text
    assert daemon.counters()["ocsp_revoked"] == 1
    assert "Cert Status: revoked" in status(daemon, pki, version)


# -- several certificates ----------------------------------------------------------------------------------------------

def test_each_certificate_has_its_own_response(culvert, echo, pki, workdir, responder):
    """ECDSA and RSA for one name, and another name: the response is for the certificate that was chosen."""
    ecdsa, rsa = leaf(pki, workdir, "e"), leaf(pki, workdir, "r", kind="rsa")
    other = leaf(pki, workdir, "o", names=("other.example.org",))
    asked = responder().for_certificates(pki.ca, ecdsa, rsa, other)
    everyone = [ecdsa, rsa, other]
    daemon = culvert(backend=echo.address, service={
        "cert": [one.chain for one in everyone], "key": [one.key for one in everyone],
        "ocsp-stapling": "fetch", "ocsp-responder": asked.url})
    daemon.wait_log(FETCHED, count=3)
    for version in ("1.2", "1.3"):
        for one, name, extra in ((ecdsa, "localhost", ()), (other, "other.example.org", ()),
                                 (rsa, "localhost", ("-sigalgs", "RSA-PSS+SHA256"))):
            text = status(daemon, pki, version, name=name, extra=extra)
            assert served_serial(text) == one.serial, (version, name, extra)


def test_a_certificate_of_two_services_is_asked_for_once(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    daemon = culvert(Config({name: {"backend": echo.address, **fetching(one, asked)} for name in ("a", "b")}))
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki, service="a")) and good(status(daemon, pki, service="b"))
    assert len(asked.requests) == 1


# -- reload ------------------------------------------------------------------------------------------------------------

def test_a_reload_keeps_the_response_of_an_unchanged_certificate(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    config = Config({"main": {"backend": echo.address, **fetching(one, asked)}})
    daemon = culvert(config)
    daemon.wait_log(FETCHED)
    asked.answer = None
    config.services["main"]["alpn"] = "h2"  # new settings, the same certificate
    daemon.reload(config)
    assert good(status(daemon, pki))
    assert len(asked.requests) == 1


def test_a_renewed_certificate_is_asked_for_anew(culvert, echo, pki, workdir, responder):
    """The old response goes with the old certificate; while the new one's is on its way none is sent."""
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    daemon = culvert(backend=echo.address, service=fetching(one, asked))
    daemon.wait_log(FETCHED)
    renewed = leaf(pki, workdir)
    asked.answer = None
    daemon.reload()
    asked.wait_holding()
    assert status(daemon, pki) == ""
    asked.for_certificates(pki.ca, renewed).release()
    daemon.wait_log(FETCHED, count=2)
    assert served_serial(status(daemon, pki)) == renewed.serial


def test_a_reload_can_switch_it_on_and_off(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    config = Config({"main": {"backend": echo.address, **fetching(one, asked), "ocsp-stapling": "off",
                              "ocsp-responder": None}})
    daemon = culvert(config)
    assert status(daemon, pki) == "" and not asked.requests
    config.services["main"].update(fetching(one, asked))
    daemon.reload(config)
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki))
    config.services["main"].update({"ocsp-stapling": "off", "ocsp-responder": None})
    daemon.reload(config)
    assert status(daemon, pki) == ""


# -- must-staple -------------------------------------------------------------------------------------------------------

def test_a_certificate_that_demands_it_is_fetched_for_by_default(culvert, echo, pki, workdir, responder):
    asked = responder()
    one = leaf(pki, workdir, url=asked.url, must=True)
    asked.for_certificates(pki.ca, one)
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    daemon.wait_log(FETCHED)
    assert good(status(daemon, pki))


def test_one_that_does_not_is_not(culvert, echo, pki, workdir, responder):
    """By default culvert connects to nobody unasked."""
    asked = responder()
    plain = leaf(pki, workdir, url=asked.url)
    must = leaf(pki, workdir, "must", url=asked.url, must=True)
    asked.for_certificates(pki.ca, plain, must)
    daemon = culvert(backend=echo.address, service={"cert": [plain.chain, must.chain], "key": [plain.key, must.key]})
    daemon.wait_log(FETCHED)
    assert [ocsp.load_der_ocsp_request(request).serial_number for request in asked.requests] == [must.serial]


def test_a_demand_that_cannot_be_met_is_loud_and_harms_no_handshake(culvert, echo, connect, pki, workdir, responder):
    asked = responder(lambda request: http(error_response(ocsp.OCSPResponseStatus.TRY_LATER)))
    one = leaf(pki, workdir, url=asked.url, must=True)
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key})
    line = daemon.wait_log("no response for a certificate that demands one (must-staple)")
    assert " err " in line.text.replace("err:", "err ") or line.get("level") == "err"
    connect(daemon).echo()
    assert status(daemon, pki) == ""


@pytest.mark.parametrize("options, words", [
    ({}, "it names no OCSP responder"),
    ({"ocsp-stapling": "off"}, "ocsp-stapling is off"),
    ({"ocsp-stapling": "file"}, "holds no valid response"),
])
def test_the_check_tells_of_a_demand_that_is_not_met(culvert, echo, pki, workdir, options, words):
    one = leaf(pki, workdir, must=True)
    config = workdir / "check.ini"
    config.write_text(Config({"main": {"backend": echo.address, "cert": one.chain, "key": one.key, **options}})
                      .render(pki))
    done = run_culvert("--check", "-c", config)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stderr.splitlines() if words in line)
    assert "warning: [service main] cert:" in line and "must-staple" in line
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key, **options})
    assert daemon.find_log(words)


def test_the_file_meets_the_demand(culvert, echo, pki, workdir):
    one = leaf(pki, workdir, must=True)
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={"cert": one.chain, "key": one.key, "ocsp-stapling": "file"})
    assert good(status(daemon, pki))
    assert not daemon.find_log("must-staple")


# -- configuration -----------------------------------------------------------------------------------------------------

def test_the_check_reads_the_files(pki, echo, workdir):
    one = leaf(pki, workdir)
    put_file(one, response(pki.rsa.object, pki.ca))
    config = workdir / "check.ini"
    config.write_text(Config({"main": {"backend": echo.address, "cert": one.chain, "key": one.key}}).render(pki))
    done = run_culvert("--check", "-c", config)
    assert done.returncode == 0
    assert f"{one.chain}.ocsp: the OCSP response is for another certificate" in done.stderr


def test_a_chain_without_its_issuer_is_told(culvert, echo, pki, workdir, responder):
    one = leaf(pki, workdir)
    asked = responder().for_certificates(pki.ca, one)
    daemon = culvert(backend=echo.address, service={**fetching(one, asked), "cert": one.cert})
    assert daemon.find_log("the file lacks the issuer's certificate")
    assert not asked.requests


@pytest.mark.parametrize("url", ["https://ocsp.example.org/", "ocsp.example.org", "http://", "http://a b/",
                                 "http://host:0/"])
def test_a_responder_that_is_no_http_address_is_refused(echo, pki, workdir, url):
    config = workdir / "check.ini"
    config.write_text(Config({"main": {"backend": echo.address, "ocsp-responder": url}}).render(pki))
    done = run_culvert("--check", "-c", config)
    assert done.returncode == 3
    assert "[service main] ocsp-responder: " in done.stderr and "http://HOST[:PORT][/PATH]" in done.stderr


def test_the_state_dump_tells_of_each_certificate(culvert, echo, pki, workdir, responder):
    one, two = leaf(pki, workdir), leaf(pki, workdir, "two", names=("two.example.org",))
    asked = responder(lambda request: http(error_response(ocsp.OCSPResponseStatus.TRY_LATER)))
    put_file(one, response(one.object, pki.ca))
    daemon = culvert(backend=echo.address, service={
        "cert": [one.chain, two.chain], "key": [one.key, two.key], "ocsp-stapling": "fetch",
        "ocsp-responder": asked.url})
    daemon.wait_log(NOT_FETCHED)
    mark = daemon.mark()
    daemon.counters()
    lines = {line["certificate"]: line for line in daemon.log_lines(mark) if "staple" in line.fields}
    assert lines[one.chain]["staple"] == "good" and "UTC" in lines[one.chain]["valid_until"]
    assert lines[two.chain]["staple"] == "none" and "tryLater" in lines[two.chain]["last_error"]
