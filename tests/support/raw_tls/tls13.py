# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS 1.3 client in separate steps (RFC 8446): each may be left out, repeated, cut or sent wrong."""

import hmac
import struct
import time
from dataclasses import dataclass

from . import constants as c
from .constants import Extension, HandshakeType
from .crypto import SUITES, KeySchedule, KeyShare, Protection13, expand_label, sign, verify_signature
from .hello import Reader, ServerHello, hello13, key_share, message, pre_shared_key, vec8, vec24
from .session import Handshake, Session


@dataclass
class Ticket:
    """A NewSessionTicket with the pre-shared key that belongs to it."""

    suite: object
    psk: bytes
    identity: bytes
    lifetime: int
    age_add: int
    received: float
    extensions: dict


class Tls13Client(Session):
    """`hello` is completed with key shares for `shares` and, with `ticket`, a pre_shared_key, unless it has them."""

    def __init__(self, link, hello=None, shares=(c.Group.X25519,), ticket=None):
        super().__init__(link)
        self.hello = hello or hello13()
        self.shares = {group: KeyShare(group) for group in shares}
        if not any(kind == Extension.KEY_SHARE for kind, _ in self.hello.extensions):
            self.hello.set(Extension.KEY_SHARE, key_share(self.shares.values()))
        self.ticket = ticket
        self.schedule = None
        self.retry = None
        self.certificate_request = None
        self.identity = None
        self.key_updates = []       # request_update of each KeyUpdate of the server
        self.client_secret = self.server_secret = self.resumption_secret = None

    # The steps of a handshake.

    def handshake(self):
        self.send_client_hello()
        self.read_server_hello()
        self.read_server_flight()
        self.send_finished()
        return self

    def client_hello(self):
        """The ClientHello's bytes; with a ticket its binder is computed over them (section 4.2.11.2)."""
        if self.ticket is None:
            return self.hello.message()
        suite, size = self.ticket.suite, self.ticket.suite.hash_length
        age = int((time.time() - self.ticket.received) * 1000) + self.ticket.age_add & 0xFFFFFFFF
        self.hello.remove(Extension.PRE_SHARED_KEY)
        self.hello.extensions.append(
            (Extension.PRE_SHARED_KEY, pre_shared_key(self.ticket.identity, age, bytes(size))))
        cut = self.hello.message()[:-(size + 3)]
        schedule = KeySchedule(suite, self.ticket.psk)
        binder = schedule.finished(schedule.derive(b"res binder", b""), self.transcript + cut)
        return cut + struct.pack("!H", size + 1) + vec8(binder)

    def send_client_hello(self, **how):
        data = self.client_hello()
        self.transcript += data
        how.setdefault("version", c.TLS12 if self.retry else c.TLS10)
        self.send_handshake(data, **how)

    def read_server_hello(self):
        """Reads ServerHello; answers one HelloRetryRequest with the group and cookie it asks for."""
        event = self.expect_handshake(HandshakeType.SERVER_HELLO)
        hello = ServerHello.parse(event.body)
        self.suite = SUITES[hello.suite]
        if hello.is_retry and self.retry is None:
            self.retry = hello
            digest = self.suite.digest(self.transcript)
            self.transcript = message(HandshakeType.MESSAGE_HASH, digest) + event.raw
            self.answer_retry(hello)
            return self.read_server_hello()
        assert not hello.is_retry, "second HelloRetryRequest"
        assert hello.version == c.TLS13, f"server chose version {hello.version:#x}"
        assert hello.session_id == self.hello.session_id, "session id is not echoed"
        self.server_hello = hello
        self.transcript += event.raw
        self._start_handshake_keys(hello)
        return hello

    def answer_retry(self, retry):
        if Extension.KEY_SHARE in retry.extensions:
            group = int.from_bytes(retry.extensions[Extension.KEY_SHARE], "big")
            self.shares = {group: KeyShare(group)}
            self.hello.set(Extension.KEY_SHARE, key_share(self.shares.values()))
        if Extension.COOKIE in retry.extensions:
            self.hello.set(Extension.COOKIE, retry.extensions[Extension.COOKIE])
        self.send_change_cipher_spec()
        self.send_client_hello()

    def _start_handshake_keys(self, hello):
        share = Reader(hello.extensions[Extension.KEY_SHARE])
        group, public = share.number(2), share.vector(2)
        self.resumed = Extension.PRE_SHARED_KEY in hello.extensions
        self.schedule = KeySchedule(self.suite, self.ticket.psk if self.resumed else None)
        self.schedule.advance(self.shares[group].agree(public))
        self.client_secret = self.schedule.derive(b"c hs traffic", self.transcript)
        self.server_secret = self.schedule.derive(b"s hs traffic", self.transcript)
        self.reader = Protection13(self.suite, self.server_secret)

    def read_server_flight(self):
        """EncryptedExtensions to the server's Finished, signature and MAC checked; the reader moves on to data."""
        event = self.expect_handshake(HandshakeType.ENCRYPTED_EXTENSIONS)
        self.server_extensions = Reader(event.body).extensions()
        while True:
            self.transcript += event.raw
            event = self.expect_handshake(HandshakeType.CERTIFICATE_REQUEST, HandshakeType.CERTIFICATE,
                                          HandshakeType.CERTIFICATE_VERIFY, HandshakeType.FINISHED)
            if event.kind == HandshakeType.FINISHED:
                break
            self._server_certificate(event)
        expected = self.schedule.finished(self.server_secret, self.transcript)
        assert hmac.compare_digest(event.body, expected), "server's Finished is wrong"
        self.transcript += event.raw
        self.schedule.advance()
        self.reader = Protection13(self.suite, self.schedule.derive(b"s ap traffic", self.transcript))

    def _server_certificate(self, event):
        if event.kind == HandshakeType.CERTIFICATE_REQUEST:
            self.certificate_request = event
        elif event.kind == HandshakeType.CERTIFICATE:
            assert event.body[0] == 0, "server's certificate_request_context is not empty"
            self.keep_certificates(event.body[1:], entry_extensions=True)
        else:
            body = Reader(event.body)
            scheme, signature = body.number(2), body.vector(2)
            content = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self.suite.digest(self.transcript)
            verify_signature(self.certificates[0], scheme, signature, content)

    def certificate_messages(self, chain, key=None):
        """Certificate with these certificates (DER), and CertificateVerify with this key if there is one."""
        entries = b"".join(vec24(der) + bytes(2) for der in chain)
        out = message(HandshakeType.CERTIFICATE, vec8(Reader(self.certificate_request.body).vector(1)) + vec24(entries))
        if key is not None:
            content = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + self.suite.digest(self.transcript + out)
            out += message(HandshakeType.CERTIFICATE_VERIFY, sign(key, self.scheme, content))
        return out

    def client_flight(self):
        """The client's own messages, with the right Finished: `identity` (chain, key or None) or an empty Certificate
        first if one was asked for."""
        out = b""
        if self.certificate_request is not None and self.identity is not None:
            out += self.certificate_messages(*self.identity)
        elif self.certificate_request is not None:
            out += message(HandshakeType.CERTIFICATE, vec8(Reader(self.certificate_request.body).vector(1)) + bytes(3))
        verify = self.schedule.finished(self.client_secret, self.transcript + out)
        return out + message(HandshakeType.FINISHED, verify)

    def start_handshake_writing(self):
        """From here on the client's records are sealed under its handshake keys."""
        self.writer = Protection13(self.suite, self.client_secret)

    def send_finished(self, flight=None, change_cipher_spec=True, **how):
        """Sends the client's flight (another one if given) and moves the writer on to application keys."""
        if change_cipher_spec and self.retry is None:
            self.send_change_cipher_spec()
        if self.writer is None:
            self.start_handshake_writing()
        right = self.client_flight()
        self.send_handshake(right if flight is None else flight, **how)
        self.start_application_writing(right)

    def start_application_writing(self, flight):
        self.writer = Protection13(self.suite, self.schedule.derive(b"c ap traffic", self.transcript))
        self.transcript += flight
        self.resumption_secret = self.schedule.derive(b"res master", self.transcript)
        self.established = True

    # After the handshake.

    def on_event(self, event):
        if not isinstance(event, Handshake):
            return
        if event.kind == HandshakeType.KEY_UPDATE:
            self.reader = self.reader.updated()
            self.key_updates.append(event.body[0])
        elif event.kind == HandshakeType.NEW_SESSION_TICKET and self.resumption_secret:
            self.tickets.append(self._ticket(Reader(event.body)))

    def _ticket(self, body):
        lifetime, age_add, nonce, identity = body.number(4), body.number(4), body.vector(1), body.vector(2)
        psk = expand_label(self.suite.hash_name, self.resumption_secret, b"resumption", nonce,
                           self.suite.hash_length)
        return Ticket(self.suite, psk, identity, lifetime, age_add, time.time(), body.extensions())

    def key_update_record(self, request=False):
        """A sealed KeyUpdate; the writer's next record uses the new keys."""
        data = self.handshake_records(message(HandshakeType.KEY_UPDATE, bytes([int(request)])))
        self.writer = self.writer.updated()
        return data

    def send_key_update(self, request=False):
        self.send_raw(self.key_update_record(request))
