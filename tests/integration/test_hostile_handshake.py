# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes that are slow, cut short, cut into pieces or wrong: the slow ones meet an absolute deadline, the broken
ones end at once, the merely unusual ones work."""

import threading
import time

import pytest

from harness import slack
from harness.wellbeing import cause, counted, ended, fresh_connection, steady, wait_causes  # noqa: F401
from raw_tls import (Ended, Extension, Group, HandshakeFailed, HandshakeType, Link, Tls12Client, Tls13Client, hello13,
                     key_share, message)

CLIENTS = pytest.mark.parametrize("make", [Tls13Client, Tls12Client], ids=["tls13", "tls12"])


def exchange(client, data=b"hello"):
    client.send(data)
    assert client.read(len(data)) == data


def drip(link, data, interval, stop):
    """One byte each `interval` until the peer ends the connection; how it ended is left to the reader."""
    try:
        for at in range(len(data)):
            if stop.wait(interval):
                return
            link.send(data[at:at + 1])
    except (Ended, OSError):
        pass


def drip_until_cut(client, data, limit, started):
    """Drips `data` and returns how long after `started` the server ended the connection."""
    stop = threading.Event()
    thread = threading.Thread(target=drip, args=(client.link, data, 0.1, stop))
    thread.start()
    try:
        client.link.read_to_end(slack(limit))
        return time.monotonic() - started
    finally:
        stop.set()
        thread.join()


def dripped_hello(make, address):
    client = make(address)
    return client, client.handshake_records(client.hello.message())


def dripped_finished(make, address):
    """Stands still after the server's flight and drips the client's own."""
    client = make(address)
    client.send_client_hello()
    if make is Tls12Client:
        client.read_server_flight()
        return client, client.handshake_records(message(HandshakeType.CLIENT_KEY_EXCHANGE,
                                                        bytes([65]) + bytes(65)))
    client.read_server_hello()
    client.read_server_flight()
    client.start_handshake_writing()
    return client, client.handshake_records(client.client_flight())


@CLIENTS
@pytest.mark.parametrize("begin", [dripped_hello, dripped_finished])
def test_dripping_client_meets_the_absolute_deadline(steady, echo, make, begin):
    """Slowloris: each byte comes well within any per-read limit, so only a deadline for the whole handshake ends it;
    meanwhile others are served as if it were not there."""
    daemon = steady(echo.address, {"handshake-timeout": "1s"})
    started = time.monotonic()
    client, data = begin(make, daemon.address())
    with client:
        fresh_connection(daemon)
        took = drip_until_cut(client, data, 4, started)
        assert 0.9 <= took <= slack(1.5), f"ended after {took:.2f} s"
    assert cause(daemon) == "handshake-timeout"
    counted(daemon, handshakes_failed_timeout=1)


def test_silent_connections_end_at_the_deadline_and_hinder_nobody(steady, echo):
    """A hundred connections that never say a word cost a descriptor each until handshake-timeout, nothing else."""
    daemon = steady(echo.address, {"handshake-timeout": "1s"})
    links = [Link(daemon.address()) for _ in range(100)]
    try:
        fresh_connection(daemon)
        for link in links:
            assert link.read_to_end(slack(4))[0] == b""
    finally:
        for link in links:
            link.close()
    wait_causes(daemon, 100, "handshake-timeout")


@pytest.mark.parametrize("end", ["fin", "reset"])
@pytest.mark.parametrize("count", [1, 5, 60])
def test_truncated_hello_ends_at_once(steady, echo, end, count):
    """A hello cut in the record header, after it, and inside: the connection goes when the client goes, not when
    handshake-timeout comes; the client is not waited for."""
    daemon = steady(echo.address)
    client = Tls13Client(daemon.address())
    client.send_raw(client.handshake_records(client.hello.message())[:count])
    started = time.monotonic()
    if end == "fin":
        client.link.fin()
        client.link.read_to_end(slack(1))
        client.link.close()
    else:
        client.link.reset()
    line = ended(daemon, timeout=1)
    assert time.monotonic() - started < slack(1)
    assert line["cause"] in ("client-truncated", "client-reset") or line["cause"].startswith("tls-"), line
    counted(daemon, handshakes_failed_closed=1)


@CLIENTS
@pytest.mark.parametrize("end", ["fin", "reset"])
def test_leaving_in_the_middle_of_the_handshake_ends_at_once(steady, echo, make, end):
    """The client leaves after the server's flight: counted as closed, and no backend connection was ever made."""
    daemon = steady(echo.address)
    client = make(daemon.address())
    client.send_client_hello()
    client.expect_handshake(HandshakeType.SERVER_HELLO)
    if end == "fin":
        client.link.fin()
        client.link.read_to_end(slack(1))
        client.link.close()
    else:
        client.link.reset()
    ended(daemon, timeout=1)
    counted(daemon, handshakes_failed_closed=1)
    assert not echo.connections


