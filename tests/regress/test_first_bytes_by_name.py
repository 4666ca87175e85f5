# SPDX-License-Identifier: GPL-3.0-or-later
"""Done: clients sent PostgreSQL's SSLRequest, EHLO and openings of other protocols to a TLS port. Seen: "client sends
zero bytes, not TLS" and "client sends plain text, not TLS". Right: the log says what it is, and what can be done."""

import socket
import struct

import pytest

from harness import Config, Culvert, Refuser, slack

POSTGRES = struct.Struct(">II")


def mongo(opcode):
    return struct.pack("<iiii", 60, 1, 0, opcode) + bytes(44)


CASES = {
    "postgres ssl": (POSTGRES.pack(8, 80877103), "client sends PostgreSQL's SSLRequest, not TLS; TLS has to come first "
                                                 "(sslnegotiation=direct, PostgreSQL 17)"),
    "postgres gss": (POSTGRES.pack(8, 80877104), "client sends PostgreSQL's SSLRequest"),
    "postgres startup": (POSTGRES.pack(41, 196608) + b"user\0culvert\0database\0x\0\0", "client speaks PostgreSQL without TLS"),
    "postgres cancel": (POSTGRES.pack(16, 80877102) + bytes(8), "client speaks PostgreSQL without TLS"),
    "zeros": (bytes(16), "client sends zero bytes, not TLS"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "client speaks SSH, not TLS"),
    "smtp": (b"ehlo client.example\r\n", "client speaks plain SMTP, not TLS; TLS has to come first, culvert does not speak "
                                         "STARTTLS (smtps)"),
    "lmtp": (b"LHLO client.example\r\n", "client speaks plain SMTP, not TLS"),
    "imap": (b"a001 CAPABILITY\r\n", "client speaks plain IMAP, not TLS"),
    "imap starttls": (b"A1 starttls\r\n", "client speaks plain IMAP, not TLS"),
    "pop3": (b"CAPA\r\n", "client speaks plain POP3, not TLS"),
    "ftp": (b"AUTH TLS\r\n", "client speaks plain FTP, not TLS"),
    "ftp or pop3": (b"USER anonymous\r\n", "client speaks plain FTP or POP3, not TLS"),
    "nntp": (b"CAPABILITIES\r\n", "client speaks plain NNTP, not TLS"),
    "irc": (b"NICK someone\r\nUSER a b c d\r\n", "client speaks plain IRC, not TLS"),
    "xmpp": (b"<?xml version='1.0'?><stream:stream to='example.org'>", "client speaks plain XMPP, not TLS"),
    "ldap starttls": (bytes.fromhex("301d020101771880160000") + b".3.6.1.4.1.1466.20037", "client speaks plain LDAP, not TLS"),
    "ldap bind, long form": (bytes.fromhex("30840000000c020101600702010304008000"), "client speaks plain LDAP, not TLS"),
    "sql server": (bytes.fromhex("1201002f000001000000"), "client speaks TDS (SQL Server), not TLS"),
    "mongo": (mongo(2013), "client speaks MongoDB without TLS"),
    "mongo, old": (mongo(2004), "client speaks MongoDB without TLS"),
    "redis": (b"*1\r\n$4\r\nPING\r\n", "client speaks redis without TLS"),
    "redis inline": (b"PING\r\n", "client speaks redis without TLS"),
    "amqp": (b"AMQP\0\0\x09\x01", "client speaks AMQP without TLS"),
    "mqtt": (b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd", "client speaks MQTT without TLS"),
    "socks5": (b"\x05\x02\0\x02", "client speaks SOCKS, not TLS"),
    "telnet": (b"\xff\xfd\x03\xff\xfb\x18", "client speaks Telnet, not TLS"),
    "rdp": (bytes.fromhex("030000130ee000000000000100080003000000"), "client speaks RDP, not TLS"),
    "http": (b"GET / HTTP/1.1\r\n\r\n", "client speaks plain HTTP, not TLS"),
    "http2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "client speaks plain HTTP/2, not TLS"),
    "sip": (b"REGISTER sip:example.org SIP/2.0\r\n", "client speaks plain SIP, not TLS"),
    "proxy v1": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n", "client sends a PROXY protocol header (v1), not TLS; "
                                                                "proxy-protocol is for the backend only"),
    "proxy v2": (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), "client sends a PROXY protocol header (v2), not TLS"),
    "text": (b"hello there\r\n", "client sends plain text, not TLS"),
}


@pytest.fixture(scope="module")
def daemon(request, tmp_path_factory, pki):
    refuser = Refuser()
    one = Culvert(tmp_path_factory.mktemp("first"), Config({"main": {"backend": refuser.address}}), pki)
    request.node.culverts = [one]
    yield one
    one.cleanup()
    refuser.stop()


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_tls_is_named(daemon, name):
    first, words = CASES[name]
    mark = daemon.mark()
    source = f"127.0.1.{list(CASES).index(name) + 1}"  # lines of one source are collapsed
    with socket.create_connection(daemon.address(), slack(10), (source, 0)) as sock:
        sock.sendall(first)
        line = daemon.wait_closed(since=mark)
    assert line["cause"] == "tls-sent:unexpected_message"
    assert line["detail"].startswith(words), line
