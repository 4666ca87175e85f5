# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS 1.2 client in separate steps: ECDHE with AEAD suites and extended master secret (RFC 5246, 5288, 7627)."""

import hmac
import os
from dataclasses import dataclass

from . import constants as c
from .constants import Extension, Group, HandshakeType
from .crypto import SUITES, KeyShare, Protection12, prf, sign, verify_signature
from .hello import Reader, ServerHello, hello12, message, vec8, vec24
from .session import ChangeCipherSpec, HandshakeFailed, Session


@dataclass
class Ticket12:
    """What a session ticket of TLS 1.2 brings back (RFC 5077)."""

    identity: bytes
    suite: object
    master_secret: bytes
    extended_master_secret: bool


class Tls12Client(Session):
    """With `ticket` (a Ticket12) the hello asks for that session."""

    def __init__(self, link, hello=None, ticket=None):
        super().__init__(link)
        self.hello = hello or hello12()
        self.ticket = ticket
        if ticket is not None:
            self.hello.session_id = self.hello.session_id or os.urandom(32)
            self.hello.set(Extension.SESSION_TICKET, ticket.identity)
        self.share = None
        self.master_secret = None
        self.extended_master_secret = False
        self.certificate_requested = False
        self.identity = None
        self._next_writer = self._next_reader = None

    def handshake(self):
        self.send_client_hello()
        self.read_server_flight()
        if self.resumed:
            self.read_server_finished()
            self.send_finished()
            self.established = True
            return self
        self.send_key_exchange()
        self.send_finished()
        self.read_server_finished()
        return self

    def send_client_hello(self, **how):
        data = self.hello.message()
        self.transcript += data
        how.setdefault("version", c.TLS10)
        self.send_handshake(data, **how)

    def read_server_flight(self):
        """ServerHello to ServerHelloDone; the key exchange's signature is checked."""
        event = self.expect_handshake(HandshakeType.SERVER_HELLO)
        self.server_hello = ServerHello.parse(event.body)
        self.server_extensions = self.server_hello.extensions
        assert self.server_hello.version == c.TLS12, f"server chose version {self.server_hello.version:#x}"
        self.suite = SUITES[self.server_hello.suite]
        self.extended_master_secret = Extension.EXTENDED_MASTER_SECRET in self.server_extensions
        if self.ticket is not None and self.server_hello.session_id == self.hello.session_id:
            self.resumed = True
            self.transcript += event.raw
            self.master_secret = self.ticket.master_secret
            self._derive_record_keys()
            return
        while event.kind != HandshakeType.SERVER_HELLO_DONE:
            self.transcript += event.raw
            event = self.expect_handshake(
                HandshakeType.CERTIFICATE, HandshakeType.SERVER_KEY_EXCHANGE, HandshakeType.CERTIFICATE_REQUEST,
                HandshakeType.CERTIFICATE_STATUS, HandshakeType.SERVER_HELLO_DONE)
            if event.kind == HandshakeType.CERTIFICATE:
                self.keep_certificates(event.body, entry_extensions=False)
            elif event.kind == HandshakeType.SERVER_KEY_EXCHANGE:
                self._server_key_exchange(event.body)
            elif event.kind == HandshakeType.CERTIFICATE_REQUEST:
                self.certificate_requested = True
        self.transcript += event.raw

    def _server_key_exchange(self, body):
        r = Reader(body)
        assert r.number(1) == 3, "not a named curve"
        group, public = Group(r.number(2)), r.vector(1)
        params = body[:r.at]
        scheme, signature = r.number(2), r.vector(2)
        verify_signature(self.certificates[0], scheme, signature,
                         self.hello.random + self.server_hello.random + params)
        self.share = KeyShare(group)
        self._pre_master = self.share.agree(public)

    def send_key_exchange(self, **how):
        """ClientKeyExchange, behind a Certificate if one was asked for: `identity` (chain, key or None: no
        CertificateVerify) or an empty one. Computes the keys."""
        chain, key = self.identity or ((), None)
        flight = b""
        if self.certificate_requested:
            flight = message(HandshakeType.CERTIFICATE, vec24(b"".join(vec24(der) for der in chain)))
        flight += message(HandshakeType.CLIENT_KEY_EXCHANGE, vec8(self.share.public))
        self.transcript += flight
        self._derive_keys()
        if key is not None:
            verify = message(HandshakeType.CERTIFICATE_VERIFY, sign(key, self.scheme, self.transcript))
            self.transcript += verify
            flight += verify
        self.send_handshake(flight, **how)

    def _derive_keys(self):
        suite, client, server = self.suite, self.hello.random, self.server_hello.random
        if self.extended_master_secret:
            label, seed = b"extended master secret", suite.digest(self.transcript)
        else:
            label, seed = b"master secret", client + server
        self.master_secret = prf(suite.hash_name, self._pre_master, label, seed, 48)
        self._derive_record_keys()

    def _derive_record_keys(self):
        suite, client, server = self.suite, self.hello.random, self.server_hello.random
        iv = 4 if suite.explicit_nonce else 12
        block = Reader(prf(suite.hash_name, self.master_secret, b"key expansion", server + client,
                           2 * (suite.key_length + iv)))
        keys = block.take(suite.key_length), block.take(suite.key_length)
        self._next_writer = Protection12(suite, keys[0], block.take(iv))
        self._next_reader = Protection12(suite, keys[1], block.take(iv))

    def verify_data(self, label):
        return prf(self.suite.hash_name, self.master_secret, label, self.suite.digest(self.transcript), 12)

    def start_writing(self):
        """Change cipher spec: from here on the client's records are sealed."""
        self.send_change_cipher_spec()
        self.writer = self._next_writer

    def send_finished(self, data=None, **how):
        self.start_writing()
        right = message(HandshakeType.FINISHED, self.verify_data(b"client finished"))
        self.send_handshake(right if data is None else data, **how)
        self.transcript += right

    def on_event(self, event):
        if isinstance(event, ChangeCipherSpec):
            self.reader = self._next_reader

    def read_server_finished(self):
        """A NewSessionTicket may come before; the transcript holds it too."""
        event = self.expect_handshake(HandshakeType.NEW_SESSION_TICKET, HandshakeType.FINISHED)
        if event.kind == HandshakeType.NEW_SESSION_TICKET:
            self.transcript += event.raw
            body = Reader(event.body)
            body.number(4)
            self.tickets.append(Ticket12(body.vector(2), self.suite, self.master_secret, self.extended_master_secret))
            event = self.expect_handshake(HandshakeType.FINISHED)
        if not hmac.compare_digest(event.body, self.verify_data(b"server finished")):
            raise HandshakeFailed(event)
        self.transcript += event.raw
        self.established = not self.resumed
