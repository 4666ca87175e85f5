# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS server in separate steps (RFC 8446, RFC 5246): each may be left out, repeated, cut or sent wrong.

    def act(server):                     # a Tls13Server
        server.handshake()
        assert server.read(4) == b"ping"
        server.send(b"pong")

    with RawServer(act, pki.ecdsa) as server:
        ...connect a client to server.port...
        server.wait()                    # raises what `act` raised

TLS 1.3 has X25519 and TLS_AES_128_GCM_SHA256, TLS 1.2 has P-256 and ECDHE-ECDSA-AES128-GCM-SHA256. The certificate has an
ECDSA key.
"""

import base64
import hmac
import os
import queue
import select
import socket
import struct
import threading
from dataclasses import dataclass

from . import constants as c
from .constants import ContentType, Extension, Group, HandshakeType
from .crypto import SUITES, KeySchedule, KeyShare, Protection12, Protection13, expand_label, prf, sign
from .hello import Reader, message, vec8, vec16, vec24
from .link import Link
from .session import ChangeCipherSpec, Handshake, Session


@dataclass
class ReceivedHello:
    """A ClientHello as it was received."""

    legacy_version: int
    random: bytes
    session_id: bytes
    suites: list
    compression: bytes
    extensions: dict

    @classmethod
    def parse(cls, body):
        r = Reader(body)
        version, random, session_id = r.number(2), r.take(32), r.vector(1)
        return cls(version, random, session_id, _u16s(r.vector(2)), r.vector(1), r.extensions())

    def shares(self):
        """{group: public key} of key_share."""
        block, out = Reader(Reader(self.extensions[Extension.KEY_SHARE]).vector(2)), {}
        while block.more:
            group = block.number(2)
            out[group] = block.vector(2)
        return out

    def groups(self):
        return _u16s(Reader(self.extensions[Extension.SUPPORTED_GROUPS]).vector(2))

    def schemes(self):
        return _u16s(Reader(self.extensions[Extension.SIGNATURE_ALGORITHMS]).vector(2))

    def ticket(self):
        """The identity of the first pre-shared key, or None."""
        if Extension.PRE_SHARED_KEY not in self.extensions:
            return None
        return Reader(Reader(self.extensions[Extension.PRE_SHARED_KEY]).vector(2)).vector(2)

    def binder_length(self):
        """The length of the list of binders at the end of the message."""
        r = Reader(self.extensions[Extension.PRE_SHARED_KEY])
        r.vector(2)
        return len(r.data) - r.at


def _u16s(data):
    return [int.from_bytes(data[at:at + 2], "big") for at in range(0, len(data), 2)]


def extension_block(extensions):
    """(kind, body) pairs as a list with its length."""
    return vec16(b"".join(struct.pack("!H", kind) + vec16(body) for kind, body in extensions))


def server_hello(random, session_id, suite, extensions, version=c.TLS12, compression=0, trailer=b""):
    """A ServerHello message; `extensions` None leaves the whole block out."""
    body = struct.pack("!H", version) + random + vec8(session_id) + struct.pack("!HB", suite, compression)
    if extensions is not None:
        body += extension_block(extensions)
    return message(HandshakeType.SERVER_HELLO, body + trailer)


def chain_of(credential):
    """The certificate of a harness.pki.Credential and its intermediates, in DER."""
    with open(credential.chain, "rb") as file:
        blocks = file.read().split(b"-----END CERTIFICATE-----")[:-1]
    return [base64.b64decode(block.partition(b"-----BEGIN CERTIFICATE-----")[2]) for block in blocks]


class ServerSession(Session):
    """What both versions share. `credential` is a harness.pki.Credential with an ECDSA key."""

    def __init__(self, link, credential, chain=None):
        super().__init__(link)
        self.key = credential.private
        self.chain = chain or chain_of(credential)
        self.hello = None
        self.wire = bytearray()     # all bytes of the client's records, as they came
        self.plain_alerts = 0       # alerts of the client that came unprotected

    def read_record(self, timeout=None):
        before = len(self.records_seen)
        kind, body = super().read_record(timeout)
        assert len(self.records_seen) == before + 1
        self.wire += body
        return kind, body

    def read_client_hello(self):
        event = self.expect_handshake(HandshakeType.CLIENT_HELLO)
        self.hello = ReceivedHello.parse(event.body)
        self.transcript += event.raw
        return self.hello

    def say(self, data, **how):
        """Sends handshake bytes, which count for the transcript."""
        self.transcript += data
        self.send_handshake(data, **how)


class Tls13Server(ServerSession):
    """`psks` are sessions that the server resumes: {ticket: pre-shared key}."""

    SUITE = 0x1301

    def __init__(self, link, credential, chain=None, psks=None):
        super().__init__(link, credential, chain)
        self.suite = SUITES[self.SUITE]
        self.share = KeyShare(Group.X25519)
        self.psks = {} if psks is None else psks
        self.psk = None
        self.schedule = None
        self.requested = False
        self.client_certificate = None  # the body of the client's Certificate
        self.key_updates = []
        self.client_secret = self.server_secret = self.resumption_secret = None

    def _plain_change_cipher_spec(self, content_type):
        if content_type == ContentType.ALERT:
            self.plain_alerts += 1
        return content_type in (ContentType.CHANGE_CIPHER_SPEC, ContentType.ALERT)

    def handshake(self, **flight):
        self.read_client_hello()
        self.send_server_hello()
        self.send_flight(**flight)
        self.read_finished()
        return self

    # ServerHello.

    def hello_extensions(self, group=Group.X25519, public=None):
        out = [(Extension.SUPPORTED_VERSIONS, struct.pack("!H", c.TLS13)),
               (Extension.KEY_SHARE, struct.pack("!H", group) + vec16(self.share.public if public is None else public))]
        if self.psk is not None:
            out.append((Extension.PRE_SHARED_KEY, b"\0\0"))
        return out

    def make_hello(self, extensions=None, **fields):
        values = {"random": os.urandom(32), "session_id": self.hello.session_id, "suite": self.SUITE, **fields}
        return server_hello(extensions=self.hello_extensions() if extensions is None else extensions, **values)

    def retry(self, group=Group.SECP256R1, more=(), extensions=None, **fields):
        """A HelloRetryRequest; culvert's first hello is replaced by its digest in the transcript."""
        if extensions is None:
            extensions = [(Extension.SUPPORTED_VERSIONS, struct.pack("!H", c.TLS13))]
            if group is not None:
                extensions.append((Extension.KEY_SHARE, struct.pack("!H", group)))
            extensions += more
        self.transcript = message(HandshakeType.MESSAGE_HASH, self.suite.digest(self.transcript))
        return self.make_hello(extensions, **{"random": c.HELLO_RETRY_RANDOM, **fields})

    def resume(self):
        """Chooses the client's ticket, if the server knows it and its binder is right."""
        ticket = self.hello.ticket()
        if ticket not in self.psks:
            return False
        psk = self.psks[ticket]
        schedule = KeySchedule(self.suite, psk)
        size = self.hello.binder_length()
        binder = schedule.finished(schedule.derive(b"res binder", b""), self.transcript[:-size])
        received = Reader(self.transcript[-size:][2:]).vector(1)
        assert hmac.compare_digest(binder, received), "the binder of the ticket is wrong"
        self.psk = psk
        return True

    def send_server_hello(self, data=None, behind=b"", **how):
        """ServerHello and the handshake keys. `behind` are plaintext handshake bytes in the same record."""
        data = self.make_hello() if data is None else data
        self.transcript += data
        self.send_handshake(data + behind, **how)
        self.start_handshake_keys()

    def start_handshake_keys(self):
        self.schedule = KeySchedule(self.suite, self.psk)
        public = self.hello.shares().get(self.share.group)
        self.schedule.advance(self.share.agree(public) if public else bytes(32))
        self.client_secret = self.schedule.derive(b"c hs traffic", self.transcript)
        self.server_secret = self.schedule.derive(b"s hs traffic", self.transcript)
        self.reader = Protection13(self.suite, self.client_secret)
        self.writer = Protection13(self.suite, self.server_secret)

    # The flight. Each function makes one message and adds it to the transcript.

    def add(self, kind, body):
        data = message(kind, body)
        self.transcript += data
        return data

    def encrypted_extensions(self, extensions=()):
        return self.add(HandshakeType.ENCRYPTED_EXTENSIONS, extension_block(extensions))

    def certificate_request(self, context=b"", extensions=None):
        self.requested = True
        schemes = struct.pack("!H", c.ECDSA_P256_SHA256)
        default = [(Extension.SIGNATURE_ALGORITHMS, vec16(schemes))]
        return self.add(HandshakeType.CERTIFICATE_REQUEST,
                         vec8(context) + extension_block(default if extensions is None else extensions))

    def certificate(self, chain=None, context=b"", entry=()):
        chain = self.chain if chain is None else chain
        entries = b"".join(vec24(der) + extension_block(entry) for der in chain)
        return self.add(HandshakeType.CERTIFICATE, vec8(context) + vec24(entries))

    def certificate_verify(self, key=None, scheme=c.ECDSA_P256_SHA256, role=b"server", damage=False):
        content = b" " * 64 + b"TLS 1.3, " + role + b" CertificateVerify\0" + self.suite.digest(self.transcript)
        body = sign(key or self.key, scheme, content)
        return self.add(HandshakeType.CERTIFICATE_VERIFY, damaged(body) if damage else body)

    def finished(self, damage=False):
        body = self.schedule.finished(self.server_secret, self.transcript)
        return self.add(HandshakeType.FINISHED, damaged(body) if damage else body)

    def flight(self, extensions=(), request=False, finish=True):
        data = self.encrypted_extensions(extensions)
        if self.psk is None:
            data += self.certificate_request() if request else b""
            data += self.certificate() + self.certificate_verify()
        return data + (self.finished() if finish else b"")

    def send_flight(self, data=None, change_cipher_spec=True, how=None, **flight):
        if change_cipher_spec:
            self.send_change_cipher_spec()
        self.send_handshake(self.flight(**flight) if data is None else data, **(how or {}))
        self.start_application_writing()

    def start_application_writing(self):
        self.schedule.advance()
        self.writer = Protection13(self.suite, self.schedule.derive(b"s ap traffic", self.transcript))
        self._client_application = self.schedule.derive(b"c ap traffic", self.transcript)

    def read_finished(self):
        """The client's flight; its Finished is checked."""
        kinds = (HandshakeType.CERTIFICATE, HandshakeType.CERTIFICATE_VERIFY) if self.requested else ()
        while True:
            event = self.expect_handshake(HandshakeType.FINISHED, *kinds)
            if event.kind == HandshakeType.FINISHED:
                break
            if event.kind == HandshakeType.CERTIFICATE:
                self.client_certificate = event.body
            self.transcript += event.raw
        expected = self.schedule.finished(self.client_secret, self.transcript)
        assert hmac.compare_digest(event.body, expected), "client's Finished is wrong"
        self.transcript += event.raw
        self.reader = Protection13(self.suite, self._client_application)
        self.resumption_secret = self.schedule.derive(b"res master", self.transcript)
        self.established = True

    # After the handshake.

    def on_event(self, event):
        if isinstance(event, Handshake) and event.kind == HandshakeType.KEY_UPDATE:
            self.reader = self.reader.updated()
            self.key_updates.append(event.body[0])

    def ticket_message(self, identity, nonce=b"\0", lifetime=3600, age_add=0, extensions=(), body=None):
        """A NewSessionTicket; the server knows its session from then on."""
        self.psks[identity] = expand_label(self.suite.hash_name, self.resumption_secret, b"resumption", nonce,
                                           self.suite.hash_length)
        if body is None:
            body = (struct.pack("!II", lifetime, age_add) + vec8(nonce) + vec16(identity) + extension_block(extensions))
        return message(HandshakeType.NEW_SESSION_TICKET, body)

    def send_key_update(self, request=0, behind=b""):
        self.send_handshake(message(HandshakeType.KEY_UPDATE, bytes([request])) + behind)
        self.writer = self.writer.updated()


