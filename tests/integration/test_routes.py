# SPDX-License-Identifier: GPL-3.0-or-later
"""Several services share a listen address: who gets a connection, and what a client sees that no service takes."""

import socket
import ssl

import pytest

from harness import Config, Echo, TlsBackend, TlsClient, slack
from harness.daemon import run_culvert
from harness.util import connect, exchange, own_address


class Named(Echo):
    """Says who it is, then echoes."""

    def __init__(self, name, **options):
        self.name = name.encode()
        super().__init__(**options)

    def serve(self, connection):
        connection.sock.sendall(self.name)
        super().serve(connection)


@pytest.fixture
def named(backend):
    """A factory of backends that say `name` first."""
    return lambda name: backend(Named, name)


def shared(listen, services, **globals_):
    """A configuration in which all services have the same listen address."""
    return Config({name: {"listen": listen, **options} for name, options in services.items()}, **globals_)


def who(daemon, pki, size, name="localhost", alpn=(), source=None, service=None):
    context = pki.context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    service = service or next(iter(daemon.ports))
    with TlsClient(daemon.address(service), context, name=name, source=source) as client:
        said = client.recv_exactly(size)
        assert client.echo(b"ping") in (b"ping", None)
        client.close_notify()
        return said


def test_names_choose_the_service(culvert, named, pki):
    """An exact name wins over a suffix, a longer suffix over a shorter one; a client without a name gets the fallback."""
    daemon = culvert(shared(own_address(), {
        "exact": {"match-name": "www.example.org", "backend": named("exact").address},
        "long": {"match-name": "*.shop.example.org", "backend": named("long_").address},
        "short": {"match-name": "*.example.org", "backend": named("short").address},
        "rest": {"fallback": "on", "backend": named("rest_").address}}))
    cases = {"www.example.org": b"exact", "WWW.Example.org": b"exact", "a.shop.example.org": b"long_",
             "a.b.shop.example.org": b"long_", "shop.example.org": b"short", "x.example.org": b"short",
             "example.org": b"rest_", "other.net": b"rest_", None: b"rest_"}
    for name, service in cases.items():
        assert who(daemon, pki, 5, name=name) == service, name
    lines = daemon.wait_closed(count=len(cases))
    assert [line["service"] for line in lines].count("rest") == 3


def test_alpn_chooses_in_the_clients_order(culvert, named, pki):
    daemon = culvert(shared(own_address(), {
        "h2": {"match-alpn": "h2", "alpn": "h2", "backend": named("h2").address},
        "h1": {"match-alpn": "http/1.1", "alpn": "http/1.1", "backend": named("h1").address}}))
    assert who(daemon, pki, 2, alpn=["h2", "http/1.1"]) == b"h2"
    assert who(daemon, pki, 2, alpn=["http/1.1", "h2"]) == b"h1"
    assert who(daemon, pki, 2, alpn=["x", "h2"]) == b"h2"


def test_there_is_no_way_back(culvert, named, pki):
    """The exact name is taken first; that its service wants another network does not lead back to the suffix."""
    daemon = culvert(shared(own_address(), {
        "exact": {"match-name": "www.example.org", "match-source": "10.0.0.0/8", "backend": named("exact").address},
        "suffix": {"match-name": "*.example.org", "backend": named("suffx").address}}))
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        who(daemon, pki, 5, name="www.example.org")
    assert who(daemon, pki, 5, name="a.example.org") == b"suffx"
    line = daemon.wait_closed()
    assert line["cause"] == "no-service" and line["service"] == "-" and "at the source" in line["detail"], line
    assert daemon.counters()["no_service"] == 1


@pytest.mark.parametrize("alpn, words", [(None, "unrecognized.name"), (["x"], "no.application.protocol")])
def test_no_service_gets_an_alert(culvert, named, pki, alpn, words):
    services = {"a": {"match-name": "a.example.org", "backend": named("a").address}}
    if alpn:
        services["a"]["match-alpn"] = "h2"
        services["a"]["alpn"] = "h2"
    daemon = culvert(shared(own_address(), services))
    context = pki.context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(alpn)
    with pytest.raises(ssl.SSLError, match="(?i)" + words):
        TlsClient(daemon.address("a"), context, name="a.example.org" if alpn else "b.example.org")
    assert daemon.wait_closed()["cause"] == "no-service"


