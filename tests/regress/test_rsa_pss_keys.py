# SPDX-License-Identifier: GPL-3.0-or-later
"""RSASSA-PSS keys (RFC 4055): dead in TLS 1.2 although --check called them sound, in TLS 1.3 signed with rsa_pss_rsae_*,
a client that offers only rsa_pss_pss_* refused, and a client's certificate with such a key refused in TLS 1.2. Right: signed
with a rsa_pss_pss_* scheme that the client offers and the key allows (RFC 8446 4.2.3), in both versions."""

import re
import subprocess

import pytest

from harness import Config
from harness.client_pki import ClientPki
from harness.daemon import run_culvert

pytestmark = pytest.mark.wolfssl(5, 9)

PSS = {"any": (), "sha384": ("-pkeyopt", "rsa_pss_keygen_md:sha384", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha384",
                             "-pkeyopt", "rsa_pss_keygen_saltlen:48")}


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A CA with an ECDSA key, and certificates of it for RSASSA-PSS keys: {kind: (certificate, key)}."""
    where = tmp_path_factory.mktemp("pss")
    root = ClientPki(where).ca("root")
    made = {}
    for kind, options in PSS.items():
        key, request, cert = (where / f"{kind}.{end}" for end in ("key", "csr", "pem"))
        openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", *options, "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={kind}", "-out", request)
        (where / "ext").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", root.cert, "-CAkey", root.key, "-days", "9", "-extfile",
                where / "ext", "-out", cert)
        made[kind] = str(cert), str(key)
    made["root"] = root
    return made


def s_client(daemon, *args):
    host, port = daemon.address()[:2]
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", "localhost", *args],
                          input="Q\n", capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


@pytest.fixture
def service(culvert, echo, world):
    def start(kind, **more):
        cert, key = world[kind]
        return culvert(backend=echo.address, service={"cert": cert, "key": key, **more})
    return start


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind, offers, digest", [
    ("any", None, "SHA256"), ("any", "rsa_pss_pss_sha256", "SHA256"), ("any", "rsa_pss_pss_sha512", "SHA512"),
    ("any", "rsa_pss_rsae_sha256:rsa_pss_pss_sha384", "SHA384"),
    ("any", "rsa_pss_pss_sha384:rsa_pss_rsae_sha256", "SHA384"), ("sha384", None, "SHA384"),
    ("sha384", "rsa_pss_pss_sha256:rsa_pss_pss_sha384", "SHA384")])
def test_the_scheme_is_one_that_fits_the_key_and_that_the_client_offers(service, version, kind, offers, digest):
    """openssl refuses rsa_pss_rsae_* with such a certificate, so what it takes is rsa_pss_pss_*."""
    said = s_client(service(kind), version, *(("-sigalgs", offers) if offers else ()))
    assert f"Peer signing digest: {digest}" in said, said
    assert re.search(r"Peer signature type: RSA-PSS\b", said), said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind, offers", [("any", "rsa_pss_rsae_sha256"), ("sha384", "rsa_pss_pss_sha256")])
def test_a_client_that_offers_no_such_scheme_is_told(service, version, kind, offers):
    daemon = service(kind)
    assert "alert number 40" in s_client(daemon, version, "-sigalgs", offers)
    assert "(RSA-PSS-2048)" in daemon.wait_log("handshake failed").text


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind", list(PSS))
def test_a_client_with_such_a_key_is_let_in(culvert, echo, world, version, kind):
    daemon = culvert(backend=echo.address, service={"verify-client": "required", "client-ca": world["root"].cert})
    cert, key = world[kind]
    said = s_client(daemon, version, "-cert", cert, "-key", key)
    assert "alert" not in said, said
    assert daemon.wait_log("tunnel closed", timeout=10)
    assert daemon.counters()["handshakes_ok"] == 1


def test_parameters_that_no_scheme_of_tls_has_are_refused_at_the_start(workdir, world):
    """SHA-1 with a salt of 20 bytes, the defaults of RFC 4055."""
    key, cert = workdir / "odd.key", workdir / "odd.pem"
    openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
            "rsa_pss_keygen_md:sha256", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha1", "-pkeyopt",
            "rsa_pss_keygen_saltlen:20", "-out", key)
    openssl("req", "-new", "-x509", "-key", key, "-subj", "/CN=odd", "-days", "9", "-out", cert)
    (workdir / "check.conf").write_text(Config({"main": {"backend": "127.0.0.1:9", "cert": str(cert),
                                                         "key": str(key)}}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    assert done.returncode == 4
    assert "RSA-PSS-2048 has parameters that do not match any TLS signature scheme" in done.stdout + done.stderr
