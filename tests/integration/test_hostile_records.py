# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of an established connection that are broken, empty, tiny, padded, misplaced or too many."""

import os
import time

import pytest

from harness import OWN_RECORDS, Sink, Source, eventually, slack
from harness.wellbeing import cause, counted, ended, steady  # noqa: F401
from raw_tls import (Alert, AppData, ContentType, Ended, Handshake, HandshakeFailed, HandshakeType, Link, Tls12Client,
                     Tls13Client, hello12, message)

pytestmark = pytest.mark.records

CLIENTS = pytest.mark.parametrize("make", [Tls13Client, Tls12Client], ids=["tls13", "tls12"])
DATA, HANDSHAKE, ALERT = ContentType.APPLICATION_DATA, ContentType.HANDSHAKE, ContentType.ALERT


def exchange(client, data=b"hello"):
    client.send(data)
    assert client.read(len(data)) == data


def flood(client, make_record, count=4000, together=50):
    """Sends `count` records, or as many as the server takes, and reads how it ended. The server may discard input for a
    while before it closes, so that its alert is not lost."""
    try:
        for _ in range(0, count, together):
            client.link.send(b"".join(make_record() for _ in range(together)))
    except Ended:
        pass
    return client.outcome()


# Broken records.

@CLIENTS
def test_corrupted_record_ends_the_tunnel_and_nothing_of_it_goes_on(steady, backend, make):
    """bad_record_mac to the client; the backend has what came before, not a byte of the broken record, and then an
    abort rather than a clean end."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"good bytes")
        client.send_record(DATA, b"broken bytes", corrupt=True)
        client.send(b"late bytes")
        outcome = client.outcome()
    assert outcome.alert == "bad_record_mac" and outcome.fatal and not outcome.close_notify, outcome
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset"
    assert bytes(connection.data) == b"good bytes"
    assert cause(daemon) == "tls-sent:bad_record_mac"


@pytest.mark.parametrize("level, code", [(2, 40), (1, 48), (1, 0)])
def test_an_alert_in_the_clear_does_not_choose_the_cause(steady, echo, level, code):
    """Anybody on the path could have sent it: the log says what culvert made of it."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        client.send_raw(client.record(ALERT, bytes([level, code])))
        outcome = client.outcome()
    assert outcome.alert == "unexpected_message" and outcome.fatal, outcome
    assert cause(daemon) == "tls-sent:unexpected_message"


@CLIENTS
@pytest.mark.parametrize("more", [100_000, 4_000_000])
def test_alert_arrives_with_input_pending(steady, backend, make, more):
    """A client in the middle of a bulk upload still gets the alert: culvert reads on for a while before it closes."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake()
        burst = client.sealed(DATA, b"broken", corrupt=True) + b"".join(
            client.sealed(DATA, bytes(16000)) for _ in range(more // 16000))
        try:
            client.link.send(burst)
        except Ended:
            pass
        outcome = client.outcome()
    assert outcome.alert == "bad_record_mac", outcome
    assert cause(daemon) == "tls-sent:bad_record_mac"


@CLIENTS
def test_alert_comes_behind_data_already_sealed(steady, backend, make):
    """A client that uploads garbage while it downloads gets whole records only, and the alert at their end."""
    source = backend(Source, 300_000, then="hold")
    daemon = steady(source.address)
    with make(daemon.address()) as client:
        client.handshake()
        eventually(lambda: daemon.counters()["outbound_bytes"] >= 200_000 or None, 5)
        client.send_record(DATA, b"broken", corrupt=True)
        outcome = client.outcome()
    assert outcome.alert == "bad_record_mac" and outcome.cut == b"", outcome
    assert source.wait_connection().wait_end() == "reset"


def oversized13(client):
    return client.writer.seal(DATA, bytes((1 << 14) + 300))


def long_inner13(client):
    return client.writer.seal(DATA, bytes(1 << 14) + b"x")


def oversized12(client):
    return client.record(DATA, bytes((1 << 14) + 2049), version=0x0303)


@pytest.mark.parametrize("make, record", [(Tls13Client, oversized13), (Tls13Client, long_inner13),
                                          (Tls12Client, oversized12)])
def test_oversized_record_is_a_record_overflow(steady, echo, make, record):
    """RFC 8446 section 5.1 and 5.2, RFC 5246 section 6.2.3."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        exchange(client.handshake())
        client.send_raw(record(client))
        outcome = client.outcome()
    assert outcome.alert == "record_overflow" and outcome.fatal, outcome
    assert cause(daemon) == "tls-sent:record_overflow"