def test_raw_and_passthrough_share_the_port(culvert, backend, named, pki):
    """A terminating service, a passthrough to a server with its own certificate, and raw bytes."""
    inside = backend(TlsBackend, pki.ecdsa)
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address},
        "through": {"match-name": "localhost", "tls": "passthrough", "backend": inside.address},
        "raw": {"match-transport": "raw", "tls": "off", "backend": named("raw").address}}))
    assert who(daemon, pki, 3, name="web.example.org") == b"web"
    with TlsClient(daemon.address("web"), pki.context(), name="localhost") as client:
        client.send(b"hello")
        assert client.recv_exactly(5) == b"hello"
        client.close_notify()
    with connect(daemon.address("web")) as sock:
        sock.sendall(b"SSH-2.0-x\r\n")
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while piece := sock.recv(4096):
            got += piece
        assert got == b"rawSSH-2.0-x\r\n"
    assert inside.handshakes[0]["sni"] == "localhost"
    assert sorted(line["service"] for line in daemon.wait_closed(count=3)) == ["raw", "through", "web"]


def test_a_client_that_waits_for_a_greeting_gets_the_raw_service(culvert, named, pki):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address, "inspect-timeout": "200ms"},
        "raw": {"match-transport": "raw", "tls": "off", "backend": named("raw").address, "inspect-timeout": "200ms"}}))
    with connect(daemon.address("web")) as sock:
        assert sock.recv(10) == b"raw"


def test_silence_without_a_raw_service(culvert, named):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address, "inspect-timeout": "200ms"}}))
    assert exchange(daemon.address("web"), half_close=False)[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "no-service" and "sent nothing" in line["detail"], line


def test_a_slow_hello_meets_the_timeout(culvert, named):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address, "inspect-timeout": "300ms"}}))
    assert exchange(daemon.address("web"), b"\x16\x03\x01\x02\x00", half_close=False)[0] == b""
    assert daemon.wait_closed()["cause"] == "handshake-timeout"


@pytest.mark.parametrize("first, cause", [(b"", "probe"), (b"\x16\x03\x01", "client-truncated")])
def test_clients_that_leave_early(culvert, named, first, cause):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address}}))
    exchange(daemon.address("web"), first)
    assert daemon.wait_closed()["cause"] == cause


