# SPDX-License-Identifier: GPL-3.0-or-later
"""A handshake that timed out did not say what had come of it.

Done: a client that waits for the server's greeting (SMTP with STARTTLS, say) on a port that expects TLS at once. Seen:
cause=handshake-timeout and nothing else. Right: the detail says that nothing had come and what that may mean; or how
much of the ClientHello, or that it had come whole and the rest of the handshake had not."""

import socket

import pytest

from harness import Echo
from harness.util import eventually


@pytest.fixture
def hasty(culvert, backend):
    return culvert(backend=backend(Echo).address, service={"handshake-timeout": "300ms"})


def detail(daemon):
    line = daemon.wait_closed()
    assert line["cause"] == "handshake-timeout"
    return line["detail"]


def test_nothing_came(hasty):
    with socket.create_connection(hasty.address()):
        assert detail(hasty) == ("the client sent nothing: it may be waiting for a greeting, as STARTTLS clients do")


def test_a_part_of_the_hello_came(hasty):
    with socket.create_connection(hasty.address()) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        assert detail(hasty) == "the client sent 7 bytes of a ClientHello and no more"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_hello_came_and_nothing_else(hasty, pki, version):
    """A client that sends its ClientHello and reads no answer."""
    import ssl
    context = pki.context(minimum=version, maximum=version)
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    with socket.create_connection(hasty.address()) as sock:
        sock.sendall(outgoing.read())
        eventually(hasty.log_closed, 5, "the end of the tunnel")
        assert detail(hasty) == "the ClientHello was answered, and the client sent no further handshake message"
