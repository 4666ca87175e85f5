# SPDX-License-Identifier: GPL-3.0-or-later
"""Several backends: who gets a tunnel by balance and weight, how many, and what happens to backends that fail.
(tests/unit/backend has the distribution over 10,000 tunnels.)"""

import collections
import signal
import threading

import pytest

from harness import (Backend, Config, Echo, Refuser, TlsBackend, eventually, scaled, slack)
from harness.daemon import MSG_COUNTERS
from harness.services import redis

class Named(Backend):
    """Says its name, one letter, and then echoes."""

    def __init__(self, name, **options):
        self.name = name
        super().__init__(**options)

    def serve(self, connection):
        connection.sock.sendall(self.name.encode())
        Echo.serve(self, connection)


class Resetting(Backend):
    """Resets each connection before its first byte, until `healthy` is set; then says its name and echoes."""

    def __init__(self, name="a", **options):
        self.name = name
        self.healthy = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        if self.healthy.is_set():
            return Named.serve(self, connection)
        connection.sock.recv(1)  # the client's first byte: the tunnel is open
        connection.reset()
        connection.end = "reset"


@pytest.fixture
def named(backend):
    """Makes backends `a`, `b`, ..."""
    return lambda count: [backend(Named, "abcdefgh"[i]) for i in range(count)]


def states(daemon):
    """The lines of the state dump about backends, by address."""
    mark = daemon.mark()
    daemon.signal(signal.SIGUSR2)
    daemon.wait_log(MSG_COUNTERS, 5, since=mark)
    return {line["backend"]: line for line in daemon.log_lines(mark) if "status" in line.fields}


def tunnels(daemon):
    return {address: int(line["tunnels"]) for address, line in states(daemon).items()}


def visit(connect, daemon, **options):
    """One tunnel, ended cleanly; returns the name of its backend."""
    with connect(daemon, **options) as client:
        name = client.recv_exactly(1).decode()
        client.close()
    return name


def weighted(backends, weights):
    return [f"{one.address} weight={weight}" for one, weight in zip(backends, weights)]


# -- who gets the tunnel -------------------------------------------------------------------------------------------

def test_first_uses_the_first_as_long_as_it_answers(culvert, named, connect):
    backends = named(3)
    daemon = culvert(backend=weighted(backends, [1, 100, 100]))
    assert {visit(connect, daemon) for _ in range(10)} == {"a"}
    backends[0].stop()
    assert {visit(connect, daemon) for _ in range(10)} == {"b"}


def test_round_robin_is_exact_over_all_workers(culvert, named, connect):
    daemon = culvert(backend=weighted(named(3), [1, 2, 3]), service={"balance": "round-robin"},
                     globals_={"workers": 2})
    count = scaled(120, least=60)
    got = collections.Counter(visit(connect, daemon) for _ in range(count))
    assert got == {"a": count / 6, "b": count / 3, "c": count / 2}


def test_random_picks_follow_the_weights(culvert, named, connect):
    weights = {"a": 1, "b": 2, "c": 3}
    daemon = culvert(backend=weighted(named(3), weights.values()), service={"balance": "random2"})
    count = scaled(240, least=120)
    got = collections.Counter(visit(connect, daemon) for _ in range(count))
    chi_square = sum((got[name] - count * weight / 6) ** 2 / (count * weight / 6) for name, weight in weights.items())
    print(f"{dict(got)}, chi-square {chi_square:.2f}")
    assert chi_square < 23  # two degrees of freedom: chance exceeds this once in 100,000 runs


def test_least_avoids_the_backend_whose_tunnels_stay(culvert, named, connect):
    backends = named(3)
    daemon = culvert(backend=[one.address for one in backends], service={"balance": "least"})
    clients = [connect(daemon) for _ in range(9)]
    where = collections.defaultdict(list)
    for client in clients:
        where[client.recv_exactly(1).decode()].append(client)
    assert {name: len(of) for name, of in where.items()} == {"a": 3, "b": 3, "c": 3}
    for client in where["b"] + where["c"]:
        client.close()
    a, b, c = (one.address for one in backends)
    eventually(lambda: tunnels(daemon) == {a: 3, b: 0, c: 0}, what="the closed tunnels to be gone", every=0.05)
    later = [connect(daemon) for _ in range(6)]
    assert sorted(client.recv_exactly(1).decode() for client in later) == list("bbbccc")
    assert tunnels(daemon) == {a: 3, b: 3, c: 3}


