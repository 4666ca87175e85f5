# SPDX-License-Identifier: GPL-3.0-or-later
"""Many connections that are slow, short-lived or useless at once: the others are served, the limits hold, and the log
is not filled."""

import hashlib
import threading
import time

import pytest

from harness import SANITIZED, Backend, Hanger, Sink, Source, eventually, pattern, scaled, sha256, slack
from harness.wellbeing import cause, ended, fresh_connection, steady, wait_causes  # noqa: F401
from raw_tls import Ended, Link, Tls13Client


def test_probes_are_counted_and_not_logged(steady, echo):
    """A load balancer's health check connects and closes: no growth, no line at the level operators use."""
    daemon = steady(echo.address, level="info")
    mark = daemon.mark()
    for number in range(300):
        link = Link(daemon.address())
        link.reset() if number % 2 else link.close()
    daemon.wait_counter("probes", 300)
    assert daemon.find_log("cause=", mark) == []
    assert not echo.connections


def test_probe_has_its_cause_at_debug(steady, echo):
    """Whoever looks for them finds them."""
    daemon = steady(echo.address)
    Link(daemon.address()).close()
    assert cause(daemon) == "probe"


def test_tickets_that_a_client_did_not_wait_for_are_no_lost_payload(steady, backend):
    """lost_out tells an operator of bytes of the backend's that did not arrive; culvert's own messages are none."""
    daemon = steady(backend(Hanger).address)
    for _ in range(10):
        with Tls13Client(daemon.address()) as client:
            client.handshake()
            client.link.close()
    daemon.wait_idle()
    assert all("lost_out" not in line for line in daemon.log_closed())
    assert daemon.counters()["outbound_lost_bytes"] == 0


def test_churn_does_not_grow(steady, echo):
    """Whole tunnels, abandoned handshakes and probes, thousands of them: descriptors and memory stay."""
    daemon = steady(echo.address)

    def round_of(count):
        for number in range(count):
            if number % 3 == 0:
                Link(daemon.address()).close()
            elif number % 3 == 1:
                client = Tls13Client(daemon.address())
                client.send_client_hello()
                client.link.close()
            else:
                with Tls13Client(daemon.address()) as client:
                    client.handshake().send(b"x")
                    assert client.read(1) == b"x"
                    if number % 2:
                        assert client.finish().clean
        daemon.wait_idle()

    round_of(scaled(300))
    rss, fds = daemon.rss(), daemon.fds()
    round_of(scaled(1500))
    assert daemon.fds() <= fds
    if not SANITIZED:  # the address sanitizer keeps freed memory back
        assert daemon.rss() <= rss * 1.1 + (4 << 20)


def test_repeated_failures_do_not_fill_the_log(steady, echo):
    """A scanner that sends the same garbage a thousand times is worth a few lines and a number."""
    daemon = steady(echo.address, level="info")
    mark = daemon.mark()
    for _ in range(scaled(1000, 200)):
        with Link(daemon.address()) as link:
            link.send(b"GET / HTTP/1.0\r\n\r\n")
            link.read_to_end()
    daemon.wait_counter("handshakes_failed_bad_hello", scaled(1000, 200))
    lines = daemon.find_log("cause=", mark)
    assert 1 <= len(lines) <= 60, f"{len(lines)} lines"
    daemon.wait_counter("log_lines_suppressed", 101)


def test_one_slow_reader_does_not_slow_the_others(steady, echo, backend):
    """One client takes a huge download at a crawl, on one worker with all others."""
    source = backend(Source, 50_000_000, then="hold")
    daemon = steady(source.address, globals_={"workers": 1})
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as slow:
        slow.handshake()
        eventually(lambda: daemon.counters()["outbound_reads_paused"], 5)
        stop = threading.Event()

        def crawl():
            while not stop.wait(0.02):
                try:
                    slow.read_event(0.5)
                except TimeoutError:
                    pass

        thread = threading.Thread(target=crawl)
        thread.start()
        try:
            times = sorted(fresh_connection(daemon) for _ in range(60))
        finally:
            stop.set()
            thread.join()
        assert times[int(len(times) * 0.95)] < slack(0.1), f"p95 {times[int(len(times) * 0.95)] * 1000:.0f} ms"
        slow.link.reset()


def test_busy_peer_does_not_starve_the_others(steady, backend):
    """A client and a backend that never pause share a worker fairly with the rest."""
    sink = backend(Sink)
    daemon = steady(sink.address, globals_={"workers": 1})
    stop = threading.Event()
    with Tls13Client(daemon.address()) as busy:
        busy.handshake()
        record = b"x" * (1 << 14)

        def push():
            while not stop.is_set():
                try:
                    busy.send(record * 16)
                except (Ended, OSError):
                    return

        thread = threading.Thread(target=push)
        thread.start()
        try:
            times = sorted(fresh_connection(daemon) for _ in range(40))
        finally:
            stop.set()
            thread.join()
        assert times[-1] < slack(0.5)
        assert busy.finish().clean


