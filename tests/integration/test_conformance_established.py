# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance behind the handshake, in both versions and for every AEAD suite: messages that have no place there, KeyUpdate at
every position, every alert, record_overflow to the byte, renegotiation, explicit nonces (RFC 8446 4.6, 5, 6, RFC 5246 6, 7).
test_conformance_records.py and test_conformance_tls12.py have the common cases."""

import os

import pytest

from harness.conformance import CLOSED, SERVED, case, table
from harness.steps import after, alert, data, established, handshake, header, inner, plain, record, steps
from raw_tls import ALERTS, HandshakeType, hello12, hello13, message

pytestmark = pytest.mark.records
H = HandshakeType

SUITES13 = {0x1301: "AES-128-GCM", 0x1302: "AES-256-GCM", 0x1303: "ChaCha20"}
SUITES12 = {0xC02B: "ECDSA AES-128-GCM", 0xC02C: "ECDSA AES-256-GCM", 0xCCA9: "ECDSA ChaCha20",
            0xC02F: "RSA AES-128-GCM", 0xC030: "RSA AES-256-GCM", 0xCCA8: "RSA ChaCha20"}
RSA = (0xC02F, 0xC030, 0xCCA8)
GCM12 = (0xC02B, 0xC02C)
# What wolfSSL does instead, in builds that leave the records to it (case(own=...)).
NO_TWO = "wolfSSL answers each hello"
BY_LENGTH = "wolfSSL refuses the length before it decrypts"
LEVEL = "wolfSSL ignores alerts whose level is neither warning nor fatal"


def of13(suite):
    return {"options": lambda: {"hello": hello13(suites=[suite])}}


def of12(suite):
    return {"tls": 12, "service": "rsa" if suite in RSA else "main", "options": lambda: {"hello": hello12(suites=[suite])}}


def one(name, rfc, act, expect, **more):
    return case(f"TLS 1.2: {name}", rfc, act, expect, **{"tls": 12, **more})


def echoed(size, **how):
    """Data in one record, and its echo."""
    def act(client):
        sent = os.urandom(size)
        client.send_record(23, sent, **how)
        assert client.read(size) == sent
    return act


def ends_with(*records):
    """The end of the session: these records, each made when it is sent, instead of a close_notify alone."""
    def act(client):
        client.close_notify = lambda: client.send_raw(b"".join(make(client) for make in records))
    return act


def sealed(kind, payload=b"", **how):
    return lambda client: client.sealed(kind, payload, **how)


def updated(request=0):
    return lambda client: client.key_update_record(bool(request))


def garbage(size):
    return header(length=size, body=os.urandom(size))


CLOSE = sealed(21, b"\1\0")
CANCELED = sealed(21, b"\1\x5a")
UPDATE = message(H.KEY_UPDATE, b"\0")


# The limits of a record, to the byte.

def limits13(suite, name):
    """A record may have 2^14+256 bytes, and 2^14+1 when it is decrypted (RFC 8446 5.2, 5.4)."""
    rows = [("2^14 bytes of data", echoed(1 << 14), SERVED), ("2^14-1 bytes and one of padding", echoed(16383, pad=1), SERVED),
            ("one byte, the rest padding", echoed(1, pad=16383), SERVED),
            ("2^14+1 bytes of data", record(23, bytes(16385)), "record_overflow"),
            ("2^14 bytes and one of padding", lambda c: c.send_record(23, bytes(16384), pad=1), "record_overflow"),
            ("nothing but 2^14+1 bytes of padding", lambda c: c.send_record(23, b"", pad=16385), "record_overflow"),
            ("a record of 2^14+256 bytes that decrypts", lambda c: c.send_record(23, b"x", pad=16622), "record_overflow"),
            ("a forged record of 2^14+256 bytes", garbage(16640), "bad_record_mac"),
            ("a header of 2^14+257 bytes", header(length=16641), "record_overflow")]
    return [case(f"{name}: {what}", "8446 5.2", after(established, act), expect, own=BY_LENGTH if "forged" in what else None,
                 **of13(suite)) for what, act, expect in rows]


def limits12(suite, name):
    """A record may have 2^14+2048 bytes, and 2^14 when it is decrypted (RFC 5246 6.2.1, 6.2.3). A record with an AEAD suite is
    always longer by the same overhead, so a server may refuse a longer one before it decrypts it."""
    overhead = 16 + (0 if "ChaCha20" in name else 8)
    most = 18432 - overhead
    rows = [("2^14 bytes of data", echoed(1 << 14), SERVED),
            ("2^14+1 bytes of data", record(23, bytes(16385)), "record_overflow"),
            ("a record of 2^14+2048 bytes that decrypts", record(23, bytes(most)), "record_overflow"),
            ("a forged record with room for 2^14 bytes", garbage(16384 + overhead), "bad_record_mac"),
            ("a forged record of 2^14+2048 bytes", garbage(18432), "bad_record_mac|record_overflow"),
            ("a header of 2^14+2049 bytes", header(length=18433), "record_overflow")]
    return [one(f"{name}: {what}", "5246 6.2.3", after(established, act), expect, **of12(suite)) for what, act, expect in rows]


LIMITS = [row for suite, name in SUITES13.items() for row in limits13(suite, name)] + [
    row for suite, name in SUITES12.items() for row in limits12(suite, name)]


# Messages and fragments that have no place behind a TLS 1.3 handshake.

def ticket(size):
    """A NewSessionTicket whose message has `size` bytes."""
    return message(H.NEW_SESSION_TICKET, bytes(4 + 4) + b"\1\0" + (size - 18).to_bytes(2, "big") + bytes(size - 18 + 2))


PLACED = [
    ("CertificateRequest", message(H.CERTIFICATE_REQUEST, b"\0\0\x08\0\x0d\0\4\0\2\4\3")),
    ("an empty Certificate", message(H.CERTIFICATE, bytes(4))),
    ("CertificateVerify", message(H.CERTIFICATE_VERIFY, b"\4\3\0\x40" + bytes(64))),
    ("Finished", message(H.FINISHED, bytes(32))),
    ("EndOfEarlyData", message(H.END_OF_EARLY_DATA, b"")),
    ("a short NewSessionTicket", ticket(32)),
    ("a NewSessionTicket of a full record", ticket(1 << 14)),
    ("ServerHello", message(H.SERVER_HELLO, b"\3\3" + bytes(38))),
    ("HelloRequest", message(H.HELLO_REQUEST, b"")),
    ("EncryptedExtensions", message(H.ENCRYPTED_EXTENSIONS, b"\0\0")),
    ("ServerKeyExchange", message(H.SERVER_KEY_EXCHANGE, bytes(8))),
    ("ServerHelloDone", message(H.SERVER_HELLO_DONE, b"")),
    ("ClientKeyExchange", message(H.CLIENT_KEY_EXCHANGE, bytes(33))),
    ("CertificateStatus", message(H.CERTIFICATE_STATUS, bytes(4))),
    ("message_hash", message(H.MESSAGE_HASH, bytes(32))),
    ("message 255", message(255, b"")),
]
assert len(ticket(1 << 14)) == 1 << 14

MESSAGES = [
    *[case(f"{name} after the handshake", "8446 4.6", after(established, record(22, whole)), "unexpected_message")
      for name, whole in PLACED],
    case("a second ClientHello", "8446 4.1.2", after(established, lambda c: c.send_handshake(c.hello.message())),
         "unexpected_message"),
    case("a NewSessionTicket over three records", "8446 4.6.1", after(
        established, lambda c: c.send_raw(b"".join(c.sealed(22, ticket(40000)[at:at + 16384]) for at in (0, 16384, 32768)))),
        "unexpected_message"),
    case("a Finished in records of one byte", "8446 4", after(
        established, lambda c: c.send_raw(b"".join(c.sealed(22, bytes([byte])) for byte in message(H.FINISHED, bytes(32))))),
        "unexpected_message"),
    case("a Finished with all the padding there is", "8446 5.4", after(
        established, lambda c: c.send_record(22, message(H.FINISHED, bytes(32)), pad=16384 - 36)), "unexpected_message"),
    case("a KeyUpdate with all the padding there is", "8446 5.4", after(
        established, lambda c: c.send_raw(c.writer.seal_inner(UPDATE + b"\x16" + bytes(16384 - 5))),
        lambda c: setattr(c, "writer", c.writer.updated()), echoed(100)), SERVED),
    case("user_canceled with all the padding there is", "8446 5.4", after(
        established, lambda c: c.send_record(21, b"\1\x5a", pad=16382), echoed(9)), SERVED),
    case("nothing but zeros, as many as there may be", "8446 5.4", after(established, inner(bytes(16385))),
         "unexpected_message"),
    case("a padded empty alert", "8446 5.1", after(established, lambda c: c.send_record(21, b"", pad=99)), "unexpected_message"),
    case("an empty change_cipher_spec in the clear", "8446 5", after(established, plain(20, b"")), "unexpected_message"),
    case("an empty sealed change_cipher_spec", "8446 5", after(established, record(20, b"")), "unexpected_message"),
    *[case(f"{name} between the halves of a KeyUpdate", "8446 5.1", after(
        established, record(22, UPDATE[:4]), record(kind, payload)), "unexpected_message", own=own)
      for name, kind, payload, own in (("no data", 23, b"", None), ("close_notify", 21, b"\1\0", None),
                                       ("no handshake bytes", 22, b"", "wolfSSL reads on"),
                                       ("a change_cipher_spec", 20, b"\1", None))],
    case("half a KeyUpdate with padding, and the rest", "8446 5.4", after(
        established, lambda c: c.send_record(22, UPDATE[:2], pad=1000), lambda c: c.send_record(22, UPDATE[2:], pad=3),
        lambda c: setattr(c, "writer", c.writer.updated()), echoed(100)), SERVED),
]


# KeyUpdate relative to the Finished, to data and to close_notify.

def beside_finished(request, *behind):
    """Finished, KeyUpdate and what follows in one segment."""
    def act(client):
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        held, send = bytearray(), client.link.send
        client.link.send = lambda data, timeout=None: held.extend(data)
        client.send_finished()
        client.link.send = send
        client.send_raw(bytes(held) + client.key_update_record(bool(request)) + b"".join(make(client) for make in behind))
        if behind:
            assert client.read(4) == b"data"
    return act


def in_one_segment(*makers, echo=b""):
    def act(client):
        client.send_raw(b"".join(make(client) for make in makers))
        assert client.read(len(echo)) == echo
    return act


def stale_close(client):
    """close_notify under the keys before a KeyUpdate."""
    old = client.writer
    client.send_key_update()
    client.writer = old
    client.send_alert("close_notify", 1)


DATA = sealed(23, b"data")
WORDS = {0: "", 1: " with a request"}

UPDATES = [row for request, words in WORDS.items() for row in [
    case(f"KeyUpdate{words} right behind the Finished", "8446 4.6.3", beside_finished(request), SERVED),
    case(f"KeyUpdate{words} and data right behind the Finished", "8446 4.6.3", beside_finished(request, DATA), SERVED),
    *[case(f"KeyUpdate{words} {place} in one segment", "8446 4.6.3", after(established, in_one_segment(
        *makers(updated(request)), echo=b"data" * sum(maker is DATA for maker in makers(None)))), SERVED)
      for place, makers in (("before data", lambda it: (it, DATA)), ("behind data", lambda it: (DATA, it)),
                            ("between data", lambda it: (DATA, it, DATA)),
                            ("before and behind data", lambda it: (it, DATA, it)),
                            ("twice between data", lambda it: (DATA, it, it, DATA)),
                            ("behind an empty record", lambda it: (sealed(23), it, DATA)),
                            ("before an empty record", lambda it: (it, sealed(23), DATA)),
                            ("behind user_canceled", lambda it: (CANCELED, it, DATA)))],
    case(f"KeyUpdate{words} before close_notify", "8446 6.1", after(established, ends_with(updated(request), CLOSE)), SERVED),
    case(f"data, KeyUpdate{words} and close_notify", "8446 6.1", after(
        established, ends_with(DATA, updated(request), CLOSE)), SERVED),
    case(f"KeyUpdate{words} after close_notify", "8446 6.1", after(established, ends_with(CLOSE, updated(request))), SERVED),
    case(f"KeyUpdate{words} and data after close_notify", "8446 6.1", after(
        established, ends_with(CLOSE, updated(request), DATA)), SERVED),
    case(f"half a KeyUpdate{words} and the end", "8446 5.1", after(
        established, record(22, message(H.KEY_UPDATE, bytes([request]))[:3]), lambda c: c.close_notify()),
        "unexpected_message"),
]] + [
    case("close_notify under the keys before a KeyUpdate", "8446 4.6.3", after(established, stale_close), "bad_record_mac"),
    *[case(f"{name}: ten KeyUpdates with full records between", "8446 7.2", after(
        established, *[lambda c: c.send_key_update(), echoed(1 << 14), lambda c: c.send_key_update(request=True),
                       echoed(1)] * 5), SERVED, **of13(suite)) for suite, name in SUITES13.items()],
]


# Alerts.

ERRORS = [code for code in ALERTS if code not in (0, 90)]

ALERTS_OF_CLIENTS = [
    *[case(f"fatal {ALERTS[code]}", "8446 6.2", after(established, alert(2, code)), CLOSED) for code in (*ERRORS, 90)],
    *[case(f"{ALERTS[code]} of level warning", "8446 6", after(established, alert(1, code)), CLOSED) for code in ERRORS],
    case("user_canceled and close_notify", "8446 6.1", after(established, ends_with(CANCELED, CLOSE)), SERVED),
    case("data between user_canceled and close_notify", "8446 6.1", after(
        established, ends_with(CANCELED, DATA, CLOSE)), SERVED),
    case("user_canceled after close_notify", "8446 6.1", after(established, ends_with(CLOSE, CANCELED)), SERVED),
    case("a fatal alert after close_notify", "8446 6.1", after(established, ends_with(CLOSE, sealed(21, b"\2\x50"))), SERVED),
    case("close_notify twice", "8446 6.1", after(established, ends_with(CLOSE, CLOSE)), SERVED),
    case("an alert in two records", "8446 5.1", after(established, record(21, b"\1"), record(21, b"\0")),
         "decode_error|unexpected_message"),
    case("user_canceled and close_notify in one record", "8446 5.1", after(established, record(21, b"\1\x5a\1\0")),
         "decode_error|unexpected_message"),
    case("an alert of 2^14 bytes", "8446 5.1", after(established, record(21, b"\1\x5a" * 8192)),
         "decode_error|unexpected_message"),
    *[one(f"fatal {ALERTS[code]}", "5246 7.2.2", after(established, alert(2, code)), CLOSED) for code in (*ERRORS, 90)],
    *[one(f"{ALERTS[code]} of level warning", "5246 7.2.2", after(established, alert(1, code), echoed(5)), SERVED,
          own="wolfSSL ends the session at decrypt_error" if ALERTS[code] == "decrypt_error" else None)
      for code in (*ERRORS, 90)],
    *[one(f"an alert of level {level}", "5246 7.2", after(established, alert(level, 80)), CLOSED, own=LEVEL)
      for level in (0, 3, 255)],
    one("warnings and close_notify", "5246 7.2.1", after(established, ends_with(CANCELED, sealed(21, b"\1\x64"), CLOSE)), SERVED),
    one("what follows close_notify is ignored", "5246 7.2.1", after(
        established, ends_with(CLOSE, DATA, lambda _: os.urandom(50))), SERVED),
    one("an alert in two records", "5246 6.2.1", after(established, record(21, b"\1"), record(21, b"\0")),
        "decode_error|unexpected_message"),
    one("two alerts in one record", "5246 6.2.1", after(established, record(21, b"\1\x5a\1\x5a")),
        "decode_error|unexpected_message"),
]


# TLS 1.2: renegotiation, nonces, change_cipher_spec.

def warned(client):
    event = client.read_event()
    assert (event.name, event.level) == ("no_renegotiation", 1), event


def hello_again(size=None, record_size=1 << 14, between=None):
    """A ClientHello whose body has `size` bytes, in records of `record_size`; `between` comes behind the first record."""
    def act(client):
        whole = client.hello.message()
        if size is not None:
            whole = message(H.CLIENT_HELLO, whole[4:] + bytes(size - len(whole) + 4))
        client.send_handshake(whole[:record_size])
        if between:
            between(client)
        if whole[record_size:]:
            client.send_handshake(whole[record_size:], record_size=record_size)
    return act


def together(*messages):
    """These messages in one record."""
    return lambda client: client.send_record(22, b"".join(messages_of(client, messages)))


def messages_of(client, messages):
    return [client.hello.message() if one is None else one for one in messages]


def nonces(*explicit):
    """A record with each of these explicit nonces."""
    def act(client):
        client.send_raw(b"".join(client.writer.seal(23, b"data", explicit=nonce) for nonce in explicit))
        assert client.read(4 * len(explicit)) == b"data" * len(explicit)
    return act


TLS12 = [
    one("renegotiation three times", "5746 4.5", after(established, *[hello_again(), warned, echoed(9)] * 3), SERVED),
    one("a renegotiation of 2^14 bytes", "5746 4.5", after(established, hello_again((1 << 14) - 4), warned, echoed(9)), SERVED),
    one("a renegotiation of 40,000 bytes", "5746 4.5", after(established, hello_again(40000), warned, echoed(9)), SERVED,
        own="wolfSSL has another limit"),
    one("a renegotiation of 128 KiB", "5746 4.5", after(established, hello_again(1 << 17), warned, echoed(9)), SERVED,
        own="wolfSSL has another limit"),
    one("a renegotiation above 128 KiB", "5746 4.5", after(established, hello_again((1 << 17) + 1)), "decode_error",
        own="wolfSSL has another limit"),
    one("a warning inside a renegotiation", "5246 6.2.1", after(established, hello_again(
        record_size=50, between=alert(1, 90)), warned, echoed(9)), SERVED, own="wolfSSL refuses it"),
    *[one(f"{name} inside a renegotiation", "5246 6.2.1", after(established, hello_again(record_size=50, between=act)),
          "unexpected_message", own="wolfSSL forwards data there")
      for name, act in (("data", data), ("an empty record of data", record(23, b"")), ("a change_cipher_spec", record(20, b"\1")))],
    one("no handshake bytes inside a renegotiation", "5246 6.2.1", after(
        established, record(22, b"\1\0"), record(22, b"")), "unexpected_message|decode_error"),
    one("half a renegotiation and the end", "5246 7.2.1", after(established, record(22, b"\1\0\1"), alert(1, 0)), CLOSED),
    one("two renegotiations in one record", "5746 4.5", after(established, together(None, None), warned, echoed(9)), SERVED,
        own=NO_TWO),
    one("a renegotiation and a Finished in one record", "5246 7.3", after(
        established, together(None, message(H.FINISHED, bytes(12)))), "unexpected_message", own=NO_TWO),
    one("a renegotiation in segments of one byte", "5746 4.5", after(
        established, lambda c: c.send_handshake(c.hello.message(), segment=1), warned), SERVED),
    one("a renegotiation before close_notify", "5746 4.5", after(
        established, lambda c: setattr(c, "close_notify", lambda: c.send_raw(
            c.handshake_records(c.hello.message()) + c.sealed(21, b"\1\0")))), SERVED),
    *[one(f"{name}: a renegotiation is refused", "5746 4.5", after(established, hello_again(), warned, echoed(1 << 14)),
          SERVED, **of12(suite)) for suite, name in SUITES12.items()],
    *[one(f"{SUITES12[suite]}: {what}", "5288 3", after(established, act), SERVED, **of12(suite))
      for suite in GCM12 for what, act in (
          ("an explicit nonce twice", nonces(bytes(8), bytes(8))), ("explicit nonces that fall", nonces(b"\xff" * 8, bytes(8))),
          ("random explicit nonces", nonces(*[os.urandom(8) for _ in range(5)])))],
    *[one(f"{name}: a record whose sequence number is one ahead", "5246 6.2.3.3", after(
        established, lambda c: setattr(c.writer, "sequence", c.writer.sequence + 1), data), "bad_record_mac", **of12(suite))
      for suite, name in SUITES12.items()],
    *[one(f"{name}: an empty record before each with data", "5246 6.2.1", after(
        established, *[record(23, b""), echoed(50)] * 20), SERVED, **of12(suite)) for suite, name in SUITES12.items()],
    *[one(f"a header of version {version:#06x} without a body", "5246 6.2.1", after(established, header(
        version=version, length=100)), "protocol_version|illegal_parameter|bad_record_mac", own="wolfSSL waits for the body")
      for version in (0x0300, 0x0301, 0x0304, 0x0503)],
    one("an empty sealed change_cipher_spec", "5246 7.1", after(established, record(20, b"")), "unexpected_message"),
    one("a sealed change_cipher_spec of two bytes", "5246 7.1", after(established, record(20, b"\1\1")), "unexpected_message"),
    one("a heartbeat after the handshake", "6520 4", after(established, record(24, b"\1\0\1x" + bytes(16))), "unexpected_message"),
    one("a handshake message in the clear", "5246 6.2.3.3", after(established, plain(22, message(H.HELLO_REQUEST, b"") * 8)),
        "bad_record_mac|unexpected_message"),
]

test_limits = table(LIMITS)
test_messages = table(MESSAGES)
test_updates = table(UPDATES)
test_alerts = table(ALERTS_OF_CLIENTS)
test_tls12 = table(TLS12)
