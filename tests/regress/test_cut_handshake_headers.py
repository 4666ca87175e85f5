# SPDX-License-Identifier: GPL-3.0-or-later
"""A handshake message whose four-byte header was cut over records was refused; after the handshake no message could be cut.

TLS sets no such limit (RFC 8446 5.1, RFC 5246 6.2.1). What may not come is another record between the parts (TLS 1.3), more
bytes behind a KeyUpdate in its record, and an empty handshake record."""

import pytest

from harness.conformance import SERVED, case, table
from harness.steps import after, alert, data, established, flight, record, sealed
from raw_tls import HandshakeType, message

pytestmark = [pytest.mark.wolfssl(5, 9), pytest.mark.records]
UPDATE = message(HandshakeType.KEY_UPDATE, b"\0")


def pieces(*sizes, between=None):
    """The client's last flight in records of these sizes, the rest in one more; `between` comes behind the first."""
    def act(client):
        right = client.client_flight() if hasattr(client, "client_flight") else message(
            HandshakeType.FINISHED, client.verify_data(b"client finished"))
        rest = right
        for index, size in enumerate(sizes):
            client.send_handshake(rest[:size])
            rest = rest[size:]
            if between and index == 0:
                between(client)
        client.send_handshake(rest)
        if hasattr(client, "client_flight"):
            client.start_application_writing(right)
        else:
            client.transcript += right
            client.read_server_finished()
    return act


def updates(*cuts, behind=b""):
    """A KeyUpdate cut into records of these sizes."""
    def act(client):
        rest = UPDATE + behind
        for size in cuts:
            client.send_record(22, rest[:size])
            rest = rest[size:]
        client.send_record(22, rest)
        client.writer = client.writer.updated()
    return act


CUTS = [(1,), (2,), (3,), (1, 1), (1, 2), (1, 1, 1), (2, 1, 5)]

test_cut_headers = table([
    *[case(f"TLS 1.3: Finished cut at {cut}", "8446 5.1", after(flight, pieces(*cut)), SERVED) for cut in CUTS],
    *[case(f"TLS 1.2: Finished cut at {cut}", "5246 6.2.1", after(sealed, pieces(*cut)), SERVED, tls=12) for cut in CUTS],
    *[case(f"KeyUpdate cut at {cut}", "8446 5.1", after(established, updates(*cut), data, lambda c: c.read(4)), SERVED)
      for cut in [(1,), (2,), (3,), (4,), (1, 1), (1, 1, 1, 1), (3, 1)]],
    case("three cut KeyUpdates, one after the other", "8446 5.1", after(
        established, *[updates(2), data, lambda c: c.read(4)] * 3), SERVED),
    *[case(f"TLS 1.3: {what} in the header of the Finished", "8446 5.1", after(flight, pieces(2, between=between)),
           "unexpected_message") for what, between in (("data", record(23, b"x")), ("a warning", alert(1, 90)))],
    *[case(f"{what} in the header of a KeyUpdate", "8446 5.1", after(
        established, record(22, UPDATE[:2]), between, record(22, UPDATE[2:])), "unexpected_message")
      for what, between in (("data", data), ("a warning", alert(1, 90)))],
    case("data between the halves of a KeyUpdate", "8446 5.1", after(
        established, record(22, UPDATE[:4]), data, record(22, UPDATE[4:])), "unexpected_message"),
    case("the start of another message after the handshake", "8446 4.6", after(established, record(22, b"\x14\0")),
         "unexpected_message"),
    case("the start of a long KeyUpdate", "8446 4.6.3", after(established, record(22, b"\x18\0\xff"), record(22, b"\0")),
         "unexpected_message|decode_error|illegal_parameter"),
    case("a KeyUpdate with the start of another behind it", "8446 5.1", after(established, record(22, UPDATE + b"\x18")),
         "unexpected_message"),
    case("two KeyUpdates in one record", "8446 5.1", after(established, record(22, UPDATE * 2)), "unexpected_message"),
    case("an empty record in the header of the Finished", "8446 5.4", after(flight, pieces(2, between=record(22, b""))),
         "unexpected_message"),
    case("TLS 1.2: an empty record in the header of the Finished", "5246 6.2.1", after(
        sealed, pieces(2, between=record(22, b""))), "unexpected_message|decode_error", tls=12),
    case("TLS 1.2: the start of another message after the handshake", "5246 7.4", after(
        established, record(22, b"\x10\0")), "unexpected_message", tls=12),
])
