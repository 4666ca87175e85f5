# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets that were refused with an alert, lost, or sent to clients that cannot use them.

A TLS 1.2 hello with a ticket whose suite it no longer offers got handshake_failure; a full handshake is right (RFC 5077
3.4). A TLS 1.2 hello that also carried a TLS 1.3 ticket (pre_shared_key) without psk_dhe_ke lost its own. A TLS 1.3 client
that does not offer psk_dhe_ke was sent a ticket, which it cannot use (RFC 8446 4.2.9)."""

import os

import pytest

from harness.steps import put, without
from raw_tls import Extension, Link, Tls12Client, Tls13Client
from raw_tls.hello import vec8, vec16

pytestmark = pytest.mark.wolfssl(5, 9)
FOREIGN_PSK = vec16(vec16(b"t" * 180) + bytes(4)) + vec16(vec8(b"b" * 48))


@pytest.fixture
def daemon(culvert, echo):
    return culvert(backend=echo.address)


def echoed(client):
    client.send(b"x")
    assert client.read(1) == b"x"
    assert client.finish().clean


def session(daemon, suites):
    """A TLS 1.2 session's ticket."""
    with Tls12Client(Link(daemon.address())) as client:
        client.hello.cipher_suites = suites
        client.hello.set(Extension.SESSION_TICKET, b"")
        client.handshake()
        echoed(client)
        return client.tickets[0]


@pytest.mark.parametrize("offered, resumed", [([0xC02C], False), ([0xCCA9, 0xC02C], False), ([0xC02C, 0xC02B], True)],
                         ids=["another", "two others", "beside another"])
def test_a_suite_that_is_no_longer_offered(daemon, offered, resumed):
    ticket = session(daemon, [0xC02B])
    with Tls12Client(Link(daemon.address()), ticket=ticket) as client:
        client.hello.cipher_suites = offered
        client.handshake()
        echoed(client)
        assert client.resumed == resumed
        assert resumed or client.server_hello.suite == 0xC02C or client.server_hello.suite == 0xCCA9
        assert resumed or client.tickets, "a refused ticket is replaced"


def test_a_ticket_beside_one_of_the_other_version(daemon):
    ticket = session(daemon, [0xC02B])
    with Tls12Client(Link(daemon.address()), ticket=ticket) as client:
        client.hello.extensions.append((Extension.PRE_SHARED_KEY, FOREIGN_PSK))
        client.handshake()
        echoed(client)
        assert client.resumed


@pytest.mark.parametrize("change, sent", [
    (without(Extension.PSK_KEY_EXCHANGE_MODES), False), (put(Extension.PSK_KEY_EXCHANGE_MODES, vec8(b"\0")), False),
    (put(Extension.PSK_KEY_EXCHANGE_MODES, vec8(b"\x0b")), False),
    (put(Extension.PSK_KEY_EXCHANGE_MODES, vec8(b"\0\1")), True)], ids=["no modes", "psk_ke", "unknown", "both"])
def test_who_is_sent_a_ticket(daemon, change, sent):
    with Tls13Client(Link(daemon.address())) as client:
        change(client.hello)
        client.hello.session_id = os.urandom(32)
        client.handshake()
        echoed(client)
        assert bool(client.tickets) == sent
