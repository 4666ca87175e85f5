# SPDX-License-Identifier: GPL-3.0-or-later
"""max-tunnels, max-tunnels-per-source, tunnel-rate, allow-from and deny-from: what culvert refuses, and what it counts."""

import contextlib
import socket
import ssl

import pytest

from harness import Config, Echo, TlsClient, Truncated, eventually
from harness.util import own_address

REFUSED = (Truncated, ConnectionError, ssl.SSLError)


@pytest.fixture
def visit(pki):
    """visit(daemon, 'web', source='127.0.0.9') opens a tunnel and proves it; None means that culvert refused."""
    clients = []

    def open_tunnel(daemon, service="main", index=0, source=None):
        try:
            address = daemon.addresses(service)[index]
            client = TlsClient(address if address.startswith("unix:") else daemon.address(service, index), pki.context(),
                               source=(source, 0) if source else None)
            client.echo()
        except REFUSED:
            return None
        clients.append(client)
        return client

    yield open_tunnel
    for client in clients:
        client.sock.close()


def one(backend, service=None, **globals_):
    """The configuration of one service with these options."""
    return Config({"main": {"backend": backend, **(service or {})}}, globals_={**globals_, "workers": 2})


def close_all(daemon, clients):
    for client in clients:
        client.close()
    daemon.wait_idle()


@pytest.mark.parametrize("scope", ["service", "global"])
def test_tunnels_of_one_source(culvert, backend, visit, scope):
    address = backend(Echo).address
    limit = {"max-tunnels-per-source": 3}
    daemon = culvert(one(address, limit) if scope == "service" else one(address, **limit))
    mine = [visit(daemon, source="127.0.0.2") for _ in range(3)]
    assert all(mine)
    assert visit(daemon, source="127.0.0.2") is None
    assert visit(daemon, source="127.0.0.3"), "another source of the same network"
    line = daemon.wait_closed()
    assert line["cause"] == "limit:max-tunnels-per-source" and line["service"] == "main"
    assert line["client"].startswith("127.0.0.2:")
    assert line["detail"] == ("of the service" if scope == "service" else "over all services")
    counters = daemon.counters()
    assert counters["limit_max_tunnels_per_source"] == counters["rejected_limit"] == 1
    assert counters["tunnels_opened"] == 4, "a refused connection is not a tunnel"
    mine.pop().close()
    eventually(lambda: visit(daemon, source="127.0.0.2"), what="the place of the closed tunnel")
    for client in mine:
        client.echo()


def test_the_global_limit_counts_all_services_and_each_service_its_own(culvert, backend, visit):
    address = backend(Echo).address
    daemon = culvert(Config({"web": {"backend": address, "max-tunnels-per-source": 2}, "mail": {"backend": address}},
                            globals_={"workers": 2, "max-tunnels-per-source": 3}))
    assert visit(daemon, "web") and visit(daemon, "web")
    assert visit(daemon, "web") is None, "the service's own limit"
    assert visit(daemon, "mail")
    assert visit(daemon, "mail") is None, "three in all services"
    lines = daemon.wait_closed(2)
    assert [line["detail"] for line in lines] == ["of the service", "over all services"]


def test_max_tunnels_of_a_service(culvert, backend, visit):
    """Each service counts its own tunnels."""
    address = backend(Echo).address
    daemon = culvert(Config({"small": {"backend": address, "max-tunnels": 2}, "large": {"backend": address}},
                            globals_={"workers": 2}))
    both = [visit(daemon, "small") for _ in range(2)]
    assert all(both)
    assert visit(daemon, "large")
    assert daemon.counters()["tunnels_active"] == 3