def test_source_hash_keeps_a_client_at_its_backend(culvert, named, connect):
    backends = named(3)
    config = Config({"main": {"backend": [one.address for one in backends], "balance": "source-hash"}}, workers=2)
    daemon = culvert(config)
    sources = [f"127.0.7.{i}" for i in range(1, scaled(30, least=20) + 1)]
    home = {source: visit(connect, daemon, source=(source, 0)) for source in sources}
    assert set(home.values()) == {"a", "b", "c"}
    assert {source: visit(connect, daemon, source=(source, 0)) for source in sources} == home
    config.services["main"]["idle-timeout"] = "10m"
    config.services["main"]["backend"].reverse()
    daemon.reload(config)
    assert {source: visit(connect, daemon, source=(source, 0)) for source in sources} == home
    backends[1].stop()
    after = {source: visit(connect, daemon, source=(source, 0)) for source in sources}
    assert all(after[source] == name for source, name in home.items() if name != "b")
    assert all(after[source] in ("a", "c") for source, name in home.items() if name == "b")


# -- how many ------------------------------------------------------------------------------------------------------

def test_a_full_backend_is_skipped_and_a_returned_place_is_used(culvert, named, connect):
    daemon = culvert(backend=[one.address for one in named(2)],
                     service={"backend-max-tunnels": 2, "connect-timeout": "60s"})
    clients = [connect(daemon) for _ in range(4)]
    assert [client.recv_exactly(1) for client in clients] == [b"a", b"a", b"b", b"b"]
    waiting = connect(daemon)
    waiting.send(b"early")
    assert sorted(tunnels(daemon).values()) == [2, 2]
    clients[2].close()
    assert waiting.recv_exactly(6) == b"bearly"
    counters = daemon.counters()
    assert counters["backend_connects_failed"] == counters["backend_places_timed_out"] == 0


def test_without_a_place_the_tunnel_ends_at_connect_timeout(culvert, named, connect):
    daemon = culvert(backend=named(1)[0].address,
                     service={"backend-max-tunnels": 1, "connect-timeout": "300ms", "connect-retry": "off"})
    first = connect(daemon)
    assert first.recv_exactly(1) == b"a"
    assert connect(daemon).outcome() == (0, "reset")
    line = daemon.wait_closed()
    assert line["cause"] == "limit:backend-max-tunnels"
    assert line["detail"] == "1 of 1 addresses have 1 open tunnels"
    assert daemon.counters()["backend_places_timed_out"] == 1
    first.send(b"x")
    assert first.recv_exactly(1) == b"x"


def test_a_crowd_shares_the_places_and_all_are_served(culvert, named, connect):
    """Twenty clients at once, four places, two workers: never more at a backend than its limit."""
    backends = named(2)
    daemon = culvert(backend=[one.address for one in backends], globals_={"workers": 2},
                     service={"backend-max-tunnels": 2, "connect-timeout": "60s", "balance": "least"})
    served, most, errors = [], [], []
    lock = threading.Lock()

    def one():
        try:
            with connect(daemon, timeout=slack(60)) as client:
                client.recv_exactly(1)
                with lock:
                    most.append(max(sum(c.end is None for c in backend.connections) for backend in backends))
                client.echo()
                client.close()
                served.append(1)
        except Exception as error:  # shown by the test
            errors.append(repr(error))

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(slack(60))
    assert not errors and len(served) == 20
    daemon.wait_idle()
    # A backend counts a connection until it has read the FIN that culvert has sent.
    print(f"most connections at one backend: {max(most)}")
    assert set(tunnels(daemon).values()) == {0}


# -- what fails ----------------------------------------------------------------------------------------------------

def test_a_backend_that_resets_is_ejected_and_returns(culvert, backend, connect):
    bad, good = backend(Resetting), backend(Named, "b")
    daemon = culvert(backend=[bad.address, good.address], service={"eject-failures": 3, "eject-time": "1500ms"})
    for count in (1, 2, 3):
        client = connect(daemon)
        client.send(b"x")
        assert client.outcome() == (0, "reset")
        daemon.wait_closed(count=count)
    line = daemon.wait_log("backend ejected")
    assert (line["service"], line["backend"]) == ("main", bad.address)
    assert (line["failures"], line["eject_time"], line["error"]) == ("3", "1s500ms", "backend-reset")
    assert {visit(connect, daemon) for _ in range(5)} == {"b"}
    counters = daemon.counters()
    assert (counters["backend_ejections"], counters["backends_down"]) == (1, 1)
    assert states(daemon)[bad.address]["status"] in ("ejected", "up")  # the time may be over on a slow machine
    line = daemon.wait_log("backend returns from ejection", timeout=10)
    assert line["backend"] == bad.address and float(line["ejected_for_ms"]) == 1500
    bad.healthy.set()
    assert visit(connect, daemon) == "a"
    assert daemon.counters()["backends_down"] == 0


