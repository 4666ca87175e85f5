# SPDX-License-Identifier: GPL-3.0-or-later
"""PROXY protocol towards the backend, byte by byte (haproxy's proxy-protocol.txt, versions 1 and 2)."""

import ipaddress
import re
import struct

import pytest

from harness import Backend, TlsClient

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ALPN, AUTHORITY, SSL, SSL_VERSION, SSL_CIPHER = 0x01, 0x02, 0x20, 0x21, 0x23


@pytest.fixture
def listening(backend):
    """A backend that keeps all it gets and answers once it has something after the header."""
    def serve(connection):
        while not connection.data.endswith(b"payload"):
            connection.note(connection.sock.recv(4096))
        connection.sock.sendall(b"answer")
        connection.read_to_end()

    return backend(Backend, serve)


def talk(client, server):
    """The header that came before the payload."""
    client.send(b"payload")
    assert client.recv_exactly(6) == b"answer"
    data = bytes(server.connections[0].data)
    return data[:-len(b"payload")]


def tlvs(data):
    found = []
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        assert len(data) >= 3 + length, "a TLV longer than what holds it"
        found.append((kind, data[3:3 + length]))
        data = data[3 + length:]
    assert len({kind for kind, _ in found}) == len(found), "a TLV came twice"
    return dict(found)


def parse_v2(header):
    assert header.startswith(SIGNATURE)
    version_command, family, length = struct.unpack("!BBH", header[12:16])
    body = header[16:]
    assert length == len(body), "the length must cover the addresses and the TLVs, and nothing else"
    return version_command, family, body


@pytest.mark.parametrize("listen, family", [("127.0.0.1:0", "TCP4"), ("[::1]:0", "TCP6")])
def test_v1(culvert, connect, listening, listen, family):
    daemon = culvert(backend=listening.address, service={"proxy-protocol": "v1", "listen": listen})
    client = connect(daemon)
    header = talk(client, listening).decode()
    host, port = client.sock.getsockname()[:2]
    assert header == f"PROXY {family} {host} {host} {port} {daemon.port()}\r\n"
    assert len(header) <= 107


@pytest.mark.parametrize("listen, family, size", [("127.0.0.1:0", 0x11, 4), ("[::1]:0", 0x21, 16)])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_v2(culvert, connect, listening, listen, family, size, version):
    """Addresses, and the TLVs for ALPN, server name, and TLS with its version and suite."""
    daemon = culvert(backend=listening.address, service={"proxy-protocol": "v2", "listen": listen, "alpn": "imap"})
    client = connect(daemon, alpn=["imap"], minimum=version, maximum=version)
    command, got_family, body = parse_v2(talk(client, listening))
    assert (command, got_family) == (0x21, family)
    host, port = client.sock.getsockname()[:2]
    address = ipaddress.ip_address(host).packed
    assert body[:2 * size] == address + address
    assert struct.unpack("!HH", body[2 * size:2 * size + 4]) == (port, daemon.port())
    found = tlvs(body[2 * size + 4:])
    assert found[ALPN] == b"imap" and found[AUTHORITY] == b"localhost"
    bits, verify = struct.unpack("!BI", found[SSL][:5])
    assert bits == 0x01, "no client certificate: only PP2_CLIENT_SSL"
    assert verify != 0, "zero would say that a client certificate was verified"
    inner = tlvs(found[SSL][5:])
    assert inner[SSL_VERSION] == f"TLSv{version}".encode()
    assert re.fullmatch(rb"[A-Z0-9_-]+", inner[SSL_CIPHER])


def test_v2_without_alpn_and_name_has_no_such_tlvs(culvert, pki, listening):
    daemon = culvert(backend=listening.address, service={"proxy-protocol": "v2"})
    with TlsClient(daemon.address(), pki.context(verify=False), name=None) as client:
        _, _, body = parse_v2(talk(client, listening))
    assert set(tlvs(body[12:])) == {SSL}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_client_on_a_unix_socket_has_no_address(culvert, pki, listening, workdir, version):
    daemon = culvert(backend=listening.address, service={"proxy-protocol": version,
                                                         "listen": f"unix:{workdir}/listen.sock"})
    with TlsClient(f"unix:{daemon.address()}", pki.context()) as client:
        header = talk(client, listening)
    if version == "v1":
        assert header == b"PROXY UNKNOWN\r\n"
    else:
        command, family, body = parse_v2(header)
        assert command in (0x20, 0x21) and family in (0x00, 0x31)
        assert tlvs(body[216 if family == 0x31 else 0:])


def test_the_header_comes_once_and_first_over_a_unix_backend(culvert, connect, backend, workdir):
    server = backend(Backend, lambda connection: connection.read_to_end(), path=str(workdir / "backend.sock"))
    daemon = culvert(backend=server.address, service={"proxy-protocol": "v1"})
    client = connect(daemon)
    client.close_notify()
    connection = server.wait_connection()
    connection.wait_end()
    assert bytes(connection.data).count(b"PROXY ") == 1 and bytes(connection.data).endswith(b"\r\n")


def test_the_header_is_sent_without_waiting_for_the_client(culvert, connect, backend):
    """Services that speak first (SMTP, IMAP) wait for the header, and the client waits for their greeting."""
    def serve(connection):
        assert connection.sock.recv(4096).startswith(b"PROXY TCP4 ")
        connection.sock.sendall(b"* OK ready\r\n")
        connection.read_to_end()

    daemon = culvert(backend=backend(Backend, serve).address, service={"proxy-protocol": "v1"})
    assert connect(daemon).recv_exactly(12) == b"* OK ready\r\n"
