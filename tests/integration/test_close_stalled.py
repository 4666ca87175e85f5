# SPDX-License-Identifier: GPL-3.0-or-later
"""Sides that stop: one that takes no byte meets stall-timeout, a tunnel without any byte idle-timeout, and while they
wait nothing is lost, nothing grows and nothing spins."""

import ctypes
import os
import socket
import time

import pytest

from harness import Backend, Hanger, Sink, Source, eventually, pattern, slack
from harness.wellbeing import cause, counted, ended, fill, steady  # noqa: F401
from raw_tls import ContentType, Ended, Link, Tls13Client


@pytest.mark.nosan
def test_client_that_never_reads_is_bounded_and_stalled(steady, backend):
    """A download nobody takes: the backend is held up, memory is bounded by the FIFOs, no CPU is used, and after
    stall-timeout the client is blamed."""
    source = backend(Source, 200_000_000)
    daemon = steady(source.address, {"stall-timeout": "2s"})
    before = daemon.rss()
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as client:
        client.handshake()
        eventually(lambda: daemon.counters()["outbound_reads_paused"], 5)
        assert daemon.proc.cpu_share(0.5) < 0.1
        assert daemon.rss() - before < 1 << 20
        line = ended(daemon, timeout=6)
    assert line["cause"] == "client-stalled"
    counted(daemon, stalls_client=1)
    daemon.wait_counter("outbound_lost_bytes", 1)
    assert source.wait_connection().wait_end() in ("reset", "fin")


@pytest.mark.nosan
def test_backend_that_never_reads_is_bounded_and_stalled(steady, backend):
    """The mirror: reading the client stops, the client is cut without close_notify."""
    hanger = backend(Hanger, rcvbuf=8192)
    daemon = steady(hanger.address, {"stall-timeout": "2s"})
    before = daemon.rss()
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        fill(client, daemon)
        assert daemon.proc.cpu_share(0.5) < 0.1
        assert daemon.rss() - before < 1 << 20
        line = ended(daemon, timeout=8)
        assert client.outcome().aborted
    assert line["cause"] == "backend-stalled"
    counted(daemon, stalls_backend=1)


def test_stalled_backend_that_reads_again_gets_every_byte(steady, backend):
    """A pause below stall-timeout costs nothing."""
    hanger = backend(Hanger, rcvbuf=8192)
    daemon = steady(hanger.address, {"stall-timeout": "30s"})
    data = pattern(3_000_000)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        rest = b"".join(client.sealed(ContentType.APPLICATION_DATA, data[at:at + 16000])
                        for at in range(0, len(data), 16000)) + client.sealed(ContentType.ALERT, b"\1\0")
        stop = time.monotonic() + slack(5)
        while rest and time.monotonic() < stop and not daemon.counters()["inbound_reads_paused"]:
            rest = rest[client.link.send_some(rest):]
        hanger.release.set()
        client.link.send(rest)
        assert client.outcome().clean
    connection = hanger.connections[0]
    assert connection.end == "fin" and connection.received == len(data)
    assert cause(daemon) == "client-fin"


@pytest.mark.slow
def test_slow_reader_is_not_a_stalled_one(steady, backend):
    """A client that takes a little all the time outlives stall-timeout by far."""
    source = backend(Source, 3_000_000)
    daemon = steady(source.address, {"stall-timeout": "1s"})
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as client:
        client.handshake()
        stop, received = time.monotonic() + 4, 0
        while time.monotonic() < stop:
            received += len(getattr(client.read_event(), "data", b""))
            time.sleep(0.1)
        outcome = client.finish()
    assert received + len(outcome.data) == 3_000_000 and outcome.clean
    assert cause(daemon) in ("backend-fin", "client-fin")


@pytest.mark.slow
@pytest.mark.root
def test_living_client_outlives_keepalive_until_stall_timeout(steady, backend):
    """A client that does not read for longer than keepalive and all its probes is alive all the same: its kernel
    answers. Stall-timeout alone decides. (TCP_USER_TIMEOUT would kill it, so it must not be set.)"""
    source = backend(Source, 50_000_000)
    daemon = steady(source.address, {"stall-timeout": "8s"})
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as client:
        client.handshake()
        with socket_of(daemon.pid, client.link.local[1]) as leg:
            assert leg.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
            leg.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            leg.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            leg.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
        start = time.monotonic()
        line = ended(daemon, timeout=10)
    assert line["cause"] == "client-stalled", line
    assert time.monotonic() - start >= 7


