# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends by DNS SRV records: the order, the TTL, what a failed look-up leaves, and the name that a certificate must have."""

import subprocess

import pytest

from harness import Config, Echo, Refuser, TlsBackend, eventually
from harness.daemon import clean_environment
from harness.dns import SRV, NameServer, OwnNetwork
from harness.util import BINARY, exchange

pytestmark = pytest.mark.root
NAME = "_echo._tcp.example.test"


@pytest.fixture
def network(need):
    need("unshare", "nsenter", "ip")
    network = OwnNetwork()
    if not network.ready:
        network.stop()
        pytest.skip(f"no network namespace of its own: {network.why}")
    yield network
    network.stop()


@pytest.fixture
def dns(network):
    server = NameServer(network)
    yield server
    server.stop()


@pytest.fixture
def within(network, backend):
    """backend(), with its listener in the network of the name server."""
    def make(*args, **options):
        with network.inside():
            return backend(*args, **options)
    return make


def talk(network, daemon, client):
    with network.inside():
        return client(daemon)


def echoed(connect, daemon):
    client = connect(daemon)
    client.send(b"hello")
    assert client.recv_exactly(5) == b"hello"
    client.close()


def test_records_are_followed_and_a_failure_keeps_them(culvert, connect, network, dns, within):
    first, second = within(Echo), within(Echo, host="127.0.0.2")
    dns.a("one.example.test", "127.0.0.1")
    dns.a("two.example.test", "127.0.0.2")
    dns.srv(NAME, (20, 1, second.port, "two.example.test"), (10, 1, first.port, "one.example.test"))
    daemon = culvert(backend=f"srv:{NAME}", prefix=network.prefix)
    line = daemon.wait_log("name resolution")
    assert line["result"] == f"backend srv:{NAME} is 127.0.0.1:{first.port}, 127.0.0.2:{second.port}"
    talk(network, daemon, lambda it: echoed(connect, it))
    assert daemon.wait_closed()["backend"] == first.address

    dns.srv(NAME, (1, 1, second.port, "two.example.test"))
    line = daemon.wait_log("is now", 15)
    assert f"is now 127.0.0.2:{second.port}, was " in line["result"]
    talk(network, daemon, lambda it: echoed(connect, it))
    assert daemon.wait_closed(count=2)[1]["backend"] == second.address

    dns.mute = True
    line = daemon.wait_log("keeping", 20)
    assert line["result"] == (f"backend srv:{NAME}: cannot resolve srv:{NAME}: no name server answers; "
                              f"keeping 127.0.0.2:{second.port}")
    talk(network, daemon, lambda it: echoed(connect, it))
    assert daemon.wait_closed(count=3)[2]["backend"] == second.address


def test_the_backup_serves_while_the_first_priority_is_down(culvert, connect, network, dns, within):
    dead, backup = within(Refuser), within(Echo)
    dns.a("host.example.test", "127.0.0.1")
    dns.srv(NAME, (1, 50, dead.port, "host.example.test"), (2, 0, backup.port, "host.example.test"))
    daemon = culvert(backend=f"srv:{NAME}", service={"health-check": "tcp", "health-interval": "50ms"}, prefix=network.prefix)
    assert daemon.wait_log("health check failed")["backend"] == dead.address
    assert daemon.wait_log("health check passes")["backend"] == backup.address
    talk(network, daemon, lambda it: echoed(connect, it))
    assert daemon.wait_closed()["backend"] == backup.address


def test_a_long_ttl_asks_once(culvert, connect, network, dns, within):
    server = within(Echo)
    dns.ttl = 3600
    dns.a("host.example.test", "127.0.0.1")
    dns.srv(NAME, (1, 1, server.port, "host.example.test"))
    daemon = culvert(backend=f"srv:{NAME}", prefix=network.prefix)
    daemon.wait_log("name resolution")
    for _ in range(3):
        talk(network, daemon, lambda it: echoed(connect, it))
    assert dns.asked.count((NAME, SRV)) == 1


def test_the_certificate_has_the_name_of_the_domain(culvert, network, dns, within, pki):
    """RFC 6125: the domain of the configuration counts, and not the target that DNS has named."""
    server = within(TlsBackend, pki.issue("srv-domain", ["example.test"]))
    other = within(TlsBackend, pki.issue("srv-target", ["host.example.test"]))
    dns.a("host.example.test", "127.0.0.1")
    dns.srv(NAME, (1, 1, server.port, "host.example.test"))
    dns.srv("_other._tcp.example.test", (1, 1, other.port, "host.example.test"))
    client_mode = {"tls": "off", "backend-tls": "on", "backend-ca": pki.ca_file}
    daemon = culvert(Config({"good": {"backend": f"srv:{NAME}", **client_mode},
                             "bad": {"backend": "srv:_other._tcp.example.test", **client_mode},
                             "named": {"backend": "srv:_other._tcp.example.test", "backend-name": "host.example.test",
                                       **client_mode}}), prefix=network.prefix)
    daemon.wait_log("name resolution", count=2)
    with network.inside():
        assert exchange(daemon.address("good"), b"hello") == (b"hello", "fin")
        assert exchange(daemon.address("bad"), b"hello")[1] == "reset"
        assert exchange(daemon.address("named"), b"hello") == (b"hello", "fin")
    assert server.handshakes[0]["sni"] == "example.test"
    assert "backend-certificate" in [line["cause"] for line in daemon.wait_closed(count=3)]


def test_a_reload_refuses_a_new_name_that_does_not_exist(culvert, network, dns, within):
    server = within(Echo)
    dns.a("host.example.test", "127.0.0.1")
    dns.srv(NAME, (1, 1, server.port, "host.example.test"))
    config = Config({"main": {"backend": f"srv:{NAME}"}})
    daemon = culvert(config, prefix=network.prefix)
    config.services["main"]["backend"] = "srv:_none._tcp.example.test"
    lines = daemon.reload(config, expect=False)
    assert any("cannot resolve srv:_none._tcp.example.test: there is no such name" in line for line in lines)
    dns.srv("_none._tcp.example.test", (0, 0, 0, ""))
    lines = daemon.reload(config, expect=False)
    assert any("the domain does not offer this service" in line for line in lines)
    dns.srv("_none._tcp.example.test", (0, 0, server.port, "host.example.test"))
    daemon.reload(config)


def test_probe_and_check_ask_for_the_records(network, dns, within, workdir, pki):
    server = within(Echo)
    dns.a("host.example.test", "127.0.0.1")
    dns.srv(NAME, (1, 1, server.port, "host.example.test"))
    path = workdir / "f.ini"
    path.write_text(Config({"main": {"backend": f"srv:{NAME}"}}).render(pki))

    def run(*args):
        return subprocess.run([*network.prefix, str(BINARY), "-c", str(path), *args], env=clean_environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    done = run("--probe")
    assert done.returncode == 0 and f"backend srv:{NAME} (127.0.0.1:{server.port}): reached" in done.stdout, done.stdout + done.stderr
    del dns.records[NAME, SRV]
    done = run("--check")
    assert done.returncode == 0 and f"cannot resolve srv:{NAME}: there is no such name" in done.stdout + done.stderr
    eventually(lambda: (NAME, SRV) in dns.asked)
