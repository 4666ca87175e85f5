# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCSP response signed by a responder whose certificate nobody had verified.

Done: the response carries a certificate with the issuer's name and key identifier (or none), extendedKeyUsage OCSPSigning and
a key of the forger's. Seen: it is stapled, until a nextUpdate of the forger's choice. Right: the certificate of a responder
needs the issuer's signature, valid dates and the usage; "revoked" out of anything else changes nothing."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import Config
from harness.ocsp import Responder, http, response

pytestmark = pytest.mark.wolfssl(5, 9)

HOUR = datetime.timedelta(hours=1)
YEARS = 10 * 365 * 86400


class Delegate:
    """A responder's certificate in the name of `ca`; `signer` None is a signature of garbage."""

    def __init__(self, ca, signer, ids=True, start=-HOUR, end=24 * HOUR, usage=ExtendedKeyUsageOID.OCSP_SIGNING,
                 digest=hashes.SHA256()):
        self.private = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "responder")]))
                   .issuer_name(ca.object.subject).public_key(self.private.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now + start).not_valid_after(now + end)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False))
        if ids:
            builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.private.public_key()),
                                            critical=False)
        self.object = builder.sign(signer or self.private, digest)
        if signer is None:
            der = bytearray(self.object.public_bytes(serialization.Encoding.DER))
            der[-20] ^= 0xff
            self.object = x509.load_der_x509_certificate(bytes(der))


def _forger():
    return ec.generate_private_key(ec.SECP256R1())


FORGED = {
    "another key": lambda ca: Delegate(ca, _forger()),
    "another key, no identifiers": lambda ca: Delegate(ca, _forger(), ids=False),
    "its own key": lambda ca: Delegate(ca, None, ids=False),
    "expired": lambda ca: Delegate(ca, ca.private, start=-48 * HOUR, end=-HOUR),
    "not yet valid": lambda ca: Delegate(ca, ca.private, start=HOUR, end=48 * HOUR),
    "for clients": lambda ca: Delegate(ca, ca.private, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
    "signed with SHA-1": lambda ca: Delegate(ca, ca.private, digest=hashes.SHA1()),
}


def _signed(pki, one, own, **options):
    return response(one.object, pki.ca, signer=own.object, key=own.private, certificates=[own.object], **options)


def test_no_forged_response_is_stapled(culvert, pki, workdir):
    """Each service has the response of one forger beside its certificate, and one that of an honest delegate."""
    services = {}
    for number, (name, make) in enumerate([*FORGED.items(), ("honest", lambda ca: Delegate(ca, ca.private))]):
        one = pki.issue(f"leaf-{number}", directory=workdir)
        with open(one.chain + ".ocsp", "wb") as file:
            file.write(_signed(pki, one, make(pki.ca), end=YEARS))
        services[name.replace(" ", "-").replace(",", "")] = {"backend": "127.0.0.1:1", "cert": one.chain, "key": one.key}
    daemon = culvert(Config(services))
    assert daemon.counters()["ocsp_responses_held"] == 1
    assert daemon.counters()["ocsp_files_refused"] == len(FORGED)
    told = {line["service"]: line.text for line in daemon.find_log("OCSP stapling")}
    assert set(told) == set(services)


def test_the_word_of_a_forger_changes_nothing(culvert, pki, workdir, backend):
    """What was fetched stays good; a "revoked" of the forger's is a failure of the fetch, and no more."""
    one = pki.issue("leaf", directory=workdir)
    responder = backend(Responder, lambda _: http(response(one.object, pki.ca, end=3)))
    daemon = culvert(backend="127.0.0.1:1", service={
        "cert": one.chain, "key": one.key, "ocsp-stapling": "fetch", "ocsp-responder": responder.url})
    daemon.wait_log("OCSP response fetched")
    responder.answer = lambda _: http(_signed(pki, one, Delegate(pki.ca, _forger()), status="revoked", end=YEARS))
    daemon.wait_log("OCSP response not fetched", 10)
    counters = daemon.counters()
    assert counters["ocsp_revoked"] == 0 and counters["ocsp_fetches_failed"] >= 1
    assert "the certificate is revoked" not in daemon.log_text()


def test_an_honest_delegates_word_ends_with_its_certificate(culvert, pki, workdir):
    """Clients look at both: what outlives the responder's certificate is not served so long."""
    one = pki.issue("leaf", directory=workdir)
    own = Delegate(pki.ca, pki.ca.private, end=HOUR)
    with open(one.chain + ".ocsp", "wb") as file:
        file.write(_signed(pki, one, own, end=YEARS))
    daemon = culvert(backend="127.0.0.1:1", service={"cert": one.chain, "key": one.key})
    daemon.counters()
    (line,) = [line for line in daemon.log_lines() if line.get("staple") == "good"]
    assert line["valid_until"] == f"{own.object.not_valid_after} UTC"
