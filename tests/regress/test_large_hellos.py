# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS 1.3 ticket of another server above 4096 bytes ended in decode_error, a ClientHello above 16 KiB in
illegal_parameter, and the library had limits for the number of suites, signature schemes and key shares. Right: a full
handshake; hellos of up to 64 KiB, and no memory for what a client only announces."""

import os
import socket

import pytest

from harness.util import eventually
from raw_tls import (Alert, Extension, Group, HandshakeFailed, Link, Tls12Client, Tls13Client, hello12, hello13,
                     key_share)
from raw_tls.hello import pre_shared_key, signature_algorithms, supported_groups

pytestmark = pytest.mark.wolfssl(5, 9)

PADDING = 21
OURS13, OURS12 = 0x1301, 0xC02B
KINDS = {"1.3": (Tls13Client, hello13), "1.2": (Tls12Client, hello12)}


@pytest.fixture(scope="module")
def daemon(conformance):
    return conformance


def completes(daemon, version, change):
    kind, make = KINDS[version]
    with kind(Link(daemon.address("main"), timeout=15)) as client:
        change(client)
        client.handshake()
        client.send(b"full")
        assert client.read(4) == b"full"
        assert not getattr(client, "resumed", False)
        assert client.finish().clean


def padded(total):
    def change(client):
        client.hello.set(PADDING, b"")
        client.hello.set(PADDING, bytes(total - len(client.hello.message())))
        assert len(client.hello.message()) == total
    return change


@pytest.mark.parametrize("size", [5000, 16000, 40000, 60000])
def test_a_strangers_ticket_leads_to_a_full_handshake(daemon, size):
    completes(daemon, "1.3", lambda client: client.hello.extensions.append(
        (Extension.PRE_SHARED_KEY, pre_shared_key(os.urandom(size), 1234, bytes(32)))))


@pytest.mark.parametrize("size", [300, 5000, 40000])
def test_a_strangers_ticket_of_tls_1_2_leads_to_a_full_handshake(daemon, size):
    completes(daemon, "1.2", lambda client: client.hello.set(35, os.urandom(size)))


@pytest.mark.parametrize("version", list(KINDS))
@pytest.mark.parametrize("size", [16384, 16385, 33000, 60000, 65536])
def test_a_hello_of_up_to_64_kib_is_served(daemon, version, size):
    completes(daemon, version, padded(size))


@pytest.mark.parametrize("version", list(KINDS))
def test_a_longer_one_is_refused_with_its_limit(daemon, version):
    kind, _ = KINDS[version]
    with kind(Link(daemon.address("main"), timeout=15)) as client:
        padded(65537)(client)
        with pytest.raises(HandshakeFailed) as failure:
            client.handshake()
        assert isinstance(failure.value.event, Alert) and failure.value.event.name == "illegal_parameter"
    assert "ClientHello is longer than 65536 bytes" in daemon.wait_log("handshake failed").text


def test_a_long_hello_is_asked_for_another_share(daemon):
    """A HelloRetryRequest, and the second hello is as long."""
    with Tls13Client(Link(daemon.address("main"), timeout=15), shares=()) as client:
        padded(50000)(client)
        client.handshake()
        assert client.retry is not None
        client.send(b"full")
        assert client.read(4) == b"full"
        assert client.finish().clean


def many(first, last, count):
    """Numbers that mean nothing to the service, and one at the end that counts."""
    return [first + n for n in range(count)] + [last]


@pytest.mark.parametrize("version, ours", [("1.3", OURS13), ("1.2", OURS12)])
def test_any_number_of_suites(daemon, version, ours):
    completes(daemon, version, lambda c: setattr(c.hello, "cipher_suites", many(0x6000, ours, 20000)))


@pytest.mark.parametrize("version", list(KINDS))
def test_any_number_of_signature_schemes(daemon, version):
    completes(daemon, version, lambda c: c.hello.set(
        Extension.SIGNATURE_ALGORITHMS, signature_algorithms(many(0xE000, 0x0403, 5000))))


@pytest.mark.parametrize("version", list(KINDS))
def test_any_number_of_groups(daemon, version):
    completes(daemon, version, lambda c: c.hello.set(
        Extension.SUPPORTED_GROUPS, supported_groups(many(0x4000, Group.X25519, 5000) + [Group.SECP256R1])))


def test_any_number_of_key_shares(daemon):
    def change(client):
        others = [0x4000 + n for n in range(300)]
        client.hello.set(Extension.SUPPORTED_GROUPS, supported_groups(others + [Group.X25519]))
        client.hello.set(Extension.KEY_SHARE, key_share(
            [(group, bytes(8)) for group in others] + [client.shares[Group.X25519]]))
    completes(daemon, "1.3", change)


@pytest.mark.nosan
def test_what_is_only_announced_costs_nothing(culvert, echo):
    """300 hellos that announce 60,000 bytes and send 1,000: less than 16 KiB each."""
    daemon = culvert(backend=echo.address, globals_={"workers": 1})
    start = b"\x16\3\1\x03\xe8" + b"\1" + (60000).to_bytes(3, "big") + bytes(996)
    with socket.create_connection(daemon.address()) as warm:
        warm.sendall(start)
        eventually(lambda: daemon.counters()["accepted"] >= 1)
    before = daemon.rss()
    sockets = [socket.create_connection(daemon.address()) for _ in range(300)]
    for one in sockets:
        one.sendall(start)
    eventually(lambda: daemon.counters()["accepted"] >= 301)
    assert daemon.rss() - before < 300 * 16 * 1024
    for one in sockets:
        one.close()
