# SPDX-License-Identifier: GPL-3.0-or-later
"""culvert as TLS client of real TLS servers, and stunnel as client of culvert's STARTTLS, beside culvert in the same place."""

import glob
import socket
import subprocess
import threading

import pytest

from harness import Backend, pattern, slack, starttls
from harness.services import Service
from harness.util import connect, exchange

DATA = pattern(300_000)


# --- TLS servers in front of an echo

_STUNNEL = """
foreground = yes
pid =
output = {dir}/log
socket = l:TCP_NODELAY=1
[tls]
accept = 127.0.0.1:{port}
connect = ECHO
cert = CERT
key = KEY
sslVersion = TLSvVERSION
"""

_HAPROXY = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend tls
  bind 127.0.0.1:{port} ssl crt BOTH ssl-min-ver TLSvVERSION ssl-max-ver TLSvVERSION
  default_backend echo
backend echo
  server echo ECHO
"""

_NGINX = """
load_module MODULE;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {}
stream {
  server {
    listen 127.0.0.1:{port} ssl;
    proxy_pass ECHO;
    proxy_half_close on;
    ssl_certificate CERT;
    ssl_certificate_key KEY;
    ssl_protocols TLSvVERSION;
  }
}
"""


# Go's crypto/tls. It answers HTTP, because caddy itself has no TCP proxy.
_CADDY = """
{
  admin off
  auto_https off
  storage file_system {dir}/storage
  servers {
    protocols h1 h2
  }
}
https://localhost:{port} {
  bind 127.0.0.1
  tls CERT KEY {
    protocols tlsVERSION tlsVERSION
  }
  respond /hello "hello"
  root * {dir}/files
  file_server
}
"""


def filled(text, pki, echo, version, **more):
    values = {"ECHO": echo, "CERT": pki.ecdsa.chain, "KEY": pki.ecdsa.key, "BOTH": pki.ecdsa.both, "VERSION": version, **more}
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def nginx_module():
    found = glob.glob("/usr/lib/nginx/modules/ngx_stream_module.so") + glob.glob("/usr/share/nginx/modules/ngx_stream_module.so")
    return found[0] if found else None


def tls_server(name, service, need, pki, echo, version):
    """The port of a TLS server, of this version, in front of `echo`."""
    if name == "stunnel":
        need("stunnel")
        return service(Service, name, ["stunnel", "{dir}/conf"], {"conf": filled(_STUNNEL, pki, echo, version)}).port
    if name == "haproxy":
        need("haproxy")
        return service(Service, name, ["haproxy", "-db", "-f", "{dir}/conf"],
                       {"conf": filled(_HAPROXY, pki, echo, version)}).port
    if name == "nginx":
        need("nginx")
        if not nginx_module():
            pytest.skip("nginx has no stream module (libnginx-mod-stream)")
        return service(Service, name, ["/usr/sbin/nginx", "-p", "{dir}", "-e", "{dir}/error.log", "-c", "{dir}/conf"],
                       {"conf": filled(_NGINX, pki, echo, version, MODULE=nginx_module())}).port
    if name == "caddy":
        need("caddy")

        def setup(directory):
            (directory / "files").mkdir()
            (directory / "files" / "data").write_bytes(DATA)

        # Go sends tickets in TLS 1.2 and 1.3. caddy keeps its state in the directories of these variables.
        return service(Service, name, ["env", "HOME={dir}", "XDG_CONFIG_HOME={dir}", "XDG_DATA_HOME={dir}", "caddy", "run",
                                       "--config", "{dir}/Caddyfile", "--adapter", "caddyfile"],
                       {"Caddyfile": filled(_CADDY, pki, "", version)}, setup=setup).port
    assert name == "s_server"
    need("openssl")
    return service(Service, name, ["openssl", "s_server", "-accept", "127.0.0.1:{port}", "-cert", pki.ecdsa.cert,
                                   "-cert_chain", pki.ecdsa.chain, "-key", pki.ecdsa.key, "-rev", "-quiet",
                                   "-tls" + version.replace(".", "_")]).port


def client_mode(pki, port, **more):
    return {"tls": "off", "backend": f"localhost:{port}", "backend-tls": "on", "backend-ca": pki.ca_file, **more}


def echoed(address, data):
    """Sends `data`, reads as many bytes, closes one direction, and returns what came and how it ended."""
    with connect(address, slack(15)) as sock:
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            piece = sock.recv(1 << 18)
            assert piece, f"ended after {len(got)} bytes"
            got += piece
        sender.join()
        sock.shutdown(socket.SHUT_WR)
        try:
            return bytes(got), "fin" if sock.recv(1) == b"" else "data"
        except ConnectionResetError:
            return bytes(got), "reset"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("name", ["stunnel", "haproxy", "nginx"])
def test_client_mode_with_other_servers(culvert, service, need, echo, pki, name, version):
    """Data both ways, a clean end, and the second session is resumed. nginx answers a close_notify with FIN alone, which
    culvert passes on as an abort by default."""
    port = tls_server(name, service, need, pki, echo.address, version)
    options = {"backend-on-truncation": "fin"} if name == "nginx" else {}
    daemon = culvert(service=client_mode(pki, port, **options), globals_={"workers": 1})
    for _ in range(2):
        assert echoed(daemon.address(), DATA) == (DATA, "fin")
    lines = daemon.wait_closed(count=2)
    assert [line["cause"] for line in lines] == ["client-fin"] * 2
    assert [line["backend_tls"] for line in lines] == [f"TLSv{version}"] * 2
    assert [line["backend_resumed"] for line in lines] == ["false", "true"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_client_mode_with_s_server(culvert, service, need, pki, version):
    """openssl s_server -rev reverses each line."""
    port = tls_server("s_server", service, need, pki, None, version)
    daemon = culvert(service=client_mode(pki, port), globals_={"workers": 1})
    for _ in range(2):
        assert echoed(daemon.address(), b"hello\n") == (b"olleh\n", "fin")
    lines = daemon.wait_closed(count=2)
    assert [line["backend_tls"] for line in lines] == [f"TLSv{version}"] * 2
    assert [line["backend_resumed"] for line in lines] == ["false", "true"]


def fetched(address, path):
    """The head and the body of one HTTP response, after which the server closes."""
    with connect(address, slack(15)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        got = bytearray()
        while piece := sock.recv(1 << 18):
            got += piece
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    return head.decode(), body


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_client_mode_with_a_server_in_go(culvert, service, need, pki, version):
    """caddy closes first, with close_notify. Each later session is resumed."""
    port = tls_server("caddy", service, need, pki, None, version)
    daemon = culvert(service=client_mode(pki, port, **{"backend-alpn": "http/1.1"}), globals_={"workers": 1})
    for path, wanted in (("/hello", b"hello"), ("/data", DATA), ("/hello", b"hello"), ("/data", DATA)):
        head, body = fetched(daemon.address(), path)
        assert head.startswith("HTTP/1.1 200 OK") and "Server: Caddy" in head, head
        assert body == wanted
    lines = daemon.wait_closed(count=4)
    assert [line["cause"] for line in lines] == ["backend-fin"] * 4
    assert [line["backend_tls"] for line in lines] == [f"TLSv{version}"] * 4
    assert [line["backend_alpn"] for line in lines] == ["http/1.1"] * 4
    assert [line["backend_resumed"] for line in lines] == ["false", "true", "true", "true"]
    counters = daemon.counters()
    assert (counters["backend_handshakes_ok"], counters["backend_handshakes_resumed"]) == (4, 3)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_client_mode_with_culvert(culvert, echo, pki, version):
    """Two daemons, as on two machines."""
    server = culvert(backend=echo.address, service={"min-version": version, "max-version": version},
                     globals_={"workers": 1})
    daemon = culvert(service=client_mode(pki, server.port()), globals_={"workers": 1})
    for _ in range(2):
        assert echoed(daemon.address(), DATA) == (DATA, "fin")
    assert [line["backend_resumed"] for line in daemon.wait_closed(count=2)] == ["false", "true"]
    assert [line["resumed"] for line in server.wait_closed(count=2)] == ["false", "true"]
    assert {line["cause"] for line in server.wait_closed(count=2)} == {"client-fin"}


@pytest.mark.parametrize("name", ["stunnel", "haproxy", "nginx", "s_server", "caddy"])
def test_a_server_without_a_common_version_is_refused(culvert, service, need, echo, pki, name):
    port = tls_server(name, service, need, pki, echo.address, "1.2")
    daemon = culvert(service=client_mode(pki, port, **{"backend-policy": "modern"}))
    assert exchange(daemon.address(), b"secret", half_close=False) == (b"", "reset")
    line = daemon.wait_closed()
    assert line["cause"] in ("backend-tls-received:protocol_version", "backend-tls-sent:protocol_version"), line
    if name != "s_server":
        assert all(b"secret" not in bytes(one.data) for one in echo.connections)


# --- STARTTLS: stunnel and culvert as the client of culvert

_CLIENT = """
foreground = yes
pid =
output = {dir}/log
[starttls]
client = yes
accept = 127.0.0.1:{port}
connect = 127.0.0.1:CULVERT
protocol = PROTOCOL
CAfile = TRUST
verifyChain = yes
checkHost = localhost
sni = localhost
"""

# The greeting, the commands behind it, and the last answer.
TALKS = {
    "smtp": (b"220 mail ESMTP\r\n", b"EHLO me\r\nQUIT\r\n", b"221 bye\r\n"),
    "imap": (b"* OK mail\r\n", b"a NOOP\r\nb LOGOUT\r\n", b"b OK bye\r\n"),
    "pop3": (b"+OK mail\r\n", b"USER joe\r\nQUIT\r\n", b"+OK bye\r\n"),
    "nntp": (b"200 news\r\n", b"DATE\r\nQUIT\r\n", b"205 bye\r\n"),
}


class Lines(Backend):
    """A server of one of the TALKS, without TLS."""

    def __init__(self, protocol, **options):
        self.protocol = protocol
        super().__init__(**options)

    def serve(self, connection):
        sock = connection.sock
        sock.sendall(TALKS[self.protocol][0])
        for line in sock.makefile("rb"):
            connection.note(line)
            words = line.upper().split() or [b""]
            if b"QUIT" in words or b"LOGOUT" in words:
                sock.sendall(TALKS[self.protocol][2])
                return
            sock.sendall(self.answer(line, words))

    def answer(self, line, words):
        if words[0] == b"EHLO":
            return b"250-mail\r\n250 HELP\r\n"
        if words[0] == b"CAPA":
            return b"+OK\r\nUSER\r\n.\r\n"
        if words[0] == b"CAPABILITIES":
            return b"101 list\r\nVERSION 2\r\nREADER\r\n.\r\n"
        if b"CAPABILITY" in words:
            return b"* CAPABILITY IMAP4rev1\r\n" + line.split()[0] + b" OK\r\n"
        return {"imap": line.split()[0] + b" OK\r\n", "pop3": b"+OK\r\n", "nntp": b"111 20261130120000\r\n"}.get(
            self.protocol, b"250 ok\r\n")


def starttls_client(name, service, need, culvert, pki, port, protocol):
    """(host, port) of a plain listener whose connections reach `port` by STARTTLS."""
    if name == "stunnel":
        need("stunnel")
        conf = _CLIENT.replace("CULVERT", str(port)).replace("PROTOCOL", protocol).replace("TRUST", pki.ca_file)
        return ("127.0.0.1", service(Service, name, ["stunnel", "{dir}/conf"], {"conf": conf}).port)
    return culvert(service=client_mode(pki, port, **{"backend-starttls": protocol})).address()


PEERS = ["stunnel", "culvert"]


@pytest.mark.parametrize("protocol", [*TALKS])
@pytest.mark.parametrize("peer", PEERS)
def test_clients_reach_culvert_by_starttls(culvert, service, need, backend, pki, peer, protocol):
    server = backend(Lines, protocol)
    daemon = culvert(service={"backend": server.address, "starttls": protocol})
    address = starttls_client(peer, service, need, culvert, pki, daemon.port(), protocol)
    _, commands, last = TALKS[protocol]
    with connect(address, slack(10)) as sock:
        got = sock.recv(4096)
        sock.sendall(commands)
        while last not in got:
            piece = sock.recv(4096)
            assert piece, got
            got += piece
    daemon.wait_log(lambda line: line.get("tls") == "TLSv1.3" and line.get("cause") in ("backend-fin", "client-fin"))
    assert all(b"TARTTLS" not in bytes(one.data) and b"STLS" not in bytes(one.data) for one in server.connections)


def command(*words, **environment):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=slack(30), check=False,
                            env={"PATH": "/usr/bin:/bin", **environment})
    assert result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.mark.parametrize("peer", PEERS)
def test_psql_reaches_culvert_by_starttls(culvert, service, need, pki, peer):
    need("psql")
    if not starttls.postgres_program("postgres"):
        pytest.skip("postgres is not installed")
    plain = service(starttls.Postgres)
    daemon = culvert(service={"backend": plain.address, "starttls": "pgsql"})
    host, port = starttls_client(peer, service, need, culvert, pki, daemon.port(), "pgsql")
    assert command("psql", "-h", host, "-p", port, "-U", "joe", "-d", "postgres", "-Atc", "select 6*7", PGSSLMODE="disable",
                   PGPASSWORD="secret") == "42\n"
    daemon.wait_log(lambda line: line.get("tls") == "TLSv1.3")


@pytest.mark.parametrize("peer", PEERS)
def test_ldap_clients_reach_culvert_by_starttls(culvert, service, need, pki, peer, tmp_path):
    need("ldapwhoami", "slapd")
    plain = service(starttls.Slapd)
    daemon = culvert(service={"backend": plain.address, "starttls": "ldap"})
    host, port = starttls_client(peer, service, need, culvert, pki, daemon.port(), "ldap")
    assert "cn=admin" in command("ldapwhoami", "-x", "-D", "cn=admin,dc=example,dc=org", "-w", "secret", "-H",
                                 f"ldap://{host}:{port}", HOME=str(tmp_path))
    daemon.wait_log(lambda line: line.get("tls") == "TLSv1.3")
