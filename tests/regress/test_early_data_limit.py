# SPDX-License-Identifier: GPL-3.0-or-later
"""16385 bytes of early data were skipped; the limit is 16384. Records are counted without their headers, and a record that
holds nothing counts as a byte, or such records would never end."""

import os

import pytest

from raw_tls import Extension, HandshakeFailed, Link, Tls13Client


@pytest.fixture
def daemon(culvert, echo):
    return culvert(backend=echo.address)


def early(daemon, *sizes):
    """A hello with early_data and records of these sizes behind it; what the server says at last."""
    with Tls13Client(Link(daemon.address())) as client:
        client.hello.set(Extension.EARLY_DATA, b"")
        sent = client.send_client_hello

        def first(**how):
            client.send_client_hello = sent
            sent(**how)
            client.send_raw(b"".join(client.record(23, os.urandom(size)) for size in sizes))

        def answer(retry):
            client.hello.remove(Extension.EARLY_DATA)
            honest(retry)

        honest, client.answer_retry, client.send_client_hello = client.answer_retry, answer, first
        try:
            client.handshake()
        except HandshakeFailed as failure:
            return failure.event.name
        client.send(b"x")
        assert client.read(1) == b"x" and client.finish().clean
        return "served"


@pytest.mark.parametrize("sizes", [[16384], [16383, 1], [1024] * 16, [1] * 100], ids=len)
def test_so_much_is_skipped(daemon, sizes):
    assert early(daemon, *sizes) == "served"


@pytest.mark.parametrize("sizes", [[16385], [16384, 1], [1024] * 16 + [1], [0] * 16385], ids=len)
def test_more_is_not(daemon, sizes):
    assert early(daemon, *sizes) == "unexpected_message"