def test_idle_tunnel_ends_with_idle_timeout(steady, echo):
    """No byte in either direction: both sides are told."""
    daemon = steady(echo.address, {"idle-timeout": "1s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"x")
        assert client.read(1) == b"x"
        start = time.monotonic()
        outcome = client.outcome(slack(4))
        took = time.monotonic() - start
    assert outcome.end != "open" and 0.8 <= took <= slack(1.5), f"{took:.2f} s"
    assert cause(daemon) == "idle"
    counted(daemon, idle_closes=1)
    assert echo.connections[0].wait_end() in ("fin", "reset")


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_one_way_stream_is_not_idle(steady, backend, direction):
    """IMAP IDLE and log shipping: bytes one way keep the tunnel, also when the other way is silent for ever."""
    def tick(connection):
        for _ in range(15):
            connection.sock.sendall(b"t")
            time.sleep(0.1)

    server = backend(Sink) if direction == "inbound" else backend(Backend, tick)
    daemon = steady(server.address, {"idle-timeout": "500ms"})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        if direction == "inbound":
            for _ in range(15):
                client.send(b"t")
                time.sleep(0.1)
        else:
            assert client.read(15) == b"t" * 15
        assert client.finish().clean
    assert cause(daemon) in ("client-fin", "backend-fin")


def test_tls_records_without_payload_do_not_keep_a_tunnel(steady, echo):
    """idle-timeout counts bytes of the stream: KeyUpdates are none."""
    daemon = steady(echo.address, {"idle-timeout": "1s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        start = time.monotonic()
        try:
            while time.monotonic() - start < slack(4):
                client.send_key_update()
                time.sleep(0.2)
        except Ended:
            pass
        assert time.monotonic() - start < slack(3)
    assert cause(daemon) == "idle"


def test_backend_stalled_after_the_clients_end(steady, backend):
    """The client has said everything and its end; the backend takes none of it: half-close-timeout or stall-timeout
    ends it, and the loss is counted."""
    hanger = backend(Hanger, rcvbuf=8192)
    daemon = steady(hanger.address, {"stall-timeout": "1s", "half-close-timeout": "1s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        for _ in range(60):
            record = client.sealed(ContentType.APPLICATION_DATA, b"y" * 16000)
            try:
                client.link.send(record, timeout=0.2)
            except (TimeoutError, Ended):
                break
        client.link.fin()
        line = ended(daemon, timeout=8)
    assert line["cause"] in ("backend-stalled", "client-truncated"), line
    daemon.wait_counter("inbound_lost_bytes", 1)


@pytest.mark.root
def test_keepalive_is_set_on_both_legs(steady, echo):
    """A proxy hides one side's death from the other: both of its sockets ask by themselves, and neither delays small
    writes. Towards the client little waits unsent in the kernel."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"x")
        assert client.read(1) == b"x"
        for port in (client.link.local[1], echo.connections[0].sock.getsockname()[1]):
            with socket_of(daemon.pid, port) as leg:
                assert leg.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
                assert leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 300
                if port == client.link.local[1]:
                    assert leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024


PIDFD_GETFD = 438  # linux/unistd.h; the same number on every architecture


def socket_of(pid, remote_port):
    """A duplicate of the process's established TCP socket whose other end has this port."""
    inodes = {line.split()[9] for line in open("/proc/net/tcp").read().splitlines()[1:]
              if line.split()[3] == "01" and int(line.split()[2].split(":")[1], 16) == remote_port}
    libc = ctypes.CDLL(None, use_errno=True)
    for number in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{number}")
        if target.startswith("socket:[") and target[8:-1] in inodes:
            pidfd = os.pidfd_open(pid)
            copy = libc.syscall(PIDFD_GETFD, pidfd, int(number), 0)
            os.close(pidfd)
            if copy < 0:
                pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
            return socket.socket(fileno=copy)
    raise AssertionError(f"no socket of {pid} to port {remote_port}")
