# SPDX-License-Identifier: GPL-3.0-or-later
"""Where culvert listens and what it connects to: IPv4, IPv6, both in one socket, UNIX sockets, names, several each."""

import os
import socket
import stat

import pytest

from harness import Config, Echo, StartFailed, TlsClient, eventually
from harness.util import free_port


def test_ipv6_on_both_legs(culvert, backend, connect):
    echo = backend(Echo, host="::1")
    daemon = culvert(backend=echo.address, service={"listen": "[::1]:0"})
    client = connect(daemon)
    client.echo()
    client.close()
    line = daemon.wait_closed()
    assert line["client"].startswith("[::1]:") and line["backend"] == echo.address


def test_a_bare_port_takes_both_families_in_one_socket(culvert, backend, pki):
    """And an IPv4 client is logged as one, not as ::ffff:127.0.0.1."""
    daemon = culvert(backend=backend(Echo).address, service={"listen": "0"})
    assert len(daemon.addresses()) == 1
    port = daemon.port()
    for host in ("127.0.0.1", "::1"):
        with TlsClient((host, port), pki.context()) as client:
            client.echo()
            client.close()
    clients = {line["client"].rpartition(":")[0] for line in daemon.wait_closed(count=2)}
    assert clients == {"127.0.0.1", "[::1]"}


def test_the_ipv6_wildcard_is_ipv6_only(culvert, backend, pki):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):  # the same port of the other family is somebody else's
        daemon = culvert(backend=backend(Echo).address, service={"listen": f"[::]:{port}"})
        with TlsClient(("::1", port), pki.context()) as client:
            client.echo()
    assert daemon.running()


def test_a_name_binds_every_address_it_has(culvert, backend, pki):
    daemon = culvert(backend=backend(Echo).address, service={"listen": f"localhost:{free_port()}"})
    addresses = {address for *_, address in socket.getaddrinfo("localhost", daemon.port(), type=socket.SOCK_STREAM)}
    assert len(daemon.addresses()) == len(addresses)
    for address in addresses:
        with TlsClient(address[:2], pki.context()) as client:
            client.echo()


def test_several_listeners_and_services(culvert, backend, connect):
    """Comma separated and repeated alike."""
    daemon = culvert(Config({"a": {"backend": backend(Echo).address, "listen": ["127.0.0.1:0, 127.0.0.2:0", "[::1]:0"]},
                             "b": {"backend": backend(Echo).address}}))
    assert len(daemon.addresses("a")) == 3
    for index in range(3):
        connect(daemon, "a", index).echo()
    connect(daemon, "b").echo()


def test_a_backend_named_by_a_host_name_tries_all_its_addresses(culvert, backend, connect):
    """localhost may be ::1 first; the service is on 127.0.0.1 alone."""
    echo = backend(Echo)
    daemon = culvert(backend=f"localhost:{echo.port}")
    client = connect(daemon)
    client.echo()
    client.close()
    assert daemon.wait_closed()["backend"] == echo.address


# -- UNIX sockets --------------------------------------------------------------------------------------------------

def test_a_unix_listener(culvert, backend, pki, workdir):
    """Mode 0660, removed at the end."""
    path = workdir / "listen.sock"
    daemon = culvert(backend=backend(Echo).address, service={"listen": f"unix:{path}"})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    with TlsClient(f"unix:{path}", pki.context()) as client:
        client.echo()
        client.close()
    assert daemon.wait_closed()["cause"] == "client-fin"
    daemon.terminate()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not(culvert, backend, pki, workdir):
    path = workdir / "listen.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    first = culvert(backend=backend(Echo).address, service={"listen": f"unix:{path}"})
    second = culvert(backend=backend(Echo).address, service={"listen": f"unix:{path}"}, wait=False)
    second.allowed_exits = (5,)
    with pytest.raises(StartFailed) as failed:
        second.wait_ready()
    assert failed.value.code == 5 and str(path) in failed.value.stderr
    with TlsClient(f"unix:{path}", pki.context()) as client:
        client.echo()
    assert first.running()


def test_an_ordinary_file_in_the_way_is_left_alone(culvert, backend, workdir):
    path = workdir / "precious"
    path.write_text("data")
    daemon = culvert(backend=backend(Echo).address, service={"listen": f"unix:{path}"}, wait=False)
    daemon.allowed_exits = (5,)
    with pytest.raises(StartFailed):
        daemon.wait_ready()
    assert path.read_text() == "data"


def test_a_unix_listener_that_a_reload_removes_goes_with_its_file(culvert, backend, workdir):
    path = workdir / "in.sock"
    config = Config({"main": {"backend": backend(Echo).address},
                     "more": {"backend": backend(Echo).address, "listen": f"unix:{path}"}})
    daemon = culvert(config)
    assert path.is_socket()
    del config.services["more"]
    daemon.reload(config)
    eventually(lambda: not path.exists(), 5, "the file to go")
    assert daemon.counters()["accepted"] == 0, "nobody has connected, culvert itself neither"


def test_a_unix_backend(culvert, backend, connect, workdir):
    server = backend(Echo, path=str(workdir / "backend.sock"))
    daemon = culvert(backend=server.address)
    client = connect(daemon)
    client.echo(b"x" * 100000)
    client.close()
    assert daemon.wait_closed()["backend"] == server.address
