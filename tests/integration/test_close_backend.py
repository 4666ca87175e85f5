# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way a backend can end or fail, and what its client sees of it: a clean end is close_notify, and whatever is not
a clean end never looks like one (RFC 8446 section 6.1)."""

import os
import socket
import time

import pytest

from harness import Backend, Blackhole, Echo, HalfCloser, Refuser, Resetter, Source, pattern, sha256, slack
from harness.wellbeing import cause, counted, ended, fresh_connection, steady  # noqa: F401
from raw_tls import Tls12Client, Tls13Client

pytestmark = pytest.mark.records

CLIENTS = pytest.mark.parametrize("make", [Tls13Client, Tls12Client], ids=["tls13", "tls12"])


@CLIENTS
@pytest.mark.parametrize("size", [0, 5, 5_000_000])
def test_last_bytes_and_fin_become_close_notify(steady, backend, make, size):
    """All bytes, then close_notify; the client may answer after that."""
    source = backend(Source, size)
    daemon = steady(source.address)
    with make(daemon.address()) as client:
        client.handshake()
        outcome = client.outcome(slack(5)) if size == 0 else None
        if outcome is None:
            assert sha256(client.read(size)) == sha256(pattern(size))
            event = client.read_event()
            assert (event.level, event.code) == (1, 0), event
            client.send(b"still talking")
            client.finish()
            assert source.wait_connection().wait_end() == "fin"
            assert bytes(source.connections[0].data) == b"still talking"
        else:
            assert outcome.close_notify
            client.close_notify()
    assert cause(daemon) == "backend-fin"


@CLIENTS
def test_uploads_go_on_after_the_backend_said_its_last(steady, backend, make):
    """Half-close the other way: FIN from the backend, then megabytes from the client."""
    server = backend(HalfCloser, b"go on")
    daemon = steady(server.address)
    data = pattern(4_000_000)
    with make(daemon.address()) as client:
        client.handshake()
        assert client.read(5) == b"go on"
        assert client.read_event().code == 0
        client.send(data)
        client.close_notify()
        assert server.wait_connection().wait_end() == "fin"
        client.outcome()
    assert server.connections[0].sha256 == sha256(data)
    assert cause(daemon) == "backend-fin"


@CLIENTS
@pytest.mark.parametrize("reply", [b"", b"some bytes", pattern(100_000)], ids=["0", "10", "100000"])
def test_reset_by_the_backend_is_an_abort_and_never_close_notify(steady, backend, make, reply):
    """Where haproxy, nginx, stunnel and hitch turn a backend's RST into a clean end: here the client gets the bytes
    that were read before and then an RST."""
    resetter = backend(Resetter, after=4, reply=reply)
    daemon = steady(resetter.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"ping")
        outcome = client.outcome()
    assert not outcome.close_notify and outcome.alert is None, outcome
    assert outcome.end == "reset", outcome
    assert outcome.data == reply
    assert cause(daemon) == "backend-reset"
    counted(daemon, aborts_to_client=1)


def test_reset_by_the_backend_in_the_middle_of_bulk(steady, backend):
    """A prefix of the stream, then RST: no byte is wrong, no end is faked."""
    source = backend(Source, 30_000_000, then="reset")
    daemon = steady(source.address)
    with Tls13Client(daemon.address()) as client:
        outcome = client.handshake().outcome(slack(10))
    assert outcome.aborted and outcome.end == "reset", (outcome.end, outcome.alerts)
    assert outcome.data == pattern(30_000_000)[:len(outcome.data)]
    assert cause(daemon) == "backend-reset"


def test_reset_by_the_backend_while_the_client_uploads(steady, backend):
    """The client must not go on sending into nothing."""
    resetter = backend(Resetter, after=100_000)
    daemon = steady(resetter.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        with pytest.raises(Exception) as caught:
            for _ in range(5000):
                client.send(b"x" * 16000)
                time.sleep(0.0005)
        assert type(caught.value).__name__ == "Ended"
    assert cause(daemon) == "backend-reset"


@CLIENTS
def test_refused_backend_is_an_abort(steady, backend, make):
    """connect-retry = off: the client is cut at once, without close_notify, and the log says who is to blame."""
    refuser = backend(Refuser)
    daemon = steady(refuser.address, {"connect-retry": "off"})
    with make(daemon.address()) as client:
        client.handshake()
        outcome = client.outcome(slack(2))
    assert outcome.aborted and outcome.data == b"", outcome
    assert cause(daemon) == "backend-refused"
    daemon.wait_counter("backend_connects_failed", 1)


def test_refused_backend_is_retried_until_connect_timeout(steady, backend):
    """A backend that restarts is waited for; one that stays away costs connect-timeout and not more."""
    refuser = backend(Refuser)
    daemon = steady(refuser.address, {"connect-timeout": "1s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"patience")
        start = time.monotonic()
        outcome = client.outcome(slack(4))
        took = time.monotonic() - start
    assert outcome.aborted and 0.7 <= took <= slack(1.5), f"{took:.2f} s"
    assert cause(daemon) == "backend-refused"
    daemon.wait_counter("backend_connects_retried", 2)


def test_backend_that_comes_back_serves_those_who_waited(steady, backend):
    """The tunnel survives a restart of its backend, with all that the client said meanwhile."""
    refuser = backend(Refuser)
    daemon = steady(refuser.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"early words")
        daemon.wait_counter("backend_connects_retried", 2)
        refuser.open()
        assert client.read(11) == b"early words"
        assert client.finish().clean
    assert cause(daemon) == "client-fin"


def test_blackhole_meets_connect_timeout(steady, backend):
    """A backend that answers no SYN blocks its own tunnels until connect-timeout and nobody else."""
    blackhole = backend(Blackhole)
    daemon = steady(blackhole.address, {"connect-timeout": "1s"})
    start = time.monotonic()
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        fresh_connection(daemon)
        outcome = client.outcome(slack(4))
    assert outcome.aborted and 0.8 <= time.monotonic() - start <= slack(2)
    assert cause(daemon) == "backend-timeout"
    counted(daemon, backend_connects_timed_out=1)


def test_next_address_is_tried_at_once(steady, backend, echo):
    """Refused by the first, served by the second, without a pause."""
    refuser = backend(Refuser)
    daemon = steady(f"{refuser.address}, {echo.address}")
    start = time.monotonic()
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"ping")
        assert client.read(4) == b"ping"
        assert time.monotonic() - start < slack(0.5)
        assert client.finish().clean
    assert cause(daemon) == "client-fin"


def test_client_that_leaves_while_connecting_ends_the_attempt(steady, backend):
    """Nobody waits for a connection that nobody wants any more."""
    blackhole = backend(Blackhole)
    daemon = steady(blackhole.address, {"connect-timeout": "30s"})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        client.link.reset()
    assert ended(daemon, timeout=3)["cause"] == "client-reset"


def test_missing_unix_socket_fails_and_recovers(steady, backend, workdir):
    """A UNIX socket that is not there, that nobody listens on any more, and that comes back."""
    path = str(workdir / "backend.sock")
    daemon = steady(f"unix:{path}", {"connect-retry": "off"})

    def attempt():
        with Tls13Client(daemon.address()) as client:
            client.handshake()
            try:
                client.send(b"ping")
                client.close_notify()
            except Exception:
                pass
            outcome = client.outcome(slack(3))
            return outcome.data if outcome.clean else None

    assert attempt() is None
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    assert attempt() is None
    os.unlink(path)
    backend(Echo, path=path)
    assert attempt() == b"ping"
    causes = [line["cause"] for line in ended(daemon, count=3)]
    assert all(one in ("backend-refused", "backend-unreachable") for one in causes[:2]), causes
    assert causes[2] == "client-fin"


def test_unix_backend_ends_like_a_tcp_one(steady, backend, workdir):
    """Clean end over a UNIX socket; a close with unread input, its form of a reset, is an abort."""
    def rude(connection):
        connection.sock.recv(1)
        connection.sock.sendall(b"x")
        connection.end = "closed-unread"

    polite = backend(Source, 1000, path=str(workdir / "polite.sock"))
    rude_one = backend(Backend, rude, path=str(workdir / "rude.sock"))
    daemon = steady(polite.address, services={"rude": {"backend": rude_one.address}})
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        outcome = client.finish()
        assert outcome.clean and outcome.data == pattern(1000)
    with Tls13Client(daemon.address("rude")) as client:
        client.handshake().send(b"much more than one byte")
        outcome = client.outcome()
        assert outcome.data in (b"", b"x") and outcome.aborted, outcome
    assert cause(daemon, service="rude") == "backend-reset"


def test_backend_that_answers_before_the_handshake_ends_loses_nothing(steady, backend):
    """Server-speaks-first protocols: the greeting waits for the client."""
    source = backend(Source, 200_000, then="fin")
    daemon = steady(source.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        time.sleep(0.2)
        outcome = client.finish()
    assert outcome.data == pattern(200_000) and outcome.clean
