# SPDX-License-Identifier: GPL-3.0-or-later
"""PROXY headers in front of clients: who is believed, what the rest of culvert then sees, and what is refused."""

import fcntl
import socket
import struct

import pytest

from harness import Config, Echo, TlsClient, eventually, slack
from harness import services
from harness.util import connect, exchange, own_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command=1, family=0x11, addresses=None, tlvs=b""):
    body = (addresses if addresses is not None
            else socket.inet_aton("198.51.100.7") + socket.inet_aton("203.0.113.9") + struct.pack("!HH", 4321, 443)) + tlvs
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body)) + body


def tlv(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


V1 = b"PROXY TCP4 198.51.100.7 203.0.113.9 4321 443\r\n"
V6 = v2(family=0x21, addresses=socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(
    socket.AF_INET6, "2001:db8::9") + struct.pack("!HH", 4321, 443))
UNIX = v2(family=0x31, addresses=b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0"))

GOOD = {
    "v1": (V1, "198.51.100.7:4321"),
    "v1 TCP6": (b"PROXY TCP6 2001:db8::7 2001:db8::9 4321 443\r\n", "[2001:db8::7]:4321"),
    "v1 UNKNOWN": (b"PROXY UNKNOWN\r\n", None),
    "v1 UNKNOWN with more": (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    "v2": (v2(), "198.51.100.7:4321"),
    "v2 TCP6": (V6, "[2001:db8::7]:4321"),
    "v2 UNIX": (UNIX, "unix:/client"),
    "v2 with TLVs": (v2(tlvs=tlv(0x05, b"id-1") + tlv(0xEA, b"x" * 300)), "198.51.100.7:4321"),
    "v2 LOCAL": (v2(command=0, family=0, addresses=b""), None),
}
BAD = {
    "v1 with a bad port": b"PROXY TCP4 198.51.100.7 203.0.113.9 4321 70000\r\n",
    "v1 with a short address": b"PROXY TCP4 198.51.100 203.0.113.9 4321 443\r\n",
    "v1 too long": b"PROXY TCP4 " + b"1" * 100 + b"\r\n",
    "v2 of version 3": SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    "v2 with a short body": SIGNATURE + b"\x21\x11\0\x04" + bytes(4),
    "v2 too large": SIGNATURE + b"\x21\x11\xff\xff" + bytes(100),
    "v2 with a TLV that overruns": v2(tlvs=b"\x05\x01\0x"),
    "no header": b"\x16\x03\x01\x00\x05",
    "another protocol": b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.fixture
def guarded(culvert, backend):
    """A daemon behind proxies on the loopback, and its echo."""
    def start(**service):
        echo = backend(Echo)
        return culvert(service={"backend": echo.address, "accept-proxy": "required", "accept-proxy-from": "127.0.0.0/8",
                                **{key.replace("_", "-"): value for key, value in service.items()}}), echo

    return start


def through(daemon, pki, header, cut=None):
    """Sends the header, in two pieces if `cut` is given, then TLS; returns the echo of `ping`."""
    with connect(daemon.address(), slack(10)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if cut is not None:
            sock.sendall(header[:cut])
            eventually(lambda: not _unread(sock), 5)
            header = header[cut:]
        sock.sendall(header)
        with pki.context().wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"ping")
            return tls.recv(4)


def _unread(sock):
    """Bytes that the peer's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(sock.fileno(), 0x5411, bytes(4)))[0]


@pytest.mark.parametrize("name", GOOD)
def test_headers(guarded, pki, name):
    daemon, _ = guarded()
    header, client = GOOD[name]
    assert through(daemon, pki, header) == b"ping"
    line = daemon.wait_closed()
    assert line["proxy"].startswith("127.0.0.1:"), line
    assert line["client"] == (client or line["proxy"]), line


@pytest.mark.parametrize("name", ["v1", "v2 with TLVs"])
def test_a_header_cut_anywhere(guarded, pki, name):
    daemon, _ = guarded()
    header, client = GOOD[name]
    cuts = range(1, len(header), max(1, len(header) // 12))
    for cut in cuts:
        assert through(daemon, pki, header, cut) == b"ping"
    lines = daemon.wait_closed(count=len(cuts))
    assert {line["client"] for line in lines} == {client}


@pytest.mark.parametrize("name", BAD)
def test_wrong_headers_are_refused(guarded, name):
    daemon, echo = guarded()
    assert exchange(daemon.address(), BAD[name], half_close=False)[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "proxy-header" and line["detail"], line
    assert daemon.counters()["proxy_headers_refused"] == 1
    assert not echo.connections


def test_a_late_header_is_refused(guarded):
    daemon, _ = guarded(inspect_timeout="300ms")
    assert exchange(daemon.address(), V1[:10], half_close=False)[0] == b""
    assert daemon.wait_closed()["cause"] == "proxy-header"
    assert exchange(daemon.address(), half_close=False)[0] == b""
    assert "no PROXY header came" in daemon.wait_closed(count=2)[1]["detail"]


def test_untrusted_senders(culvert, backend, pki):
    """required closes; optional does not look for a header, so the bytes go to TLS, which refuses them."""
    echo = backend(Echo)
    daemon = culvert(Config({
        "required": {"backend": echo.address, "accept-proxy": "required", "accept-proxy-from": "10.0.0.0/8"},
        "optional": {"backend": echo.address, "accept-proxy": "optional", "accept-proxy-from": "10.0.0.0/8"}}))
    assert exchange(daemon.address("required"), V1, half_close=False)[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "proxy-header" and "is not in accept-proxy-from" in line["detail"], line
    got, _ = exchange(daemon.address("optional"), V1, half_close=False)
    assert got[:1] == b"\x15"
    with TlsClient(daemon.address("optional"), pki.context()) as client:
        client.send(b"ping")
        assert client.recv_exactly(4) == b"ping"
        client.close_notify()
    assert daemon.wait_closed(count=3)[2]["client"].startswith("127.0.0.1:")


def test_optional_serves_clients_with_and_without(guarded, pki):
    daemon, _ = guarded(accept_proxy="optional")
    assert through(daemon, pki, V1) == b"ping"
    assert through(daemon, pki, b"") == b"ping"
    first, second = daemon.wait_closed(count=2)
    assert first["client"] == "198.51.100.7:4321" and "proxy" not in second.fields


def test_local_is_a_probe(guarded):
    """A balancer's health check: LOCAL, and the end. It is logged at debug, as every probe."""
    daemon, echo = guarded()
    exchange(daemon.address(), GOOD["v2 LOCAL"][0])
    assert daemon.wait_closed()["cause"] == "probe"
    assert not echo.connections


def test_the_header_sent_on_speaks_of_the_client(guarded, pki):
    """v1 and v2 out: the addresses are those of the header, and v2 passes on the received TLVs."""
    daemon, echo = guarded(proxy_protocol="v2")
    assert through(daemon, pki, v2(tlvs=tlv(0x05, b"id-1"))) == SIGNATURE[:4]
    data = bytes(echo.connections[0].data)
    assert data.startswith(v2()[:12]) and data[16:28] == v2()[16:28]
    assert tlv(0x05, b"id-1") in data
    daemon, echo = guarded(proxy_protocol="v1")
    through(daemon, pki, V1)
    assert bytes(echo.connections[0].data).startswith(V1)


def test_sources_of_the_header_choose_the_service(culvert, backend, pki):
    listen = own_address()
    proxy = {"listen": listen, "accept-proxy": "required", "accept-proxy-from": "127.0.0.0/8"}
    daemon = culvert(Config({
        "near": {"backend": backend(Echo).address, "match-source": "198.51.100.0/24", "match-port": "443", **proxy},
        "far": {"backend": backend(Echo).address, "fallback": "on", **proxy}}))
    for header, service in ((V1, "near"), (v2(addresses=socket.inet_aton("192.0.2.1") * 2 + bytes(4)), "far")):
        with connect(daemon.address("near"), slack(10)) as sock:
            sock.sendall(header)
            with pki.context().wrap_socket(sock, server_hostname="localhost") as tls:
                tls.sendall(b"ping")
                assert tls.recv(4) == b"ping"
        assert daemon.wait_log(f"service={service} ", 5)


def test_unix_sockets_can_be_trusted(culvert, backend, workdir, pki):
    path = workdir / "culvert.sock"
    daemon = culvert(service={"listen": f"unix:{path}", "backend": backend(Echo).address, "accept-proxy": "required",
                              "accept-proxy-from": "unix"})
    with connect(f"unix:{path}", slack(10)) as sock:
        sock.sendall(V1)
        with pki.context().wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"ping")
            assert tls.recv(4) == b"ping"
    assert daemon.wait_closed()["client"] == "198.51.100.7:4321"


def test_starttls_behind_a_header(culvert, backend, pki):
    echo = backend(Echo)
    daemon = culvert(service={"backend": echo.address, "starttls": "pgsql", "accept-proxy": "required",
                              "accept-proxy-from": "127.0.0.0/8"})
    with connect(daemon.address(), slack(10)) as sock:
        sock.sendall(V1 + b"\0\0\0\x08\x04\xd2\x16\x2f")
        assert sock.recv(1) == b"S"
        with pki.context().wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"ping")
            assert tls.recv(4) == b"ping"
    assert daemon.wait_closed()["client"] == "198.51.100.7:4321"


def test_haproxy_to_culvert_to_nginx(culvert, service, need, pki):
    """The chain shows the client's address to nginx."""
    need("nginx")
    need("haproxy")
    web = service(services.nginx, proxy_protocol=True)
    daemon = culvert(service={"backend": web.address, "proxy-protocol": "v2", "accept-proxy": "required",
                              "accept-proxy-from": "127.0.0.0/8"})
    front = service(services.haproxy, f"127.0.0.1:{daemon.port()} send-proxy-v2")
    context = pki.context()
    with TlsClient(("127.0.0.1", front.port), context, source=("127.0.0.77", 0)) as client:
        client.send(b"GET /who HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"\r\n\r\n127.0.0.77 " in client.recv_to_end()
    daemon.wait_log("client=127.0.0.77:")
