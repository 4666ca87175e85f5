# SPDX-License-Identifier: GPL-3.0-or-later
"""when-backend-down: what clients see while all backends of a service are down."""

import socket

import pytest

from harness import Config, Echo, Refuser, TlsClient, Truncated, eventually, services, slack
from harness.daemon import run_culvert
from harness.util import connect, exchange, own_address

CHECK = {"health-check": "tcp", "health-interval": "100ms", "health-timeout": "100ms", "health-fall": "1", "health-rise": "1",
         "connect-timeout": "1s"}


@pytest.fixture
def refuser():
    """A port that refuses, and can be opened."""
    made = Refuser()
    yield made
    made.stop()


def served(address, pki):
    with TlsClient(address, pki.context()) as client:
        client.send(b"ping")
        assert client.recv_exactly(4) == b"ping"
        client.close_notify()


def refused(address):
    try:
        connect(address, slack(5)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_unlisten_closes_the_port_and_opens_it_again(culvert, refuser, pki):
    listen = own_address()
    daemon = culvert(service={"listen": listen, "backend": refuser.address, "when-backend-down": "unlisten", **CHECK})
    daemon.wait_log("no longer listening: all backends are down")
    host, port = listen.split(":")
    eventually(lambda: refused((host, int(port))), 5, "a closed port")
    assert daemon.counters()["listeners_taken_away"] == 1
    refuser.open()
    daemon.wait_log("listening again: a backend is up", 10)
    served((host, int(port)), pki)


def test_a_port_that_is_taken_meanwhile_is_tried_again(culvert, refuser, pki):
    listen = own_address()
    host, port = listen.split(":")
    daemon = culvert(service={"listen": listen, "backend": refuser.address, "when-backend-down": "unlisten", **CHECK})
    daemon.wait_log("no longer listening")
    eventually(lambda: refused((host, int(port))), 5, "a closed port")
    with socket.create_server((host, int(port))):
        refuser.open()
        daemon.wait_log("cannot listen again", 10)
    daemon.wait_log("listening again", 10)
    served((host, int(port)), pki)


def test_reject_closes_at_once(culvert, refuser):
    daemon = culvert(service={"backend": refuser.address, "when-backend-down": "reject", **CHECK})
    daemon.wait_log("backend is down: its checks fail")
    assert exchange(daemon.address(), half_close=False)[0] == b""
    assert daemon.wait_closed()["cause"] == "backend-ejected"


def test_a_shared_port_stays_while_one_service_lives(culvert, backend, refuser, pki):
    listen = own_address()
    down = {"when-backend-down": "unlisten", **CHECK}
    daemon = culvert(Config({
        "dead": {"listen": listen, "match-name": "dead.example.org", "backend": refuser.address, **down},
        "alive": {"listen": listen, "match-name": "localhost", "backend": backend(Echo).address, **down}}))
    daemon.wait_log("backend is down: its checks fail")
    served(daemon.address("alive"), pki)
    context = pki.context()
    context.check_hostname = False
    with pytest.raises((OSError, Truncated)):  # it acts as reject
        TlsClient(daemon.address("dead"), context, name="dead.example.org")
    assert daemon.wait_log("cause=backend-ejected")["service"] == "dead"
    assert not daemon.find_log("no longer listening")


def test_a_balancer_in_front_fails_over(culvert, backend, service, need, refuser, pki):
    """haproxy knows nothing of TLS here: it sees the closed port, and every client is served by the other culvert."""
    need("haproxy")
    first, second = own_address(), own_address()
    dying = culvert(service={"listen": first, "backend": refuser.address, "when-backend-down": "unlisten", **CHECK})
    living = culvert(service={"listen": second, "backend": backend(Echo).address})
    dying.wait_log("no longer listening")
    host, port = first.split(":")
    eventually(lambda: refused((host, int(port))), 5, "a closed port")
    front = service(services.haproxy, f"{first} check inter 100ms", f"{second} check inter 100ms")
    for _ in range(20):
        served(("127.0.0.1", front.port), pki)
    living.wait_log("cause=client-fin", count=20)


def test_it_needs_a_health_check(workdir, pki):
    config = Config({"main": {"listen": "127.0.0.1:26000", "backend": "127.0.0.1:9", "when-backend-down": "reject"}})
    (workdir / "c.ini").write_text(config.render(pki))
    told = run_culvert("--check", "-c", workdir / "c.ini")
    assert told.returncode == 3 and "needs a health-check" in told.stderr


def test_a_reload_that_drops_the_option_opens_the_port_again(culvert, refuser):
    listen = own_address()
    host, port = listen.split(":")
    service = {"listen": listen, "backend": refuser.address, "when-backend-down": "unlisten", **CHECK}
    daemon = culvert(service=service)
    daemon.wait_log("no longer listening")
    eventually(lambda: refused((host, int(port))), 5, "a closed port")
    service["when-backend-down"] = "wait"
    daemon.reload(Config({"main": service}))
    daemon.wait_log("listening again")
    connect((host, int(port)), slack(5)).close()
