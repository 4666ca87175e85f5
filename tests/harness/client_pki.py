# SPDX-License-Identifier: GPL-3.0-or-later
"""Client certificates of every kind, sound and unsound, with their authorities and revocation lists."""

import base64
import datetime
import hashlib
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = datetime.timedelta(hours=1)
_PEM = serialization.Encoding.PEM
_DER = serialization.Encoding.DER


def _subject(common, units=()):
    names = [x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")]
    names += [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    names += [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in ([common] if isinstance(common, str) else common)]
    return x509.Name(names)


class Entity:
    """A certificate with its key, on disk: `cert`, `key`, and `chain` with all CAs above it but the root; `both` is the
    chain and the key."""

    def __init__(self, directory, stem, certificate, private, above=()):
        self.object, self.private, self.above = certificate, private, tuple(above)
        self.directory, self.stem = str(directory), stem
        self.cert = self._write("-cert.pem", self.pem)
        self.key = self._write("-key.pem", private.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), 0o600)
        self.above_file = self._write("-above.pem", b"".join(one.pem for one in self.above)) if self.above else None
        self.chain = self._write("-chain.pem", self.pem + b"".join(one.pem for one in self.above))
        self.both = self._write("-both.pem", pathlib.Path(self.chain).read_bytes() + pathlib.Path(self.key).read_bytes(), 0o600)

    def _write(self, suffix, data, mode=0o644):
        path = os.path.join(self.directory, self.stem + suffix)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        return path

    @property
    def pem(self):
        return self.object.public_bytes(_PEM)

    @property
    def der(self):
        return self.object.public_bytes(_DER)

    @property
    def pin(self):
        spki = self.object.public_key().public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(spki).digest()

    @property
    def pin_base64(self):
        return base64.b64encode(self.pin).decode()

    @property
    def fingerprint(self):
        return hashlib.sha256(self.der).digest()


class ClientPki:
    """Makes the entities; every call gets files of its own below `directory`."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.count = 0

    def make(self, stem, common=None, issuer=None, units=(), sans=(), ca=False, path_length=None, sign_bit=True, crl_bit=True,
             usage="client", start=-_HOUR, end=24 * _HOUR, private=None, signed_by=None, kind="ecdsa",
             digest=None, key_usage=None, permitted=None, excluded=None, ids=True, version_ids=True, issuer_name=None, extra=None):
        """`signed_by` signs in the name of `issuer`. `above` of the result is the chain from it up to the root."""
        self.count += 1
        private = private or (rsa.generate_private_key(public_exponent=65537, key_size=1024) if kind == "rsa1024"
                              else rsa.generate_private_key(public_exponent=65537, key_size=2048) if kind == "rsa"
                              else ec.generate_private_key(ec.SECP256R1()))
        now = datetime.datetime.utcnow()
        signer = signed_by or (issuer.private if issuer else private)
        subject = _subject(common or stem, units)
        name = issuer_name or (issuer.object.subject if issuer else subject)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(name)
                   .public_key(private.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + start).not_valid_after(now + end))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None),
                                        critical=True)
        if ca:
            builder = builder.add_extension(
                x509.KeyUsage(True, False, False, False, False, sign_bit, crl_bit, False, False), critical=True)
        elif key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        usages = {"client": [ExtendedKeyUsageOID.CLIENT_AUTH], "server": [ExtendedKeyUsageOID.SERVER_AUTH],
                  "any": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]}
        if not ca and usage in usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages[usage]), critical=False)
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(sans)), critical=False)
        if permitted or excluded:
            builder = builder.add_extension(x509.NameConstraints(
                *(list(names) if names else None for names in (permitted, excluded))), critical=True)
        if extra:
            builder = builder.add_extension(extra, critical=True)
        if ids:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False)
            if issuer:
                builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    issuer.private.public_key()), False)
        above = () if issuer is None or issuer.object.issuer == issuer.object.subject else (issuer, *issuer.above)
        certificate = builder.sign(signer, digest or hashes.SHA256())
        return Entity(self.directory, f"{self.count:03d}-{stem.replace(' ', '-')}", certificate, private, above)

    def ca(self, stem, issuer=None, **options):
        return self.make(stem, issuer=issuer, ca=True, **options)

    def crl(self, stem, issuer, revoked=(), end=24 * _HOUR, start=-2 * _HOUR, der=False, signed_by=None,
            critical=False, indirect=False, identifier=False, digest=None):
        """A revocation list of `issuer` with the certificates `revoked`: its path. `indirect` names another issuer for each
        of them; `identifier` names the key that has signed."""
        self.count += 1
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.object.subject)
                   .last_update(now + start).next_update(now + end)
                   .add_extension(x509.CRLNumber(self.count), critical=False))
        if critical:
            builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        if identifier:
            builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer.private.public_key()), critical=False)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.object.serial_number).revocation_date(now - _HOUR)
            if indirect:
                entry = entry.add_extension(x509.CertificateIssuer([x509.DirectoryName(_subject("somebody"))]), critical=True)
            builder = builder.add_revoked_certificate(entry.build())
        signed = builder.sign(signed_by or issuer.private, digest or hashes.SHA256())
        path = os.path.join(self.directory, f"{self.count:03d}-{stem}.crl")
        with open(path, "wb") as file:
            file.write(signed.public_bytes(_DER if der else _PEM))
        return path