def test_connection_limit_makes_clients_wait_and_slots_come_back(steady, echo):
    """At max-tunnels accepting pauses: nobody is turned away, and each kind of abnormal end gives its slot back."""
    daemon = steady(echo.address, {"handshake-timeout": "2s"}, globals_={"max-tunnels": 8})
    for end in ("reset", "close", "garbage", "alert", "silent"):
        holders = [Tls13Client(daemon.address()) for _ in range(8)]
        for client in holders:
            if end in ("silent", "garbage"):
                client.send_raw(b"\x16")
            else:
                client.handshake()
        eventually(lambda: daemon.counters()["tunnels_active"] >= 8, 5)
        waiting = Tls13Client(Link(daemon.address(), timeout=slack(8)))
        waiting.send_client_hello()
        with pytest.raises(TimeoutError):
            waiting.read_record(0.2)
        for client in holders:
            if end == "reset":
                client.link.reset()
            elif end == "close":
                client.link.close()
            elif end == "garbage":
                client.send_raw(b"\x99" * 20)
            elif end == "alert":
                client.send_alert("internal_error")
        waiting.read_server_hello()
        waiting.read_server_flight()
        waiting.send_finished()
        waiting.send(b"at last")
        assert waiting.read(7) == b"at last"
        assert waiting.finish().clean
        for client in [*holders, waiting]:
            client.link.close()
        daemon.wait_idle()
    eventually(lambda: (lambda now: now["accept_paused"] == now["accept_resumed"] >= 5)(daemon.counters()), 5,
               "accepting to have been resumed as often as paused")
    assert daemon.counters()["rejected_limit"] == 0


def test_flapping_backend_serves_whoever_comes_when_it_is_up(steady, backend):
    """Refusing, serving, hanging up, in turn: no tunnel sees another's fate."""
    def serve(connection):
        data = connection.sock.recv(100)
        if connection.number % 3 == 0:
            connection.reset()
            connection.end = "sent-reset"
        elif connection.number % 3 == 1:
            connection.end = "closed-at-once"
        else:
            connection.sock.sendall(data)
            connection.read_to_end()

    flapping = backend(Backend, serve)
    daemon = steady(flapping.address)
    seen = []
    for _ in range(30):
        with Tls13Client(daemon.address()) as client:
            client.handshake()
            try:
                client.send(b"ping")
                client.close_notify()
            except Ended:
                pass
            outcome = client.outcome()
            seen.append("data" if outcome.data == b"ping" else "clean" if outcome.clean else "abort")
        ended(daemon, count=len(seen))
    assert seen == ["abort", "clean", "data"] * 10


def test_hanging_backends_hold_only_their_own(steady, backend):
    """Fifty tunnels to a backend that accepts and never says a word: others are served, and all end with their
    clients."""
    hanger = backend(Hanger)
    daemon = steady(hanger.address, {"half-close-timeout": "1s"})
    clients = [Tls13Client(daemon.address()) for _ in range(50)]
    for client in clients:
        client.handshake().send(b"x" * 1000)
    fresh_connection(daemon)
    for client in clients:
        client.link.reset()
    wait_causes(daemon, 50, "client-reset")


def test_twenty_tunnels_stalling_in_turn_lose_no_byte(steady, backend):
    """Both directions of twenty tunnels stop and go out of step; every hash is right."""
    size = scaled(1_000_000, 200_000)

    def serve(connection):
        sender = threading.Thread(target=connection.sock.sendall, args=(pattern(size, seed=7),))
        sender.start()
        while True:
            data = connection.sock.recv(30_000)
            if not data:
                connection.end = "fin"
                break
            connection.note(data)
            if connection.received // 200_000 % 2:
                time.sleep(0.001)
        sender.join()

    bursty = backend(Backend, serve)
    daemon = steady(bursty.address)
    failures = []

    def upload(client, number):
        try:
            client.send(pattern(size, seed=number))
            client.close_notify()
        except Exception as error:
            failures.append((number, "sending", error))

    def run(number):
        with Tls13Client(daemon.address()) as client:
            client.handshake()
            sender = threading.Thread(target=upload, args=(client, number))
            sender.start()
            received, digest = 0, hashlib.sha256()
            while received < size:
                data = getattr(client.read_event(slack(15)), "data", b"")
                received += len(data)
                digest.update(data)
                if number % 2:
                    time.sleep(0.002)
            sender.join()
            outcome = client.outcome()
            if digest.hexdigest() != sha256(pattern(size, seed=7)) or not outcome.clean:
                failures.append((number, received, outcome))

    def attempt(number):
        try:
            run(number)
        except Exception as error:
            failures.append((number, "receiving", error))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    want = sorted(sha256(pattern(size, seed=number)) for number in range(20))
    assert sorted(connection.sha256 for connection in bursty.connections) == want
