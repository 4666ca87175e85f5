# SPDX-License-Identifier: GPL-3.0-or-later
"""Key schedules, record protection, key shares and signature checks, for TLS 1.3 (RFC 8446) and 1.2 (RFC 5246)."""

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from . import constants as c


@dataclass(frozen=True)
class Suite:
    code: int
    name: str
    version: int
    aead: type
    key_length: int
    hash_name: str

    @property
    def explicit_nonce(self):
        """TLS 1.2 sends eight bytes of an AES-GCM nonce in the record, ChaCha20 none (RFC 5288, RFC 7905)."""
        return self.version == c.TLS12 and self.aead is AESGCM

    @property
    def hash_length(self):
        return hashlib.new(self.hash_name).digest_size

    def digest(self, data):
        return hashlib.new(self.hash_name, data).digest()


SUITES = {suite.code: suite for suite in (
    Suite(0x1301, "TLS_AES_128_GCM_SHA256", c.TLS13, AESGCM, 16, "sha256"),
    Suite(0x1302, "TLS_AES_256_GCM_SHA384", c.TLS13, AESGCM, 32, "sha384"),
    Suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", c.TLS13, ChaCha20Poly1305, 32, "sha256"),
    Suite(0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256", c.TLS12, AESGCM, 16, "sha256"),
    Suite(0xC02F, "ECDHE-RSA-AES128-GCM-SHA256", c.TLS12, AESGCM, 16, "sha256"),
    Suite(0xC02C, "ECDHE-ECDSA-AES256-GCM-SHA384", c.TLS12, AESGCM, 32, "sha384"),
    Suite(0xC030, "ECDHE-RSA-AES256-GCM-SHA384", c.TLS12, AESGCM, 32, "sha384"),
    Suite(0xCCA9, "ECDHE-ECDSA-CHACHA20-POLY1305", c.TLS12, ChaCha20Poly1305, 32, "sha256"),
    Suite(0xCCA8, "ECDHE-RSA-CHACHA20-POLY1305", c.TLS12, ChaCha20Poly1305, 32, "sha256"),
)}


def _hmac(hash_name, key, data):
    return hmac.new(key, data, hash_name).digest()


def _expand(hash_name, secret, info, length):
    """HKDF-Expand of RFC 5869."""
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = _hmac(hash_name, secret, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:length]


def expand_label(hash_name, secret, label, context, length):
    """HKDF-Expand-Label of RFC 8446 section 7.1."""
    label = b"tls13 " + label
    info = struct.pack("!HB", length, len(label)) + label + bytes([len(context)]) + context
    return _expand(hash_name, secret, info, length)


def prf(hash_name, secret, label, seed, length):
    """The TLS 1.2 PRF of RFC 5246 section 5."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = _hmac(hash_name, secret, a)
        out += _hmac(hash_name, secret, a + seed)
    return out[:length]


class KeySchedule:
    """The TLS 1.3 key schedule: early, handshake and master secret in turn (RFC 8446 section 7.1)."""

    def __init__(self, suite, psk=None):
        self.suite = suite
        zeros = bytes(suite.hash_length)
        self._secret = _hmac(suite.hash_name, zeros, psk or zeros)

    def derive(self, label, transcript):
        return expand_label(self.suite.hash_name, self._secret, label, self.suite.digest(transcript),
                            self.suite.hash_length)

    def advance(self, key_material=None):
        self._secret = _hmac(self.suite.hash_name, self.derive(b"derived", b""),
                             key_material or bytes(self.suite.hash_length))

    def finished(self, base_secret, transcript):
        key = expand_label(self.suite.hash_name, base_secret, b"finished", b"", self.suite.hash_length)
        return _hmac(self.suite.hash_name, key, self.suite.digest(transcript))


def _xor_nonce(iv, sequence):
    return bytes(a ^ b for a, b in zip(iv, sequence.to_bytes(12, "big")))


class BadRecord(Exception):
    """A record of the server does not decrypt: the server's fault, or two different ideas of the keys."""


class Protection13:
    """Seals or opens the records of one direction under one traffic secret (RFC 8446 section 5.2)."""

    def __init__(self, suite, secret):
        self.suite, self.secret, self.sequence = suite, secret, 0
        self._iv = expand_label(suite.hash_name, secret, b"iv", b"", 12)
        self._aead = suite.aead(expand_label(suite.hash_name, secret, b"key", b"", suite.key_length))

    def seal(self, content_type, plaintext, pad=0, version=c.TLS12, outer_type=c.ContentType.APPLICATION_DATA):
        inner = plaintext + bytes([content_type]) + bytes(pad)
        return self.seal_inner(inner, version, outer_type)

    def seal_inner(self, inner, version=c.TLS12, outer_type=c.ContentType.APPLICATION_DATA):
        """Seals a TLSInnerPlaintext given in full: also one of zeros only, which has no content type."""
        header = struct.pack("!BHH", outer_type, version, len(inner) + 16)
        nonce = _xor_nonce(self._iv, self.sequence)
        self.sequence += 1
        return header + self._aead.encrypt(nonce, inner, header)

    def open(self, header, body):
        try:
            inner = self._aead.decrypt(_xor_nonce(self._iv, self.sequence), body, header)
        except InvalidTag as error:
            raise BadRecord(f"record {self.sequence} of type {header[0]}") from error
        self.sequence += 1
        inner = inner.rstrip(b"\0")
        if not inner:
            raise BadRecord("inner plaintext of zeros only")
        return inner[-1], inner[:-1]

    def updated(self):
        """The protection after a KeyUpdate (RFC 8446 section 7.2)."""
        suite = self.suite
        return Protection13(suite, expand_label(suite.hash_name, self.secret, b"traffic upd", b"", suite.hash_length))


class Protection12:
    """Seals or opens the records of one direction of a TLS 1.2 connection (RFC 5288, RFC 7905)."""

    def __init__(self, suite, key, iv):
        self.suite, self.key, self.sequence = suite, key, 0
        self._aead, self._iv = suite.aead(key), iv

    def _nonce(self, explicit):
        if self.suite.explicit_nonce:
            return self._iv + explicit
        return _xor_nonce(self._iv, self.sequence)

    def _additional(self, content_type, version, length):
        return struct.pack("!QBHH", self.sequence, content_type, version, length)

    def seal(self, content_type, plaintext, pad=0, version=c.TLS12, outer_type=None, explicit=None):
        """`explicit` are the eight bytes of the nonce in the record of an AES-GCM suite; the sequence number if None."""
        assert not pad, "TLS 1.2 AEAD records have no padding"
        if not self.suite.explicit_nonce:
            explicit = b""
        elif explicit is None:
            explicit = struct.pack("!Q", self.sequence)
        body = explicit + self._aead.encrypt(self._nonce(explicit), plaintext,
                                             self._additional(content_type, version, len(plaintext)))
        self.sequence += 1
        return struct.pack("!BHH", outer_type or content_type, version, len(body)) + body

    def open(self, header, body):
        content_type, version = struct.unpack("!BH", header[:3])
        explicit, sealed = (body[:8], body[8:]) if self.suite.explicit_nonce else (b"", body)
        try:
            plaintext = self._aead.decrypt(self._nonce(explicit), sealed,
                                           self._additional(content_type, version, len(sealed) - 16))
        except InvalidTag as error:
            raise BadRecord(f"record {self.sequence} of type {content_type}") from error
        self.sequence += 1
        return content_type, plaintext


class KeyShare:
    """One ephemeral key: `public` as it goes on the wire, `agree(peer)` gives the shared secret."""

    _CURVES = {c.Group.SECP256R1: ec.SECP256R1, c.Group.SECP384R1: ec.SECP384R1}

    def __init__(self, group):
        self.group = group
        if group == c.Group.X25519:
            self._private = x25519.X25519PrivateKey.generate()
            self.public = self._private.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        else:
            self._private = ec.generate_private_key(self._CURVES[group]())
            self.public = self._private.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

    def agree(self, peer):
        if self.group == c.Group.X25519:
            return self._private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        curve = self._CURVES[self.group]()
        return self._private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, peer))


