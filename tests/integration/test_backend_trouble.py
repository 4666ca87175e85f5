# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that is gone, late or not reading: nothing accepted is thrown away, and nothing leaks over thousands of
tunnels. (test_close_backend.py has the single ends.)"""

import threading
import time

import pytest

from harness import (SANITIZED, Backend, Blackhole, Config, Echo, Hanger, Refuser, Resetter, eventually, scaled, sha256,
                     slack)
from harness.bulk import Bulk
from harness.util import chunks

MIB = 1 << 20
VERSIONS = ["1.2", "1.3"]


# -- no connection -------------------------------------------------------------------------------------------------

def test_connect_retry_off_fails_after_the_first_pass(culvert, backend, connect):
    refusers = [backend(Refuser), backend(Refuser)]
    daemon = culvert(backend=[one.address for one in refusers],
                     service={"connect-timeout": "20s", "connect-retry": "off"})
    start = time.monotonic()
    assert connect(daemon).outcome() == (0, "reset")
    assert time.monotonic() - start < slack(2)
    assert daemon.wait_closed()["cause"] == "backend-refused"
    assert daemon.counters()["backend_connects_failed"] == 2


def test_a_backend_that_comes_back_after_three_seconds_is_reached(culvert, backend, connect):
    """A restart of the backend is a pause for the client and nothing else; its early bytes are not lost."""
    refuser = backend(Refuser)
    daemon = culvert(backend=refuser.address, service={"connect-timeout": "20s"})
    client = connect(daemon)
    client.send(b"early ")
    time.sleep(3)  # the three seconds: what is shown is that the tunnel is still waiting after them
    assert not daemon.log_closed()
    refuser.open()
    client.send(b"late")
    assert client.recv_exactly(10) == b"early late"
    client.close()
    assert daemon.wait_closed()["cause"] == "client-fin"
    assert daemon.counters()["backend_connects_retried"] >= 3


# -- truncation ----------------------------------------------------------------------------------------------------

def slow_start(server, connection):
    """A backend that lets everything pile up in the kernels and in culvert before it reads, and then reads slowly."""
    server.begin.wait(slack(20))
    while True:
        try:
            data = connection.sock.recv(65536)
        except ConnectionResetError:
            connection.end = "reset"
            return
        if not data:
            connection.end = "fin"
            return
        connection.note(data)
        server.stopping.wait(0.002)


@pytest.fixture
def slow_sink(backend):
    server = backend(Backend, lambda connection: slow_start(server, connection))
    server.begin = threading.Event()
    return server


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ending, expected", [("reset", "reset"), ("fin", "fin")])
def test_four_mebibytes_and_no_close_notify(culvert, slow_sink, connect, version, ending, expected):
    """What was accepted is delivered first, whole; then comes the abort (or, where the service wants it, a FIN)."""
    daemon = culvert(backend=slow_sink.address, service={"on-truncation": ending})
    client = connect(daemon, minimum=version, maximum=version)
    threading.Timer(0.3, slow_sink.begin.set).start()
    for chunk in chunks(4 * MIB, seed=6):
        client.send(chunk)
    client.shutdown_bare()  # not close(): with a ticket unread that would be an RST
    connection = slow_sink.wait_connection()
    assert connection.wait_end(20) == expected
    assert connection.received == 4 * MIB and connection.sha256 == sha256(chunks(4 * MIB, seed=6))
    line = daemon.wait_closed()
    assert line["cause"] == "client-truncated"
    assert line["bytes_in"] == str(4 * MIB) and "lost_in" not in line.fields
    counters = daemon.counters()
    assert counters["truncated_ends"] == 1
    assert counters["inbound_lost_bytes"] == 0


def test_a_backend_that_never_takes_the_rest_is_cut_and_the_loss_is_logged(culvert, backend, connect):
    """Delivery before the abort is bounded by half-close-timeout."""
    hanger = backend(Hanger)
    daemon = culvert(backend=hanger.address, service={"half-close-timeout": "500ms"})
    client = connect(daemon)
    client.sock.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            client.send(bytes(1 << 18))
            sent += 1 << 18
    client.sock.close()
    line = daemon.wait_closed(timeout=20)
    assert line["cause"] in ("client-truncated", "client-reset")
    assert int(line["lost_in"]) > 0
    hanger.release.set()


def test_a_name_that_does_not_resolve_waits_inside_connect_timeout(culvert, connect, backend):
    """An unresolved name is a warning at the start; its tunnels end as unreachable, the other services live."""
    daemon = culvert(Config({"lost": {"backend": "no-such-host.invalid:1", "connect-timeout": "500ms"},
                             "main": {"backend": backend(Echo).address}}))
    daemon.wait_log("no-such-host.invalid")
    start = time.monotonic()
    assert connect(daemon, "lost").outcome() == (0, "reset")
    assert 0.4 <= time.monotonic() - start <= slack(2)
    assert daemon.wait_closed()["cause"] == "backend-unreachable"
    connect(daemon).echo()


@pytest.mark.parametrize("ending", ["reset", "close", "shutdown_bare"])
def test_a_backend_that_is_gone_holds_up_no_closing_tunnel(culvert, backend, connect, ending):
    """The backend closed at once and resets whatever comes: its kernel will never acknowledge these bytes, so nobody
    must wait for that, however the client ends."""
    server = backend(Backend, lambda connection: connection.sock.close())
    daemon = culvert(backend=server.address)
    client = connect(daemon)
    server.wait_connection()
    assert client.recv() == b""  # culvert has the backend's FIN
    client.send(b"0123456789")
    daemon.wait_counter("inbound_bytes", 10)
    getattr(client, ending)()
    assert daemon.wait_closed(timeout=5)["cause"] == "backend-fin"


# -- leaks ---------------------------------------------------------------------------------------------------------

class Flapper:
    """A backend that is there for a moment and gone for a moment."""

    def __init__(self):
        self.refuser = Refuser()
        self.address = self.refuser.address
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            echo = self.refuser.open()
            self.stopping.wait(0.3)
            echo.stop()
            self.stopping.wait(0.2)

    def stop(self):
        self.stopping.set()
        self.thread.join()


@pytest.mark.slow
def test_ten_thousand_troubled_tunnels_leave_nothing_behind(culvert, backend, pki):
    """Refused, unanswered, reset, and flapping backends: descriptors exactly as before, memory as after the first
    thousand."""
    kinds = {
        "refused": ({"backend": backend(Refuser).address, "connect-retry": "off"}, "wait"),
        "unanswered": ({"backend": backend(Blackhole).address, "connect-timeout": "100ms"}, "wait"),
        "reset": ({"backend": backend(Resetter, 1, b"reply").address}, "wait"),
        "flapping": ({"backend": backend(Flapper).address, "connect-timeout": "3s"}, "reset"),
    }
    daemon = culvert(Config({name: options for name, (options, _) in kinds.items()}), level="info")
    before = daemon.fds()

    def churn(count):
        peers = [Bulk("churn-client", port=daemon.port(name), ca=pki.ca_file, count=count // len(kinds), parallel=8,
                      send=10, end=end) for name, (_, end) in kinds.items()]
        ends = {name: peer.line(200)["ends"] for name, peer in zip(kinds, peers)}
        for peer in peers:
            peer.stop()
        daemon.wait_idle()
        return ends

    total = scaled(10000, least=400)
    churn(total // 10)
    warm = daemon.rss()
    ends = churn(total - total // 10)
    for name in ("refused", "unanswered", "reset"):
        assert set(ends[name]) <= {"reset", "error:ConnectionResetError"}, ends
    eventually(lambda: daemon.fds() == before, 5, lambda: f"{daemon.proc.fd_targets()}")
    after = daemon.rss()
    print(f"RSS {warm / MIB:.1f} MiB after the first tenth, {after / MIB:.1f} MiB in the end; {ends}")
    if not SANITIZED:
        assert after <= warm * 1.1 + 4 * MIB
    counters = daemon.counters()
    assert counters["tunnels_opened"] == counters["tunnels_closed"]