class Tls12Server(ServerSession):
    """ECDHE with P-256 and extended master secret, if the client offers it."""

    SUITE = 0xC02B

    def __init__(self, link, credential, chain=None):
        super().__init__(link, credential, chain)
        self.suite = SUITES[self.SUITE]
        self.share = KeyShare(Group.SECP256R1)
        self.random = os.urandom(24) + b"no mark."
        self.requested = False
        self.client_certificate = None
        self.master_secret = None
        self._next_writer = self._next_reader = None

    def handshake(self, **flight):
        self.read_client_hello()
        self.send_flight(**flight)
        self.read_finished()
        self.send_finished()
        return self

    def hello_extensions(self):
        out = []
        if Extension.RENEGOTIATION_INFO in self.hello.extensions or c.RENEGOTIATION_SCSV in self.hello.suites:
            out.append((Extension.RENEGOTIATION_INFO, vec8(b"")))
        if Extension.EXTENDED_MASTER_SECRET in self.hello.extensions:
            out.append((Extension.EXTENDED_MASTER_SECRET, b""))
        return out

    def make_hello(self, extensions=None, **fields):
        values = {"random": self.random, "session_id": b"", "suite": self.SUITE, **fields}
        self.random = values["random"]
        return server_hello(extensions=self.hello_extensions() if extensions is None else extensions, **values)

    def certificate(self, chain=None):
        return message(HandshakeType.CERTIFICATE, vec24(b"".join(map(vec24, self.chain if chain is None else chain))))

    def key_exchange(self, key=None, scheme=c.ECDSA_P256_SHA256, group=Group.SECP256R1, public=None, damage=False,
                     curve_type=3):
        params = struct.pack("!BH", curve_type, group) + vec8(self.share.public if public is None else public)
        signed = sign(key or self.key, scheme, self.hello.random + self.random + params)
        return message(HandshakeType.SERVER_KEY_EXCHANGE, params + (damaged(signed) if damage else signed))

    def certificate_request(self):
        self.requested = True
        return message(HandshakeType.CERTIFICATE_REQUEST,
                       vec8(b"\x40") + vec16(struct.pack("!H", c.ECDSA_P256_SHA256)) + vec16(b""))

    def flight(self, request=False):
        data = self.make_hello() + self.certificate() + self.key_exchange()
        return data + (self.certificate_request() if request else b"") + message(HandshakeType.SERVER_HELLO_DONE, b"")

    def send_flight(self, data=None, how=None, **flight):
        self.say(self.flight(**flight) if data is None else data, **(how or {}))

    def read_finished(self):
        if self.requested:
            event = self.expect_handshake(HandshakeType.CERTIFICATE)
            self.client_certificate = event.body
            self.transcript += event.raw
        event = self.expect_handshake(HandshakeType.CLIENT_KEY_EXCHANGE)
        self.transcript += event.raw
        self._derive_keys(self.share.agree(Reader(event.body).vector(1)))
        event = self.expect_handshake(HandshakeType.FINISHED)
        assert hmac.compare_digest(event.body, self.verify_data(b"client finished")), "client's Finished is wrong"
        self.transcript += event.raw

    def _derive_keys(self, pre_master):
        suite, client, server = self.suite, self.hello.random, self.random
        if Extension.EXTENDED_MASTER_SECRET in self.hello.extensions:
            label, seed = b"extended master secret", suite.digest(self.transcript)
        else:
            label, seed = b"master secret", client + server
        self.master_secret = prf(suite.hash_name, pre_master, label, seed, 48)
        block = Reader(prf(suite.hash_name, self.master_secret, b"key expansion", server + client, 40))
        keys = block.take(16), block.take(16)
        self._next_reader = Protection12(suite, keys[0], block.take(4))
        self._next_writer = Protection12(suite, keys[1], block.take(4))

    def verify_data(self, label):
        return prf(self.suite.hash_name, self.master_secret, label, self.suite.digest(self.transcript), 12)

    def on_event(self, event):
        if isinstance(event, ChangeCipherSpec):
            self.reader = self._next_reader

    def start_writing(self):
        self.send_change_cipher_spec()
        self.writer = self._next_writer

    def send_finished(self, damage=False, change_cipher_spec=True):
        if change_cipher_spec:
            self.start_writing()
        right = self.verify_data(b"server finished")
        self.send_handshake(message(HandshakeType.FINISHED, damaged(right) if damage else right))
        self.established = True


