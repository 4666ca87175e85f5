# SPDX-License-Identifier: GPL-3.0-or-later
"""memory-limit: clients that do not read cannot make culvert hold more than the limit, others go on beside them, and
everybody is served in the end."""

import hashlib

import pytest

from harness import Config, Echo, Source, TlsClient, eventually, slack
from harness.bulk import Bulk
from harness.daemon import run_culvert
from harness.util import chunks
from harness.util import connect as connect_to

MIB = 1 << 20
SLACK = 8 * MIB  # the heap's fragments, stacks, and blocks that wait for reuse


def digest(size, seed=0):
    total = hashlib.sha256()
    for chunk in chunks(size, seed=seed):
        total.update(chunk)
    return total.hexdigest()


class Reader:
    """A client that has a handshake and does not read before it is told."""

    def __init__(self, address, context):
        self.client = TlsClient(address, context, rcvbuf=8192, timeout=slack(60))

    def read_all(self, size):
        total, left = hashlib.sha256(), size
        while left:
            piece = self.client.recv()
            assert piece, f"{left} bytes are missing"
            total.update(piece)
            left -= len(piece)
        return total.hexdigest()


@pytest.fixture
def crowd(pki):
    """Clients that do not read: crowd(address, count). They are closed after the test."""
    readers = []

    def gather(address, count):
        for _ in range(count):
            readers.append(Reader(address, pki.context()))
        return readers

    yield gather
    for reader in readers:
        reader.client.sock.close()


def used(daemon):
    counters = daemon.counters()
    return sum(counters[name] for name in ("memory_buffers", "memory_handshakes", "memory_tunnels"))


def start(culvert, backend, limit, size, workers=2, service=None):
    config = Config({"main": {"backend": backend(Source, size, then="hold").address, **(service or {})},
                     "echo": {"backend": backend(Echo).address}}, globals_={"workers": workers, "memory-limit": limit})
    daemon = culvert(config)
    daemon.config = config
    return daemon


def with_limit(daemon, limit):
    daemon.config.globals["memory-limit"] = limit
    return daemon.config


@pytest.mark.nosan
@pytest.mark.slow
def test_readers_that_stall_hold_no_more_than_the_limit(culvert, backend, connect, crowd):
    """130 of them would hold about 10 MiB; healthy tunnels go on, and each gets every byte once it reads."""
    size = MIB
    daemon = start(culvert, backend, "8m", size)
    healthy = connect(daemon, "echo")
    healthy.echo(bytes(100))
    idle = daemon.pss()
    readers = crowd(daemon.address("main"), 130)
    daemon.wait_counter("memory_reads_paused", 20, timeout=20)
    daemon.wait_counter("memory_tight", 2)
    for turn in range(20):
        healthy.echo(bytes([turn]) * 60_000)
    peak = daemon.pss()
    print(f"PSS: idle {idle >> 10} KiB, with stalled readers {peak >> 10} KiB; counted {used(daemon) >> 10} KiB")
    assert used(daemon) <= 8 * MIB + len(readers) * 20 * 1024
    assert peak <= idle + 8 * MIB + SLACK
    wanted = digest(size)
    assert all(reader.read_all(size) == wanted for reader in readers)
    assert daemon.wait_log("memory-limit is no longer near")["share"] == str(4 * MIB)
    assert not [line for line in daemon.log_closed() if line["cause"] not in ("client-fin",)]


def test_accepting_pauses_at_the_limit_and_goes_on_below(culvert, backend, crowd, connect):
    """The client that comes too late waits in the listen queue; the log says why, and when it went on."""
    size = MIB
    daemon = start(culvert, backend, "2m", size, workers=1)
    readers = crowd(daemon.address("main"), 25)
    daemon.wait_counter("memory_tight", 1)
    late = []
    while not daemon.find_log("accepting paused"):  # each holds one record more
        sock = connect_to(daemon.address("main"), slack(10))
        late.append(sock)
        assert len(late) < 400, "accepting never paused"
        hello_in_part(sock)
    paused = daemon.wait_log("accepting paused")
    assert paused["reason"] == "memory-limit is reached"
    assert daemon.wait_log("the worker takes no new connections")["worker"] == "culvert-w00"
    counters = daemon.counters()
    assert counters["memory_full"] >= 1 and counters["accept_paused"] == 1 and counters["memory_limit"] == 2 * MIB
    wanted = digest(size)
    assert all(reader.read_all(size) == wanted for reader in readers)
    for sock in late:
        sock.close()
    assert daemon.wait_log("accepting resumed", timeout=20)
    connect(daemon, "echo").echo()


