# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way a client can end, and what its backend sees of it: an orderly end stays one, a cut stays a cut, and what
was accepted before is delivered first."""

import time

import pytest

from harness import Backend, Hanger, HalfCloser, Sink, Source, eventually, pattern, sha256, slack
from harness.wellbeing import cause, counted, ended, fill, steady  # noqa: F401
from raw_tls import ContentType, Ended, Link, Tls12Client, Tls13Client

pytestmark = pytest.mark.records

CLIENTS = pytest.mark.parametrize("make", [Tls13Client, Tls12Client], ids=["tls13", "tls12"])


@CLIENTS
def test_close_notify_becomes_a_fin_and_the_answer_still_comes(steady, backend, make):
    """Half-close: the backend sees the end of the request and answers at leisure; the client gets all of it and then
    close_notify."""
    answer = pattern(4_000_000)

    def serve(connection):
        assert connection.read_to_end() == "fin"
        time.sleep(0.2)
        connection.sock.sendall(answer)

    server = backend(Backend, serve)
    daemon = steady(server.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"request")
        outcome = client.finish(slack(10))
    assert outcome.clean and sha256(outcome.data) == sha256(answer)
    assert bytes(server.connections[0].data) == b"request"
    assert cause(daemon) == "client-fin"


@CLIENTS
def test_data_close_notify_and_fin_in_one_burst(steady, backend, make):
    """All three in one segment: nothing is lost, and the client, still reading, gets its answer."""
    def serve(connection):
        connection.read_to_end()
        connection.sock.sendall(b"answer")

    server = backend(Backend, serve)
    daemon = steady(server.address)
    with make(daemon.address()) as client:
        client.handshake()
        burst = b"".join(client.sealed(ContentType.APPLICATION_DATA, pattern(10_000, seed=n)) for n in range(20))
        client.link.send(burst + client.sealed(ContentType.ALERT, b"\1\0"))
        client.link.fin()
        outcome = client.outcome()
    assert outcome.data == b"answer" and outcome.clean, outcome
    connection = server.connections[0]
    assert connection.received == 200_000 and connection.end == "fin"
    assert connection.sha256 == sha256(b"".join(pattern(10_000, seed=n) for n in range(20)))
    assert cause(daemon) == "client-fin"


@CLIENTS
def test_fin_after_close_notify_is_no_truncation(steady, backend, make):
    """The ordinary end of most clients: close_notify, then TCP's FIN a moment later."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"x")
        client.close_notify()
        sink.wait_connection().wait_end()
        client.link.fin()
        assert client.outcome().clean
    assert sink.connections[0].end == "fin"
    assert cause(daemon) == "client-fin"
    assert daemon.counters()["truncated_ends"] == 0


@CLIENTS
def test_data_after_close_notify_is_ignored(steady, backend, make):
    """RFC 8446 section 6.1: what comes behind close_notify is not the stream's."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"all")
        client.close_notify()
        try:
            client.send(b" and more" * 1000)
        except Ended:
            pass
        client.outcome()
    assert sink.wait_connection().wait_end() == "fin"
    assert bytes(sink.connections[0].data) == b"all"
    ended(daemon)


@CLIENTS
@pytest.mark.parametrize("size", [10, 4_000_000])
def test_truncation_is_an_abort_after_all_that_came_before(steady, backend, make, size):
    """A bare FIN may be an attacker's: the backend reads every byte and then a reset, never a clean end."""
    data = pattern(size)
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(data)
        client.link.fin()
        outcome = client.outcome()
        assert not outcome.clean, "a truncation was answered with a clean end"
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset"
    assert connection.sha256 == sha256(data)
    assert cause(daemon) == "client-truncated"
    counted(daemon, truncated_ends=1, aborts_to_backend=1)