def damaged(data):
    return data[:-1] + bytes([data[-1] ^ 1])


class RawServer:
    """Listens on a free port of the loopback and runs `act(session)` for every connection, one after the other. expect()
    sets another act before the next connection."""

    def __init__(self, act=None, credential=None, kind=Tls13Server, timeout=10.0, **options):
        self.act, self.credential, self.kind, self.options, self.timeout = act, credential, kind, options, timeout
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.results = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def address(self):
        return f"localhost:{self.port}"

    def _run(self):
        while not self._stopping.is_set():
            try:
                if not select.select([self.listener], [], [], 0.1)[0]:
                    continue
                sock, _ = self.listener.accept()
            except (OSError, ValueError):
                return
            act, results = self.act, self.results
            session = self.kind(Link.accepted(sock, self.timeout), self.credential, **self.options)
            try:
                results.put((session, act(session)))
            except BaseException as error:  # wait() raises it in the test
                results.put((session, error))
            finally:
                sock.close()

    def expect(self, act, kind):
        """What the next connections meet. Results of earlier ones are forgotten."""
        self.act, self.kind, self.results = act, kind, queue.Queue()

    def wait(self, timeout=20):
        """(session, value) of the next connection that has ended."""
        session, value = self.results.get(timeout=timeout)
        if isinstance(value, BaseException):
            raise value
        return session, value

    def stop(self):
        self._stopping.set()
        self._thread.join(self.timeout)
        self.listener.close()