def test_a_backend_without_tls_is_ejected(culvert, backend, connect, pki):
    """A handshake with the backend that fails counts, too."""
    bad = backend(Backend, lambda connection: (connection.sock.recv(9), connection.sock.sendall(b"HTTP/1.0 400\r\n\r\n")))
    good = backend(TlsBackend, pki.ecdsa)
    daemon = culvert(backend=[bad.address, good.address],
                     service={"eject-failures": 2, "eject-time": "60s", "backend-tls": "on", "backend-verify": "off"})
    for count in (1, 2):
        assert connect(daemon).outcome() == (0, "reset")
        daemon.wait_closed(count=count)
    daemon.wait_log("backend ejected")
    connect(daemon).echo()
    assert daemon.counters()["backend_ejections"] == 1


def test_refused_connects_eject_and_clients_do_not_notice(culvert, backend, connect):
    bad, good = backend(Refuser), backend(Named, "b")
    daemon = culvert(backend=[bad.address, good.address], service={"eject-failures": 3, "eject-time": "60s"})
    assert {visit(connect, daemon) for _ in range(10)} == {"b"}
    assert daemon.wait_log("backend ejected")["error"] == "Connection refused"
    counters = daemon.counters()
    assert counters["backend_connects_failed"] == 3
    assert counters["backend_ejections"] == 1


def test_the_last_half_and_the_only_backend_are_never_ejected(culvert, backend, connect):
    bad = [backend(Refuser) for _ in range(3)]
    config = Config({"three": {"backend": [one.address for one in bad], "connect-retry": "off", "eject-failures": 1},
                     "one": {"backend": bad[0].address, "connect-retry": "off", "eject-failures": 1}})
    daemon = culvert(config)
    for service in ("three", "one") * 3:
        assert connect(daemon, service).outcome() == (0, "reset")
    daemon.wait_closed(count=6)
    assert [line["service"] for line in daemon.find_log("backend ejected")] == ["three"]
    bad[2].open()
    connect(daemon, "three").echo()


def test_a_reload_keeps_what_is_known(culvert, backend, connect):
    bad, good = backend(Refuser), backend(Named, "b")
    config = Config({"main": {"backend": [bad.address, good.address], "eject-failures": 1, "eject-time": "10m"}})
    daemon = culvert(config)
    client = connect(daemon)
    assert client.recv_exactly(1) == b"b"
    daemon.wait_log("backend ejected")
    config.services["main"].update({"backend": [f"{bad.address} weight=5", good.address], "balance": "least"})
    daemon.reload(config)
    found = states(daemon)
    assert (found[bad.address]["status"], found[bad.address]["weight"]) == ("ejected", "5")
    assert float(found[bad.address]["ejected_left_ms"]) > 0
    assert (found[good.address]["status"], found[good.address]["tunnels"]) == ("up", "1")
    assert visit(connect, daemon) == "b"
    assert daemon.counters()["backend_connects_failed"] == 1
    client.close()


# -- real backends -------------------------------------------------------------------------------------------------

def ask(client, command=b"PING"):
    client.send(command + b"\r\n")
    return client.recv()


def test_one_of_three_redis_is_killed_and_all_clients_are_served(culvert, service, connect, need):
    need("redis-server")
    servers = [service(redis) for _ in range(3)]
    daemon = culvert(backend=[one.address for one in servers], service={"balance": "round-robin"})
    for _ in range(6):
        assert ask(connect(daemon)) == b"+PONG\r\n"
    servers[1].process.kill()
    servers[1].process.wait()
    for _ in range(scaled(30, least=24)):  # eight for the killed one, which is ejected after five
        with connect(daemon) as client:
            assert ask(client) == b"+PONG\r\n"
            client.close()
    assert daemon.wait_log("backend ejected")["backend"] == servers[1].address
    assert daemon.wait_log("backend failed")["error"] == "Connection refused"


def test_a_stopped_redis_holds_only_its_own_clients(culvert, service, connect, need):
    """The kernel accepts for a stopped process. Without checks its clients wait; those of the others do not."""
    need("redis-server")
    servers = [service(redis) for _ in range(3)]
    daemon = culvert(backend=[one.address for one in servers],
                     service={"balance": "least", "backend-max-tunnels": 4, "connect-timeout": "60s"})
    servers[0].process.send_signal(signal.SIGSTOP)
    clients = [connect(daemon) for _ in range(9)]
    for client in clients:
        client.send(b"PING\r\n")
        client.sock.settimeout(0.1)
    waiting = list(clients)

    def answered():
        for client in list(waiting):
            try:
                assert client.recv() == b"+PONG\r\n"
                waiting.remove(client)
            except TimeoutError:
                pass
        return len(waiting) <= 3

    eventually(answered, 10, "the clients of two servers to be answered")
    assert len(waiting) == 3
    servers[0].process.send_signal(signal.SIGCONT)
    for client in clients:
        client.sock.settimeout(slack(10))
    assert [client.recv() for client in waiting] == [b"+PONG\r\n"] * 3
