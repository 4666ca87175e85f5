# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of a TLS 1.2 session behind the hello: the handshake's messages, records, alerts, renegotiation, tickets and
the extended master secret (RFC 5246, 5077, 5746, 7627, 8422)."""

import os

from cryptography.hazmat.primitives.asymmetric import ec

import pytest

from harness.conformance import CLOSED, FULL, RESUMED, SERVED, case, table
from harness.steps import (after, alert, ccs, data, established, exchanged, flight, handshake, hello, plain, put, raw,
                           record, sealed, steps, without)
from raw_tls import Extension, Group, HandshakeType, Link, Tls12Client, hello12, message
from raw_tls.hello import u16s, vec8, vec16

pytestmark = pytest.mark.records

H = HandshakeType
E = Extension


def one(name, rfc, act, expect, **more):
    return case(f"TLS 1.2: {name}", rfc, act, expect, tls=12, **more)


PLACED = [(H.HELLO_REQUEST, b""), (H.SERVER_HELLO, bytes(40)), (H.NEW_SESSION_TICKET, bytes(20)),
          (H.CERTIFICATE, bytes(3)), (H.SERVER_KEY_EXCHANGE, bytes(8)), (H.CERTIFICATE_REQUEST, bytes(8)),
          (H.SERVER_HELLO_DONE, b""), (H.CERTIFICATE_VERIFY, b"\4\3\0\0"), (H.CERTIFICATE_STATUS, bytes(4)),
          (H.KEY_UPDATE, b"\0"), (77, b""), (255, b"x")]


def key_exchange(body):
    return after(flight, handshake(H.CLIENT_KEY_EXCHANGE, body))


def only(*numbers):
    """A hello that leaves the server no other group, but for the one of the certificate's key."""
    return {"hello": hello12(groups=numbers)}


def finished(change=lambda body: body):
    """A Finished whose body is changed; the change_cipher_spec has been sent."""
    return lambda client: client.send_handshake(message(H.FINISHED, change(client.verify_data(b"client finished"))))


def whole(**how):
    """The rest of the handshake with a Finished that is cut in some way."""
    def act(client):
        client.send_finished(**how)
        client.read_server_finished()
    return after(exchanged, act)


def cut_exchange(**how):
    def act(client):
        flight(client)
        client.send_key_exchange(**how)
        client.send_finished()
        client.read_server_finished()
    return act


def one_segment(client):
    """ClientKeyExchange, change_cipher_spec and Finished in one segment."""
    flight(client)
    sent, send = bytearray(), client.link.send
    client.link.send = lambda data, timeout=None: sent.extend(data)
    client.send_key_exchange()
    client.send_finished()
    client.link.send = send
    client.send_raw(bytes(sent))
    client.read_server_finished()


def top_bit(client):
    """What RFC 7748 5 tells the receiver to mask: the same key."""
    flight(client)
    public = client.share.public
    client.share.public = public[:-1] + bytes([public[-1] | 0x80])
    client.send_key_exchange()
    client.send_finished()
    client.read_server_finished()


def point():
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return b"\4" + numbers.x.to_bytes(32, "big") + (numbers.y ^ 1).to_bytes(32, "big")


BAD_KEY = "illegal_parameter|handshake_failure|decode_error"

