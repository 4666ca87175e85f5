# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of an established TLS 1.3 session: records, padding, KeyUpdate, alerts, the end (RFC 8446 4.6.3, 5, 6)."""

import pytest

from harness.conformance import CLOSED, SERVED, case, table
from harness.steps import after, alert, data, established, handshake, header, inner, plain, record, sealed_as, steps
from raw_tls import HandshakeType, message

pytestmark = pytest.mark.records

KEY_UPDATE = HandshakeType.KEY_UPDATE


def echoed(size, **how):
    """Data in one record, and its echo."""
    def act(client):
        client.send_record(23, b"p" * size, **how)
        assert client.read(size) == b"p" * size
    return after(established, act)


RECORDS = [
    # padding and sizes (RFC 8446 5.1, 5.2, 5.4)
    *[case(f"{pad} bytes of padding", "8446 5.4", echoed(5, pad=pad), SERVED) for pad in (1, 16, 255, 4000, 16378)],
    case("padding up to the limit", "8446 5.4", echoed(1, pad=16383), SERVED),
    case("2^14 bytes of data", "8446 5.1", echoed(16384), SERVED),
    case("2^14-1 bytes of data and one of padding", "8446 5.4", echoed(16383, pad=1), SERVED),
    case("2^14 bytes of data and one of padding", "8446 5.4",
         after(established, lambda c: c.send_record(23, bytes(16384), pad=1)), "record_overflow"),
    case("2^14+1 bytes of data", "8446 5.4", after(established, record(23, bytes(16385))), "record_overflow"),
    case("padding beyond the limit", "8446 5.4", after(established, lambda c: c.send_record(23, b"", pad=16385)),
         "record_overflow"),
    case("the most padding of an empty record", "8446 5.4", steps(established, lambda c: c.send_record(
        23, b"", pad=16384)), SERVED),
    case("a record of 2^14+256 bytes that does not decrypt", "8446 5.2", after(established, header(
        length=16640, body=bytes(16640))), "bad_record_mac|record_overflow"),
    case("a record beyond 2^14+256", "8446 5.2", after(established, header(length=16641)), "record_overflow"),
    case("a record of 2^16-1 bytes", "8446 5.2", after(established, header(length=65535)), "record_overflow"),
    case("an empty record of data", "8446 5.1", after(established, record(23, b""), data, lambda c: c.read(4)), SERVED),
    case("thirty empty records of data", "8446 5.1", after(established, *[record(23, b"")] * 30), SERVED),
    case("a thousand empty records of data", "8446 5.1", after(established, lambda c: c.send_raw(
        b"".join(c.sealed(23, b"") for _ in range(1000)))), "unexpected_message"),
    case("an empty handshake record", "8446 5.4", after(established, record(22, b"")), "unexpected_message"),
    case("an empty alert", "8446 5.4", after(established, record(21, b"")), "unexpected_message"),
    case("a padded empty handshake record", "8446 5.4", after(established, lambda c: c.send_record(22, b"", pad=9)),
         "unexpected_message"),
    case("a record of zeros", "8446 5.4", after(established, inner(bytes(40))), "unexpected_message"),
    case("an empty inner plaintext", "8446 5.4", after(established, inner(b"")),
         "unexpected_message|bad_record_mac|decode_error"),
    *[case(f"inner type {kind}", "8446 5", after(established, record(kind, b"\1")), "unexpected_message")
      for kind in (1, 19, 20, 24, 25, 99, 255)],
    *[case(f"outer type {kind}", "8446 5.2", after(established, plain(kind, bytes(40))), "unexpected_message")
      for kind in (0, 19, 22, 24, 99, 255)],
    case("change_cipher_spec in the clear", "8446 5", after(established, plain(20, b"\1")), "unexpected_message"),
    case("a fatal alert in the clear", "8446 5.2", after(established, plain(21, b"\2\x28")),
         "unexpected_message|bad_record_mac"),
    case("close_notify in the clear", "8446 5.2", after(established, plain(21, b"\1\0")),
         "unexpected_message|bad_record_mac"),
    *[case(f"a record of version {version:#06x}", "8446 5.1", steps(established, sealed_as(version=version),
                                                                    lambda c: c.read(1)), SERVED)
      for version in (0x0301, 0x0302, 0x0304, 0x03FF)],
    *[case(f"a record of {size} bytes", "8446 5.2", after(established, header(length=size, body=bytes(size))),
           "bad_record_mac") for size in (0, 1, 15, 16, 17, 100)],
    case("a damaged record", "8446 5.2", after(established, lambda c: c.send_record(23, b"x", corrupt=True)),
         "bad_record_mac"),
    case("a record twice", "8446 5.3", after(established, lambda c: c.send_raw(c.sealed(23, b"x") * 2)),
         "bad_record_mac"),
    case("two records in the wrong order", "8446 5.3", after(established, lambda c: c.send_raw(
        b"".join(reversed([c.sealed(23, b"x"), c.sealed(23, b"y")])))), "bad_record_mac"),
    case("a record under the keys of the handshake", "8446 5.2", steps(
        lambda c: c.handshake(), lambda c: c.start_handshake_writing(), data), "bad_record_mac"),
]


