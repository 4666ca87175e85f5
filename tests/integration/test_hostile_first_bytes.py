# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes first is no TLS, or TLS that lies about its lengths, or TLS that has nothing in common with the service:
each is answered at once, and the log says in words what it was."""

import os
import struct
import time

import pytest

from harness import eventually, slack
from harness.wellbeing import cause, counted, ended, steady  # noqa: F401
from raw_tls import (TLS10, TLS11, TLS12, TLS13, Extension, HandshakeFailed, HandshakeType, Link, Tls12Client,
                     Tls13Client, hello12, hello13, message)

SSLV2_HELLO = bytes.fromhex("802e0100020015000000100100800300800700c006004002008004008000") + os.urandom(18)


def send_first(daemon, data, more=b""):
    """Sends raw first bytes; the records that came back, how the stream ended, and after how long."""
    with Link(daemon.address(), timeout=slack(5)) as link:
        start = time.monotonic()
        link.send(data)
        if more:
            link.send(more)
        answer, how = link.read_to_end()
        return answer, how, time.monotonic() - start


@pytest.mark.parametrize("data, words", [
    (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "HTTP"),
    (b"POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "HTTP"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
    (SSLV2_HELLO, "SSL"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
    (b"EHLO mail.test\r\n", ""),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n", "PROXY"),
    (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x02\x7f\x00\x00\x01\x04\xd2\x00\x00", "PROXY"),
    (bytes(64), ""),
    (bytes(range(200, 256)), ""),
    (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", "RDP"),
], ids=["http-get", "http-post", "ssh", "sslv2", "http2", "smtp", "proxy-v1", "proxy-v2", "zeros", "garbage", "rdp"])
def test_other_protocols_are_refused_at_once_by_name(steady, echo, data, words):
    """No waiting for handshake-timeout; at most one TLS alert goes back; the log names what it looks like."""
    daemon = steady(echo.address)
    answer, how, took = send_first(daemon, data)
    assert took < slack(1), f"ended after {took:.2f} s"
    assert answer == b"" or (len(answer) == 7 and answer[0] == 21 and answer[5] == 2), answer
    line = ended(daemon)
    assert line["cause"].startswith("tls-"), line
    assert words.lower() in line.text.lower(), f"{words!r} is not named: {line}"
    counted(daemon, handshakes_failed_bad_hello=1)
    assert not echo.connections


@pytest.mark.parametrize("size", [200_000, 2_000_000])
def test_alert_arrives_although_more_garbage_was_sent(steady, echo, size):
    """Input left unread when the socket closes becomes an RST, which takes the alert with it: the end must linger."""
    daemon = steady(echo.address)
    with Link(daemon.address(), timeout=slack(5)) as link:
        link.send(b"GET /long HTTP/1.1\r\n")
        try:
            link.send(b"X-Fill: " + b"x" * size)
        except Exception:  # the server may have closed by now
            pass
        time.sleep(0.05)
        answer, _ = link.read_to_end()
    assert len(answer) == 7 and answer[0] == 21, f"no alert but {answer!r}"
    daemon.wait_counter("lingering_closes", 1)


def plain_record(content_type, payload, version=TLS10, length=None):
    return struct.pack("!BHH", content_type, version, len(payload) if length is None else length) + payload


@pytest.mark.parametrize("first, alerts", [
    (plain_record(22, b"\1\0\0\1", length=0x4001), {"record_overflow"}),
    (plain_record(22, b"\1\0\x80\0", length=0xFFFF), {"record_overflow"}),
    (plain_record(22, b""), {"unexpected_message", "decode_error", "illegal_parameter"}),
    (plain_record(22, b"\1\xff\xff\xff" + bytes(100)),
     {"record_overflow", "decode_error", "illegal_parameter", "handshake_failure"}),
    (plain_record(22, message(HandshakeType.CLIENT_HELLO, b"\3\3")), {"decode_error"}),
    (plain_record(22, message(HandshakeType.FINISHED, bytes(32))), {"unexpected_message"}),
    (plain_record(22, message(HandshakeType.SERVER_HELLO, bytes(40))), {"unexpected_message"}),
    (plain_record(23, bytes(50)), {"unexpected_message"}),
    (plain_record(20, b"\1") + plain_record(20, b"\1"), {"unexpected_message"}),
    (plain_record(24, b"\1\x40\0"), {"unexpected_message"}),
], ids=["length-16385", "length-65535", "empty-record", "16-MiB-hello", "two-byte-hello", "finished-first",
        "server-hello-first", "data-first", "ccs-first", "heartbeat-first"])
def test_lying_and_misplaced_first_records_get_their_alert(steady, echo, first, alerts):
    """RFC 8446 sections 5 and 5.1; nothing is waited for or allocated by a claimed length."""
    daemon = steady(echo.address)
    client = Tls13Client(Link(daemon.address(), timeout=slack(5)))
    with client:
        client.send_raw(first)
        outcome = client.outcome()
    assert outcome.end != "open" and outcome.seconds < slack(1), outcome
    assert outcome.alert in alerts and outcome.fatal, outcome
    assert cause(daemon) == f"tls-sent:{outcome.alert}"


def test_alert_first_ends_at_once(steady, echo):
    """A peer that begins with an alert wants nothing: it is not answered for ten seconds."""
    daemon = steady(echo.address)
    _, how, took = send_first(daemon, plain_record(21, b"\2\x28"))
    assert took < slack(1) and how in ("eof", "reset")
    ended(daemon)


def refused(make, daemon, hello, **options):
    """The alert that answers `hello`."""
    with make(daemon.address(), hello, **options) as client:
        with pytest.raises(HandshakeFailed):
            client.handshake()
    with make(daemon.address(), hello, **options) as client:
        client.send_client_hello()
        outcome = client.outcome()
    assert outcome.fatal and outcome.end != "open", outcome
    return outcome.alert


@pytest.mark.parametrize("version, name", [(0x0300, "SSL 3.0"), (TLS10, "TLS 1.0"), (TLS11, "TLS 1.1")])
def test_old_versions_are_refused_in_words(steady, echo, version, name):
    """protocol_version, and a log line that tells the operator what to do about the old client."""
    daemon = steady(echo.address)
    assert refused(Tls12Client, daemon, hello12(version=version)) == "protocol_version"
    line = ended(daemon)
    assert line["cause"] == "tls-sent:protocol_version"
    assert name in line.text, line
    eventually(lambda: (lambda now: now["handshakes_failed_no_common"] + now["handshakes_failed_bad_hello"] == 2)(
        daemon.counters()), 5, "both refusals to be counted")


def test_versions_of_the_service_are_kept(steady, echo):
    """min-version and max-version bind whatever else fits."""
    daemon = steady(echo.address, {"min-version": "1.3"}, {"old": {"backend": echo.address, "max-version": "1.2"}})
    assert refused(Tls12Client, daemon, hello12()) == "protocol_version"
    with Tls13Client(daemon.address("old")) as client:
        client.send_client_hello()
        assert client.outcome().alert == "protocol_version"
    with Tls12Client(daemon.address("old")) as client:
        client.handshake().send(b"x")
        assert client.read(1) == b"x"


@pytest.mark.parametrize("make, hello", [
    (Tls13Client, lambda: hello13(suites=[0x1304, 0x1305])),
    (Tls12Client, lambda: hello12(suites=[0x002F, 0xC013, 0xC009])),
    (Tls12Client, lambda: hello12(suites=[0x009C, 0x009D])),
    (Tls13Client, lambda: hello13(suites=[0x0A0A, 0x4A4A])),
], ids=["ccm-only", "cbc-only", "rsa-key-exchange", "grease-only"])
def test_no_common_suite_is_a_handshake_failure(steady, echo, make, hello):
    """RFC 8446 section 4.1.1; CBC and static RSA are never spoken."""
    daemon = steady(echo.address)
    assert refused(make, daemon, hello()) == "handshake_failure"
    line = ended(daemon)
    assert line["cause"] == "tls-sent:handshake_failure" and "suite" in line.text, line
    counted(daemon, handshakes_failed_no_common=2)


def test_no_common_group_is_a_handshake_failure(steady, echo):
    """The same for groups: sect571r1 and an unknown one."""
    daemon = steady(echo.address)
    assert refused(Tls13Client, daemon, hello13(groups=[14, 0x6399]), shares=[]) == "handshake_failure"
    assert "group" in ended(daemon).text


def test_no_common_signature_algorithm_is_a_handshake_failure(steady, echo):
    """An ECDSA certificate and a client that only checks RSA."""
    daemon = steady(echo.address)
    hello = hello13()
    hello.set(Extension.SIGNATURE_ALGORITHMS, struct.pack("!HH", 2, 0x0804))
    assert refused(Tls13Client, daemon, hello) == "handshake_failure"
    assert "signature" in ended(daemon).text


@pytest.mark.parametrize("make, hello", [(Tls13Client, hello13), (Tls12Client, hello12)], ids=["tls13", "tls12"])
def test_alpn_without_overlap_is_refused(steady, echo, make, hello):
    """RFC 7301 section 3.2: no_application_protocol, never going on as if nothing had been asked."""
    daemon = steady(echo.address, {"alpn": "h2, http/1.1"})
    assert refused(make, daemon, hello(protocols=["imap", "smtp"])) == "no_application_protocol"
    line = ended(daemon)
    assert line["cause"] == "tls-sent:no_application_protocol" and "ALPN" in line.text, line


@pytest.mark.parametrize("make, hello", [(Tls13Client, hello13), (Tls12Client, hello12)], ids=["tls13", "tls12"])
def test_alpn_is_chosen_or_ignored(steady, echo, make, hello):
    """Overlap: the service's preference is chosen. No offer, or a service without alpn: no choice and no refusal."""
    daemon = steady(echo.address, {"alpn": "h2, http/1.1"}, {"plain": {"backend": echo.address}})
    for service, offer, chosen in (("main", ["http/1.1", "h2"], b"\2h2"), ("main", None, None),
                                   ("plain", ["h2"], None)):
        with make(daemon.address(service), hello(protocols=offer)) as client:
            client.handshake().send(b"x")
            assert client.read(1) == b"x"
            got = client.server_extensions.get(Extension.ALPN)
            assert (got[2:] if got else None) == chosen