def hello_in_part(sock):
    """The first 12 KiB of a ClientHello of 15 KiB: culvert has to keep them."""
    try:
        sock.send(b"\x16\x03\x01\x3c\x04\x01\x00\x3c\x00\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00\x3b\xd3" +
                  b"\x00\x15\x3b\xcf" + bytes(12000))
    except OSError:
        pass


def test_a_stall_ends_the_hogs(culvert, backend, crowd, connect):
    """culvert closes nobody because of memory-limit; stall-timeout does, and then new connections get in."""
    daemon = start(culvert, backend, "2m", 8 * MIB, workers=1, service={"stall-timeout": "2s"})
    crowd(daemon.address("main"), 40)
    daemon.wait_counter("stalls_client", 40, timeout=30)
    daemon.wait_idle()
    counters = daemon.counters()
    assert counters["memory_tight"] >= 1 and counters["memory_tunnels"] == counters["memory_handshakes"] == 0
    assert counters["memory_buffers"] <= 2 * MIB // 16
    connect(daemon, "echo").echo()


def test_a_reload_changes_the_limit(culvert, backend, crowd):
    """A larger one ends a shortage, off ends the limit, a smaller one holds at once."""
    daemon = start(culvert, backend, "2m", 4 * MIB, workers=1)
    crowd(daemon.address("main"), 30)
    daemon.wait_counter("memory_tight", 1)
    daemon.reload(with_limit(daemon, "64m"))
    daemon.wait_log("memory-limit is no longer near")
    eventually(lambda: daemon.counters()["memory_limit"] == 64 * MIB)
    daemon.reload(with_limit(daemon, "off"))
    eventually(lambda: daemon.counters()["memory_limit"] == 0)
    assert used(daemon) > 0, "memory is counted without a limit, too"
    daemon.reload(with_limit(daemon, "2m"))
    daemon.wait_counter("memory_tight", 2)


def test_too_small_a_limit_is_an_error(culvert, backend, echo, tmp_path, pki):
    """The start, --check and a reload name the smallest limit for this number of workers."""
    config = Config({"main": {"backend": echo.address}}, globals_={"workers": 3, "memory-limit": "5m"})
    words = "too small for 3 workers; allowed: 6m or more (2m for each worker), or off"
    path = tmp_path / "small.ini"
    path.write_text(config.render(pki))
    for arguments in (["--check"], []):
        done = run_culvert("-c", path, *arguments)
        assert done.returncode == 3 and f"[global] memory-limit: {words}" in done.stderr, done.stderr
    config.globals["memory-limit"] = "6m"
    daemon = culvert(config)
    config.globals["memory-limit"] = "4m"
    lines = daemon.reload(config, expect=False)
    assert any(words in line.text for line in lines)
    assert daemon.counters()["memory_limit"] == 6 * MIB


@pytest.mark.nosan
@pytest.mark.full
def test_a_thousand_readers_of_ten_mebibytes(culvert, backend, connect, pki):
    """64 MiB for 1,000 clients that do not read and 10 MiB for each of them."""
    source = Bulk("source-backend", size=10 * MIB)
    clients = None
    try:
        echo = backend(Echo).address
        config = Config({"main": {"backend": f"127.0.0.1:{source.line()['port']}", "stall-timeout": "1h"},
                         "echo": {"backend": echo}}, globals_={"workers": 2, "memory-limit": "64m"})
        daemon = culvert(config)
        healthy = connect(daemon, "echo")
        healthy.echo(bytes(100))
        idle = daemon.pss()
        clients = Bulk("stall-client", port=daemon.port("main"), ca=pki.ca_file, count=1000, size=10 * MIB)
        assert clients.line(timeout=240) == {"held": 1000, "errors": []}
        daemon.wait_counter("memory_reads_paused", 500, timeout=60)
        for turn in range(100):
            healthy.echo(bytes([turn]) * 60_000)
        peak = daemon.pss()
        print(f"PSS: idle {idle >> 10} KiB, with 1,000 stalled readers {peak >> 10} KiB; counted {used(daemon) >> 10} KiB")
        assert peak <= idle + 64 * MIB + SLACK
        clients.tell()
        assert clients.line(timeout=900) == {"served": 1000, "errors": []}
    finally:
        for peer in (clients, source):
            if peer is not None:
                peer.stop()