HANDSHAKE = [
    *[one(f"message {int(kind)} instead of the ClientKeyExchange", "5246 7.3", after(flight, handshake(kind, body)),
          "unexpected_message") for kind, body in PLACED],
    one("ClientHello instead of the ClientKeyExchange", "5246 7.3", after(
        flight, lambda c: c.send_handshake(c.hello.message())), "unexpected_message"),
    one("Finished instead of the ClientKeyExchange", "5246 7.4.9", after(flight, handshake(H.FINISHED, bytes(12))),
        "unexpected_message"),
    one("change_cipher_spec instead of the ClientKeyExchange", "5246 7.1", after(flight, ccs), "unexpected_message"),
    one("data instead of the ClientKeyExchange", "5246 7.3", after(flight, plain(23, b"data")), "unexpected_message"),
    one("a record of type 99 instead of the ClientKeyExchange", "5246 6", after(flight, plain(99, b"x")),
        "unexpected_message"),
    one("a heartbeat instead of the ClientKeyExchange", "5246 6", after(flight, plain(24, b"\1\0\1x")),
        "unexpected_message"),
    one("close_notify instead of the ClientKeyExchange", "5246 7.2.1", after(flight, alert(1, 0)), CLOSED),
    one("ClientKeyExchange twice", "5246 7.3", after(exchanged, lambda c: c.send_handshake(
        message(H.CLIENT_KEY_EXCHANGE, vec8(c.share.public)))), "unexpected_message"),
    *[one(f"ClientKeyExchange {what}", "5246 7.4.7, 8422 5.7", key_exchange(body), "decode_error|illegal_parameter")
      for what, body in (("empty", b""), ("without a key", b"\0"), ("longer than the message", b"\x21" + bytes(32)),
                         ("with bytes behind the key", vec8(bytes([9]) + bytes(31)) + b"\0"))],
    one("X25519 key of zeros", "8422 5.11", key_exchange(vec8(bytes(32))), BAD_KEY,
        options=lambda: only(Group.X25519, Group.SECP256R1)),
    one("X25519 key of 31 bytes", "8422 5.11", key_exchange(vec8(bytes([9]) + bytes(30))), BAD_KEY,
        options=lambda: only(Group.X25519, Group.SECP256R1)),
    one("X25519 key with the top bit set", "7748 5", top_bit, SERVED, options=lambda: only(Group.X25519, Group.SECP256R1)),
    one("P-256 key that is not on the curve", "8422 5.11", key_exchange(vec8(point())), BAD_KEY,
        options=lambda: only(Group.SECP256R1)),
    one("P-256 key of zeros", "8422 5.11", key_exchange(vec8(b"\4" + bytes(64))), BAD_KEY,
        options=lambda: only(Group.SECP256R1)),
    one("P-256 key of 64 bytes", "8422 5.4.1", key_exchange(vec8(b"\4" + bytes(63))), BAD_KEY,
        options=lambda: only(Group.SECP256R1)),
    *[one(f"change_cipher_spec {what}", "5246 7.1", after(exchanged, plain(20, body)),
          "decode_error|illegal_parameter|unexpected_message") for what, body in (
              ("of value 2", b"\2"), ("of two bytes", b"\1\1"), ("empty", b""))],
    one("change_cipher_spec twice", "5246 7.1", after(sealed, ccs), "unexpected_message|bad_record_mac"),
    one("Finished in the clear", "5246 7.4.9", after(exchanged, lambda c: c.send_raw(c.record(22, message(
        H.FINISHED, bytes(12))))), "unexpected_message"),
    one("data before the Finished", "5246 7.3", after(sealed, record(23, b"early")), "unexpected_message"),
    one("a ClientHello instead of the Finished", "5246 7.3", after(sealed, lambda c: c.send_handshake(
        c.hello.message())), "unexpected_message"),
    one("an unasked CertificateVerify", "5246 7.4.8", after(exchanged, handshake(H.CERTIFICATE_VERIFY, b"\4\3\0\0")),
        "unexpected_message"),
    one("Finished of the wrong value", "5246 7.4.9", after(sealed, finished(lambda b: bytes(12))), "decrypt_error"),
    one("Finished of 11 bytes", "5246 7.4.9", after(sealed, finished(lambda b: b[:-1])), "decode_error|decrypt_error"),
    one("Finished of 13 bytes", "5246 7.4.9", after(sealed, finished(lambda b: b + b"\0")),
        "decode_error|decrypt_error"),
    one("empty Finished", "5246 7.4.9", after(sealed, finished(lambda b: b"")), "decode_error|decrypt_error"),
    one("a damaged Finished", "5246 6.2.3.3", after(sealed, lambda c: c.send_record(22, bytes(16), corrupt=True)),
        "bad_record_mac"),
    one("the client's flight in one segment", "5246 6.2.1", one_segment, SERVED),
    *[one(f"ClientKeyExchange in records of {size} bytes", "5246 6.2.1", cut_exchange(record_size=size), SERVED)
      for size in (1, 2, 3, 4, 5, 20)],
    one("ClientKeyExchange in segments of one byte", "5246 6.2.1", cut_exchange(segment=1), SERVED),
    *[one(f"Finished in records of {size} bytes", "5246 6.2.1", whole(record_size=size), SERVED)
      for size in (1, 2, 3, 4, 7)],
    one("an empty handshake record", "5246 6.2.1", after(flight, plain(22, b"")), "unexpected_message|decode_error"),
    one("an empty alert", "5246 6.2.1", after(flight, plain(21, b"")), "unexpected_message|decode_error"),
    one("an alert of one byte", "5246 7.2", after(flight, plain(21, b"\2")), "unexpected_message|decode_error"),
    one("a fatal alert", "5246 7.2.2", after(flight, alert(2, 42)), CLOSED),
    one("a warning of an unknown kind", "5246 7.2.2", steps(flight, alert(1, 200), lambda c: rest(c)), SERVED),
    one("user_canceled", "5246 7.2.2", steps(flight, alert(1, 90), lambda c: rest(c)), SERVED),
    one("a record beyond 2^14 in the clear", "5246 6.2.1", after(flight, plain(22, b"", length=16385)),
        "record_overflow"),
    one("a record beyond 2^14+2048 in the clear", "5246 6.2.3", after(flight, plain(22, b"", length=18433)),
        "record_overflow"),
    one("a message of 16 MiB", "5246 7.4", after(flight, raw(lambda c: c.record(22, b"\x10\xff\xff\xff" + bytes(60)))),
        "decode_error|illegal_parameter|unexpected_message|handshake_failure"),
]


