# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of the library's build that no RFC sets and that real peers pass: 18 KiB for a client's certificate message, nine
certificates in it, 1024 names in a certificate. Right: 100 KiB and 100 certificates, more than 10,000 names; what is longer
is refused with a message that names the limit."""

import pytest
from cryptography import x509

from harness import Config
from harness.client_pki import ClientPki
from harness.daemon import run_culvert
from raw_tls import Link, Tls12Client, Tls13Client

pytestmark = pytest.mark.wolfssl(5, 9)

KINDS = {"1.2": Tls12Client, "1.3": Tls13Client}


def names(count, length=20):
    return [x509.DNSName(f"{n:05d}".ljust(length - 8, "x") + ".example") for n in range(count)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = ClientPki(tmp_path_factory.mktemp("limits"))
    made.root = made.ca("root")
    made.many = made.make("many names", issuer=made.root, sans=names(4200))
    return made


@pytest.fixture
def service(culvert, echo, world):
    return culvert(backend=echo.address, service={"verify-client": "required", "client-ca": world.root.cert})


@pytest.mark.parametrize("version", list(KINDS))
def test_a_clients_certificate_of_95_kib(service, connect, pki, world, version):
    assert 90_000 < len(world.many.der) < 100 * 1024
    context = pki.context(verify=False, minimum=version, maximum=version)
    context.load_cert_chain(world.many.cert, world.many.key)
    with connect(service, context=context) as tls:
        tls.echo(b"many names")


@pytest.mark.parametrize("version", list(KINDS))
def test_a_client_that_sends_its_whole_bundle(service, connect, pki, world, workdir, version):
    """90 certificates that have nothing to do with its own."""
    client = world.make("bundle", issuer=world.root)
    other = world.ca("other")
    chain = workdir / "bundle.pem"
    chain.write_bytes(client.pem + other.pem * 90)
    context = pki.context(verify=False, minimum=version, maximum=version)
    context.load_cert_chain(chain, client.key)
    with connect(service, context=context) as tls:
        tls.echo(b"bundle")


@pytest.mark.parametrize("version", list(KINDS))
@pytest.mark.parametrize("chain, said", [
    (lambda world: [world.root.der] * 101, "client sent more than 100 certificates"),
    (lambda world: [world.many.der] * 2, "a handshake message is longer than 100 KiB")], ids=["certificates", "bytes"])
def test_what_is_longer_is_refused_with_the_limit(service, world, version, chain, said):
    with KINDS[version](Link(service.address(), timeout=15)) as client:
        client.identity = chain(world), None
        client.send_client_hello()
        if version == "1.3":
            client.read_server_hello()
        client.read_server_flight()
        if version == "1.2":
            client.send_key_exchange()
        client.send_finished()
        assert client.outcome().fatal
    assert said in service.wait_log("handshake failed").text


@pytest.mark.parametrize("version", list(KINDS))
def test_ten_thousand_names_are_served(culvert, echo, workdir, version):
    """By a client of our own: OpenSSL's takes certificate messages of 100 KiB."""
    leaf = ClientPki(workdir).make("names", sans=[x509.DNSName("localhost"), *names(10_000)], usage="server")
    daemon = culvert(backend=echo.address, service={"cert": leaf.cert, "key": leaf.key})
    with KINDS[version](Link(daemon.address(), timeout=15)) as client:
        client.handshake()
        client.send(b"names")
        assert client.read(5) == b"names"
        assert client.certificates[0] == leaf.der


def test_more_names_than_the_library_takes_are_named(workdir):
    leaf = ClientPki(workdir).make("names", sans=names(16_500, 14), usage="server")
    (workdir / "check.conf").write_text(Config({"main": {"backend": "127.0.0.1:9", "cert": leaf.cert,
                                                         "key": leaf.key}}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    assert done.returncode == 4
    assert "it has more than 16384 names, or more than 1024 name constraints" in done.stdout + done.stderr
