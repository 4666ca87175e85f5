# SPDX-License-Identifier: GPL-3.0-or-later
"""A CertificateVerify whose scheme does not go with the key of the certificate was taken.

rsa_pss_pss with an rsaEncryption key, rsa_pss_rsae with an RSASSA-PSS one, and in TLS 1.3 an ECDSA scheme of another curve:
illegal_parameter (RFC 8446 4.2.3, 4.4.3). In TLS 1.2, a scheme that was not asked for got bad_certificate, and so did an RSA
signature that does not verify: illegal_parameter and decrypt_error."""

import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.client_pki import ClientPki
from raw_tls import HandshakeFailed, Link, Tls12Client, Tls13Client

pytestmark = pytest.mark.wolfssl(5, 9)

SERVED, ILLEGAL, DECRYPT = "served", "illegal_parameter", "decrypt_error"
P256, P384, P521 = 0x0403, 0x0503, 0x0603
RSAE, PSS, PKCS1 = 0x0804, 0x0809, 0x0401


def pss_key(pki, root, directory):
    """A certificate with an RSASSA-PSS key, which only openssl makes."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=directory)

    openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "pss.key")
    openssl("req", "-new", "-key", "pss.key", "-subj", "/C=DE/CN=pss", "-out", "pss.csr")
    (directory / "pss.ext").write_text("basicConstraints = CA:FALSE\nextendedKeyUsage = clientAuth\n"
                                       "authorityKeyIdentifier = keyid\nsubjectKeyIdentifier = hash\n")
    openssl("x509", "-req", "-in", "pss.csr", "-CA", root.cert, "-CAkey", root.key, "-CAcreateserial", "-days", "2", "-out",
            "pss.crt", "-extfile", "pss.ext")
    der = x509.load_pem_x509_certificate((directory / "pss.crt").read_bytes()).public_bytes(serialization.Encoding.DER)
    return der, serialization.load_pem_private_key((directory / "pss.key").read_bytes(), None)


@pytest.fixture
def world(tmp_path):
    pki = ClientPki(tmp_path)
    root = pki.ca("root")
    made = {name: pki.make(name, issuer=root, private=private, kind=kind) for name, private, kind in (
        ("P-256", ec.generate_private_key(ec.SECP256R1()), "ecdsa"),
        ("P-384", ec.generate_private_key(ec.SECP384R1()), "ecdsa"),
        ("P-521", ec.generate_private_key(ec.SECP521R1()), "ecdsa"), ("RSA", None, "rsa"))}
    keys = {name: (one.der, one.private) for name, one in made.items()}
    keys["PSS"] = pss_key(pki, root, tmp_path)
    return root, keys


CASES = [
    # key, scheme, TLS 1.3, TLS 1.2 (where the curve and the hash have nothing to do with each other)
    ("P-256", P256, SERVED, SERVED), ("P-256", P384, ILLEGAL, SERVED), ("P-256", P521, ILLEGAL, SERVED),
    ("P-384", P384, SERVED, SERVED), ("P-384", P256, ILLEGAL, SERVED), ("P-521", P521, SERVED, SERVED),
    ("P-521", P384, ILLEGAL, SERVED), ("P-256", RSAE, ILLEGAL, ILLEGAL), ("P-256", PSS, ILLEGAL, ILLEGAL),
    ("RSA", RSAE, SERVED, SERVED), ("RSA", 0x0805, SERVED, SERVED), ("RSA", PSS, ILLEGAL, ILLEGAL),
    ("RSA", 0x080A, ILLEGAL, ILLEGAL), ("RSA", P256, ILLEGAL, ILLEGAL), ("RSA", PKCS1, ILLEGAL, SERVED),
    ("PSS", PSS, SERVED, None), ("PSS", RSAE, ILLEGAL, ILLEGAL), ("PSS", PKCS1, ILLEGAL, ILLEGAL),
    # never asked for
    ("P-256", 0x0203, ILLEGAL, ILLEGAL), ("RSA", 0x0201, ILLEGAL, ILLEGAL), ("RSA", 0x0101, ILLEGAL, ILLEGAL),
    ("P-256", 0x0999, ILLEGAL, ILLEGAL),
]


def answer(daemon, version, certificate, key, scheme):
    with (Tls12Client if version == "1.2" else Tls13Client)(Link(daemon.address())) as client:
        client.identity, client.scheme = ([certificate], key), scheme
        try:
            client.handshake()
            client.send(b"x")
            assert client.read(1) == b"x" and client.finish().clean
        except HandshakeFailed as failure:
            return failure.event.name
        return SERVED


@pytest.fixture
def daemon(culvert, echo, world):
    return culvert(backend=echo.address, service={"client-ca": world[0].cert, "verify-client": "required"})


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_schemes(daemon, world, version):
    wrong = []
    for name, scheme, expected13, expected12 in CASES:
        expected = expected13 if version == "1.3" else expected12
        if expected is None:
            continue
        got = answer(daemon, version, *world[1][name], scheme)
        if got != expected:
            wrong.append(f"{name} with {scheme:#06x}: {got}, not {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("version", ["1.3", "1.2"])
@pytest.mark.parametrize("name, scheme", [("P-256", P256), ("RSA", RSAE), ("RSA", PKCS1)])
def test_another_key(daemon, world, version, name, scheme):
    """The signature is of another key of the same kind."""
    if version == "1.3" and scheme == PKCS1:
        pytest.skip("not a scheme of TLS 1.3")
    other = ClientPki(world[0].directory).make("other", kind="rsa" if name == "RSA" else "ecdsa")
    assert answer(daemon, version, world[1][name][0], other.private, scheme) == DECRYPT
