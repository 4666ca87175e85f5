# SPDX-License-Identifier: GPL-3.0-or-later
"""Session tickets: they resume, also after a reload, and a ticket that is no good costs a full handshake, never an
error."""

import os
import subprocess

import pytest

from harness import slack
from harness.wellbeing import cause, counted, ended, steady  # noqa: F401
from raw_tls import Extension, Tls12Client, Tls13Client

pytestmark = pytest.mark.records


def exchange(client, data=b"hello"):
    client.send(data)
    assert client.read(len(data)) == data


def with_ticket(daemon):
    """A fresh full handshake and its first ticket."""
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        assert client.tickets and not client.resumed
        assert client.finish().clean
        return client.tickets[0]


def s_client(daemon, pki, *args):
    """openssl s_client that sends one line; its whole output."""
    host, port = daemon.address()
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", pki.ca_file, "-verify_return_error",
         "-ign_eof", *args], input=b"Q-line\n", capture_output=True, timeout=slack(15))
    return result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_openssl_resumes_and_goes_on_resuming_after_a_reload(steady, one_line, pki, need, workdir, version):
    """What openssl s_client saved with -sess_out it resumes with -sess_in, also when the configuration was reloaded in
    between: a HUP must not throw away the ticket keys."""
    need("openssl")
    daemon = steady(one_line.address)
    session = str(workdir / "session.pem")
    first = s_client(daemon, pki, version, "-sess_out", session)
    assert "New, TLSv1" in first and "answer" in first, first
    second = s_client(daemon, pki, version, "-sess_in", session)
    assert "Reused, TLSv1" in second and "answer" in second, second
    daemon.reload()
    third = s_client(daemon, pki, version, "-sess_in", session)
    assert "Reused, TLSv1" in third and "answer" in third, third
    lines = ended(daemon, count=3)
    assert [line["resumed"] for line in lines] == ["false", "true", "true"]
    counted(daemon, handshakes_resumed=2)


def test_ticket_resumes_with_forward_secrecy(steady, echo):
    """psk_dhe_ke: a resumed handshake has a fresh key share, and no certificate."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    assert 0 < ticket.lifetime <= 604800
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        exchange(client.handshake())
        assert client.resumed and not client.certificates and Extension.KEY_SHARE in client.server_hello.extensions


def test_resuming_with_the_newest_ticket_never_fails(steady, echo):
    """Browsers and connection pools resume each time with the ticket of the time before. wolfSSL numbers such a line
    with one byte and fails behind its end, so culvert asks for a full handshake before."""
    daemon = steady(echo.address)
    ticket, full = None, 0
    for _ in range(270):
        with Tls13Client(daemon.address(), ticket=ticket) as client:
            exchange(client.handshake())
            full += not client.resumed
            ticket = client.tickets[-1]
            assert client.finish().clean
    assert full == 2, "the first, and one in time"


@pytest.mark.parametrize("spoil", ["first", "middle", "last", "short", "tiny"])
def test_spoilt_ticket_leads_to_a_full_handshake(steady, echo, spoil):
    """A ticket is the client's memory: rotten bits, foreign keys and old formats must not keep it out."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    identity = bytearray(ticket.identity)
    if spoil in ("first", "middle", "last"):
        identity[{"first": 0, "middle": len(identity) // 2, "last": -1}[spoil]] ^= 0x40
    else:
        identity = identity[:20] if spoil == "short" else b"\0"
    ticket.identity = bytes(identity)
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        exchange(client.handshake())
        assert not client.resumed and client.certificates


@pytest.mark.parametrize("size", [100, 300, 2000])
def test_long_foreign_ticket_leads_to_a_full_handshake(steady, echo, size):
    """Other terminators' tickets hold client certificates and whatever else: whoever comes with one of them, in TLS 1.3
    or 1.2, is served."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    ticket.identity = os.urandom(size)
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        exchange(client.handshake())
        assert not client.resumed
    with Tls12Client(daemon.address()) as client:
        client.hello.set(Extension.SESSION_TICKET, ticket.identity)
        exchange(client.handshake())


def test_foreign_ticket_leads_to_a_full_handshake(steady, echo):
    """The ticket of another daemon."""
    ticket = with_ticket(steady(echo.address))
    daemon = steady(echo.address)
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        exchange(client.handshake())
        assert not client.resumed


def test_wrong_binder_is_refused(steady, echo):
    """RFC 8446 section 4.2.11.2: who presents a good ticket without knowing its key is turned away."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    ticket.psk = bytes(len(ticket.psk))
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        client.send_client_hello()
        outcome = client.outcome()
    assert outcome.alert in ("decrypt_error", "illegal_parameter") and outcome.fatal, outcome
    assert daemon.wait_log(lambda line: line.get("cause") == f"tls-sent:{outcome.alert}")


def test_ticket_survives_a_hello_retry(steady, echo):
    """The binder is computed anew over the transcript with HelloRetryRequest."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    with Tls13Client(daemon.address(), shares=[], ticket=ticket) as client:
        exchange(client.handshake())
        assert client.retry is not None and client.resumed


def test_ticket_may_be_used_many_times_at_once(steady, echo):
    """Browsers open several connections with one ticket."""
    daemon = steady(echo.address)
    ticket = with_ticket(daemon)
    clients = [Tls13Client(daemon.address(), ticket=ticket) for _ in range(8)]
    for client in clients:
        exchange(client.handshake())
        assert client.resumed
    for client in clients:
        assert client.finish().clean
        client.link.close()


def test_tickets_can_be_switched_off(steady, echo):
    """session-tickets = off: none is sent, in either version."""
    daemon = steady(echo.address, {"session-tickets": "off"})
    for make in (Tls13Client, Tls12Client):
        with make(daemon.address()) as client:
            client.hello.set(Extension.SESSION_TICKET, b"")
            exchange(client.handshake())
            assert client.tickets == []
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        assert client.finish().clean and client.tickets == []


def test_ticket_of_one_service_is_not_good_for_another(steady, echo):
    """Two services may ask for different things: a session does not cross from one to the other."""
    daemon = steady(echo.address, services={"other": {"backend": echo.address}})
    ticket = with_ticket(daemon)
    with Tls13Client(daemon.address("other"), ticket=ticket) as client:
        exchange(client.handshake())
        assert not client.resumed
    assert cause(daemon, service="other")