@CLIENTS
@pytest.mark.parametrize("segment", [1, 3, 100])
def test_hello_in_tiny_segments_works(steady, echo, make, segment):
    """TCP may cut anywhere: also inside the record header."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        records = client.handshake_records(client.hello.message())
        client.transcript += client.hello.message()
        client.link.send_pieces(records, segment)
        client.send_client_hello = lambda: None
        exchange(client.handshake())
        assert client.finish().clean


@CLIENTS
@pytest.mark.parametrize("record_size", [1, 2, 4, 50, 200])
def test_hello_split_over_records_works(steady, echo, make, record_size):
    """RFC 8446 section 5.1: a handshake message may be spread over records of any size above zero."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.send_client_hello(record_size=record_size)
        client.send_client_hello = lambda: None
        exchange(client.handshake())
        assert client.finish().clean


@CLIENTS
@pytest.mark.parametrize("size, record_size, segment", [
    (1700, 1 << 14, None), (1700, 1 << 14, 1400), (9000, 1 << 14, None), (9000, 1200, 700), (15900, 1 << 14, None)])
def test_large_hello_works(steady, echo, make, size, record_size, segment):
    """Post-quantum key shares make hellos of more than a segment, tickets and padding make them larger still."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.hello.pad_to(size)
        client.send_client_hello(record_size=record_size, segment=segment)
        client.send_client_hello = lambda: None
        exchange(client.handshake())
        assert client.finish().clean


def test_unknown_groups_beside_a_known_one_are_passed_over(steady, echo):
    """Shares of GREASE and of a later post-quantum group beside X25519's: the latter is taken, without a retry."""
    daemon = steady(echo.address)
    client = Tls13Client(daemon.address(), hello13(groups=[0x2A2A, 0x6399, Group.X25519]))
    share = client.shares[Group.X25519]
    client.hello.set(Extension.KEY_SHARE, key_share([(0x2A2A, bytes(1)), (0x6399, bytes(1216)), share]))
    with client:
        exchange(client.handshake())
        assert client.retry is None and client.finish().clean


def test_hello_retry_request_works(steady, echo):
    """A client without a share for any common group gets one HelloRetryRequest and is then served."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address(), hello13(groups=[Group.SECP256R1]), shares=[]) as client:
        exchange(client.handshake())
        assert client.retry is not None
        assert client.finish().clean


@pytest.mark.parametrize("record_size, segment", [
    (7, None), (1 << 14, 1), (5, 3), (4, None), pytest.param(1, None, marks=pytest.mark.wolfssl(5, 9))])
def test_fragmented_finished_works(steady, echo, record_size, segment):
    """The client's Finished over many encrypted records and many segments."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        client.send_finished(record_size=record_size, segment=segment)
        exchange(client)
        assert client.finish().clean


@pytest.mark.parametrize("record_size, segment", [(10, 1), (4, None), (1, None), (1, 1)])
def test_fragmented_tls12_flight_works(steady, echo, record_size, segment):
    """ClientKeyExchange cut over records and segments."""
    daemon = steady(echo.address)
    with Tls12Client(daemon.address()) as client:
        client.send_client_hello()
        client.read_server_flight()
        client.send_key_exchange(record_size=record_size, segment=segment)
        client.send_finished()
        client.read_server_finished()
        exchange(client)
        assert client.finish().clean


