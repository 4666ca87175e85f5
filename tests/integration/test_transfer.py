# SPDX-License-Identifier: GPL-3.0-or-later
"""Big and awkward transfers: every byte arrives once and in order, in bounded memory, at no cost while blocked."""

import threading
import time

import pytest

from harness import SANITIZED, Backend, Config, Hanger, eventually, scaled, sha256, slack
from harness.bulk import Bulk
from harness.util import chunks

KIB, MIB = 1 << 10, 1 << 20
FIFO = 64 * KIB
# What a tunnel may hold: a FIFO each way and a record each way (2^14 payload, up to 2^14 + 256 + 5 sealed).
TUNNEL_BOUND = 2 * FIFO + 2 * (16 * KIB + 261)
# What it holds besides buffers: the session, the tunnel, the sockets' objects, malloc's edges (5-6 KiB idle).
TUNNEL_STATE = 12 * KIB
# Threads' arenas, the buffer pool's granularity, the first use of code paths: once for the process.
PROCESS_SLACK = 4 * MIB


@pytest.fixture
def bulk():
    peers = []

    def start(mode, **options):
        peers.append(Bulk(mode, **options))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop()


def run_exchange(daemon, bulk, pki, peer, count, size, during=None, timeout=200, **client_options):
    """Starts the clients, calls `during(client process)`, and compares what both ends saw."""
    client = bulk("exchange-client", port=daemon.port(), ca=pki.ca_file, count=count, size=size, **client_options)
    if during:
        during(client)
    ours = client.line(timeout)
    eventually(lambda: daemon.open_tunnels() == 0, 20, "all tunnels closed", every=0.1)
    peer.tell()
    theirs = peer.line(30)
    for number in map(str, range(count)):
        one, other = ours[number], theirs[number]
        assert "error" not in one, one
        assert one["received"] == other["sent"] and one["received_bytes"] == size, (number, one, other)
        assert other["received"] == one["sent"] and other["received_bytes"] == size, (number, one, other)
        assert (one["end"], other["end"]) == ("close_notify", "fin")


@pytest.mark.records
@pytest.mark.slow
def test_one_gibibyte_each_way_at_once_through_one_tunnel(culvert, bulk, pki):
    size = scaled(1 << 30, least=4 * MIB)
    peer = bulk("exchange-backend", size=size)
    daemon = culvert(backend=f"127.0.0.1:{peer.line()['port']}", level="info")
    start = time.monotonic()
    run_exchange(daemon, bulk, pki, peer, 1, size)
    seconds = time.monotonic() - start
    print(f"{2 * size / MIB / seconds:.0f} MiB/s both ways together, {daemon.cpu_seconds():.1f} s of CPU, "
          f"peak RSS {daemon.proc.peak_rss() / MIB:.1f} MiB")
    line = daemon.wait_closed()
    assert daemon.counters()["ciphertext_carried"] == 0
    assert (line["bytes_in"], line["bytes_out"]) == (str(size + 8), str(size))  # eight bytes name the tunnel


@pytest.mark.slow
def test_64_mebibytes_each_way_through_50_tunnels(culvert, bulk, pki):
    count, size = scaled(50, least=8), scaled(64 * MIB, least=MIB)
    peer = bulk("exchange-backend", size=size)
    daemon = culvert(backend=f"127.0.0.1:{peer.line()['port']}", level="info")
    before = daemon.rss()
    run_exchange(daemon, bulk, pki, peer, count, size)
    peak = daemon.proc.peak_rss()
    print(f"RSS {before / MIB:.1f} MiB before, peak {peak / MIB:.1f} MiB")
    if not SANITIZED:
        assert peak - before <= count * (TUNNEL_BOUND + TUNNEL_STATE) + PROCESS_SLACK


@pytest.mark.slow
@pytest.mark.nosan
def test_slow_clients_and_bursty_backends_in_bounded_memory(culvert, bulk, pki):
    """50 clients read 64 KiB/s for a minute and then at full speed, while the backends read in bursts."""
    count, size, slow = scaled(50, least=8), scaled(64 * MIB, least=8 * MIB), 60 * min(1, max(0.1, scaled(100) / 100))
    peer = bulk("exchange-backend", size=size, burst=4 * MIB, pause=0.2)
    daemon = culvert(backend=f"127.0.0.1:{peer.line()['port']}", level="info")
    before = daemon.rss()
    shares = []

    def watch(client):
        eventually(lambda: daemon.open_tunnels() == count, 20, "all tunnels open")
        time.sleep(slow / 2)  # the clients' own uploads are done or in full swing; now look at a stretch of it
        shares.append(daemon.proc.cpu_share(5))

    run_exchange(daemon, bulk, pki, peer, count, size, watch, slow_rate=64 * KIB, slow_seconds=slow)
    peak = daemon.proc.peak_rss()
    bound = count * (TUNNEL_BOUND + TUNNEL_STATE) + PROCESS_SLACK
    print(f"RSS {before / MIB:.1f} MiB before, peak {peak / MIB:.1f} MiB, bound {(before + bound) / MIB:.1f} MiB; "
          f"CPU while slow {shares[0]:.1%}")
    assert peak - before <= bound
    counters = daemon.counters()
    assert counters["outbound_reads_paused"] > 0 and counters["inbound_reads_paused"] > 0
    assert counters["ciphertext_carried"] == 0


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_blocked_tunnel_costs_no_cpu(culvert, backend, connect, version):
    """Client and backend both push and neither reads: both directions fill, then nothing moves and nothing spins."""
    def serve(connection):
        connection.sock.setblocking(False)
        try:
            while True:
                connection.sock.send(bytes(1 << 16))
        except BlockingIOError:
            pass
        release.wait(slack(60))

    release = threading.Event()
    daemon = culvert(backend=backend(Backend, serve).address)
    clients = []
    for _ in range(4):
        client = connect(daemon, minimum=version, maximum=version)
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                client.send(bytes(1 << 18))
        clients.append(client)
    if not SANITIZED:
        share = daemon.proc.cpu_share(2)
        print(f"CPU while blocked: {share:.2%}")
        assert share <= 0.02
    counters = daemon.counters()
    assert counters["inbound_reads_paused"] >= 4
    assert counters["tunnels_active"] == 4
    release.set()


@pytest.mark.records
def test_one_blocked_tunnel_does_not_hold_up_the_others(culvert, backend, connect):
    """Same worker, one client that does not read: its neighbours' round trips go on as if it was not there."""
    hanger = backend(Hanger)
    echo = backend()
    daemon = culvert(Config({"stuck": {"backend": hanger.address}, "main": {"backend": echo.address}}, workers=1))
    stuck = connect(daemon, "stuck")
    stuck.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            stuck.send(bytes(1 << 18))
    client = connect(daemon)
    for _ in range(200):
        start = time.monotonic()
        client.echo(b"x" * 1000)
        assert time.monotonic() - start < slack(1)
    hanger.release.set()


@pytest.mark.records
@pytest.mark.parametrize("fifo", ["32k", "64k", "1m"])
def test_every_fifo_size_moves_the_same_bytes(culvert, backend, connect, fifo):
    daemon = culvert(backend=backend().address, service={"fifo-size": fifo})
    size = scaled(8 * MIB, least=MIB)
    client = connect(daemon)
    digest, received = client.exchange(size, size, seed=7)
    assert received == size and digest == sha256(chunks(size, seed=7))
