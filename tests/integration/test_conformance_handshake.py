# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of a TLS 1.3 handshake behind the hello: messages out of place, cut and joined, change_cipher_spec,
alerts (RFC 8446 4, 4.3 to 4.6, 5, 5.1, 6, D.4)."""

from harness.conformance import CLOSED, SERVED, case, table
from harness.steps import (CCS, alert, after, ccs, established, finish, flight, handshake, inner, plain, put, raw, record,
                           steps, versions)
from raw_tls import Extension, HandshakeType, Tls12Client, message
from raw_tls.constants import DOWNGRADE_TLS12

H = HandshakeType

PLACED = [(H.HELLO_REQUEST, b""), (H.SERVER_HELLO, bytes(40)), (H.NEW_SESSION_TICKET, bytes(20)),
          (H.END_OF_EARLY_DATA, b""), (H.ENCRYPTED_EXTENSIONS, b"\0\0"), (H.CERTIFICATE, bytes(4)),
          (H.SERVER_KEY_EXCHANGE, bytes(8)), (H.CERTIFICATE_REQUEST, b"\0\0\0"), (H.SERVER_HELLO_DONE, b""),
          (H.CERTIFICATE_VERIFY, b"\4\3\0\0"), (H.CLIENT_KEY_EXCHANGE, b"\1\0"), (H.CERTIFICATE_STATUS, bytes(4)),
          (H.KEY_UPDATE, b"\0"), (77, b""), (H.MESSAGE_HASH, bytes(32)), (255, b"x")]


def second_hello(client):
    client.send_handshake(client.hello.message())


def flipped(client):
    """A Finished with one wrong bit."""
    right = client.client_flight()
    client.send_handshake(right[:-1] + bytes([right[-1] ^ 1]))


def resized(change):
    """A Finished whose body is changed in length."""
    return lambda client: client.send_handshake(message(H.FINISHED, change(client.client_flight()[4:])))


def with_finished(before=b"", behind=b""):
    """The right Finished with other bytes in its record."""
    def act(client):
        right = client.client_flight()
        client.send_handshake(before + right + behind)
        client.start_application_writing(right)
    return act


def interrupted(interruption):
    """The Finished in two records with `interruption` between them."""
    def act(client):
        right = client.client_flight()
        client.send_handshake(right[:10])
        interruption(client)
        client.send_handshake(right[10:])
        client.start_application_writing(right)
    return act


def ccs_between(client):
    right = client.client_flight()
    client.send_raw(CCS)
    client.send_handshake(right)
    client.start_application_writing(right)


STATE = [
    *[case(f"message {int(kind)} instead of the Finished", "8446 4", after(flight, handshake(kind, body)),
           "unexpected_message") for kind, body in PLACED],
    *[case(f"message {int(kind)} after the handshake", "8446 4.6", after(established, handshake(kind, body)),
           "unexpected_message") for kind, body in PLACED if kind != H.KEY_UPDATE],
    case("ClientHello instead of the Finished", "8446 4.1.2", after(flight, second_hello), "unexpected_message"),
    case("ClientHello after the handshake", "8446 4.1.2", after(established, second_hello), "unexpected_message"),
    case("Finished after the handshake", "8446 4.4.4", after(established, handshake(H.FINISHED, bytes(32))),
         "unexpected_message"),
    case("data before the Finished", "8446 4.4.4", after(flight, record(23, b"early")), "unexpected_message"),
    case("close_notify instead of the Finished", "8446 6.1", after(flight, alert(1, 0)), CLOSED),
    case("user_canceled and close_notify instead of the Finished", "8446 6.1",
         after(flight, alert(1, 90), alert(1, 0)), CLOSED),
    case("Finished of the wrong value", "8446 4.4.4", after(flight, flipped), "decrypt_error"),
    case("Finished of 31 bytes", "8446 4.4.4", after(flight, resized(lambda b: b[:-1])), "decode_error"),
    case("Finished of 33 bytes", "8446 4.4.4", after(flight, resized(lambda b: b + b"\0")), "decode_error"),
    case("empty Finished", "8446 4.4.4", after(flight, resized(lambda b: b"")), "decode_error"),
    case("Finished of 16 MiB", "8446 4", after(flight, raw(lambda c: c.sealed(22, b"\x14\xff\xff\xff" + bytes(32)))),
         "decode_error|illegal_parameter|unexpected_message"),
    case("an unasked Certificate before the Finished", "8446 4.4.2", after(flight, with_finished(
        before=message(H.CERTIFICATE, bytes(4)))), "unexpected_message"),
    case("KeyUpdate in the Finished's record", "8446 5.1", after(flight, with_finished(
        behind=message(H.KEY_UPDATE, b"\0"))), "unexpected_message"),
    case("half a message in the Finished's record", "8446 5.1", after(flight, with_finished(behind=b"\x18\0\0\1")),
         "unexpected_message"),
    case("Finished twice", "8446 4.4.4", steps(established, handshake(H.FINISHED, bytes(32))), "unexpected_message"),
    *[case(f"Finished in records of {size} bytes", "8446 5.1", after(flight, finish(record_size=size)), SERVED)
      for size in (1, 2, 3, 4, 5, 7, 20, 35)],
    case("Finished with padding", "8446 5.4", after(flight, finish(pad=300)), SERVED),
    case("Finished with padding up to the limit", "8446 5.4", after(flight, finish(pad=16384 - 36)), SERVED),
    case("Finished in segments of one byte", "8446 5.1", after(flight, finish(segment=1)), SERVED),
    case("data between the halves of the Finished", "8446 5.1", after(flight, interrupted(record(23, b"x"))),
         "unexpected_message"),
    case("a warning between the halves of the Finished", "8446 5.1", after(flight, interrupted(alert(1, 90))),
         "unexpected_message"),
    case("an empty data record before the Finished", "8446 4.4.4", after(flight, record(23, b"")),
         "unexpected_message"),
]

PROTECTION = [
    case("Finished in the clear", "8446 5", after(flight, plain(22, message(H.FINISHED, bytes(32)))),
         "unexpected_message"),
    case("data in the clear in the handshake", "8446 5.2", after(flight, plain(23, b"x" * 40)), "bad_record_mac"),
    case("a short record of data in the clear", "8446 5.2", after(flight, plain(23, b"x")), "bad_record_mac"),
    case("an empty record of data in the clear", "8446 5.2", after(flight, plain(23, b"")), "bad_record_mac"),
    case("a record of type 99 in the handshake", "8446 5", after(flight, plain(99, b"x" * 40)), "unexpected_message"),
    case("a heartbeat in the handshake", "8446 5", after(flight, plain(24, b"x" * 40)), "unexpected_message"),
    case("a sealed record of type 99 in the handshake", "8446 5", after(flight, record(99, b"x")),
         "unexpected_message"),
    case("a sealed change_cipher_spec in the handshake", "8446 5", after(flight, record(20, b"\1")),
         "unexpected_message"),
    case("a sealed record of zeros in the handshake", "8446 5.4", after(flight, inner(bytes(30))),
         "unexpected_message"),
    case("a sealed empty handshake record in the handshake", "8446 5.4", after(flight, record(22, b"")),
         "unexpected_message"),
    case("a sealed empty alert in the handshake", "8446 5.4", after(flight, record(21, b"")), "unexpected_message"),
    case("a damaged Finished", "8446 5.2", after(flight, lambda c: c.send_record(22, c.client_flight(), corrupt=True)),
         "bad_record_mac"),
    case("a record beyond 2^14+256 in the handshake", "8446 5.2", after(flight, plain(23, b"", length=16641)),
         "record_overflow"),
    case("a plaintext beyond 2^14+1 in the handshake", "8446 5.4",
         after(flight, lambda c: c.send_raw(c.writer.seal_inner(bytes(16384) + b"\x16\0"))), "record_overflow"),
    case("a fatal alert in the clear behind the server's flight", "8446 6.2", after(flight, plain(21, b"\2\x28")),
         CLOSED),
    case("a fatal alert in the handshake", "8446 6.2", after(flight, alert(2, 42)), CLOSED),
    case("a fatal alert of an unknown kind in the handshake", "8446 6.2", after(flight, alert(2, 200)), CLOSED),
    case("an error of level warning in the handshake", "8446 6", after(flight, alert(1, 42)), CLOSED),
    case("user_canceled and then the Finished", "8446 6.1", after(flight, alert(1, 90), finish()), SERVED),
    case("an alert of one byte in the handshake", "8446 6", after(flight, record(21, b"\2")),
         "decode_error|unexpected_message"),
    case("two alerts in one record in the handshake", "8446 5.1", after(flight, record(21, b"\1\x5a\1\x5a")),
         "decode_error|unexpected_message"),
]

CHANGE_CIPHER_SPEC = [
    # RFC 8446 5, D.4
    case("change_cipher_spec behind the hello", "8446 D.4", steps(
        lambda c: c.send_client_hello(), ccs, lambda c: c.read_server_hello(), lambda c: c.read_server_flight(),
        finish(change_cipher_spec=False)), SERVED),
    case("change_cipher_spec in the segment of the hello", "8446 D.4", steps(
        lambda c: c.send_raw(b""), lambda c: hello_and(c, CCS), lambda c: c.read_server_hello(),
        lambda c: c.read_server_flight(), finish(change_cipher_spec=False)), SERVED),
    case("no change_cipher_spec", "8446 D.4", after(flight, finish(change_cipher_spec=False)), SERVED),
    case("change_cipher_spec before the Finished", "8446 D.4", after(flight, ccs_between), SERVED),
    case("change_cipher_spec twice", "8446 5", after(flight, ccs, ccs_between), SERVED),
    case("change_cipher_spec four times", "8446 5", after(flight, ccs, ccs, ccs, ccs_between), SERVED),
    case("change_cipher_spec behind the hello and before the Finished", "8446 5", steps(
        lambda c: hello_and(c, CCS), lambda c: c.read_server_hello(), lambda c: c.read_server_flight(), ccs, ccs,
        finish()), SERVED),
    case("change_cipher_spec in segments of one byte", "8446 D.4", after(
        flight, lambda c: c.link.send_pieces(CCS * 2), finish()), SERVED),
    case("change_cipher_spec without a session id", "8446 D.4", steps(
        lambda c: setattr(c.hello, "session_id", b""), flight, finish()), SERVED),
    *[case(f"change_cipher_spec {what} before the Finished", "8446 5", after(flight, plain(20, data)),
           "unexpected_message") for what, data in (("of value 0", b"\0"), ("of value 2", b"\2"),
                                                    ("of two bytes", b"\1\1"), ("empty", b""))],
    *[case(f"change_cipher_spec {what} behind the hello", "8446 5", steps(
        lambda c, data=data: hello_and(c, b"\x14\3\3" + len(data).to_bytes(2, "big") + data),
        lambda c: c.read_server_hello(), lambda c: c.read_server_flight()), "unexpected_message")
      for what, data in (("of value 2", b"\2"), ("of two bytes", b"\1\1"), ("empty", b""))],
    case("change_cipher_spec after the handshake", "8446 5", after(established, ccs), "unexpected_message"),
    case("change_cipher_spec in the segment of the Finished, behind it", "8446 5", after(
        flight, lambda c: finished_and(c, CCS)), "unexpected_message"),
    case("a thousand change_cipher_spec", "8446 5", after(flight, raw(CCS * 1000)), "unexpected_message"),
]


def hello_and(client, more):
    data = client.client_hello()
    client.transcript += data
    client.send_raw(client.handshake_records(data, version=0x0301) + more)
    client.send_client_hello = lambda: None


def finished_and(client, more):
    right = client.client_flight()
    data = client.handshake_records(right)
    client.start_application_writing(right)
    client.send_raw(data + more)


# What the server says, where the RFC says what it must say.

def server_hello_is_right(client):
    client.handshake()
    hello = client.server_hello
    assert hello.legacy_version == 0x0303 and hello.compression == 0 and hello.session_id == client.hello.session_id
    assert set(hello.extensions) == {Extension.SUPPORTED_VERSIONS, Extension.KEY_SHARE}
    assert not hello.random.endswith(DOWNGRADE_TLS12)
    assert not set(client.server_extensions) - {Extension.SERVER_NAME, Extension.SUPPORTED_GROUPS}
    assert all(version == 0x0303 for _, version, _ in client.records_seen)
    assert all(length <= 16384 + 256 for _, _, length in client.records_seen)


def suite_is_offered(client):
    client.hello.cipher_suites = [0x1303]
    client.handshake()
    assert client.server_hello.suite == 0x1303


def downgrade_is_marked(client):
    client.handshake()
    assert client.server_hello.random.endswith(DOWNGRADE_TLS12)


def no_downgrade_to_mark(client):
    client.handshake()
    assert b"DOWNGRD" not in client.server_hello.random


def no_change_cipher_spec(client):
    client.hello.session_id = b""
    client.handshake()
    assert 20 not in [kind for kind, _, _ in client.records_seen]


SERVER = [
    case("ServerHello and EncryptedExtensions", "8446 4.1.3, 4.3.1", server_hello_is_right, SERVED),
    case("the suite comes from the client's list", "8446 4.1.3", suite_is_offered, SERVED),
    case("a downgrade is marked", "8446 4.1.3", downgrade_is_marked, SERVED, tls=12),
    case("a service of TLS 1.2 has nothing to mark", "8446 4.1.3", no_downgrade_to_mark, SERVED, tls=12,
         service="old"),
    case("TLS 1.2 by the list is a downgrade too", "8446 4.1.3", steps(
        lambda c: versions(0x0303)(c.hello), downgrade_is_marked), SERVED, tls=12),
    case("no change_cipher_spec without a session id", "8446 D.4", no_change_cipher_spec, SERVED),
    case("an ALPN answer names one protocol", "7301 3.1", steps(
        lambda c: put(Extension.ALPN, b"\0\x0c\x08http/1.1\2h2")(c.hello), lambda c: c.handshake(),
        lambda c: check(c.server_extensions[Extension.ALPN] == b"\0\3\2h2")), SERVED, service="alpn"),
]


def check(condition):
    assert condition


test_state = table(STATE)
test_protection = table(PROTECTION)
test_change_cipher_spec = table(CHANGE_CIPHER_SPEC)
test_server = table(SERVER)
