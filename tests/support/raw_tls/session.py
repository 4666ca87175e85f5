# SPDX-License-Identifier: GPL-3.0-or-later
"""What TLS 1.2 and 1.3 clients share: sending any record or message whole, cut, padded or broken, and reading the
server's records as events. Nothing here decides for the test: no alert is sent and nothing is closed by itself."""

import struct
import time
from dataclasses import dataclass, field

from . import constants as c
from .constants import ContentType
from .hello import Reader, message
from .link import Ended, Link


@dataclass
class AppData:
    data: bytes


@dataclass
class Handshake:
    kind: int
    body: bytes

    @property
    def raw(self):
        return message(self.kind, self.body)


@dataclass
class Alert:
    level: int
    code: int

    @property
    def name(self):
        return c.ALERTS.get(self.code, str(self.code))

    @property
    def fatal(self):
        return self.level == c.FATAL


@dataclass
class ChangeCipherSpec:
    data: bytes


@dataclass
class End:
    """The stream ended; `how` is "eof" or "reset", `cut` the bytes of a record that did not come whole."""

    how: str
    cut: bytes = b""


@dataclass
class Outcome:
    """All that came from the server up to the end of the stream; `behind` is what came after a fatal alert."""

    data: bytes = b""
    alerts: list = field(default_factory=list)
    behind: list = field(default_factory=list)
    end: str = "open"
    cut: bytes = b""
    seconds: float = 0.0

    @property
    def alert(self):
        """Name of the first alert that is not close_notify, or None."""
        return next((a.name for a in self.alerts if a.code != 0), None)

    @property
    def fatal(self):
        return any(a.fatal and a.code != 0 for a in self.alerts)

    @property
    def close_notify(self):
        return any(a.code == 0 for a in self.alerts)

    @property
    def clean(self):
        """Ended the way TLS wants it: close_notify, then FIN (RFC 8446 section 6.1)."""
        return self.close_notify and self.end == "eof" and not self.cut

    @property
    def aborted(self):
        """The client can see that the stream was cut: no close_notify came."""
        return not self.close_notify and self.end in ("eof", "reset")


class HandshakeFailed(Exception):
    """The server answered a handshake step with an alert or an end of the stream: `event` says which."""

    def __init__(self, event):
        super().__init__(repr(event))
        self.event = event