def test_full_sized_padded_records_work(steady, echo):
    """Padding to the limit, and data of exactly 2^14 bytes."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        exchange(client, os.urandom(1 << 14))
        for pad in (1, 255, 4000, (1 << 14) - 10):
            client.send(b"0123456789", pad=pad)
            assert client.read(10) == b"0123456789"
        assert client.finish().clean


@CLIENTS
def test_thousands_of_one_byte_records_work(steady, echo, make):
    """Wasteful but legal: interactive clients do it."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.handshake()
        data = os.urandom(5000)
        client.send(data, record_size=1)
        assert client.read(len(data)) == data
        assert client.finish().clean


@CLIENTS
def test_records_over_any_segments_work(steady, echo, make):
    """Records cut at every place and many records in one segment."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.handshake()
        data = os.urandom(3000)
        for size in (1, 4, 6, 1000):
            records = b"".join(client.sealed(DATA, data[at:at + 700]) for at in range(0, len(data), 700))
            client.link.send_pieces(records, size)
            assert client.read(len(data)) == data
        assert client.finish().clean


@pytest.mark.parametrize("record, alerts", [
    (lambda c: c.record(DATA, b"plain text"), {"bad_record_mac", "unexpected_message", "decode_error"}),
    (lambda c: c.record(DATA, b"x" * 40), {"bad_record_mac", "unexpected_message"}),
    (lambda c: c.record(HANDSHAKE, message(HandshakeType.KEY_UPDATE, b"\0")), {"unexpected_message", "bad_record_mac"}),
    (lambda c: c.record(ALERT, b"\1\0"), {"unexpected_message", "bad_record_mac", "decode_error"}),
    (lambda c: c.record(20, b"\1"), {"unexpected_message"}),
    (lambda c: c.record(99, b"what"), {"unexpected_message", "bad_record_mac"}),
    (lambda c: c.writer.seal(99, b"what"), {"unexpected_message"}),
    (lambda c: c.writer.seal_inner(bytes(20)), {"unexpected_message"}),
    (lambda c: c.writer.seal(HANDSHAKE, b""), {"unexpected_message"}),
    (lambda c: c.writer.seal(ALERT, b""), {"unexpected_message", "decode_error"}),
    (lambda c: c.writer.seal(ALERT, b"\2"), {"unexpected_message", "decode_error"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.CLIENT_HELLO, c.hello.body())), {"unexpected_message"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.FINISHED, bytes(32))), {"unexpected_message"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.NEW_SESSION_TICKET, bytes(20))), {"unexpected_message"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.KEY_UPDATE, b"\2")), {"illegal_parameter"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.KEY_UPDATE, b"\0\0")),
     {"decode_error", "illegal_parameter"}),
    (lambda c: c.writer.seal(HANDSHAKE, message(77, b"")), {"unexpected_message", "decode_error"}),
], ids=["plain-short", "plain-data", "plain-key-update", "plain-close-notify", "ccs", "unknown-type",
        "unknown-inner-type", "zeros-only", "empty-handshake", "empty-alert", "half-alert", "client-hello",
        "second-finished", "ticket", "key-update-2", "key-update-long", "unknown-message"])
def test_misplaced_tls13_record_is_refused(steady, backend, record, alerts):
    """RFC 8446 sections 5, 5.2, 6 and 4.6: above all an unprotected close_notify is never taken for the client's."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"before")
        client.send_raw(record(client))
        outcome = client.outcome()
    assert outcome.alert in alerts and outcome.fatal, outcome
    assert not outcome.close_notify and outcome.end != "open"
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset" and bytes(connection.data) == b"before"
    assert cause(daemon) == f"tls-sent:{outcome.alert}"


