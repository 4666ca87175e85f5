# SPDX-License-Identifier: GPL-3.0-or-later
"""max_fragment_length (RFC 6066) was not answered and record_size_limit (RFC 8449) not looked at.

The first is negotiated: no record of either side is longer from then on, handshake messages are cut. The second is a ceiling
for what culvert sends sealed; in TLS 1.3 it counts the byte with the record's type. With both, the first is ignored."""

import struct

import pytest

from harness import Source
from raw_tls import Extension, Link, Tls12Client, Tls13Client

pytestmark = [pytest.mark.wolfssl(5, 9), pytest.mark.records]
CLIENTS = pytest.mark.parametrize("make", [Tls13Client, Tls12Client], ids=["1.3", "1.2"])
SIZE = 40_000
OVERHEAD = {Tls13Client: 16, Tls12Client: 8 + 16}


def longest(client):
    """The most that a sealed record had inside, and a plain one."""
    change = next(i for i, (kind, _, _) in enumerate(client.records_seen) if kind == 20)
    plain = [size for kind, _, size in client.records_seen[:change] if kind != 20]
    sealed = [size for _, _, size in client.records_seen[change + 1:]]
    return max(sealed) - OVERHEAD[type(client)], max(plain)


@pytest.fixture(params=["16k", "dynamic"])
def download(request, culvert, backend):
    """A client that has read SIZE bytes; `extensions` go into its hello."""
    source = backend(Source, SIZE, then="fin")

    def run(make, extensions):
        daemon = culvert(backend=source.address, service={"record-size": request.param})
        client = make(Link(daemon.address()))
        for kind, body in extensions.items():
            client.hello.set(kind, body)
        client.handshake()
        assert len(client.read(SIZE)) == SIZE
        return client
    return run


@CLIENTS
@pytest.mark.parametrize("code, limit", [(1, 512), (2, 1024), (3, 2048), (4, 4096)])
def test_the_fragment_length_holds(download, make, code, limit):
    with download(make, {Extension.MAX_FRAGMENT_LENGTH: bytes([code])}) as client:
        assert client.server_extensions.get(Extension.MAX_FRAGMENT_LENGTH) == bytes([code])
        sealed, plain = longest(client)
        assert sealed - (make is Tls13Client) <= limit and plain <= limit
        assert client.finish().clean


@CLIENTS
@pytest.mark.parametrize("limit", [64, 100, 512, 4000, 16385, 65535])
def test_the_record_size_holds(download, make, limit):
    with download(make, {Extension.RECORD_SIZE_LIMIT: struct.pack("!H", limit)}) as client:
        assert Extension.RECORD_SIZE_LIMIT not in client.server_extensions
        assert longest(client)[0] <= limit
        assert client.finish().clean


@CLIENTS
def test_with_both_the_record_size_counts(download, make):
    with download(make, {Extension.MAX_FRAGMENT_LENGTH: b"\1",
                         Extension.RECORD_SIZE_LIMIT: struct.pack("!H", 2000)}) as client:
        assert Extension.MAX_FRAGMENT_LENGTH not in client.server_extensions
        assert 1000 < longest(client)[0] <= 2000


@CLIENTS
def test_the_client_is_held_to_it(culvert, echo, make):
    daemon = culvert(backend=echo.address)
    with make(Link(daemon.address())) as client:
        client.hello.set(Extension.MAX_FRAGMENT_LENGTH, b"\1")
        client.handshake()
        client.send_record(23, bytes(512))
        assert client.read(512) == bytes(512)
        client.send_record(23, bytes(513))
        assert client.outcome().alert == "record_overflow"


@CLIENTS
def test_long_messages_are_cut(culvert, echo, pki, make):
    """A chain, an RSA signature, a ticket: each longer than the record may be."""
    daemon = culvert(backend=echo.address, service={"cert": pki.rsa.chain, "key": pki.rsa.key})
    extensions = ({Extension.RECORD_SIZE_LIMIT: b"\0\x40"} if make is Tls13Client else
                  {Extension.MAX_FRAGMENT_LENGTH: b"\1"})
    with make(Link(daemon.address())) as client:
        for kind, body in extensions.items():
            client.hello.set(kind, body)
        client.hello.set(Extension.SESSION_TICKET, b"")
        client.handshake()
        client.send(b"x")
        assert client.read(1) == b"x" and client.tickets
        sealed, plain = longest(client)
        assert sealed <= 64 if make is Tls13Client else plain <= 512
        assert client.finish().clean
