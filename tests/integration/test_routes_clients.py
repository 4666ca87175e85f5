# SPDX-License-Identifier: GPL-3.0-or-later
"""Six kinds of services on one port, with real clients and servers: HTTP/2 and HTTP/1.1 by ALPN, another site by its name,
direct PostgreSQL TLS, SSH, and a passthrough to a server with its own certificate."""

import socket
import struct
import subprocess

import pytest

from harness import Backend, Config, TlsClient, slack, starttls
from harness.services import Service
from harness.util import own_address

_NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
events { worker_connections 64; }
http {
  access_log off; default_type text/plain;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server { listen 127.0.0.1:{port}HOW; TLS location / { return 200 "SAYS $server_protocol\\n"; } }
}
"""


def nginx(says, how="", tls=""):
    conf = _NGINX.replace("SAYS", says).replace("HOW", how).replace("TLS", tls)
    return Service("nginx", ["/usr/sbin/nginx", "-p", "{dir}", "-e", "{dir}/error.log", "-c", "{dir}/nginx.conf"],
                   {"nginx.conf": conf})


class SshBanner(Backend):
    """Says the first line of an SSH server, hears that of the client, and ends."""

    def serve(self, connection):
        connection.sock.sendall(b"SSH-2.0-behind_culvert\r\n")
        connection.note(connection.sock.recv(4096))


@pytest.fixture
def six(culvert, backend, service, need, pki):
    need("nginx", "curl", "ssh")
    secure = f"ssl_certificate {pki.ecdsa.chain}; ssl_certificate_key {pki.ecdsa.key};"
    database = service(starttls.Postgres)
    web1, web2, other = service(nginx, "one"), service(nginx, "two", " http2"), service(nginx, "other")
    inside = service(nginx, "inside", " ssl", secure)
    shell = backend(SshBanner)
    listen = own_address()
    names = {"match-name": "localhost"}
    config = {
        "h1": {**names, "match-alpn": "http/1.1", "alpn": "http/1.1", "backend": web1.address},
        "h2": {**names, "match-alpn": "h2", "alpn": "h2", "backend": web2.address},
        "other": {"match-name": "other.example.org", "backend": other.address},
        "database": {**names, "match-alpn": "postgresql", "alpn": "postgresql",
                     "backend": database.address},
        "inside": {"match-name": "inside.example.org", "tls": "passthrough", "backend": inside.address},
        "shell": {"match-transport": "raw", "tls": "off", "backend": shell.address}}
    daemon = culvert(Config({name: {"listen": listen, "inspect-timeout": "1s", **options} for name, options in config.items()}))
    return daemon, listen.split(":"), shell


def curl(host, port, name, *options):
    return subprocess.run(
        ["curl", "-sk", "--connect-to", f"{name}:443:{host}:{port}", *options, f"https://{name}/"], text=True,
        stdout=subprocess.PIPE, timeout=slack(20), check=True).stdout


@pytest.mark.slow
def test_six_kinds_on_one_port(six, pki):
    daemon, (host, port), shell = six
    assert curl(host, port, "localhost", "--http1.1") == "one HTTP/1.1\n"
    assert curl(host, port, "localhost", "--http2") == "two HTTP/2.0\n"
    assert curl(host, port, "other.example.org", "--no-alpn") == "other HTTP/1.1\n"
    assert curl(host, port, "inside.example.org") == "inside HTTP/1.1\n"
    said = subprocess.run(["ssh", "-v", "-F", "none", "-p", port, "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
                           f"nobody@{host}", "true"], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=slack(20), check=False)
    assert "remote software version behind_culvert" in said.stderr, said.stderr
    assert bytes(shell.connections[0].data).startswith(b"SSH-2.0-OpenSSH")
    context = pki.context(alpn=["postgresql"])
    with TlsClient((host, int(port)), context) as client:  # as libpq with sslnegotiation=direct
        body = struct.pack("!I", 196608) + b"user\0nobody\0database\0none\0\0"
        client.send(struct.pack("!I", len(body) + 4) + body)
        assert client.recv_exactly(1) == b"R"  # AuthenticationSASL
        assert client.tls.selected_alpn_protocol() == "postgresql"
    lines = daemon.wait_closed(count=6)
    assert sorted(line["service"] for line in lines) == ["database", "h1", "h2", "inside", "other", "shell"]
    text = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", "none.example.org"],
                          stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=slack(20), check=False).stdout
    assert "unrecognized name" in text
    assert daemon.wait_log("cause=no-service")["sni"] == "none.example.org"


def test_ssh_clients_that_wait_for_the_server(six):
    """A client that sends nothing gets the raw service after inspect-timeout; the SSH server speaks first."""
    daemon, (host, port), _ = six
    with socket.create_connection((host, int(port)), slack(20)) as sock:
        assert sock.recv(4) == b"SSH-"
    assert daemon.wait_closed()["service"] == "shell"