@pytest.mark.parametrize("record", [
    lambda c: c.record(ALERT, b"\1\0"),
    lambda c: c.record(DATA, b"x" * 40),
    lambda c: c.record(20, b"\1"),
    lambda c: c.writer.seal(20, b"\1"),
    lambda c: c.writer.seal(99, b"what"),
    lambda c: c.writer.seal(HANDSHAKE, message(HandshakeType.FINISHED, bytes(12))),
], ids=["plain-close-notify", "plain-data", "plain-ccs", "ccs", "unknown-type", "second-finished"])
def test_misplaced_tls12_record_is_refused(steady, backend, record):
    """The same for TLS 1.2."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with Tls12Client(daemon.address()) as client:
        client.handshake().send(b"before")
        client.send_raw(record(client))
        outcome = client.outcome()
    assert outcome.alert and outcome.fatal and not outcome.close_notify, outcome
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset" and bytes(connection.data) == b"before"
    assert cause(daemon).startswith("tls-sent:")


# Alerts of the client.

@CLIENTS
@pytest.mark.parametrize("alert", ["internal_error", "bad_record_mac", "user_canceled"])
def test_fatal_alert_of_the_client_is_passed_on_as_an_abort(steady, backend, make, alert):
    """The client says that its stream is broken: its end is no clean end for the backend."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with make(daemon.address()) as client:
        client.handshake().send(b"before")
        client.send_alert(alert)
        assert client.outcome().end != "open"
    connection = sink.wait_connection()
    assert connection.wait_end() == "reset" and bytes(connection.data) == b"before"
    assert cause(daemon) == f"tls-received:{alert}"


def test_user_canceled_before_close_notify_is_a_clean_end(steady, backend):
    """RFC 8446 section 6.1: user_canceled is a warning and is followed by close_notify."""
    sink = backend(Sink)
    daemon = steady(sink.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"all")
        client.send_alert("user_canceled", level=1)
        outcome = client.finish()
        assert outcome.clean
    assert sink.wait_connection().wait_end() == "fin"
    assert cause(daemon) == "client-fin"


# Floods.

@CLIENTS
def test_empty_record_flood_ends(steady, echo, make):
    """Records without a byte of payload cost a decryption each: OpenSSL and BoringSSL stop after 32."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        exchange(client.handshake())
        outcome = flood(client, lambda: client.sealed(DATA, b""))
        assert outcome.end != "open" and outcome.fatal, outcome
    assert cause(daemon) == f"tls-sent:{outcome.alert}"
    counted(daemon, flood_ends=1)


@CLIENTS
def test_some_empty_records_between_data_work(steady, echo, make):
    """Old clients send an empty record before each one with data (a countermeasure to BEAST)."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.handshake()
        for _ in range(200):
            client.send_record(DATA, b"")
            client.send(b"x")
        assert client.read(200) == b"x" * 200
        assert client.finish().clean


@CLIENTS
def test_warning_alert_flood_ends(steady, echo, make):
    """CVE-2016-8610: warning alerts that change nothing, without an end."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        exchange(client.handshake())
        outcome = flood(client, lambda: client.sealed(ALERT, bytes([1, 90])))
        assert outcome.end != "open" and outcome.fatal, outcome
    assert cause(daemon) == f"tls-sent:{outcome.alert}"
    counted(daemon, flood_ends=1)


@pytest.mark.parametrize("alert", [90, 100, 41])
def test_warning_alert_flood_in_the_handshake_ends(steady, echo, alert):
    """The same before the keys: unprotected warnings behind a TLS 1.2 hello."""
    daemon = steady(echo.address)
    with Tls12Client(daemon.address()) as client:
        client.send_client_hello()
        client.read_server_flight()
        assert flood(client, lambda: client.record(ALERT, bytes([1, alert]))).end != "open"
    ended(daemon)


def test_key_update_request_is_answered_on_a_silent_connection(steady, echo):
    """RFC 8446 section 4.6.3: the answer does not wait for application data, which may never come."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        for expected in range(1, 4):
            client.send_key_update(request=True)
            event = client.read_event(slack(2))
            while isinstance(event, Handshake) and event.kind == HandshakeType.NEW_SESSION_TICKET:
                event = client.read_event(slack(2))
            assert isinstance(event, Handshake) and event.kind == HandshakeType.KEY_UPDATE
            assert client.key_updates == [0] * expected
            exchange(client, b"under new keys")
        assert client.finish().clean


def test_key_update_without_request_changes_one_direction(steady, echo):
    """No answer to update_not_requested; data goes on under the new keys."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        for _ in range(5):
            client.send_key_update()
            exchange(client, os.urandom(40000))
        assert client.key_updates == []
        assert client.finish().clean


@pytest.mark.wolfssl(5, 9)
@pytest.mark.parametrize("size", [1, 4])
def test_key_update_cut_over_records(steady, echo, size):
    """RFC 8446 section 5.1 allows to cut a handshake message anywhere."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        client.send_handshake(message(HandshakeType.KEY_UPDATE, b"\0"), record_size=size)
        client.writer = client.writer.updated()
        exchange(client)


