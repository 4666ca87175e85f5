# SPDX-License-Identifier: GPL-3.0-or-later
"""TERM drains: new connections are refused, open tunnels get until drain-timeout, the exit status tells how it went."""

import signal
import socket
import threading
import time

import pytest

from harness import Echo, Hanger, Source, TlsClient, eventually, scaled, sha256, slack
from harness.bulk import Bulk
from harness.daemon import MSG_RELOAD_IGNORED
from harness.util import chunks

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def refuses(address):
    try:
        socket.create_connection(address, timeout=1).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it came while the listener closed
        return True


@pytest.mark.parametrize("number", SIGNALS)
def test_without_tunnels_it_ends_at_once(culvert, backend, number):
    daemon = culvert(backend=backend(Echo).address, globals_={"drain-timeout": "1m"})
    start = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 0
    assert time.monotonic() - start < slack(1)


def test_tunnels_that_end_in_time_end_clean(culvert, backend, connect):
    """A transfer that is under way is finished, nobody new is let in, and the exit status is 0."""
    size = scaled(32 << 20, least=2 << 20)
    daemon = culvert(backend=backend(Source, size, seed=2).address, globals_={"drain-timeout": "30s"})
    client = connect(daemon)
    first = client.recv_exactly(1000)
    daemon.signal(signal.SIGTERM)
    eventually(lambda: refuses(daemon.address()), 5, "new connections to be refused")
    rest = iter(lambda: client.recv(1 << 18), b"")
    assert sha256(piece for part in ([first], rest) for piece in part) == sha256(chunks(size, seed=2))
    client.close()
    assert daemon.wait() == 0
    assert [line["cause"] for line in daemon.log_closed() if line["cause"] != "probe"] == ["backend-fin"]


@pytest.mark.slow
def test_term_under_load(culvert, pki):
    """Tunnels in full swing go on after TERM until their clients are done: all clean, exit 0."""
    backend = Bulk("stream-backend")
    daemon = culvert(backend=f"127.0.0.1:{backend.line()['port']}", globals_={"drain-timeout": "60s"}, level="info")
    clients = Bulk("stream-client", port=daemon.port(), ca=pki.ca_file, count=scaled(100, least=20), size=16384,
                   pause=0.05)
    try:
        assert clients.line(60)["errors"] == []
        daemon.signal(signal.SIGTERM)
        eventually(lambda: refuses(daemon.address()), 5, "new connections to be refused")
        time.sleep(0.5)
        clients.tell()
        said = clients.line(60)
    finally:
        clients.stop()
        backend.stop()
    assert said["errors"] == [] and said["stuck"] == 0
    assert daemon.wait() == 0
    assert {line["cause"] for line in daemon.log_closed()} - {"probe"} == {"client-fin"}


def test_a_stuck_tunnel_is_cut_at_the_deadline(culvert, backend, connect):
    """Exit 8, at the deadline and not before; the cut is an abort, and the log says drain."""
    daemon = culvert(backend=backend(Hanger).address, globals_={"drain-timeout": "1s"})
    client = connect(daemon)
    client.send(b"x")
    start = time.monotonic()
    daemon.terminate(expect=8)
    assert 0.9 < time.monotonic() - start < slack(2)
    daemon.wait_log("cause=drain")
    assert client.outcome()[1] != "close_notify"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_stops_now(culvert, backend, connect, number):
    daemon = culvert(backend=backend(Hanger).address, globals_={"drain-timeout": "1h"})
    client = connect(daemon)
    client.send(b"x")
    daemon.signal(number)
    eventually(lambda: refuses(daemon.address()), 5, "the drain to begin")
    assert daemon.running()
    start = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 8
    assert time.monotonic() - start < slack(1)
    daemon.wait_log("cause=drain")


def test_a_reload_while_draining_is_ignored(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address, globals_={"drain-timeout": "30s"})
    client = connect(daemon)
    client.echo()
    daemon.signal(signal.SIGTERM)
    eventually(lambda: refuses(daemon.address()), 5, "the drain to begin")
    mark = daemon.mark()
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(MSG_RELOAD_IGNORED, since=mark)
    assert refuses(daemon.address())
    client.echo()
    client.close()
    assert daemon.wait() == 0


def test_no_signal_cuts_the_end_short(culvert, backend, workdir):
    """A service manager's repeated TERM, or a log rotation, in the last moments: the pid file still goes away and the
    exit code still tells the truth. A flood of signals is merged, it does not put the end off."""
    pid_file = workdir / "pid"
    for _ in range(scaled(10, least=3)):
        daemon = culvert(backend=backend(Echo).address, globals_={"pid-file": pid_file})
        daemon.signal(signal.SIGTERM)
        while daemon.process.poll() is None:
            for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR2):
                daemon.signal(number)
        assert daemon.process.returncode == 0
        assert not pid_file.exists()


def test_a_flood_of_signals_puts_nothing_off(culvert, backend, connect):
    """However fast reloads are asked for, one turn does one of them: clients come in, and TERM is heard."""
    daemon = culvert(backend=backend(Echo).address)
    flood = threading.Thread(target=signal_until_ended, args=(daemon, signal.SIGHUP))
    flood.start()
    for _ in range(5):
        client = connect(daemon)
        client.echo()
        client.close()
    daemon.signal(signal.SIGTERM)
    start = time.monotonic()
    assert daemon.wait() == 0
    assert time.monotonic() - start < slack(5)
    flood.join()


def signal_until_ended(daemon, number):
    while daemon.process.poll() is None:
        daemon.signal(number)


def test_handshakes_under_way_are_finished(culvert, backend, pki):
    """A client that was accepted before TERM gets its tunnel."""
    daemon = culvert(backend=backend(Echo).address, globals_={"drain-timeout": "30s"})
    client = TlsClient(daemon.address(), pki.context(), handshake=False)
    daemon.wait_counter("accepted", 1)
    daemon.signal(signal.SIGTERM)
    eventually(lambda: refuses(daemon.address()), 5, "the drain to begin")
    client.handshake()
    client.echo()
    client.close()
    assert daemon.wait() == 0
