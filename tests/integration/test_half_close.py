# SPDX-License-Identifier: GPL-3.0-or-later
"""Half-close travels both ways: the end of one direction leaves the other one open until its own end."""

import pytest

from harness import Backend, HalfCloser, scaled, sha256
from harness.util import chunks

pytestmark = pytest.mark.records

SIZE = scaled(64 << 20, least=2 << 20)
VERSIONS = ["1.2", "1.3"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_answer_comes_after_the_clients_close_notify(culvert, backend, connect, version):
    """A client sends its request, closes its write side, and still gets 64 MiB and then close_notify."""
    def serve(connection):
        assert connection.read_to_end() == "fin"
        for chunk in chunks(SIZE, seed=3):
            connection.sock.sendall(chunk)

    server = backend(Backend, serve)
    daemon = culvert(backend=server.address)
    client = connect(daemon, minimum=version, maximum=version)
    client.send(b"request")
    client.close_notify()
    assert sha256(iter(lambda: client.recv(1 << 18), b"")) == sha256(chunks(SIZE, seed=3))
    client.expect_fin()
    assert bytes(server.connections[0].data) == b"request"
    assert daemon.wait_closed()["cause"] == "client-fin"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_goes_on_sending_after_the_backends_fin(culvert, backend, connect, version):
    """The mirror case: FIN becomes close_notify, and 64 MiB still travel to the backend."""
    server = backend(HalfCloser, b"greeting")
    daemon = culvert(backend=server.address)
    client = connect(daemon, minimum=version, maximum=version)
    assert client.recv_to_end() == b"greeting"
    for chunk in chunks(SIZE, seed=4):
        client.send(chunk)
    client.close_notify()
    connection = server.wait_connection()
    assert connection.wait_end(30) == "fin"
    assert connection.received == SIZE and connection.sha256 == sha256(chunks(SIZE, seed=4))
    assert daemon.wait_closed()["cause"] == "backend-fin"
