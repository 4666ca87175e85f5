# SPDX-License-Identifier: GPL-3.0-or-later
"""A service whose backend is down starved the others.

Done: few places (max-tunnels, or 256 descriptors), one service whose backend refuses, and more clients of it than there
are places, each of which comes again when it is refused. Seen: their tunnels wait for the backend until connect-timeout
and hold all places; another service answered after up to 9.5 s. Right: waiting tunnels whose backend is down give way
once places are scarce: they end at once with their cause, and the other service is served in well under a second."""

import threading
import time

import pytest

from harness import Blackhole, Config, Echo, Refuser, TlsClient, slack

PLACES = 32


class Returning:
    """Clients that connect, wait to be refused, and come again."""

    def __init__(self, address, context, count):
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(address, context), daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, address, context):
        while not self.stopping.is_set():
            try:
                with TlsClient(address, context, timeout=slack(60)) as client:
                    client.outcome()
            except OSError:
                self.stopping.wait(0.01)

    def stop(self):
        self.stopping.set()


@pytest.fixture
def returning(pki):
    crowds = []

    def start(address, count):
        crowds.append(Returning(address, pki.context(), count))
        return crowds[-1]

    yield start
    for crowd in crowds:
        crowd.stop()


def latencies(daemon, connect, service, count=6):
    taken = []
    for _ in range(count):
        start = time.monotonic()
        client = connect(daemon, service, timeout=slack(60))
        client.echo()
        taken.append(time.monotonic() - start)
        client.close()
    return sorted(taken)


@pytest.mark.parametrize("kind, cause", [(Refuser, "backend-refused"), (Blackhole, "backend-timeout")])
def test_tunnels_of_a_dead_service_give_way(culvert, backend, connect, returning, kind, cause):
    daemon = culvert(Config({"dead": {"backend": backend(kind).address, "connect-timeout": "20s"},
                             "well": {"backend": backend(Echo).address}},
                            globals_={"max-tunnels": PLACES, "workers": 2}))
    returning(daemon.address("dead"), PLACES + 8)
    daemon.wait_counter("tunnels_active", PLACES - 5, timeout=15)
    daemon.wait_closed(timeout=15)  # the first has given way: before, that took connect-timeout
    taken = latencies(daemon, connect, "well")
    print(f"{kind.__name__}: {[round(one * 1000) for one in taken]} ms")
    assert taken[-1] < slack(1)
    ended = [line for line in daemon.log_closed() if line.get("service") == "dead"]
    assert ended and {line["cause"] for line in ended} <= {cause, "client-reset", "client-truncated"}
    assert any("gave way" in line.get("detail", "") for line in ended)
    assert min(float(line["total_ms"]) for line in ended) < 15000, "not at connect-timeout"
    assert daemon.counters()["tunnels_gave_way"] > 0


def test_nobody_gives_way_while_there_is_room(culvert, backend, connect):
    """A backend's restart is a pause for those who wait, however dead it is meanwhile."""
    refuser = backend(Refuser)
    daemon = culvert(backend=refuser.address, service={"connect-timeout": "30s"}, globals_={"max-tunnels": PLACES})
    clients = [connect(daemon, timeout=slack(20)) for _ in range(PLACES - 6)]
    daemon.wait_counter("backend_connects_retried", 3 * len(clients))
    assert not daemon.log_closed()
    refuser.open()
    for client in clients:
        client.echo()
    assert daemon.counters()["tunnels_gave_way"] == 0


def test_a_crowd_leaves_places_to_other_listeners(culvert, backend, connect, pki):
    """Of the places that come free, each listener gets some: a crowd at the first one does not get them all."""
    daemon = culvert(Config({"crowd": {"backend": backend(Echo).address}, "other": {"backend": backend(Echo).address}},
                            globals_={"max-tunnels": 4, "workers": 1}))
    stopping = threading.Event()

    def come_and_go():
        while not stopping.is_set():
            try:
                with TlsClient(daemon.address("crowd"), pki.context(), timeout=slack(60)) as client:
                    client.echo()
                    client.close()
            except OSError:
                pass

    threads = [threading.Thread(target=come_and_go, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()
    daemon.wait_counter("accept_paused", 5, timeout=15)
    taken = latencies(daemon, connect, "other", 3)
    stopping.set()
    print(f"beside a crowd: {[round(one * 1000) for one in taken]} ms")
    assert taken[-1] < slack(2)
