# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's renegotiation ended the session of TLS 1.2 with a fatal alert.

The warning no_renegotiation is right (RFC 5246 7.2.2, RFC 5746 4.5): the session goes on. It may be cut over records as any
message; a stream of such hellos is a flood. A HelloRequest, which only servers send, got handshake_failure."""

import pytest

from harness.steps import established
from raw_tls import HandshakeType, Link, Tls12Client, message

pytestmark = [pytest.mark.wolfssl(5, 9), pytest.mark.records]


@pytest.fixture
def client(culvert, echo):
    with Tls12Client(Link(culvert(backend=echo.address).address())) as one:
        established(one)
        yield one


def warned(client):
    event = client.read_event()
    assert (event.name, event.level) == ("no_renegotiation", 1), event


@pytest.mark.parametrize("record_size", [16384, 50, 3, 1])
def test_the_session_goes_on(client, record_size):
    for _ in range(3 if record_size >= 50 else 1):
        # The records of one hello are fewer than a flood has.
        hello = client.hello.message()
        cut = max(record_size, len(hello) // 20) if record_size < 50 else record_size
        client.send_handshake(hello[:record_size])
        client.send_handshake(hello[record_size:], record_size=cut) if hello[record_size:] else None
        warned(client)
        client.send(b"still there")
        assert client.read(11) == b"still there"
    assert client.finish().clean


def test_many_are_a_flood(client):
    hello = client.hello.message()
    client.send_raw(b"".join(client.handshake_records(hello) for _ in range(50)))
    result = client.outcome()
    # culvert answers all hellos that arrive together once, and not at all if they are a flood already.
    assert {alert.name for alert in result.alerts if not alert.fatal} <= {"no_renegotiation"}
    assert [alert.name for alert in result.alerts if alert.fatal] == ["unexpected_message"]


def test_a_hello_request_is_not_a_clients(client):
    client.send_handshake(message(HandshakeType.HELLO_REQUEST, b""))
    assert client.outcome().alert == "unexpected_message"
