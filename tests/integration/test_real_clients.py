# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS clients people have on their machines connect, verify the certificate, talk and part in order."""

import os
import socket
import subprocess

import pytest

from harness import Backend, slack
from harness.programs import Dialogue

pytestmark = pytest.mark.records

VERSIONS = ["1.2", "1.3"]


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_s_client(culvert, echo, pki, version):
    daemon = culvert(backend=echo.address)
    client = Dialogue(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port()}", "-CAfile", pki.ca_file,
                       "-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error", "-brief",
                       f"-tls{version.replace('.', '_')}"])
    client.say("hello through culvert")
    client.expect("hello through culvert")
    assert client.end() == 0, client.text
    assert f"Protocol version: TLSv{version}" in client.text
    assert "Verification: OK" in client.text
    assert daemon.wait_closed()["cause"] == "client-fin"


@pytest.mark.parametrize("version", VERSIONS)
def test_gnutls_cli(culvert, echo, pki, need, version):
    need("gnutls-cli")
    daemon = culvert(backend=echo.address)
    client = Dialogue(["gnutls-cli", "--x509cafile", pki.ca_file, "--sni-hostname", "localhost", "--verify-hostname",
                       "localhost", "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "-p", str(daemon.port()),
                       "127.0.0.1"])
    client.expect("Simple Client Mode")
    client.say("hello through culvert")
    client.expect("hello through culvert")
    assert client.end() == 0, client.text
    assert f"(TLS{version}-" in client.text and "The certificate is trusted" in client.text
    daemon.wait_closed()


@pytest.mark.parametrize("version", VERSIONS)
def test_curl(culvert, backend, pki, version, tmp_path):
    """A body of 1 MiB; curl complains where the end is not clean."""
    body = os.urandom(1 << 20)

    def serve(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.sock.recv(65536)
        connection.sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)  # no length: the end is the end of the connection

    daemon = culvert(backend=backend(Backend, serve).address)
    subprocess.run(["curl", "-sS", "--cacert", pki.ca_file, "--resolve", f"localhost:{daemon.port()}:127.0.0.1",
                    f"--tlsv{version}", "--tls-max", version, "-o", tmp_path / "body",
                    f"https://localhost:{daemon.port()}/"], check=True, timeout=slack(20))
    assert (tmp_path / "body").read_bytes() == body
    assert daemon.wait_closed()["cause"] == "backend-fin"


@pytest.mark.parametrize("version", VERSIONS)
def test_python_ssl(culvert, echo, pki, version):
    """The standard library's blocking socket, ended with unwrap(): close_notify both ways."""
    daemon = culvert(backend=echo.address)
    context = pki.context(minimum=version, maximum=version)
    with socket.create_connection(daemon.address()) as plain:
        client = context.wrap_socket(plain, server_hostname="localhost")
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        assert client.version() == f"TLSv{version}"
        client.unwrap()
        client.close()
    line = daemon.wait_closed()
    assert line["cause"] == "client-fin"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed_by_ticket(culvert, echo, connect, version):
    daemon = culvert(backend=echo.address, globals_={"workers": 2})
    first = connect(daemon, minimum=version, maximum=version)
    first.echo()  # the ticket of TLS 1.3 comes with the first data
    context, session = first.tls.context, first.tls.session
    assert session.has_ticket
    first.close()
    second = connect(daemon, context=context, session=session)
    second.echo()
    assert second.tls.session_reused
    second.close()
    daemon.wait_closed(count=2)
    assert daemon.counters()["handshakes_resumed"] == 1


def test_the_certificate_fits_the_clients_signature_algorithms(culvert, echo, pki, connect):
    """ECDSA and RSA for one name: ECDSA first, RSA for the client that can only RSA."""
    daemon = culvert(backend=echo.address, service={"cert": [pki.ecdsa.chain, pki.rsa.chain],
                                                    "key": [pki.ecdsa.key, pki.rsa.key]})
    both = connect(daemon)
    assert both.tls.getpeercert(True) == pki.ecdsa.der
    old = connect(daemon, maximum="1.2", ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    old.echo()
    assert old.tls.getpeercert(True) == pki.rsa.der
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port()}", "-CAfile", pki.ca_file, "-tls1_3", "-brief",
         "-servername", "localhost", "-sigalgs", "RSA-PSS+SHA256:ECDSA+SHA384", "-verify_return_error"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=slack(10))
    assert result.returncode == 0, result.stdout


def test_the_certificate_fits_the_server_name(culvert, echo, pki, connect, workdir):
    """Several certificates in one service: exact name, wildcard of one label, and the first for unknown names."""
    one = pki.issue("one", ["one.example"], directory=workdir)
    wild = pki.issue("wild", ["*.two.example"], directory=workdir)
    daemon = culvert(backend=echo.address, service={"cert": [pki.ecdsa.chain, one.chain, wild.chain],
                                                    "key": [pki.ecdsa.key, one.key, wild.key]})
    expected = {"one.example": one, "a.two.example": wild, "a.b.two.example": pki.ecdsa, "other.example": pki.ecdsa,
                "ONE.example": one}
    for name, credential in expected.items():
        client = connect(daemon, name=name, verify=False)
        assert client.tls.getpeercert(True) == credential.der, name


def test_one_client_after_another_and_many_at_once(culvert, echo, connect):
    daemon = culvert(backend=echo.address)
    for _ in range(20):
        client = connect(daemon)
        client.echo()
        client.close()
    clients = [connect(daemon) for _ in range(50)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number)
    for number, client in enumerate(clients):
        assert client.recv(10) == b"%d" % number
    assert daemon.counters()["tunnels_active"] >= 50