def verify_signature(certificate_der, scheme, signature, content):
    """Checks `signature` over `content` with the certificate's key; raises InvalidSignature."""
    key = x509.load_der_x509_certificate(certificate_der).public_key()
    digest = {0x04: hashes.SHA256, 0x05: hashes.SHA384, 0x06: hashes.SHA512}.get(
        scheme & 0xFF if scheme >> 8 == 0x08 else scheme >> 8, hashes.SHA256)()
    if scheme == c.ED25519:
        key.verify(signature, content)
    elif scheme & 0xFF == 0x03:
        key.verify(signature, content, ec.ECDSA(digest))
    elif scheme >> 8 == 0x08:
        key.verify(signature, content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        key.verify(signature, content, padding.PKCS1v15(), digest)


def sign(key, scheme, content):
    """A signature by any key with the number of a scheme, as CertificateVerify carries it; the two need not fit."""
    digest = {0x04: hashes.SHA256, 0x05: hashes.SHA384, 0x06: hashes.SHA512, 0x09: hashes.SHA256, 0x0A: hashes.SHA384,
              0x0B: hashes.SHA512}.get(scheme & 0xFF if scheme >> 8 == 0x08 else scheme >> 8, hashes.SHA256)()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        signature = key.sign(content, ec.ECDSA(digest))
    elif scheme >> 8 == 0x08:
        signature = key.sign(content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        signature = key.sign(content, padding.PKCS1v15(), digest)
    return scheme.to_bytes(2, "big") + len(signature).to_bytes(2, "big") + signature
