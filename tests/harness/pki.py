# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for the tests, made anew for every session: nothing secret lives in the repository."""

import datetime
import ipaddress
import os
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = datetime.timedelta(hours=1)
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass
class Credential:
    """A certificate on disk: `cert` alone, `chain` with its intermediates, `key`, and `both` in one PEM file."""
    cert: str
    chain: str
    key: str
    both: str
    object: x509.Certificate
    private: object

    @property
    def serial(self):
        return self.object.serial_number

    @property
    def der(self):
        return self.object.public_bytes(serialization.Encoding.DER)


def _private(kind):
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1() if kind == "p384" else ec.SECP256R1())


def _san(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """One signing authority; `issuer` makes it an intermediate."""

    def __init__(self, directory, name="culvert test CA", issuer=None):
        self.directory = str(directory)
        self.issuer = issuer
        self.private = _private("ecdsa")
        now = datetime.datetime.utcnow()
        parent = issuer or self
        self.object = (
            x509.CertificateBuilder().subject_name(_name(name))
            .issuer_name(issuer.object.subject if issuer else _name(name)).public_key(self.private.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - _HOUR)
            .not_valid_after(now + 24 * 30 * _HOUR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.private.public_key()), critical=False)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
            .sign(parent.private, hashes.SHA256()))
        self.path = os.path.join(self.directory, name.replace(" ", "-") + ".pem")
        with open(self.path, "wb") as file:
            file.write(_pem(self.object))

    def chain_pem(self):
        """The certificates between a leaf and the root (none for a root)."""
        return _pem(self.object) + self.issuer.chain_pem() if self.issuer else b""

    def issue(self, stem, names=LOCAL_NAMES, kind="ecdsa", start=-_HOUR, end=24 * 30 * _HOUR, common=None,
              client=False, directory=None, private=None, usage=None, extensions=()):
        """Makes a key and a leaf certificate for `names`; `start` and `end` are relative to now, `usage` replaces the
        extended key usage, `extensions` are added."""
        private = private or _private(kind)
        now = datetime.datetime.utcnow()
        usage = usage or [ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            x509.CertificateBuilder().subject_name(_name(common or names[0])).issuer_name(self.object.subject)
            .public_key(private.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + start).not_valid_after(now + end)
            .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private.public_key()),
                           critical=False))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self.private, hashes.SHA256())
        key = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        return write_credential(directory or self.directory, stem, certificate, private, key, self.chain_pem())


def write_credential(directory, stem, certificate, private, key_pem, chain_pem=b""):
    """Writes the PEM files of one credential; the ones that hold the key get mode 0600."""
    base = os.path.join(str(directory), stem)
    contents = {
        "-cert.pem": _pem(certificate), "-chain.pem": _pem(certificate) + chain_pem,
        "-key.pem": key_pem, "-both.pem": _pem(certificate) + chain_pem + key_pem,
    }
    for suffix, content in contents.items():
        mode = 0o600 if suffix in ("-key.pem", "-both.pem") else 0o644
        temporary = base + suffix + ".new"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        os.rename(temporary, base + suffix)
    return Credential(base + "-cert.pem", base + "-chain.pem", base + "-key.pem", base + "-both.pem", certificate,
                      private)


class Pki:
    """The session's authority and its two server certificates for localhost, 127.0.0.1 and ::1."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.root = Authority(directory, "culvert test root")
        self.ca = Authority(directory, "culvert test CA", issuer=self.root)
        self.ecdsa = self.ca.issue("ecdsa")
        self.rsa = self.ca.issue("rsa", kind="rsa")

    @property
    def ca_file(self):
        return self.root.path

    def issue(self, stem, *args, **options):
        return self.ca.issue(stem, *args, **options)

    def context(self, minimum=None, maximum=None, alpn=None, ciphers=None, verify=True):
        """A python client context that trusts the session's root."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if verify:
            context.load_verify_locations(self.ca_file)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if ciphers:
            context.set_ciphers(ciphers)
        versions = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
                    "1.3": ssl.TLSVersion.TLSv1_3}
        if minimum:
            context.minimum_version = versions[minimum]
        if maximum:
            context.maximum_version = versions[maximum]
        if alpn:
            context.set_alpn_protocols(alpn)
        return context