class Session:
    """One TLS connection over a Link. `writer` and `reader` are protections, None while that direction is plain."""

    def __init__(self, link):
        self.link = link if isinstance(link, Link) else Link(link)
        self.writer = None
        self.reader = None
        self.transcript = b""
        self.suite = None
        self.server_hello = None
        self.server_extensions = {}
        self.certificates = []
        self.scheme = 0x0403        # of the CertificateVerify that the client sends: ecdsa_secp256r1_sha256
        self.tickets = []
        self.resumed = False
        self.established = False    # the client has sent, and in TLS 1.2 also seen, its last Finished
        self.records_seen = []      # (outer type, version, length) of each record of the server
        self._partial_handshake = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    # Sending.

    def record(self, content_type, payload, version=c.TLS12, length=None):
        """A plaintext record; `length` lies about its size."""
        return struct.pack("!BHH", content_type, version, len(payload) if length is None else length) + payload

    def sealed(self, content_type, payload, pad=0, version=c.TLS12, corrupt=False):
        """The record as the current keys make it (plaintext while there are none); counts as sent."""
        if self.writer is None:
            return self.record(content_type, payload, version)
        data = self.writer.seal(content_type, payload, pad=pad, version=version)
        return data[:-1] + bytes([data[-1] ^ 1]) if corrupt else data

    def send_record(self, content_type, payload, **how):
        self.link.send(self.sealed(content_type, payload, **how))

    def send_raw(self, data):
        self.link.send(data)

    def send(self, data, record_size=c.MAX_PLAINTEXT, pad=0, together=1 << 20):
        """Application data in records of `record_size`; about `together` bytes of records a send call."""
        out = bytearray()
        for at in range(0, len(data), record_size):
            out += self.sealed(ContentType.APPLICATION_DATA, data[at:at + record_size], pad=pad)
            if len(out) >= together:
                self.link.send(out)
                out.clear()
        if out:
            self.link.send(out)

    def handshake_records(self, data, record_size=c.MAX_PLAINTEXT, pad=0, version=c.TLS12):
        """Handshake bytes as one record each `record_size`."""
        return b"".join(self.sealed(ContentType.HANDSHAKE, data[at:at + record_size], pad=pad, version=version)
                        for at in range(0, len(data), record_size))

    def send_handshake(self, data, record_size=c.MAX_PLAINTEXT, pad=0, version=c.TLS12, segment=None):
        """Sends handshake bytes; `segment` cuts the records over TCP segments of that size."""
        records = self.handshake_records(data, record_size, pad, version)
        self.link.send_pieces(records, segment or len(records))

    def send_alert(self, description, level=c.FATAL):
        code = c.ALERT_CODES[description] if isinstance(description, str) else description
        self.send_record(ContentType.ALERT, bytes([level, code]))

    def close_notify(self):
        self.send_alert("close_notify", c.WARNING)

    def send_change_cipher_spec(self, data=b"\1"):
        """Always plaintext: TLS 1.3's middlebox compatibility record, or TLS 1.2's real one."""
        self.link.send(self.record(ContentType.CHANGE_CIPHER_SPEC, data))

    # Receiving.

    def read_record(self, timeout=None):
        """(content type, payload) of the next record, decrypted; raises Ended, BadRecord, TimeoutError."""
        deadline = time.monotonic() + (self.link.timeout if timeout is None else timeout)
        content_type, version, length = struct.unpack("!BHH", self.link.peek_exact(5, deadline))
        self.link.peek_exact(5 + length, deadline)
        header, body = self.link.read_exact(5, deadline), self.link.read_exact(length, deadline)
        self.records_seen.append((content_type, version, length))
        if self.reader is None or self._plain_change_cipher_spec(content_type):
            return content_type, body
        return self.reader.open(header, body)

    def _plain_change_cipher_spec(self, content_type):
        return content_type == ContentType.CHANGE_CIPHER_SPEC

    def read_event(self, timeout=None):
        """The next event; a whole handshake message however it was cut, an End when the stream ends."""
        deadline = time.monotonic() + (self.link.timeout if timeout is None else timeout)
        while True:
            event = self._complete_handshake()
            if event is None:
                try:
                    content_type, body = self.read_record(deadline - time.monotonic())
                except Ended as end:
                    return End(end.how, bytes(self.link.buffer))
                event = self._event(content_type, body)
            if event is not None:
                self.on_event(event)
                return event

    def _event(self, content_type, body):
        if content_type == ContentType.HANDSHAKE:
            self._partial_handshake += body
            return None
        if content_type == ContentType.ALERT:
            return Alert(body[0], body[1])
        if content_type == ContentType.CHANGE_CIPHER_SPEC:
            return ChangeCipherSpec(body)
        return AppData(body)

    def _complete_handshake(self):
        pending = self._partial_handshake
        if len(pending) < 4:
            return None
        size = 4 + int.from_bytes(pending[1:4], "big")
        if len(pending) < size:
            return None
        event = Handshake(pending[0], bytes(pending[4:size]))
        del pending[:size]
        return event

    def on_event(self, event):
        """Called for each event before it is returned; versions keep tickets and keys up to date here."""

    def expect_handshake(self, *kinds):
        """The next handshake message, one of `kinds`; change_cipher_spec is passed over."""
        while True:
            event = self.read_event()
            if isinstance(event, ChangeCipherSpec):
                continue
            if isinstance(event, Handshake) and event.kind in kinds:
                return event
            raise HandshakeFailed(event)

    def read(self, count, timeout=None):
        """`count` bytes of application data; anything that is not data, ticket or key update is an error."""
        deadline = time.monotonic() + (self.link.timeout if timeout is None else timeout)
        out = bytearray()
        while len(out) < count:
            event = self.read_event(deadline - time.monotonic())
            if isinstance(event, AppData):
                out += event.data
            elif not isinstance(event, Handshake):
                raise HandshakeFailed(event)
        assert len(out) == count, f"{len(out) - count} bytes more than asked for: {bytes(out[count:])!r}"
        return bytes(out)

    def outcome(self, timeout=None, alerted=False):
        """Reads to the end of the stream; `end` is "open" when it has not ended after `timeout` seconds. `alerted`: a
        fatal alert was read before."""
        start = time.monotonic()
        deadline = start + (self.link.timeout if timeout is None else timeout)
        result, data = Outcome(), bytearray()
        while True:
            try:
                event = self.read_event(deadline - time.monotonic())
            except TimeoutError:
                break
            if alerted and not isinstance(event, End):
                result.behind.append(event)
            if isinstance(event, AppData):
                data += event.data
            elif isinstance(event, Alert):
                result.alerts.append(event)
                alerted = alerted or (event.fatal and event.code != 0)
            elif isinstance(event, End):
                result.end, result.cut = event.how, event.cut
                break
        result.data, result.seconds = bytes(data), time.monotonic() - start
        return result

    def keep_certificates(self, body, entry_extensions):
        """Stores the chain of a Certificate message; TLS 1.3 has extensions behind each entry."""
        chain = Reader(Reader(body).vector(3))
        self.certificates = []
        while chain.more:
            self.certificates.append(chain.vector(3))
            if entry_extensions:
                chain.vector(2)

    def finish(self, timeout=None):
        """close_notify, then everything up to the end."""
        self.close_notify()
        return self.outcome(timeout)
