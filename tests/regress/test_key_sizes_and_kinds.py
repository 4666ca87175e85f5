# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that the library's integers did not hold (RSA above 4096 bits): as a service's key the message was "does not belong
to certificate"; as a client CA the key was taken in silence and then every client was refused. secp256k1 and brainpool keys
were called "ECDSA 0 bits", and a client CA with one was taken too. Right: RSA up to 8192 bits works in every place, and what
does not work is refused by its name at the start."""

import datetime
import math
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from harness import Config
from harness.client_pki import ClientPki
from harness.daemon import run_culvert

pytestmark = pytest.mark.wolfssl(5, 9)

E = 65537


def arctan_inverse(n, bits):
    """2^bits * arctan(1/n)."""
    total, term, k = 0, (1 << bits) // n, 1
    while term:
        total += term // k if k % 4 == 1 else -(term // k)
        term, k = term // (n * n), k + 2
    return total


def rsa8192():
    """A key without the search for primes: those of RFC 3526 (group 16, from pi) and RFC 7919 (ffdhe4096, from e)."""
    guard = 64
    pi = 4 * (4 * arctan_inverse(5, 3966 + guard) - arctan_inverse(239, 3966 + guard)) >> guard
    euler, term, k = 0, 1 << 3966 + guard, 0
    while term:
        euler, k = euler + term, k + 1
        term //= k
    euler >>= guard
    p, q = (2**4096 - 2**4032 - 1 + 2**64 * (digits + more) for digits, more in ((pi, 240904), (euler, 5736041)))
    d = pow(E, -1, math.lcm(p - 1, q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
                                    rsa.RSAPublicNumbers(E, p * q))
    try:
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)
    except TypeError:  # before release 39 of cryptography
        backend = default_backend()
        backend._rsa_skip_check_key = True
        try:
            return numbers.private_key()
        finally:
            backend._rsa_skip_check_key = False


@pytest.fixture(scope="module")
def large():
    return rsa8192()


def write(path, certificate, private=None):
    data = certificate.public_bytes(serialization.Encoding.PEM)
    if private is not None:
        data += private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())
    path.write_bytes(data)
    return str(path)


def certificate(public, signer, name, ca=False):
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=300))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(signer, hashes.SHA256()))


def check(workdir, **service):
    (workdir / "check.conf").write_text(Config({"main": {"backend": "127.0.0.1:9", **service}}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_8192_bits_work_for_service_client_ca_and_client(culvert, echo, connect, pki, workdir, large, version):
    clients = ClientPki(workdir)
    root = clients.ca("root", private=large)
    client = clients.make("client", issuer=root, private=large)
    both = write(workdir / "service.pem", certificate(large.public_key(), large, "localhost"), large)
    daemon = culvert(backend=echo.address, service={"cert": both, "key": None, "verify-client": "required",
                                                    "client-ca": root.cert, "handshake-timeout": "60s"})
    context = pki.context(verify=False)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(client.cert, client.key)
    with connect(daemon, context=context) as tls:
        tls.echo(b"large")


def test_more_bits_are_refused_by_their_number(workdir, pki):
    """A number of 16384 bits is enough of a public key for that."""
    signer = ec.generate_private_key(ec.SECP256R1())
    public = rsa.RSAPublicNumbers(E, (1 << 16384) - 1).public_key()
    path = write(workdir / "huge.pem", certificate(public, signer, "huge", ca=True))
    for service in ({"cert": path, "key": pki.ecdsa.key},
                    {"cert": pki.ecdsa.chain, "key": pki.ecdsa.key, "verify-client": "required", "client-ca": path}):
        status, said = check(workdir, **service)
        assert status == 4 and "RSA-16384 cannot be used (RSA up to 8192 bits" in said, said
        assert "does not belong" not in said


@pytest.mark.parametrize("curve, name", [(ec.SECP256K1(), "secp256k1"), (ec.BrainpoolP256R1(), "brainpoolP256r1"),
                                         (ec.BrainpoolP512R1(), "brainpoolP512r1")])
def test_a_curve_that_cannot_be_used_is_named(workdir, pki, curve, name):
    private = ec.generate_private_key(curve)
    path = write(workdir / "curve.pem", certificate(private.public_key(), private, "curve", ca=True), private)
    for service in ({"cert": path},
                    {"cert": pki.ecdsa.chain, "key": pki.ecdsa.key, "verify-client": "required", "client-ca": path}):
        status, said = check(workdir, **service)
        assert status == 4 and f"ECDSA {name} cannot be used" in said and "0 bits" not in said, said
    (workdir / "key.pem").write_bytes(private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    status, said = check(workdir, cert=pki.ecdsa.chain, key=str(workdir / "key.pem"))
    assert status == 4 and f"ECDSA {name} cannot be used" in said, said


def test_one_bad_certificate_leaves_the_rest_of_a_bundle(culvert, echo, connect, pki, workdir):
    """Named, with a warning; a client of another certificate of the bundle is let in."""
    private = ec.generate_private_key(ec.SECP256K1())
    bad = certificate(private.public_key(), private, "bad curve", ca=True)
    clients = ClientPki(workdir)
    root = clients.ca("root")
    client = clients.make("client", issuer=root)
    bundle = workdir / "bundle.pem"
    bundle.write_bytes(bad.public_bytes(serialization.Encoding.PEM) + root.pem)
    daemon = culvert(backend=echo.address, service={"verify-client": "required", "client-ca": str(bundle)})
    assert "certificate 1 (CN=bad curve) cannot verify clients" in daemon.stderr()
    assert "ECDSA secp256k1 cannot be used" in daemon.stderr() and "culvert ignores it" in daemon.stderr()
    context = pki.context(verify=False)
    context.load_cert_chain(client.cert, client.key)
    with connect(daemon, context=context) as tls:
        tls.echo(b"in")