def test_a_malformed_hello_gets_its_alert(culvert, named):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address}}))
    got, _ = exchange(daemon.address("web"), b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", half_close=False)
    assert got[:1] == b"\x15" and got[6:7] == bytes([50]), got  # decode_error
    assert daemon.wait_closed()["cause"] == "tls-sent:decode_error"


def test_sources_choose_the_service(culvert, named, pki):
    """The longest network wins; local clients are told from others by their address."""
    daemon = culvert(shared(own_address(), {
        "wide": {"match-source": "127.0.0.0/8", "backend": named("wide").address},
        "narrow": {"match-source": "127.9.0.0/16", "backend": named("narr").address}}))
    assert who(daemon, pki, 4, source=("127.9.1.2", 0)) == b"narr"
    assert who(daemon, pki, 4, source=("127.8.1.2", 0)) == b"wide"


def test_addresses_of_culvert_choose_the_service(culvert, named, pki):
    """A listen address that stands for several: decided before the first byte."""
    port = own_address().split(":")[1]
    daemon = culvert(shared(f"0.0.0.0:{port}", {
        "one": {"match-address": "127.0.0.1", "backend": named("one").address},
        "two": {"match-address": "127.0.0.2", "backend": named("two").address}}))
    for host, service in (("127.0.0.1", b"one"), ("127.0.0.2", b"two")):
        with TlsClient((host, int(port)), pki.context()) as client:
            assert client.recv_exactly(3) == service
            client.close_notify()


def test_a_large_hello_in_pieces_reaches_a_passthrough_whole(culvert, backend, pki):
    """The bytes that chose the service are part of the stream, however long the hello is."""
    inside = backend(TlsBackend, pki.ecdsa)
    daemon = culvert(shared(own_address(), {
        "through": {"match-name": "localhost", "tls": "passthrough", "backend": inside.address, "fifo-size": "32k"},
        "rest": {"fallback": "on", "backend": inside.address}}))
    context = pki.context()
    context.set_alpn_protocols([f"{number:04d}" * 60 for number in range(200)])  # 48 KiB
    with TlsClient(daemon.address("through"), context, name="localhost") as client:
        client.send(b"hello")
        assert client.recv_exactly(5) == b"hello"
        client.close_notify()


def test_each_service_has_its_certificates_and_rules(culvert, named, pki):
    """Everything behind the choice is that of the service: certificates, versions, tickets."""
    daemon = culvert(shared(own_address(), {
        "new": {"match-name": "new.example.org", "policy": "modern", "backend": named("new").address},
        "old": {"match-name": "old.example.org", "max-version": "1.2", "backend": named("old").address}}))
    assert who(daemon, pki, 3, name="new.example.org") == b"new"
    assert who(daemon, pki, 3, name="old.example.org") == b"old"
    assert {line["service"]: line["tls"] for line in daemon.wait_closed(count=2)} == {"new": "TLSv1.3", "old": "TLSv1.2"}


def test_reload_adds_and_removes_a_service_of_a_socket(culvert, named, pki):
    listen = own_address()
    services = {"a": {"match-name": "a.example.org", "backend": named("a").address},
                "b": {"match-name": "b.example.org", "backend": named("b").address}}
    daemon = culvert(shared(listen, services))
    with TlsClient(daemon.address("a"), _lax(pki), name="b.example.org") as living:
        assert living.recv_exactly(1) == b"b"
        services["c"] = {"match-name": "c.example.org", "backend": named("c").address}
        removed = services.pop("b")
        daemon.reload(shared(listen, services))
        assert who(daemon, pki, 1, name="c.example.org", service="a") == b"c"
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            who(daemon, pki, 1, name="b.example.org", service="a")
        living.send(b"still")
        assert living.recv_exactly(5) == b"still"  # a tunnel keeps its service
    services["b"] = removed
    daemon.reload(shared(listen, services))
    assert who(daemon, pki, 1, name="b.example.org", service="a") == b"b"


def _lax(pki):
    context = pki.context()
    context.check_hostname = False
    return context


def test_drain_ends_connections_without_a_service(culvert, named):
    daemon = culvert(shared(own_address(), {
        "web": {"match-name": "web.example.org", "backend": named("web").address}}, **{"drain-timeout": "300ms"}))
    with connect(daemon.address("web")) as sock:
        sock.sendall(b"\x16\x03\x01")
        daemon.wait_log("listening")
        daemon.terminate(expect=8)
    assert daemon.wait_closed()["cause"] == "drain"


def test_starttls_comes_before_the_routes(culvert, named, pki):
    """PostgreSQL: the SSLRequest is answered, then the server name chooses. Direct TLS chooses on the same port."""
    options = {"starttls": "pgsql", "alpn": None}
    daemon = culvert(shared(own_address(), {
        "one": {"match-name": "one.example.org", "backend": named("one").address, **options},
        "two": {"match-name": "two.example.org", "backend": named("two").address, **options}}))
    for name, service in (("one.example.org", b"one"), ("two.example.org", b"two")):
        with connect(daemon.address("one"), slack(10)) as sock:
            sock.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
            assert sock.recv(1) == b"S"
            with _lax(pki).wrap_socket(sock, server_hostname=name) as tls:
                assert tls.recv(3) == service
    context = _lax(pki)
    context.set_alpn_protocols(["postgresql"])
    with TlsClient(daemon.address("one"), context, name="two.example.org") as client:
        assert client.recv_exactly(3) == b"two"
        client.close_notify()
    with connect(daemon.address("one"), slack(10)) as sock:
        sock.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
        assert sock.recv(1) == b"S"
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            _lax(pki).wrap_socket(sock, server_hostname="three.example.org")
    assert daemon.wait_log("cause=no-service")["sni"] == "three.example.org"


# --- the configuration

MISTAKES = [
    ({"a": {}, "b": {"match-name": "b.org"}}, "services that share an address need a match option"),
    ({"a": {"match-name": "a.org"}, "b": {"match-name": "x.org, A.org"}}, "cannot be told apart from [service a]"),
    ({"a": {"fallback": "on"}, "b": {"fallback": "on"}}, "can have one fallback"),
    ({"a": {"fallback": "on", "match-name": "a.org"}, "b": {"match-name": "b.org"}}, "so it can have none"),
    ({"a": {"match-name": "a.*.org"}}, "*.SUFFIX"),
    ({"a": {"match-source": "10.0.0.1/8"}}, "the network is 10.0.0.0/8"),
    ({"a": {"match-port": "70000"}}, "allowed: 1 to 65535"),
    ({"a": {"match-name": "a.org", "inspect-timeout": "3s"}, "b": {"match-name": "b.org"}}, "all services of"),
    ({"a": {"match-name": "a.org", "match-transport": "raw"}}, "the service expects TLS"),
    ({"a": {"match-name": "a.org", "starttls": "smtp"}}, "the backend greets before"),
    ({"a": {"match-name": "a.org"}, "b": {"tls": "off", "backend-tls": "on", "match-name": "b.org"}},
     "needs a ClientHello"),
    ({"a": {"accept-proxy": "required"}}, "needs accept-proxy-from"),
    ({"a": {"accept-proxy-from": "10.0.0.0/8"}}, "needs accept-proxy"),
]


def checked(workdir, pki, config):
    """What --check prints, and its exit code."""
    (workdir / "c.ini").write_text(config.render(pki))
    return run_culvert("--check", "-c", workdir / "c.ini")


@pytest.mark.parametrize("services, words", MISTAKES, ids=[words[:30] for _, words in MISTAKES])
def test_mistakes_are_errors_with_their_line(workdir, pki, services, words):
    config = shared("127.0.0.1:26000", {name: {"backend": "127.0.0.1:9", **options} for name, options in services.items()})
    told = checked(workdir, pki, config)
    assert told.returncode == 3 and words in told.stderr, told.stderr
    assert all("c.ini:" in line for line in told.stderr.splitlines() if "error:" in line)


def test_a_raw_service_needs_a_tls_service_beside_it(workdir, pki):
    told = checked(workdir, pki, shared("127.0.0.1:26000", {
        "a": {"tls": "off", "match-transport": "raw", "backend": "127.0.0.1:9"}}))
    assert told.returncode == 3 and "culvert would encrypt nothing" in told.stderr


def test_check_tells_what_no_service_takes(workdir, pki):
    config = shared("127.0.0.1:26000", {
        "a": {"match-name": "a.example.org", "match-alpn": "h2", "alpn": "h2", "backend": "127.0.0.1:9"},
        "b": {"match-name": "b.example.org", "backend": "127.0.0.1:9"}})
    told = checked(workdir, pki, config)
    assert told.returncode == 0 and "a.example.org" in told.stderr and "no service" in told.stderr, told.stderr


def test_explain(workdir, pki):
    config = shared("127.0.0.1:26000", {
        "web": {"match-name": "*.example.org", "backend": "127.0.0.1:8080"},
        "ssh": {"match-transport": "raw", "tls": "off", "backend": "127.0.0.1:22"},
        "inner": {"match-name": "*.example.org", "match-source": "10.0.0.0/8", "backend": "127.0.0.1:8081"}})
    (workdir / "c.ini").write_text(config.render(pki))

    def explain(*args):
        told = run_culvert("-c", workdir / "c.ini", "--explain", *args)
        return told.returncode, told.stdout + told.stderr

    code, text = explain("--sni", "www.example.org")
    assert code == 0 and "service: web" in text and "backend: 127.0.0.1:8080" in text and "certificate: " in text, text
    assert "not inner: lost at the source" in text and "not ssh: lost at the" in text, text
    code, text = explain("--sni", "www.example.org", "--client", "10.1.2.3:5000", "--port", "26000")
    assert code == 0 and "service: inner" in text, text
    code, text = explain("--transport", "raw")
    assert code == 0 and "service: ssh" in text, text
    code, text = explain("--sni", "other.net", "--alpn", "h2,http/1.1")
    assert code == 1 and "no service" in text, text
    assert explain("--port", "1")[0] == 2
    assert explain("--client", "nobody")[0] == 2 and explain("--transport", "udp")[0] == 2
    assert run_culvert("-c", workdir / "c.ini", "--sni", "x").returncode == 2