def test_data_in_the_segment_of_the_finished_is_not_lost(steady, echo):
    """Finished, data and close_notify in one segment: all of it is there before the backend is even connected."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        sent = bytearray()
        client.link.send = lambda data, timeout=None: sent.extend(data)
        client.send_finished()
        client.send(b"early bird")
        client.close_notify()
        del client.link.send
        client.link.send(bytes(sent))
        outcome = client.outcome()
        assert outcome.data == b"early bird" and outcome.clean


@CLIENTS
def test_wrong_finished_is_refused(steady, echo, make):
    """RFC 8446 section 4.4.4, RFC 5246 section 7.4.9: decrypt_error; no backend is ever connected."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        wrong = message(HandshakeType.FINISHED, bytes(32 if make is Tls13Client else 12))
        client.send_client_hello()
        if make is Tls13Client:
            client.read_server_hello()
            client.read_server_flight()
            client.send_finished(wrong)
        else:
            client.read_server_flight()
            client.send_key_exchange()
            client.send_finished(wrong)
        outcome = client.outcome()
        assert outcome.alert == "decrypt_error" and outcome.fatal and outcome.end != "open"
    assert cause(daemon) == "tls-sent:decrypt_error"
    assert not echo.connections


@CLIENTS
def test_fatal_alert_in_the_handshake_is_named(steady, echo, make):
    """A client that refuses the certificate says so; the log passes it on."""
    daemon = steady(echo.address)
    with make(daemon.address()) as client:
        client.send_client_hello()
        if make is Tls13Client:
            client.read_server_hello()
            client.read_server_flight()
            client.start_handshake_writing()
        else:
            client.read_server_flight()
        client.send_alert("unknown_ca")
        assert client.outcome().end != "open"
    assert cause(daemon) == "tls-received:unknown_ca"
    counted(daemon, handshakes_failed_alert=1)


def test_two_hundred_handshakes_stopped_half_way_leave_nothing(steady, echo):
    """Memory and descriptors of abandoned handshakes come back at once, not at handshake-timeout."""
    daemon = steady(echo.address)
    for _ in range(200):
        client = Tls13Client(daemon.address())
        client.send_client_hello()
        client.link.reset()
    wait_causes(daemon, 200, "client-reset", "client-truncated", "probe")


@pytest.mark.wolfssl(5, 9)  # a server of 5.5 sends none
def test_server_sends_change_cipher_spec_for_middleboxes(steady, echo):
    """RFC 8446 appendix D.4: with a session id in the hello, a change_cipher_spec follows the ServerHello; the client's
    own is accepted."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        exchange(client.handshake())
        assert [kind for kind, _, _ in client.records_seen[:3]] == [22, 20, 23]
        assert client.server_hello.session_id == client.hello.session_id
    with Tls13Client(daemon.address()) as client:
        client.hello.session_id = b""
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        client.send_finished(change_cipher_spec=False)
        exchange(client)
        assert client.server_hello.session_id == b""


def test_change_cipher_spec_right_behind_the_hello_works(steady, echo):
    """Appendix D.4 lets a client send it immediately before its second flight, wherever the bytes land."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client:
        data = client.client_hello()
        client.transcript += data
        client.send_raw(client.handshake_records(data) + client.record(20, b"\1"))
        client.read_server_hello()
        client.read_server_flight()
        client.send_finished(change_cipher_spec=False)
        exchange(client)


@pytest.mark.parametrize("data", [b"\2", b"\1\1", b""])
def test_bad_change_cipher_spec_is_refused(steady, echo, data):
    """RFC 8446 section 5: any other change_cipher_spec value is unexpected_message."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address()) as client, pytest.raises((HandshakeFailed, Ended)):
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        client.send_change_cipher_spec(data)
        client.send_finished(change_cipher_spec=False)
        exchange(client)
    assert cause(daemon).startswith("tls-sent:")


def test_change_cipher_spec_flood_ends(steady, echo):
    """Each costs a record header and brings the handshake no further."""
    daemon = steady(echo.address, {"handshake-timeout": "3s"})
    with Tls13Client(daemon.address()) as client:
        client.send_client_hello()
        client.read_server_hello()
        client.read_server_flight()
        try:
            for _ in range(200):
                client.link.send(client.record(20, b"\1") * 1000, timeout=slack(4))
        except Ended:
            pass
        outcome = client.outcome(slack(4))
        assert outcome.fatal and outcome.end != "open"
    assert cause(daemon) == f"tls-sent:{outcome.alert}"