def rest(client):
    client.send_key_exchange()
    client.send_finished()
    client.read_server_finished()


def refused_renegotiation(client):
    """A warning, and the session goes on (RFC 5746 4.5, RFC 5246 7.2.2)."""
    established(client)
    client.send_handshake(client.hello.message())
    event = client.read_event()
    assert (event.name, event.level) == ("no_renegotiation", 1), event


def echoed(size, **how):
    def act(client):
        established(client)
        client.send_record(23, b"p" * size, **how)
        assert client.read(size) == b"p" * size
    return act


RECORDS = [
    one("2^14 bytes of data", "5246 6.2.1", echoed(16384), SERVED),
    one("2^14+1 bytes of data", "5246 6.2.1", after(established, record(23, bytes(16385))), "record_overflow"),
    one("2^14+2048 bytes of data", "5246 6.2.3", after(established, record(23, bytes(16384 + 2024))),
        "record_overflow"),
    one("a sealed record beyond 2^14+2048", "5246 6.2.3", after(established, raw(b"\x17\3\3\x48\1")),
        "record_overflow"),
    one("a record of 2^16-1 bytes", "5246 6.2.3", after(established, raw(b"\x17\3\3\xff\xff")), "record_overflow"),
    one("an empty record of data", "5246 6.2.1", after(established, record(23, b""), data, lambda c: c.read(4)),
        SERVED),
    one("a thousand empty records of data", "5246 6.2.1", after(established, lambda c: c.send_raw(
        b"".join(c.sealed(23, b"") for _ in range(1000)))), "unexpected_message"),
    one("a sealed empty handshake record", "5246 6.2.1", after(established, record(22, b"")),
        "unexpected_message|decode_error"),
    one("a sealed empty alert", "5246 6.2.1", after(established, record(21, b"")), "unexpected_message|decode_error"),
    *[one(f"a record of type {kind}", "5246 6", after(established, record(kind, b"\1")), "unexpected_message")
      for kind in (0, 19, 20, 24, 99, 255)],
    *[one(f"a record of version {version:#06x}", "5246 6.2.1", after(established, lambda c, version=version: c.send_raw(
        c.sealed(23, b"x", version=version))), "protocol_version|illegal_parameter|bad_record_mac")
      for version in (0x0301, 0x0302, 0x0304, 0x0403)],
    *[one(f"a record of {size} bytes", "5246 6.2.3.3", after(established, raw(
        b"\x17\3\3" + size.to_bytes(2, "big") + os.urandom(size))), "bad_record_mac") for size in (0, 1, 8, 23, 24, 50)],
    one("a damaged record", "5246 6.2.3.3", after(established, lambda c: c.send_record(23, b"x", corrupt=True)),
        "bad_record_mac"),
    one("a record twice", "5246 6.2.3.3", after(established, lambda c: c.send_raw(c.sealed(23, b"x") * 2)),
        "bad_record_mac"),
    one("data in the clear", "5246 6.2.3.3", after(established, plain(23, b"x" * 40)), "bad_record_mac"),
    one("close_notify in the clear", "5246 6.2.3.3", after(established, plain(21, b"\1\0")), "bad_record_mac"),
    one("change_cipher_spec in the clear", "5246 7.1", after(established, ccs), "unexpected_message|bad_record_mac"),
    *[one(f"message {int(kind)} after the handshake", "5246 7.4", after(established, handshake(kind, body)),
          "unexpected_message")
      for kind, body in PLACED],
    one("Finished after the handshake", "5246 7.4.9", after(established, handshake(H.FINISHED, bytes(12))),
        "unexpected_message"),
    one("ClientKeyExchange after the handshake", "5246 7.4.7", after(established, handshake(
        H.CLIENT_KEY_EXCHANGE, vec8(bytes(32)))), "unexpected_message"),
    one("renegotiation is refused", "5746 4.5", refused_renegotiation, SERVED),
    *[one(f"fatal alert {code}", "5246 7.2.2", after(established, alert(2, code)), CLOSED) for code in (10, 20, 80, 200)],
    one("a warning of an unknown kind after the handshake", "5246 7.2.2", after(established, alert(1, 200)), SERVED),
    one("no_renegotiation", "5246 7.2.2", after(established, alert(1, 100)), SERVED),
    one("half an alert", "5246 7.2", after(established, record(21, b"\2")), "unexpected_message|decode_error"),
    one("an alert of three bytes", "5246 7.2", after(established, record(21, b"\1\x5a\0")),
        "unexpected_message|decode_error"),
    one("a thousand warnings", "5246 7.2.2", after(established, lambda c: c.send_raw(
        b"".join(c.sealed(21, b"\1\x5a") for _ in range(1000)))), "unexpected_message"),
]