def test_tls13_hello_with_garbage_compression_is_refused(steady, echo):
    """RFC 8446 section 4.1.2: a compression method in a TLS 1.3 hello is illegal_parameter."""
    daemon = steady(echo.address)
    hello = hello13()
    hello.compression = b"\1"
    assert refused(Tls13Client, daemon, hello) == "illegal_parameter"


def test_fallback_scsv_is_honoured(steady, echo):
    """RFC 7507: a client that fell back although both speak TLS 1.3 is told so."""
    daemon = steady(echo.address)
    assert refused(Tls12Client, daemon, hello12(suites=[0xC02B, 0x5600])) == "inappropriate_fallback"


def test_downgrade_to_tls12_is_marked(steady, echo):
    """RFC 8446 section 4.1.3: a 1.3 server that speaks 1.2 says so in its random."""
    daemon = steady(echo.address)
    with Tls12Client(daemon.address()) as client:
        client.handshake()
        assert client.server_hello.random.endswith(b"DOWNGRD\1")
        assert client.server_hello.version == TLS12 != TLS13


@pytest.mark.parametrize("name", [b"a" * 300, b"", b"bad\0name", b"-", b"\xff\xfe", b"127.0.0.1"])
def test_odd_server_names_break_nothing(steady, echo, name):
    """A refusal or a service by the default certificate, and a log line without control characters."""
    daemon = steady(echo.address)
    with Tls13Client(daemon.address(), hello13(sni=name)) as client:
        client.send_client_hello()
        assert client.outcome(0.3).end in ("open", "eof", "reset")
    line = ended(daemon)
    assert all(32 <= ord(char) for char in line.text), repr(line.text)