@CLIENTS
def test_truncation_in_the_middle_of_a_record(steady, backend, make):
    """Half a record and a FIN: nothing of that record goes on."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"whole")
        client.send_raw(client.sealed(ContentType.APPLICATION_DATA, b"half of this")[:-5])
        client.link.fin()
        client.outcome()
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset" and bytes(connection.data) == b"whole"
    assert cause(daemon) == "client-truncated"


def test_truncation_may_be_passed_on_as_a_fin(steady, backend):
    """on-truncation = fin, for services whose clients never say goodbye: a FIN, the answer still comes, and the log
    tells the truth."""
    def serve(connection):
        assert connection.read_to_end() == "fin"
        connection.sock.sendall(b"answer")

    server = backend(Backend, serve)
    daemon = steady(server.address, {"on-truncation": "fin"})
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"request")
        client.link.fin()
        outcome = client.outcome()
    assert outcome.data == b"answer"
    assert server.connections[0].end == "fin" and bytes(server.connections[0].data) == b"request"
    assert cause(daemon) == "client-truncated"
    counted(daemon, truncated_ends=1)


@CLIENTS
def test_reset_by_the_client_ends_the_backend_within_a_second(steady, backend, make):
    """An RST in the middle of a download: the backend must not go on producing for nobody."""
    source = backend(Source, 100_000_000)
    daemon = steady(source.address)
    with make(daemon.address()) as client:
        client.handshake()
        client.read_event()
        client.link.reset()
    start = time.monotonic()
    assert source.wait_connection().wait_end(1) == "reset"
    assert time.monotonic() - start < slack(1)
    line = ended(daemon)
    assert line["cause"] == "client-reset"
    counted(daemon, aborts_to_backend=1)


def test_reset_by_the_client_in_the_middle_of_an_upload(steady, backend):
    """What arrived before the RST goes to the backend, then the abort."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"arrived")
        eventually(lambda: sink.connections and sink.connections[0].received == 7, 5)
        client.link.reset()
    assert sink.connections[0].wait_end(1) == "reset"
    assert cause(daemon) == "client-reset"


def test_reset_by_a_client_whose_backend_stalls(steady, backend):
    """Reading the client has stopped because the backend takes nothing: the client's RST is noticed all the same, and
    the backend's side ends once half-close-timeout has passed without progress."""
    hanger = backend(Hanger, rcvbuf=8192)
    daemon = steady(hanger.address, {"half-close-timeout": "1s", "stall-timeout": "30s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        fill(client, daemon)
        client.link.reset()
    line = ended(daemon, timeout=8)
    assert line["cause"] == "client-reset", line
    daemon.wait_counter("inbound_lost_bytes", 1)


def test_close_notify_with_unread_download_pending(steady, backend):
    """The client half-closes while a download waits for it, then reads: it gets every byte and close_notify."""
    data = pattern(3_000_000)

    def serve(connection):
        connection.sock.sendall(data)
        connection.read_to_end()

    server = backend(Backend, serve)
    daemon = steady(server.address)
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as client:
        client.handshake()
        eventually(lambda: daemon.counters()["outbound_reads_paused"], 5)
        client.close_notify()
        outcome = client.outcome()
    assert outcome.clean and outcome.data == data
    assert server.connections[0].wait_end() == "fin"
    assert cause(daemon) == "client-fin"


def test_fatal_alert_with_unread_download_pending(steady, backend):
    """The mirror in anger: a fatal alert stops the download at once, whatever waits."""
    source = backend(Source, 100_000_000)
    daemon = steady(source.address, {"half-close-timeout": "30s"})
    with Tls13Client(Link(daemon.address(), rcvbuf=8192)) as client:
        client.handshake()
        eventually(lambda: daemon.counters()["outbound_reads_paused"], 5)
        client.send_alert("internal_error")
        assert source.wait_connection().wait_end(3) == "reset"
    assert cause(daemon) == "tls-received:internal_error"


def test_both_sides_half_close_at_once(steady, backend):
    """Each says its last word and its end without waiting for the other."""
    server = backend(HalfCloser, b"greeting")
    daemon = steady(server.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"last words")
        outcome = client.finish()
    assert outcome.data == b"greeting" and outcome.clean
    assert server.wait_connection().wait_end() == "fin"
    assert bytes(server.connections[0].data) == b"last words"
    assert cause(daemon) in ("client-fin", "backend-fin")


def test_half_closed_client_that_vanishes_ends_with_half_close_timeout(steady, backend):
    """After close_notify the backend goes on saying nothing: no progress for half-close-timeout ends the tunnel, with
    an abort where no end was said."""
    def serve(connection):
        connection.read_to_end()
        server.stopping.wait(slack(10))

    server = backend(Backend, serve)
    daemon = steady(server.address, {"half-close-timeout": "500ms"})
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"x")
        start = time.monotonic()
        outcome = client.finish(slack(5))
        took = time.monotonic() - start
    assert outcome.end != "open" and not outcome.close_notify
    assert 0.4 <= took <= slack(2), f"{took:.2f} s"
    ended(daemon)


def test_half_closed_tunnel_with_progress_outlives_half_close_timeout(steady, backend):
    """The other direction may take its time as long as it moves."""
    def serve(connection):
        connection.read_to_end()
        for _ in range(8):
            connection.sock.sendall(b"tick")
            time.sleep(0.2)

    server = backend(Backend, serve)
    daemon = steady(server.address, {"half-close-timeout": "600ms"})
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"x")
        outcome = client.finish()
    assert outcome.data == b"tick" * 8 and outcome.clean
    assert cause(daemon) == "client-fin"
