# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientHello written field by field, ServerHello read; every field may be made wrong on purpose."""

import os
import struct
from dataclasses import dataclass, field

from . import constants as c
from .constants import Extension, Group, HandshakeType


def vec8(data):
    return bytes([len(data)]) + data


def vec16(data):
    return struct.pack("!H", len(data)) + data


def vec24(data):
    return len(data).to_bytes(3, "big") + data


def u16s(values):
    return b"".join(struct.pack("!H", value) for value in values)


def message(kind, body, length=None):
    """A handshake message; `length` lies about the body's length."""
    return bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body


# Bodies of ClientHello extensions.

def server_name(name):
    return vec16(b"\0" + vec16(name if isinstance(name, bytes) else name.encode()))


def alpn(protocols):
    return vec16(b"".join(vec8(p if isinstance(p, bytes) else p.encode()) for p in protocols))


def supported_versions(versions):
    return vec8(u16s(versions))


def supported_groups(groups):
    return vec16(u16s(groups))


def signature_algorithms(schemes=c.SIGNATURE_SCHEMES):
    return vec16(u16s(schemes))


def key_share(shares):
    """`shares`: KeyShare objects or (group, bytes) pairs."""
    pairs = [share if isinstance(share, tuple) else (share.group, share.public) for share in shares]
    return vec16(b"".join(struct.pack("!H", group) + vec16(public) for group, public in pairs))


def pre_shared_key(identity, obfuscated_age, binder):
    return vec16(vec16(identity) + struct.pack("!I", obfuscated_age)) + vec16(vec8(binder))


@dataclass
class ClientHello:
    """All fields of a ClientHello. `extensions` None leaves the whole block out; a duplicate is just written twice."""

    legacy_version: int = c.TLS12
    random: bytes = field(default_factory=lambda: os.urandom(32))
    session_id: bytes = field(default_factory=lambda: os.urandom(32))
    cipher_suites: list = field(default_factory=list)
    compression: bytes = b"\0"
    extensions: list = field(default_factory=list)
    trailer: bytes = b""

    def body(self):
        out = struct.pack("!H", self.legacy_version) + self.random + vec8(self.session_id)
        out += vec16(u16s(self.cipher_suites)) + vec8(self.compression)
        if self.extensions is not None:
            out += vec16(b"".join(struct.pack("!H", kind) + vec16(data) for kind, data in self.extensions))
        return out + self.trailer

    def message(self):
        return message(HandshakeType.CLIENT_HELLO, self.body())

    def set(self, kind, data):
        """Replaces an extension in its place, or appends it (before pre_shared_key, which must stay last)."""
        for index, (present, _) in enumerate(self.extensions):
            if present == kind:
                self.extensions[index] = (kind, data)
                return self
        at = len(self.extensions)
        if at and self.extensions[-1][0] == Extension.PRE_SHARED_KEY:
            at -= 1
        self.extensions.insert(at, (kind, data))
        return self

    def remove(self, kind):
        self.extensions = [entry for entry in self.extensions if entry[0] != kind]
        return self

    def pad_to(self, length):
        """Adds or grows a padding extension so that message() is `length` bytes long (RFC 7685)."""
        self.remove(Extension.PADDING)
        self.set(Extension.PADDING, bytes(length - len(self.message()) - 4))
        return self


def hello13(sni=None, protocols=None, groups=(Group.X25519, Group.SECP256R1), suites=(0x1301, 0x1302, 0x1303)):
    """An ordinary TLS 1.3 ClientHello without key_share; Tls13Client adds the shares it holds keys for."""
    hello = ClientHello(cipher_suites=list(suites))
    if sni is not None:
        hello.set(Extension.SERVER_NAME, server_name(sni))
    hello.set(Extension.SUPPORTED_VERSIONS, supported_versions([c.TLS13]))
    hello.set(Extension.SUPPORTED_GROUPS, supported_groups(groups))
    hello.set(Extension.SIGNATURE_ALGORITHMS, signature_algorithms())
    hello.set(Extension.PSK_KEY_EXCHANGE_MODES, vec8(b"\1"))
    if protocols:
        hello.set(Extension.ALPN, alpn(protocols))
    return hello


def hello12(sni=None, protocols=None, groups=(Group.X25519, Group.SECP256R1),
            suites=(0xC02B, 0xC02F), version=c.TLS12):
    """An ordinary TLS 1.2 (or older, by `version`) ClientHello with extended master secret."""
    hello = ClientHello(legacy_version=version, session_id=b"", cipher_suites=list(suites))
    if sni is not None:
        hello.set(Extension.SERVER_NAME, server_name(sni))
    hello.set(Extension.SUPPORTED_GROUPS, supported_groups(groups))
    hello.set(Extension.EC_POINT_FORMATS, vec8(b"\0"))
    hello.set(Extension.SIGNATURE_ALGORITHMS, signature_algorithms())
    hello.set(Extension.EXTENDED_MASTER_SECRET, b"")
    hello.set(Extension.RENEGOTIATION_INFO, vec8(b""))
    if protocols:
        hello.set(Extension.ALPN, alpn(protocols))
    return hello


class Reader:
    """Cursor over a handshake body; runs out with ValueError."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("server message is too short")
        out = self.data[self.at:self.at + count]
        self.at += count
        return out

    def number(self, width):
        return int.from_bytes(self.take(width), "big")

    def vector(self, width):
        return self.take(self.number(width))

    @property
    def more(self):
        return self.at < len(self.data)

    def extensions(self):
        """Rest of the body as an extension block; absent block gives {}."""
        if not self.more:
            return {}
        block, out = Reader(self.vector(2)), {}
        while block.more:
            kind = block.number(2)
            if kind in out:
                raise ValueError(f"server sent extension {kind} twice")
            out[kind] = block.vector(2)
        return out


@dataclass
class ServerHello:
    legacy_version: int
    random: bytes
    session_id: bytes
    suite: int
    compression: int
    extensions: dict

    @classmethod
    def parse(cls, body):
        r = Reader(body)
        return cls(r.number(2), r.take(32), r.vector(1), r.number(2), r.number(1), r.extensions())

    @property
    def is_retry(self):
        return self.random == c.HELLO_RETRY_RANDOM

    @property
    def version(self):
        chosen = self.extensions.get(Extension.SUPPORTED_VERSIONS)
        return int.from_bytes(chosen, "big") if chosen else self.legacy_version