def test_at_max_tunnels_of_a_service_clients_wait_in_the_queue(culvert, backend, pki, visit):
    """A service alone on its address refuses nobody: the next client is accepted when a tunnel ends."""
    address = backend(Echo).address
    daemon = culvert(one(address, {"max-tunnels": 2}))
    both = [visit(daemon) for _ in range(2)]
    assert all(both)
    waiting = [TlsClient(daemon.address(), pki.context(), handshake=False) for _ in range(3)]
    assert daemon.counters()["accepted"] == 2
    for client in waiting:
        both.pop(0).close()
        client.handshake()
        client.echo()
        both.append(client)
    assert daemon.counters()["rejected_limit"] == 0
    last = TlsClient(daemon.address(), pki.context(), handshake=False)
    daemon.reload(one(address, {"max-tunnels": 3, "listen": f"127.0.0.1:{daemon.port()}"}))
    last.handshake()  # the reload makes room
    last.echo()


def test_at_max_tunnels_of_a_shared_address_clients_are_refused(culvert, backend, pki):
    """The others of the address are served: one service must not close the door for all."""
    address, listen = backend(Echo).address, own_address()
    daemon = culvert(Config({
        "small": {"listen": listen, "match-name": "small.example.org", "backend": address, "max-tunnels": 1},
        "large": {"listen": listen, "match-name": "localhost", "backend": address}}))
    context = pki.context()
    context.check_hostname = False
    with TlsClient(daemon.address("small"), context, name="small.example.org") as first:
        first.echo()
        with pytest.raises(REFUSED):
            TlsClient(daemon.address("small"), context, name="small.example.org")
        with TlsClient(daemon.address("large"), context) as other:
            other.echo()
    line = daemon.wait_log("limit:max-tunnels")
    assert line["service"] == "small" and daemon.counters()["limit_max_tunnels"] == 1


@pytest.mark.parametrize("scope", ["service", "global"])
def test_the_rate_of_one_source(culvert, backend, visit, scope):
    """One second's worth at once, then refusals. Another source has its own bucket."""
    address = backend(Echo).address
    limit = {"tunnel-rate": 1}
    daemon = culvert(one(address, limit) if scope == "service" else one(address, **limit))
    # A loaded machine may take longer than a second for the visits, and then the bucket is full again.
    eventually(lambda: [visit(daemon, source="127.0.0.2") for _ in range(3)].count(None) > 0, what="a refusal")
    assert visit(daemon, source="127.0.0.3")
    assert daemon.wait_closed()["cause"] == "limit:tunnel-rate"
    assert daemon.counters()["limit_tunnel_rate"] >= 1
    eventually(lambda: visit(daemon, source="127.0.0.2"), what="the bucket fills again")