def test_key_update_in_the_middle_of_a_download_keeps_every_byte(steady, backend):
    """The reply gets in between sealed records in the right order."""
    source = backend(Source, 3_000_000, then="fin")
    daemon = steady(source.address)
    with Tls13Client(daemon.address()) as client:
        client.handshake()
        received, asked = 0, 0
        while True:
            event = client.read_event()
            if isinstance(event, AppData):
                received += len(event.data)
            elif not isinstance(event, Handshake):
                break
            if received > asked * 300_000 and asked < 8:
                asked += 1
                client.send_key_update(request=True)
        assert isinstance(event, Alert) and event.code == 0
        assert received == 3_000_000
        assert 1 <= len(client.key_updates) <= asked


def test_data_behind_a_key_update_must_use_the_new_keys(steady, echo):
    """A record under the old keys after KeyUpdate does not decrypt."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        old = client.writer
        client.send_key_update()
        client.writer = old
        client.send(b"stale")
        assert client.outcome().alert == "bad_record_mac"


@pytest.mark.parametrize("request_update", [True, False], ids=["requested", "not-requested"])
def test_key_update_flood_ends(steady, echo, request_update):
    """Each costs a key derivation and, requested, a record: BoringSSL stops after 32 without data in between."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        outcome = flood(client, lambda: client.key_update_record(request_update))
        assert outcome.end != "open" and outcome.fatal, outcome
        assert len(client.key_updates) <= 100
    assert cause(daemon) == f"tls-sent:{outcome.alert}"
    counted(daemon, flood_ends=1)


@pytest.mark.nosan
@pytest.mark.parametrize("fifo", ["64k", "1m"])
@pytest.mark.skipif(not OWN_RECORDS, reason="wolfSSL answers each request")
def test_key_updates_with_data_are_answered_once_at_a_time(steady, backend, fifo):
    """Data between the KeyUpdates makes them legal, and the client never reads an answer. One answer is enough for all
    requests that arrive together (RFC 8446 4.6.3): little waits for the client, and all its data arrives."""
    sink = backend(Sink)
    daemon = steady(sink.address, {"stall-timeout": "5s", "fifo-size": fifo})
    before = daemon.rss()
    bursts, records = 30, 200
    with Tls13Client(Link(daemon.address(), rcvbuf=4096)) as client:
        client.handshake()
        for _ in range(bursts):
            client.link.send(b"".join(client.key_update_record(True) + client.sealed(DATA, b"x") for _ in range(records)),
                             timeout=slack(5))
        eventually(lambda: daemon.counters()["inbound_bytes"] >= bursts * records, timeout=slack(5))
        assert daemon.rss() - before < 4 << 20
        assert daemon.counters()["flood_ends"] == 0
        client.close_notify()
    assert ended(daemon, timeout=5)["bytes_in"] == str(bursts * records)


# Renegotiation.

@pytest.mark.parametrize("secure", [True, False], ids=["with-renegotiation-info", "without"])
def test_renegotiation_is_refused(steady, echo, secure):
    """CVE-2009-3555, CVE-2011-1473: a second ClientHello on a TLS 1.2 connection gets no ServerHello, whatever it
    offers. no_renegotiation (RFC 5746 section 4.5) or a fatal alert, and no more than one such attempt."""
    daemon = steady(echo.address)
    with Tls12Client(daemon.address()) as client:
        exchange(client.handshake())
        hello = hello12()
        if not secure:
            hello.remove(0xFF01)
        client.send_handshake(hello.message())
        event = client.read_event(slack(2))
        assert isinstance(event, Alert) and event.code != 0, event
        if event.fatal:
            assert cause(daemon).startswith("tls-sent:")
        else:
            assert event.name == "no_renegotiation"
            exchange(client)
            assert flood(client, lambda: client.handshake_records(hello.message()), 1000).end != "open"


# Early data.

def test_skipped_early_data_is_bounded(steady, echo):
    """A client may send early data that the server never accepted: it is skipped up to a limit or refused, never
    swallowed for ever."""
    daemon = steady(echo.address, {"handshake-timeout": "4s"})
    with Tls13Client(daemon.address()) as client:
        client.hello.set(42, b"")
        client.send_client_hello()
        junk = client.record(DATA, os.urandom(4000))
        with pytest.raises((Ended, HandshakeFailed, TimeoutError)):
            for _ in range(200):
                client.link.send(junk * 10, timeout=slack(2))
                time.sleep(0.001)
            client.read_server_hello()
            client.read_server_flight()
            client.send_finished()
            exchange(client)
        client.outcome(slack(3))
    line = ended(daemon)
    assert line["cause"] != "handshake-timeout", line