# Tickets and the extended master secret.

def session_of(client, *changes):
    with Tls12Client(Link(client.link.sock.getpeername())) as other:
        other.hello.set(E.SESSION_TICKET, b"")
        for change in changes:
            change(other.hello)
        other.handshake().send(b"x")
        assert other.read(1) == b"x" and other.tickets
        assert other.finish().clean
        return other.tickets[0]


def resume(*changes, first=(), spoil=lambda ticket: ticket, act=lambda client: client.handshake()):
    """A hello with the ticket of another session, whose own hello had the changes of `first`."""
    def run(client):
        ticket = client.ticket = spoil(session_of(client, *first))
        client.hello.session_id = os.urandom(32)
        client.hello.set(E.SESSION_TICKET, ticket.identity)
        for change in changes:
            change(client.hello)
        act(client)
    return run


def damaged(ticket):
    ticket.identity = ticket.identity[:-1] + bytes([ticket.identity[-1] ^ 1])
    return ticket


def master_secret_is(extended):
    def act(client):
        client.handshake()
        assert client.extended_master_secret == extended
    return act


NO_EMS = without(E.EXTENDED_MASTER_SECRET)

RESUMPTION = [
    one("extended master secret is answered", "7627 5.1", master_secret_is(True), SERVED),
    one("extended master secret is not answered where it was not offered", "7627 5.1", steps(
        lambda c: NO_EMS(c.hello), master_secret_is(False)), SERVED),
    one("a ticket", "5077 3.1", resume(), RESUMED),
    one("a ticket of a session without the extended master secret", "7627 5.3", resume(first=[NO_EMS]), FULL),
    one("a ticket with it, a hello without", "7627 5.3", resume(NO_EMS, act=lambda c: c.send_client_hello()),
        "handshake_failure"),
    one("neither with it", "7627 5.3", resume(NO_EMS, first=[NO_EMS]), RESUMED),
    one("a damaged ticket", "5077 3.4", resume(spoil=damaged), FULL),
    one("a ticket and another suite", "5077 3.4", resume(lambda h: setattr(h, "cipher_suites", [0xC02C])), FULL),
    one("a ticket with a wrong Finished", "5246 7.4.9", resume(act=lambda c: wrong_end(c)), "decrypt_error"),
    one("a session id without a ticket", "5246 7.4.1.2", steps(
        lambda c: setattr(c.hello, "session_id", bytes(32)), lambda c: c.handshake()), SERVED),
    one("renegotiation_info is answered", "5746 3.6", steps(lambda c: c.handshake(), lambda c: check(
        c.server_extensions[E.RENEGOTIATION_INFO] == b"\0")), SERVED),
    one("renegotiation_info is answered to the signal", "5746 3.6", steps(
        lambda c: without(E.RENEGOTIATION_INFO)(c.hello), lambda c: c.hello.cipher_suites.append(0x00FF),
        lambda c: c.handshake(), lambda c: check(c.server_extensions[E.RENEGOTIATION_INFO] == b"\0")), SERVED),
    one("point formats are answered", "8422 5.2", steps(lambda c: c.handshake(), lambda c: check(
        c.server_extensions.get(E.EC_POINT_FORMATS, b"\1\0") == b"\1\0")), SERVED),
    one("nothing is answered that was not offered", "5246 7.4.1.4", steps(
        lambda c: setattr(c.hello, "extensions", [(E.SUPPORTED_GROUPS, vec16(u16s([23, 29]))),
                                                  (E.SIGNATURE_ALGORITHMS, vec16(u16s([0x0403])))]),
        lambda c: c.handshake(), lambda c: check(not c.server_extensions)), SERVED),
]


def wrong_end(client):
    client.send_client_hello()
    client.read_server_flight()
    client.read_server_finished()
    client.start_writing()
    client.send_handshake(message(H.FINISHED, bytes(12)))


def check(condition):
    assert condition


test_handshake = table(HANDSHAKE)
test_records = table(RECORDS)
test_resumption = table(RESUMPTION)