def test_ipv6_and_unix_sources(culvert, backend, visit, workdir):
    """All clients of UNIX sockets are one source; an IPv6 client is another."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")
    path = workdir / "culvert.sock"
    daemon = culvert(one(backend(Echo).address, {"listen": ["[::1]:0", f"unix:{path}"], "max-tunnels-per-source": 2}))
    assert visit(daemon, index=0) and visit(daemon, index=0)
    assert visit(daemon, index=0) is None
    assert visit(daemon, index=1) and visit(daemon, index=1)
    assert visit(daemon, index=1) is None
    clients = [line["client"] for line in daemon.wait_closed(2)]
    assert clients[0].startswith("[::1]:") and clients[1].startswith("unix:")


def test_a_reload_changes_the_limits_and_keeps_the_tunnels(culvert, backend, visit):
    address = backend(Echo).address
    daemon = culvert(one(address, {"max-tunnels-per-source": 2}))
    first = [visit(daemon), visit(daemon)]
    assert visit(daemon) is None
    daemon.reload(one(address, {"max-tunnels-per-source": 4, "listen": f"127.0.0.1:{daemon.port()}"}))
    first += [visit(daemon), visit(daemon)]
    assert all(first) and visit(daemon) is None, "the reload has not forgotten the open tunnels"
    daemon.reload(one(address, {"max-tunnels-per-source": 1, "listen": f"127.0.0.1:{daemon.port()}"}))
    assert visit(daemon) is None
    for client in first:
        client.echo()
    daemon.reload(one(address, {"listen": f"127.0.0.1:{daemon.port()}"}, **{"max-tunnels-per-source": 1}))
    first.append(visit(daemon))
    assert first[-1], "the global limit counts from now on"
    assert visit(daemon) is None
    close_all(daemon, first)
    assert visit(daemon)


def test_a_refused_reload_changes_no_limit(culvert, backend, visit):
    address = backend(Echo).address
    daemon = culvert(one(address, {"max-tunnels-per-source": 1}))
    first = visit(daemon)
    bad = one(address, {"max-tunnels-per-source": 9, "listen": f"127.0.0.1:{daemon.port()}", "cert": "/nonexistent",
                        "key": "/nonexistent"})
    daemon.reload(bad, expect=False)
    assert visit(daemon) is None
    first.echo()


def test_allow_from_and_deny_from(culvert, backend, visit):
    """The longest network decides. A denied client gets not one byte, and its refusal costs no handshake."""
    daemon = culvert(one(backend(Echo).address,
                         {"allow-from": "127.0.0.0/8, 127.1.2.3", "deny-from": ["127.1.0.0/16", "127.2.0.1"]}))
    assert visit(daemon, source="127.0.0.1")
    assert visit(daemon, source="127.1.0.1") is None
    assert visit(daemon, source="127.1.2.3")
    assert visit(daemon, source="127.2.0.1") is None
    assert visit(daemon, source="127.2.0.2")
    lines = daemon.wait_closed(2)
    assert [line["cause"] for line in lines] == ["denied", "denied"]
    assert [line["client"].split(":")[0] for line in lines] == ["127.1.0.1", "127.2.0.1"]
    counters = daemon.counters()
    assert counters["denied"] == 2 and counters["rejected_limit"] == 0
    assert counters["handshakes_ok"] == 3 and counters["handshakes_failed_other"] == 0


def test_allow_from_alone_denies_all_others(culvert, backend, visit, workdir):
    address = backend(Echo).address
    path = workdir / "culvert.sock"
    options = {"listen": ["127.0.0.1:0", f"unix:{path}"], "allow-from": "unix"}
    daemon = culvert(one(address, options))
    assert visit(daemon, index=0) is None
    assert visit(daemon, index=1)
    options["allow-from"] = "127.0.0.1"
    options["listen"][0] = f"127.0.0.1:{daemon.port()}"
    daemon.reload(one(address, options))
    assert visit(daemon, index=0)
    assert visit(daemon, index=1) is None


def test_a_flood_of_refusals_has_few_log_lines(culvert, backend, visit):
    daemon = culvert(one(backend(Echo).address, {"deny-from": "127.9.0.0/16"}))
    for number in range(40):
        with contextlib.suppress(*REFUSED):
            visit(daemon, source="127.9.0.1")
    daemon.wait_counter("denied", 40)
    assert 1 <= len(daemon.find_log("cause=denied")) < 40
    assert visit(daemon)


def test_clients_of_tls_off_and_passthrough_are_limited_too(culvert, backend):
    address = backend(Echo).address
    daemon = culvert(one(address, {"tls": "passthrough", "max-tunnels-per-source": 1}))
    with socket.create_connection(daemon.address()) as first:
        daemon.wait_counter("tunnels_active", 1)
        with socket.create_connection(daemon.address()) as second:
            second.settimeout(30)
            try:
                assert second.recv(1) == b""
            except ConnectionError:
                pass
        assert first.fileno() >= 0
    assert daemon.wait_log("limit:max-tunnels-per-source")


def test_the_clients_in_the_manuals_table(culvert, backend, visit):
    """docs/limits.md says which network decides; 127.x stands for 10.x here."""
    daemon = culvert(one(backend(Echo).address, {"allow-from": "127.0.0.0/8, fd00::/8, unix",
                                                 "deny-from": "127.66.0.0/16, 127.1.2.3"}))
    for client, accepted in (("127.1.2.4", True), ("127.1.2.3", False), ("127.66.0.1", False)):
        assert bool(visit(daemon, source=client)) == accepted, client
