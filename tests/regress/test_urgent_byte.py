# SPDX-License-Identifier: GPL-3.0-or-later
"""The byte that a peer marks as urgent (MSG_OOB) stays among the others.

Done: a backend sent "12345" with an urgent byte within. Seen: the client got four bytes. Right: all of them, in order
(SO_OOBINLINE), on both ends; UNIX sockets have an urgent byte too, since Linux 5.15.
"""

import socket

import pytest

from harness import Backend, Echo, TlsClient

pytestmark = pytest.mark.records


def serve_urgent(connection):
    """Urgent bytes at the beginning, within and at the end."""
    sock = connection.sock
    sock.send(b"1", socket.MSG_OOB)
    sock.sendall(b"23")
    sock.send(b"45", socket.MSG_OOB)
    sock.sendall(b"6")
    sock.send(b"7", socket.MSG_OOB)
    sock.shutdown(socket.SHUT_WR)
    connection.read_to_end()


def unix_has_urgent_bytes():
    a, b = socket.socketpair(socket.AF_UNIX)
    with a, b:
        try:
            return a.send(b"x", socket.MSG_OOB) == 1
        except OSError:
            return False


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_of_the_backend(culvert, backend, connect, workdir, unix):
    if unix and not unix_has_urgent_bytes():
        pytest.skip("this kernel's UNIX sockets have no urgent byte")
    server = backend(Backend, serve_urgent, path=str(workdir / "backend.sock") if unix else None)
    client = connect(culvert(backend=server.address))
    assert client.recv_to_end() == b"1234567"


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_of_the_client(culvert, backend, pki, workdir, unix):
    """Sealed bytes with an urgent one among them are still a record."""
    if unix and not unix_has_urgent_bytes():
        pytest.skip("this kernel's UNIX sockets have no urgent byte")
    listen = f"unix:{workdir}/front.sock" if unix else "127.0.0.1:0"
    daemon = culvert(backend=backend(Echo).address, service={"listen": listen})
    address = daemon.addresses()[0] if unix else daemon.address()
    with TlsClient(address, pki.context()) as client:
        client.tls.write(b"a message")
        record = client.outgoing.read()
        for part in (record[:7], record[7:]):
            client.sock.send(part, socket.MSG_OOB)
        assert client.recv_exactly(9) == b"a message"