def update(request=0, **how):
    def act(client):
        client.send_handshake(message(KEY_UPDATE, bytes([request])), **how)
        client.writer = client.writer.updated()
    return act


def updated_by_server(client):
    client.send(b"ask")
    assert client.read(3) == b"ask"
    assert client.key_updates == [0]


def with_update(behind):
    """A KeyUpdate and more handshake bytes in one record."""
    return record(22, message(KEY_UPDATE, b"\0") + behind)


def halves(between):
    """A KeyUpdate in two records, header whole in the first, with `between` in the middle."""
    return steps(record(22, message(KEY_UPDATE, b"\0")[:4]), between, record(22, b"\0"))


UPDATES = [
    case("KeyUpdate, nothing requested", "8446 4.6.3", after(established, update()), SERVED),
    case("KeyUpdate, one requested", "8446 4.6.3", after(established, update(1), updated_by_server), SERVED),
    case("ten KeyUpdates with data between", "8446 4.6.3", after(established, *[update(), data, lambda c: c.read(4)] * 10),
         SERVED),
    *[case(f"KeyUpdate of value {value}", "8446 4.6.3", after(established, handshake(KEY_UPDATE, bytes([value]))),
           "illegal_parameter") for value in (2, 255)],
    case("empty KeyUpdate", "8446 4.6.3", after(established, handshake(KEY_UPDATE)), "decode_error"),
    case("KeyUpdate of two bytes", "8446 4.6.3", after(established, handshake(KEY_UPDATE, b"\0\0")), "decode_error"),
    case("data under the old keys", "8446 4.6.3", after(established, handshake(KEY_UPDATE, b"\0"), data),
         "bad_record_mac"),
    case("data under new keys without a KeyUpdate", "8446 4.6.3", after(
        established, lambda c: setattr(c, "writer", c.writer.updated()), data), "bad_record_mac"),
    case("KeyUpdate with padding", "8446 5.4", after(established, update(pad=100)), SERVED),
    *[case(f"KeyUpdate in records of {size} bytes", "8446 5.1", after(established, update(record_size=size)), SERVED)
      for size in (1, 2, 3, 4)],
    case("two KeyUpdates in one record", "8446 5.1", after(established, with_update(message(KEY_UPDATE, b"\0"))),
         "unexpected_message"),
    case("half a message behind a KeyUpdate", "8446 5.1", after(established, with_update(b"\x18\0")),
         "unexpected_message"),
    case("data between the halves of a KeyUpdate", "8446 5.1", after(established, halves(data)), "unexpected_message"),
    case("a thousand KeyUpdates", "8446 4.6.3", after(established, lambda c: c.send_raw(
        b"".join(c.key_update_record() for _ in range(1000)))), "unexpected_message"),
    case("a handshake message of 16 MiB", "8446 4", after(established, record(22, b"\x18\xff\xff\xff\0")),
         "decode_error|illegal_parameter|unexpected_message"),
]

ALERTS = [
    # RFC 8446 6
    *[case(f"fatal alert {code}", "8446 6.2", after(established, alert(2, code)), CLOSED) for code in (10, 20, 80, 200)],
    *[case(f"error {code} of level warning", "8446 6", after(established, alert(1, code)), CLOSED)
      for code in (10, 20, 41, 80, 100, 200)],
    case("an alert of level 3", "8446 6", after(established, alert(3, 80)), CLOSED),
    case("user_canceled, and then data all the same", "8446 6.1", after(established, alert(1, 90)), SERVED),
    case("close_notify of level fatal", "8446 6.1", after(established, alert(2, 0)), CLOSED),
    case("half an alert", "8446 6", after(established, record(21, b"\2")), "decode_error|unexpected_message"),
    case("an alert of three bytes", "8446 6", after(established, record(21, b"\1\x5a\0")),
         "decode_error|unexpected_message"),
    case("two alerts in one record", "8446 5.1", after(established, record(21, b"\1\x5a\1\x5a")),
         "decode_error|unexpected_message"),
    case("an alert with padding", "8446 5.4", after(established, lambda c: c.send_record(21, b"\2\x50", pad=50)), CLOSED),
    case("a thousand warnings", "8446 6", after(established, lambda c: c.send_raw(
        b"".join(c.sealed(21, b"\1\x5a") for _ in range(1000)))), "unexpected_message"),
    case("what follows close_notify is ignored", "8446 6.1", steps(
        established, lambda c: setattr(c, "close_notify", lambda: c.send_raw(
            c.sealed(21, b"\1\0") + c.sealed(23, b"late") + bytes(50)))), SERVED),
]

test_records = table(RECORDS)
test_updates = table(UPDATES)
test_alerts = table(ALERTS)
