# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of culvert as a TLS client: what a wrong backend may do, and the alert that culvert must send to it (RFC 8446,
RFC 5246). In no case does data of the plain client reach the server before a sound handshake."""

import struct
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness import slack
from harness.backend_table import (CERT, EE, FIN, SECRET, SERVED, VERIFY, alert, answer, answered, call, ended, established,
                                   fin, first, flight, greeted, handshake, hello, minus, old, plain, plus, raw, read_to_end,
                                   record, replaced, reset, row, row12, steps, stopped, table)
from harness.util import connect
from raw_tls import ALERTS, Extension, Group, HandshakeType, KeyShare, RawServer, alpn, message
from raw_tls.crypto import sign
from raw_tls.hello import vec8, vec16

H, X = HandshakeType, Extension
CCS = b"\x14\x03\x03\0\1\1"
DOWNGRADE = b"r" * 24 + b"DOWNGRD"
UNKNOWN = (0xFEED, b"")
H2 = {"backend-alpn": "h2"}


def u16(value):
    return struct.pack("!H", value)


def share(group, public):
    return replaced(X.KEY_SHARE, u16(group) + vec16(public))


def version(body):
    return replaced(X.SUPPORTED_VERSIONS, body)


def retried(then=lambda server: None, **retry):
    """A HelloRetryRequest, culvert's second hello, and what comes then."""
    def act(server):
        group = retry.get("group", Group.SECP256R1)
        server.read_client_hello()
        server.say(server.retry(**retry))
        server.read_client_hello()
        if group is not None:
            server.share = KeyShare(group)
        then(server)
    return act


def whole(server):
    """The rest of a right handshake behind the hellos."""
    server.send_server_hello(server.make_hello(server.hello_extensions(group=server.share.group)))
    server.send_flight()
    server.read_finished()


def second_hello(**fields):
    return lambda server: server.send_server_hello(server.make_hello(server.hello_extensions(group=server.share.group),
                                                                       **fields))


def retry_again(server):
    server.say(server.make_hello([(X.SUPPORTED_VERSIONS, u16(0x0304)), (X.KEY_SHARE, u16(Group.SECP384R1))],
                                   random=HELLO_RETRY))


HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

SERVER_HELLO = [
    row("a handshake as it should be", "8446 2", lambda server: None, SERVED),
    row("SSLv3", "8446 4.1.3", old(version=0x0300), "protocol_version"),
    row("TLS 1.0", "8446 4.1.3", old(version=0x0301), "protocol_version"),
    row("TLS 1.1", "8446 4.1.3", old(version=0x0302), "protocol_version"),
    row("TLS 1.3 without supported_versions", "8446 4.1.3", old(version=0x0304), "protocol_version"),
    row("version 0xffff", "8446 4.1.3", old(version=0xFFFF), "protocol_version"),
    row("TLS 1.1 with the mark of a downgrade", "8446 4.1.3", old(version=0x0302, random=DOWNGRADE + b"\0"),
        "protocol_version|illegal_parameter"),
    row("downgrade to TLS 1.2", "8446 4.1.3", old(random=DOWNGRADE + b"\1"), "illegal_parameter"),
    row("downgrade to TLS 1.1 in a hello of TLS 1.2", "8446 4.1.3", old(random=DOWNGRADE + b"\0"), "illegal_parameter"),
    row("supported_versions has TLS 1.2", "8446 4.2.1", hello(version(b"\3\3")), "illegal_parameter"),
    row("supported_versions has TLS 1.4", "8446 4.2.1", hello(version(b"\3\5")), "illegal_parameter"),
    row("supported_versions of one byte", "8446 4.2.1", hello(version(b"\3")), "decode_error"),
    row("supported_versions as a list", "8446 4.2.1", hello(version(b"\2\3\4")), "decode_error"),
    row("legacy_version 0x0304", "8446 4.1.3", hello(version=0x0304), "illegal_parameter"),
    row("legacy_version 0x0301", "8446 4.1.3", hello(version=0x0301), "illegal_parameter"),
    row("suite that was not offered", "8446 4.1.3", hello(suite=0x1304), "illegal_parameter"),
    row("suite of TLS 1.2", "8446 4.1.3", hello(suite=0xC02B), "illegal_parameter"),
    row("suite of TLS 1.3 in TLS 1.2", "8446 4.1.3", old(suite=0x1301), "illegal_parameter"),
    row("suite without encryption", "8446 4.1.3", old(suite=0x0000), "illegal_parameter"),
    row("suite with RSA key exchange", "5246 7.4.1.3", old(suite=0x002F), "illegal_parameter"),
    row("compression", "8446 4.1.3", hello(compression=1), "illegal_parameter"),
    row("no session id", "8446 4.1.3", hello(session_id=b""), "illegal_parameter"),
    row("other session id", "8446 4.1.3", hello(session_id=b"s" * 32), "illegal_parameter"),
    row("session id cut", "8446 4.1.3", hello(session_id=b"s" * 31), "illegal_parameter"),
    row("session id of 33 bytes", "8446 4.1.3", hello(session_id=b"s" * 33), "decode_error"),
    row("no supported_versions", "8446 4.1.3", hello(minus(X.SUPPORTED_VERSIONS)), "illegal_parameter|unsupported_extension"),
    row("no key_share", "8446 9.2", hello(minus(X.KEY_SHARE)), "missing_extension"),
    row("unknown extension", "8446 4.2", hello(plus(UNKNOWN)), "unsupported_extension"),
    row("unknown extension first", "8446 4.2", hello(plus(UNKNOWN, first=True)), "unsupported_extension"),
    row("ALPN that was not offered", "8446 4.2", hello(plus((X.ALPN, alpn(["h2"])))), "unsupported_extension"),
    row("ALPN in the ServerHello", "8446 4.2", hello(plus((X.ALPN, alpn(["h2"])))), "illegal_parameter", options=H2),
    row("supported_groups in the ServerHello", "8446 4.2", hello(plus((X.SUPPORTED_GROUPS, b"\0\2\0\x1d"))),
        "illegal_parameter"),
    row("signature_algorithms in the ServerHello", "8446 4.2", hello(plus((X.SIGNATURE_ALGORITHMS, b"\0\2\4\3"))),
        "illegal_parameter"),
    row("cookie in the ServerHello", "8446 4.2", hello(plus((X.COOKIE, b"\0\1c"))), "unsupported_extension|illegal_parameter"),
    row("pre_shared_key that was not offered", "8446 4.2", hello(plus((X.PRE_SHARED_KEY, b"\0\0"))), "unsupported_extension"),
    row("key_share twice", "8446 4.2", hello(lambda server: server.hello_extensions() + server.hello_extensions()[1:]),
        "illegal_parameter"),
    row("supported_versions twice", "8446 4.2", hello(lambda server: server.hello_extensions() +
                                                      server.hello_extensions()[:1]), "illegal_parameter"),
    row("bytes behind the ServerHello's fields", "8446 6.2", hello(trailer=b"x"), "decode_error"),
    row("a ServerHello of five bytes", "8446 6.2", first(message(H.SERVER_HELLO, b"\3\3abc")), "decode_error"),
    row("a ServerHello of 9000 bytes", "8446 6.2", hello(plus((0xFEED, bytes(9000)))), "decode_error|unsupported_extension"),
    row("an extension that is longer than the message", "8446 6.2",
        first(lambda server: server.make_hello([])[:-2] + b"\0\4\0\x2b\0\4"), "decode_error"),
    row("EncryptedExtensions in the record of the ServerHello", "8446 5.1", steps(
        lambda server: server.read_client_hello(),
        lambda server: server.send_server_hello(behind=message(H.ENCRYPTED_EXTENSIONS, b"\0\0"))), "unexpected_message"),
]

SHARES = [
    row("share of a group that was not offered", "8446 4.2.8", hello(share(0x0100, b"s" * 32)), "illegal_parameter"),
    row("share of a group without a share", "8446 4.2.8", hello(share(Group.SECP256R1, KeyShare(Group.SECP256R1).public)),
        "illegal_parameter"),
    row("share of 31 bytes", "8446 4.2.8.2", hello(share(Group.X25519, b"s" * 31)), "illegal_parameter|decode_error"),
    row("share of 33 bytes", "8446 4.2.8.2", hello(share(Group.X25519, b"s" * 33)), "illegal_parameter|decode_error"),
    row("share of no bytes", "8446 4.2.8", hello(share(Group.X25519, b"")), "illegal_parameter|decode_error"),
    row("share of zeros", "8446 7.4.2", hello(share(Group.X25519, bytes(32))), "illegal_parameter"),
    row("share of order two", "8446 7.4.2", hello(share(Group.X25519, b"\1" + bytes(31))), "illegal_parameter"),
    row("hybrid share of 32 bytes", "8446 4.2.8", hello(share(Group.X25519MLKEM768, b"s" * 32)),
        "illegal_parameter|decode_error",
        library="internal_error"),
    row("key_share of two shares", "8446 4.2.8", hello(lambda server: replaced(
        X.KEY_SHARE, (u16(Group.X25519) + vec16(server.share.public)) * 2)(server)), "decode_error"),
    row("key_share of one byte", "8446 4.2.8", hello(replaced(X.KEY_SHARE, b"\0")), "decode_error"),
    row("key_share as a HelloRetryRequest has it", "8446 4.2.8", hello(replaced(X.KEY_SHARE, u16(29))), "decode_error"),
]

RETRY = [
    row("HelloRetryRequest", "8446 4.1.4", retried(whole), SERVED),
    row("HelloRetryRequest with a cookie", "8446 4.2.2", retried(whole, more=[(X.COOKIE, vec16(b"cookie"))]), SERVED),
    row("HelloRetryRequest twice", "8446 4.1.4", retried(retry_again), "unexpected_message"),
    row("HelloRetryRequest for a share that was sent", "8446 4.2.8", retried(group=Group.X25519), "illegal_parameter"),
    row("HelloRetryRequest for an unknown group", "8446 4.2.8", retried(group=0x9999), "illegal_parameter"),
    row("HelloRetryRequest for ffdhe2048", "8446 4.2.8", retried(group=0x0100), "illegal_parameter"),
    row("HelloRetryRequest that changes nothing", "8446 4.1.4", retried(group=None), "illegal_parameter"),
    row("HelloRetryRequest with a share", "8446 4.2.8", retried(extensions=[
        (X.SUPPORTED_VERSIONS, u16(0x0304)), (X.KEY_SHARE, u16(23) + vec16(b"s" * 65))]), "decode_error"),
    row("HelloRetryRequest without supported_versions", "8446 4.1.4", retried(extensions=[(X.KEY_SHARE, u16(23))]),
        "missing_extension|protocol_version"),
    row("HelloRetryRequest with an unknown extension", "8446 4.2", retried(more=[UNKNOWN]), "unsupported_extension"),
    row("HelloRetryRequest with an empty cookie", "8446 4.2.2", retried(more=[(X.COOKIE, vec16(b""))]), "decode_error"),
    row("HelloRetryRequest with another session id", "8446 4.1.4", retried(session_id=b"s" * 32), "illegal_parameter"),
    row("HelloRetryRequest with a suite that was not offered", "8446 4.1.4", retried(suite=0x1304), "illegal_parameter"),
    row("data behind a HelloRetryRequest", "8446 4.1.4", steps(
        lambda server: server.read_client_hello(),
        lambda server: server.send_handshake(server.retry() + message(H.ENCRYPTED_EXTENSIONS, b"\0\0"))),
        "unexpected_message"),
    row("another suite after a HelloRetryRequest", "8446 4.1.4", retried(second_hello(suite=0x1303)), "illegal_parameter"),
    row("another group after a HelloRetryRequest", "8446 4.2.8", retried(lambda server: server.send_server_hello(
        server.make_hello(server.hello_extensions(group=Group.X25519, public=KeyShare(Group.X25519).public)))),
        "illegal_parameter"),
    row("TLS 1.2 after a HelloRetryRequest", "8446 4.1.4", retried(lambda server: server.send_handshake(
        server.make_hello([], suite=0xC02B, session_id=b""))), "illegal_parameter|protocol_version"),
    row("a point that is not on the curve", "8446 4.2.8.2", retried(lambda server: server.send_server_hello(
        server.make_hello(server.hello_extensions(group=23, public=b"\4" + b"p" * 64)))), "illegal_parameter"),
]

EXTENSIONS = [
    row("EncryptedExtensions with supported_groups", "8446 4.2.7", lambda server: server.handshake(
        extensions=[(X.SUPPORTED_GROUPS, b"\0\2\0\x1d")]), SERVED),
    row("EncryptedExtensions with server_name", "6066 3", lambda server: server.handshake(
        extensions=[(X.SERVER_NAME, b"")]), SERVED),
    row("EncryptedExtensions with a server_name of two bytes", "6066 3", flight(
        call("encrypted_extensions", [(X.SERVER_NAME, b"\0\0")])), "decode_error|illegal_parameter"),
    row("unknown extension in EncryptedExtensions", "8446 4.2", flight(call("encrypted_extensions", [UNKNOWN])),
        "unsupported_extension"),
    row("ALPN, not offered, in EncryptedExtensions", "8446 4.2", flight(
        call("encrypted_extensions", [(X.ALPN, alpn(["h2"]))])), "unsupported_extension"),
    row("early_data that was not offered", "8446 4.2", flight(call("encrypted_extensions", [(X.EARLY_DATA, b"")])),
        "unsupported_extension"),
    row("max_fragment_length that was not offered", "8446 4.2", flight(
        call("encrypted_extensions", [(X.MAX_FRAGMENT_LENGTH, b"\4")])), "unsupported_extension"),
    row("record_size_limit that was not offered", "8449 4", flight(
        call("encrypted_extensions", [(X.RECORD_SIZE_LIMIT, b"\2\0")])), "unsupported_extension"),
    row("ALPN", "7301 3.1", lambda server: server.handshake(extensions=[(X.ALPN, alpn(["h2"]))]), SERVED, options=H2),
    row("ALPN with a protocol that was not offered", "7301 3.1", flight(
        call("encrypted_extensions", [(X.ALPN, alpn(["h3"]))])), "illegal_parameter|no_application_protocol", options=H2),
    row("ALPN with two protocols", "7301 3.1", flight(
        call("encrypted_extensions", [(X.ALPN, alpn(["h2", "h2"]))])), "illegal_parameter|decode_error", options=H2),
    row("ALPN without a protocol", "7301 3.1", flight(
        call("encrypted_extensions", [(X.ALPN, b"\0\0")])), "illegal_parameter|decode_error", options=H2),
    row("key_share in EncryptedExtensions", "8446 4.2", flight(
        call("encrypted_extensions", [(X.KEY_SHARE, u16(29) + vec16(b"s" * 32))])), "illegal_parameter"),
    row("supported_versions in EncryptedExtensions", "8446 4.2", flight(
        call("encrypted_extensions", [(X.SUPPORTED_VERSIONS, b"\3\4")])), "illegal_parameter"),
    row("an extension twice in EncryptedExtensions", "8446 4.2", flight(
        call("encrypted_extensions", [(X.SERVER_NAME, b"")] * 2)), "illegal_parameter"),
    row("bytes behind EncryptedExtensions' fields", "8446 6.2", stopped(
        lambda server: message(H.ENCRYPTED_EXTENSIONS, b"\0\0x")), "decode_error"),
    row("EncryptedExtensions without a body", "8446 6.2", stopped(
        lambda server: message(H.ENCRYPTED_EXTENSIONS, b"")), "decode_error"),
    row("unknown extension of a certificate", "8446 4.4.2", flight(EE, call("certificate", entry=[UNKNOWN])),
        "unsupported_extension|illegal_parameter"),
]

ORDER = [
    row("no EncryptedExtensions", "8446 4.3.1", flight(CERT, VERIFY, FIN), "unexpected_message"),
    row("no Certificate", "8446 4.4.2", flight(EE, VERIFY, FIN), "unexpected_message"),
    row("no CertificateVerify", "8446 4.4.3", flight(EE, CERT, FIN), "unexpected_message"),
    row("neither Certificate nor CertificateVerify", "8446 4.4", flight(EE, FIN), "unexpected_message"),
    row("nothing but Finished", "8446 4.4", flight(FIN), "unexpected_message"),
    row("CertificateVerify before the Certificate", "8446 4.4", flight(EE, VERIFY, CERT, FIN), "unexpected_message"),
    row("EncryptedExtensions twice", "8446 4.3.1", flight(EE, EE), "unexpected_message"),
    row("Certificate twice", "8446 4.4.2", flight(EE, CERT, CERT), "unexpected_message"),
    row("CertificateVerify twice", "8446 4.4.3", flight(EE, CERT, VERIFY, VERIFY), "unexpected_message"),
    row("CertificateRequest behind the Certificate", "8446 4.3.2", flight(EE, CERT, call("certificate_request")),
        "unexpected_message"),
    row("a second ServerHello", "8446 4.1.3", stopped(lambda server: server.make_hello()), "unexpected_message"),
    row("NewSessionTicket before Finished", "8446 4.6.1", stopped(
        EE, lambda server: message(H.NEW_SESSION_TICKET, bytes(8) + b"\1n\0\1t\0\0")), "unexpected_message"),
    row("KeyUpdate before Finished", "8446 4.6.3", stopped(EE, lambda server: message(H.KEY_UPDATE, b"\0")),
        "unexpected_message"),
    row("ServerHelloDone in TLS 1.3", "8446 4", stopped(EE, lambda server: message(H.SERVER_HELLO_DONE, b"")),
        "unexpected_message"),
    row("EndOfEarlyData", "8446 4.5", stopped(EE, lambda server: message(H.END_OF_EARLY_DATA, b"")), "unexpected_message"),
    row("a message of an unknown type", "8446 4", stopped(EE, lambda server: message(99, b"")), "unexpected_message"),
    row("a message behind Finished in the same record", "8446 5.1", flight(
        EE, CERT, VERIFY, FIN, lambda server: message(H.NEW_SESSION_TICKET, bytes(8) + b"\1n\0\1t\0\0")),
        "unexpected_message"),
    row("first a ClientHello", "8446 4", first(message(H.CLIENT_HELLO, bytes(40))), "unexpected_message"),
    row("first a Certificate", "8446 4", first(message(H.CERTIFICATE, bytes(4))), "unexpected_message"),
    row("first a Finished", "8446 4", first(message(H.FINISHED, bytes(32))), "unexpected_message"),
    row("first a HelloRequest", "8446 4", first(message(H.HELLO_REQUEST, b"")), "unexpected_message"),
]

CERTIFICATES = [
    row("no certificate in Certificate", "8446 4.4.2.4", flight(EE, call("certificate", []), FIN), "decode_error"),
    row("a certificate of zeros", "8446 4.4.2.4", flight(EE, call("certificate", [bytes(100)])), "bad_certificate"),
    row("a certificate of no bytes", "8446 4.4.2", flight(EE, call("certificate", [b""])), "decode_error|bad_certificate"),
    row("certificate_request_context in Certificate", "8446 4.4.2", flight(EE, call("certificate", context=b"c")),
        "illegal_parameter|unexpected_message"),
    row("signature of another key", "8446 4.4.3", flight(
        EE, CERT, lambda server: server.certificate_verify(other_key()), FIN), "decrypt_error"),
    row("damaged signature", "8446 4.4.3", flight(EE, CERT, call("certificate_verify", damage=True), FIN), "decrypt_error"),
    row("signature for the role of the client", "8446 4.4.3", flight(
        EE, CERT, call("certificate_verify", role=b"client"), FIN), "decrypt_error"),
    row("signature with SHA-1", "8446 4.4.3", flight(EE, CERT, lambda server: rescheme(server, 0x0203), FIN),
        "illegal_parameter"),
    row("signature scheme of another kind of key", "8446 4.4.3", flight(
        EE, CERT, lambda server: rescheme(server, 0x0804), FIN), "illegal_parameter|decrypt_error"),
    row("signature scheme RSA PKCS1", "8446 4.4.3", flight(EE, CERT, lambda server: rescheme(server, 0x0401), FIN),
        "illegal_parameter"),
    row("signature scheme that was not offered", "8446 4.4.3", flight(
        EE, CERT, lambda server: rescheme(server, 0x0A0A), FIN), "illegal_parameter"),
    row("signature scheme of another curve", "8446 4.4.3", flight(
        EE, CERT, call("certificate_verify", scheme=0x0503), FIN), "illegal_parameter"),
    row("empty signature", "8446 4.4.3", flight(
        EE, CERT, lambda server: server.add(H.CERTIFICATE_VERIFY, b"\4\3\0\0"), FIN), "decode_error|decrypt_error"),
    row("wrong Finished", "8446 4.4.4", flight(EE, CERT, VERIFY, call("finished", damage=True)), "decrypt_error"),
    row("Finished of 31 bytes", "8446 4.4.4", flight(EE, CERT, VERIFY, lambda server: message(H.FINISHED, bytes(31))),
        "decode_error|decrypt_error"),
    row("Finished of 33 bytes", "8446 4.4.4", flight(EE, CERT, VERIFY, lambda server: message(H.FINISHED, bytes(33))),
        "decode_error|decrypt_error"),
    row("CertificateRequest", "8446 4.4.2", lambda server: refused_request(server.handshake(request=True)), SERVED),
    row("CertificateRequest with a context", "8446 4.3.2", flight(EE, call("certificate_request", b"c"), CERT, VERIFY, FIN),
        "illegal_parameter|decode_error"),
    row("CertificateRequest without signature_algorithms", "8446 4.3.2", flight(
        EE, call("certificate_request", extensions=[]), CERT, VERIFY, FIN), "missing_extension",
        library="illegal_parameter"),
    row("CertificateRequest twice", "8446 4.3.2", flight(
        EE, call("certificate_request"), call("certificate_request")), "unexpected_message"),
]


def other_key():
    return ec.generate_private_key(ec.SECP256R1())


def rescheme(server, scheme):
    """A CertificateVerify that is right but for the number of its scheme."""
    content = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + server.suite.digest(server.transcript)
    return server.add(H.CERTIFICATE_VERIFY, u16(scheme) + sign(server.key, 0x0403, content)[2:])


def refused_request(server):
    assert server.client_certificate == b"\0\0\0\0", server.client_certificate


def cut(size):
    return lambda server: server.handshake(how={"record_size": size})


def one_by_one(server):
    server.read_client_hello()
    server.send_server_hello(record_size=10)
    server.send_flight(how={"record_size": 50, "segment": 200})
    server.read_finished()


def middlebox(server, times):
    server.read_client_hello()
    server.send_server_hello()
    for _ in range(times):
        server.send_change_cipher_spec()
    server.send_flight(change_cipher_spec=False)
    server.read_finished()


def behind_finished(data):
    """Plaintext bytes between the server's flight and culvert's."""
    def act(server):
        server.handshake()
        server.send_raw(data)
    return act


RECORDS = [
    row("messages cut into records of 1 byte", "8446 5.1", cut(1), SERVED),
    row("messages cut into records of 64 bytes", "8446 5.1", cut(64), SERVED),
    row("ServerHello in records of 10 bytes", "8446 5.1", one_by_one, SERVED),
    row("an empty handshake record first", "8446 5.1", answer(b"\x16\3\3\0\0"), "unexpected_message"),
    row("an empty handshake record in the ServerHello", "8446 5.1", answer(
        lambda server: b"\x16\3\3\0\4" + server.make_hello()[:4] + b"\x16\3\3\0\0"), "unexpected_message"),
    row("an empty sealed handshake record", "8446 5.1", steps(greeted, record(22, b"")), "unexpected_message"),
    row("a record of zeros only", "8446 5.4", steps(greeted, lambda server: server.send_raw(
        server.writer.seal_inner(bytes(20)))), "unexpected_message"),
    row("an empty plaintext alert", "8446 5.1", answer(b"\x15\3\3\0\0"), "unexpected_message|decode_error"),
    row("a plaintext record of 2^14 + 1 bytes", "8446 5.1", answer(b"\x16\3\3\x40\1" + bytes(16385)), "record_overflow"),
    row("a sealed record of 2^14 + 257 bytes", "8446 5.2", steps(greeted, raw(b"\x17\3\3\x41\1" + bytes(16641))),
        "record_overflow"),
    row("a sealed record of 2^14 + 1 bytes of payload", "8446 5.2", steps(
        greeted, lambda server: server.send_raw(server.writer.seal(22, bytes(16385)))), "record_overflow"),
    row("a damaged record", "8446 5.2", steps(greeted, record(22, message(8, b"\0\0"), corrupt=True)), "bad_record_mac"),
    row("a record of 5 bytes", "8446 5.2", steps(greeted, raw(b"\x17\3\3\0\5hello")), "bad_record_mac|decode_error"),
    row("plaintext EncryptedExtensions", "8446 5", steps(greeted, plain(22, message(8, b"\0\0"))), "unexpected_message"),
    row("plaintext data first", "8446 5", answer(b"\x17\3\3\0\4data"), "unexpected_message"),
    row("plaintext data after the ServerHello", "8446 5", steps(greeted, raw(b"\x17\3\3\0\4data")),
        "unexpected_message|bad_record_mac"),
    row("data under the handshake keys", "8446 6.2", steps(greeted, record(23, b"data")), "unexpected_message"),
    row("data before Finished", "8446 6.2", steps(stopped(EE, CERT, VERIFY), record(23, b"data")), "unexpected_message"),
    row("a record of type 99 first", "8446 5", answer(b"\x63\3\3\0\1x"), "unexpected_message"),
    row("a sealed record of type 99", "8446 5", steps(greeted, record(99, b"x")), "unexpected_message"),
    row("a sealed heartbeat", "8446 5", steps(greeted, record(24, b"\1\0\0")), "unexpected_message"),
    row("record version 4.0", "8446 5.1", answer(b"\x16\4\0\0\1\2"), "protocol_version"),
    row("plain text", "8446 5", answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "unexpected_message"),
    row("no change_cipher_spec", "8446 5", lambda server: server.handshake(change_cipher_spec=False), SERVED),
    row("two change_cipher_spec", "8446 5", lambda server: middlebox(server, 2), SERVED,
        library="refuses the second"),
    row("change_cipher_spec before the ServerHello", "8446 5", lambda server: (
        server.read_client_hello(), server.send_change_cipher_spec(), whole(server)), SERVED,
        library="culvert itself refuses whatever does not answer the hello"),
    row("change_cipher_spec of two bytes", "8446 5", steps(greeted, plain(20, b"\1\1")), "unexpected_message"),
    row("change_cipher_spec with the value 2", "8446 5", steps(greeted, plain(20, b"\2")), "unexpected_message"),
    row("change_cipher_spec without a byte", "8446 5", steps(greeted, plain(20, b"")), "unexpected_message|decode_error"),
    row("a sealed change_cipher_spec", "8446 5", steps(greeted, record(20, b"\1")), "unexpected_message",
        library="illegal_parameter"),
    row("change_cipher_spec in the middle of a message", "8446 5.1", steps(
        greeted, record(22, message(8, b"\0\0")[:3]), raw(CCS)), "unexpected_message"),
    row("change_cipher_spec after the handshake", "8446 5", steps(established, raw(CCS)), "unexpected_message", sound=True),
    row("a plaintext alert after the handshake", "8446 6", steps(established, plain(21, b"\2\x28")),
        "unexpected_message|bad_record_mac", sound=True),
]

POINTS = {"instead of a ServerHello": lambda server: server.read_client_hello(), "after the ServerHello": greeted,
          "before Finished": stopped(EE, CERT, VERIFY)}
FATAL = {code: name for code, name in ALERTS.items() if name not in ("close_notify", "user_canceled")}

ALERTS_OF_SERVER = [
    *(row(f"{name} {where}", "8446 6.2", steps(point, alert(code)), f"backend-tls-received:{name}")
      for where, point in list(POINTS.items())[:2] for code, name in FATAL.items()),
    *(row(f"{name} after the handshake", "8446 6.2", steps(established, alert(code)), f"backend-tls-received:{name}",
          sound=True) for code, name in FATAL.items()),
    row("a fatal alert at the level of a warning", "8446 6", steps(established, alert(40, 1)),
        "backend-tls-received:handshake_failure", sound=True),
    row("an unknown alert after the handshake", "8446 6", steps(established, alert(200)), "backend-tls-received:alert_200",
        sound=True),
    *(row(f"close_notify {where}", "8446 6.1", steps(point, alert(0, 1), fin), "backend-tls-received:close_notify")
      for where, point in POINTS.items()),
    row("close_notify after the handshake", "8446 6.1", steps(
        established, lambda server: server.send(b"answer"), alert(0, 1), fin), "backend-fin", sound=True),
    row("close_notify before any data", "8446 6.1", steps(
        lambda server: server.handshake(), alert(0, 1), fin), "backend-fin", sound=True),
    row("user_canceled and close_notify", "8446 6.1", steps(established, alert(90, 1), alert(0, 1), fin), "backend-fin",
        sound=True),
    row("an alert of one byte", "8446 6", steps(established, record(21, b"\2")), "decode_error|unexpected_message",
        sound=True),
    row("two alerts in a record", "8446 5.1", steps(established, record(21, b"\1\x5a\1\0")),
        "decode_error|unexpected_message", sound=True),
]

ENDS = {"before the ServerHello": POINTS["instead of a ServerHello"],
        "in a header": answer(b"\x16\3"), "in the ServerHello": answer(lambda server: server.record(22, server.make_hello())[:40]),
        "after the ServerHello": greeted, "in a sealed record": steps(greeted, raw(b"\x17\3\3\1\0half")),
        "before Finished": stopped(EE, CERT, VERIFY)}

TRUNCATIONS = [
    *(row(f"FIN {where}", "8446 6.1", steps(point, fin), "backend-truncated") for where, point in ENDS.items()),
    *(row(f"RST {where}", "8446 6.1", steps(point, reset), "backend-reset") for where, point in ENDS.items()),
    row("FIN after the handshake", "8446 6.1", steps(established, fin), "backend-truncated", sound=True),
    row("FIN after data", "8446 6.1", steps(established, lambda server: server.send(b"answer"), fin), "backend-truncated",
        sound=True),
    row("FIN in a record of data", "8446 6.1", steps(established, raw(b"\x17\3\3\1\0half"), fin), "backend-truncated",
        sound=True),
    row("RST after the handshake", "8446 6.1", steps(established, reset), "backend-reset", sound=True),
]


def asked(times):
    """KeyUpdate requests, and culvert's answer."""
    def act(server):
        established(server)
        for _ in range(times):
            server.send_key_update(1)
        while not server.key_updates:
            server.read_event()
        assert server.key_updates[0] == 0
    return act


def ticket(**how):
    """A ticket, sent after a right handshake."""
    return steps(established, lambda server: server.send_handshake(server.ticket_message(b"ticket", **how)))


def tickets(count):
    def act(server):
        established(server)
        one = server.ticket_message(b"ticket")
        server.send_raw(b"".join(server.sealed(22, one) for _ in range(count)))
    return act


AFTER = [
    row("10 tickets", "8446 4.6.1", tickets(10), SERVED),
    # Many records without payload are a flood, whatever they are.
    row("5000 tickets", "8446 4.6.1", tickets(5000), "unexpected_message", sound=True),
    row("a ticket", "8446 4.6.1", ticket(), SERVED),
    row("a ticket with the lifetime 0", "8446 4.6.1", ticket(lifetime=0), SERVED),
    row("a ticket with a lifetime of ten days", "8446 4.6.1", ticket(lifetime=864000), SERVED),
    row("a ticket with a nonce of 255 bytes", "8446 4.6.1", ticket(nonce=b"n" * 255), SERVED),
    row("a ticket without a nonce", "8446 4.6.1", ticket(nonce=b""), SERVED),
    row("a ticket with an unknown extension", "8446 4.6.1", ticket(extensions=[UNKNOWN]), SERVED),
    row("a ticket of 60000 bytes", "8446 4.6.1", steps(established, lambda server: server.send_handshake(
        server.ticket_message(b"t" * 60000))), SERVED),
    row("a ticket cut over records", "8446 5.1", steps(established, lambda server: server.send_handshake(
        server.ticket_message(b"t" * 100), record_size=7)), SERVED),
    row("a ticket of no bytes", "8446 4.6.1", steps(established, lambda server: server.send_handshake(
        server.ticket_message(b""))), "decode_error", sound=True,
        library="culvert itself ignores a ticket that it cannot use"),
    row("a ticket that is too short", "8446 4.6.1", ticket(body=bytes(6)), "decode_error", sound=True,
        library="culvert itself ignores a ticket that it cannot use"),
    row("a ticket whose nonce is cut", "8446 4.6.1", ticket(body=bytes(8) + b"\xffn"), "decode_error", sound=True,
        library="culvert itself ignores a ticket that it cannot use"),
    row("bytes behind a ticket's fields", "8446 4.6.1", ticket(body=bytes(8) + b"\1n\0\1t\0\0x"), "decode_error", sound=True,
        library="culvert itself ignores a ticket that it cannot use"),
    row("CertificateRequest after the handshake", "8446 4.6.2", steps(
        established, lambda server: server.send_handshake(server.certificate_request(b"c"))), "unexpected_message", sound=True),
    row("KeyUpdate", "8446 4.6.3", steps(established, lambda server: server.send_key_update()), SERVED),
    row("KeyUpdate that asks for one", "8446 4.6.3", asked(1), SERVED),
    row("KeyUpdate that asks, ten times", "8446 4.6.3", asked(10), SERVED),
    row("KeyUpdate with the value 2", "8446 4.6.3", steps(established, lambda server: server.send_key_update(2)),
        "illegal_parameter", sound=True),
    row("KeyUpdate of two bytes", "8446 4.6.3", steps(established, handshake(H.KEY_UPDATE, b"\0\0")), "decode_error", sound=True),
    row("a message behind a KeyUpdate in the same record", "8446 5.1", steps(
        established, lambda server: server.send_key_update(behind=message(H.KEY_UPDATE, b"\0"))), "unexpected_message",
        sound=True),
    *(row(f"{kind.name} after the handshake", "8446 4.6", steps(established, handshake(kind, bytes(8))), "unexpected_message",
          sound=True) for kind in (H.HELLO_REQUEST, H.CLIENT_HELLO, H.SERVER_HELLO, H.ENCRYPTED_EXTENSIONS, H.CERTIFICATE,
                                   H.CERTIFICATE_VERIFY, H.FINISHED, H.SERVER_HELLO_DONE)),
    row("data in a handshake message", "8446 5.1", steps(
        established, record(22, message(4, bytes(20))[:8]), record(23, b"data")), "unexpected_message", sound=True),
    row("empty records of data", "8446 5.1", steps(
        established, lambda server: [server.send_record(23, b"") for _ in range(10)]), SERVED),
    row("an empty handshake record after the handshake", "8446 5.1", steps(established, record(22, b"")),
        "unexpected_message", sound=True),
    row("a damaged record after the handshake", "8446 5.2", steps(established, record(23, b"x", corrupt=True)),
        "bad_record_mac", sound=True),
    row("a record of 2^14 + 257 bytes after the handshake", "8446 5.2", steps(
        established, raw(b"\x17\3\3\x41\1" + bytes(16641))), "record_overflow", sound=True),
    row("a plaintext record after the handshake", "8446 5", steps(established, plain(22, message(0, b""))),
        "unexpected_message", sound=True),
]


# TLS 1.2.

def done(server):
    return message(H.SERVER_HELLO_DONE, b"")


HELLO12, CERT12, KEYS12 = (call(name) for name in ("make_hello", "certificate", "key_exchange"))


def flight12(*messages, how=None):
    def act(server):
        server.read_client_hello()
        server.say(b"".join(make(server) for make in messages), **(how or {}))
    return act


def keys(**how):
    return flight12(HELLO12, CERT12, call("key_exchange", **how), done)


def exchanged(server):
    """culvert's flight is read, so the server's change_cipher_spec and Finished are missing."""
    server.read_client_hello()
    server.send_flight()
    server.read_finished()


def established12(server):
    server.handshake()
    assert server.read(len(SECRET)) == SECRET


def renegotiated(server):
    """HelloRequest: culvert refuses with a warning, and the session goes on."""
    established12(server)
    server.send_handshake(message(H.HELLO_REQUEST, b""))
    event = server.read_event()
    assert (event.level, event.name) == (1, "no_renegotiation"), event


def requested12(server):
    server.handshake(request=True)
    assert server.client_certificate == b"\0\0\0", server.client_certificate


def rescheme12(scheme):
    def make(server):
        right = server.key_exchange()
        at = 4 + 4 + 65
        return right[:at] + u16(scheme) + right[at + 2:]
    return flight12(HELLO12, CERT12, make, done)


TLS12 = [
    row12("a handshake as it should be", "5246 7.3", lambda server: None, SERVED),
    row12("messages cut into records of 1 byte", "5246 6.2.1", lambda server: server.handshake(how={"record_size": 1}), SERVED),
    row12("messages cut into records of 100 bytes", "5246 6.2.1", lambda server: server.handshake(how={"record_size": 100}),
          SERVED),
    row12("the ClientHello says that culvert knows RFC 5746", "5746 3.4", lambda server: signalled(server), SERVED,
          library="is built without renegotiation and sends no signal"),
    row12("no renegotiation_info", "5746 4.1", lambda server: bare(server), SERVED),
    row12("renegotiation_info with content", "5746 3.4", hello(
        plus((X.RENEGOTIATION_INFO, vec8(b"abc")))), "handshake_failure|unsupported_extension"),
    row12("unknown extension", "5246 7.4.1.4", hello(plus(UNKNOWN)), "unsupported_extension"),
    row12("ALPN that was not offered", "5246 7.4.1.4", hello(plus((X.ALPN, alpn(["h2"])))), "unsupported_extension"),
    row12("ALPN with a protocol that was not offered", "7301 3.1", hello(plus((X.ALPN, alpn(["h3"])))),
          "illegal_parameter|no_application_protocol", options=H2),
    row12("an extension twice", "5246 7.4.1.4", hello(plus((X.EXTENDED_MASTER_SECRET, b""))), "illegal_parameter"),
    row12("truncated_hmac that was not offered", "6066 7", hello(plus((4, b""))), "unsupported_extension"),
    row12("max_fragment_length that was not offered", "6066 4", hello(plus((X.MAX_FRAGMENT_LENGTH, b"\1"))),
          "unsupported_extension"),
    row12("compression", "5246 7.4.1.3", hello(compression=1), "illegal_parameter"),
    row12("suite that was not offered", "5246 7.4.1.3", hello(suite=0x009C), "illegal_parameter"),
    row12("suite with CBC that was not offered", "5246 7.4.1.3", hello(suite=0xC023), "illegal_parameter"),
    row12("no certificate message", "5246 7.4.2", flight12(HELLO12, KEYS12, done), "unexpected_message"),
    row12("no certificate in Certificate", "5246 7.4.2", flight12(HELLO12, call("certificate", []), KEYS12, done),
          "decode_error|bad_certificate|handshake_failure"),
    row12("no key exchange", "5246 7.4.3", flight12(HELLO12, CERT12, done), "unexpected_message"),
    row12("key exchange before the certificate", "5246 7.4.3", flight12(HELLO12, KEYS12, CERT12, done), "unexpected_message"),
    row12("key exchange twice", "5246 7.4.3", flight12(HELLO12, CERT12, KEYS12, KEYS12), "unexpected_message"),
    row12("ServerHello twice", "5246 7.4.1.3", flight12(HELLO12, HELLO12), "unexpected_message"),
    row12("CertificateStatus that was not asked for", "6066 8", flight12(
        HELLO12, CERT12, lambda server: message(H.CERTIFICATE_STATUS, b"\1\0\0\1x")), "unexpected_message",
        library="bad_certificate_status_response"),
    row12("bytes in ServerHelloDone", "5246 7.4.5", flight12(
        HELLO12, CERT12, KEYS12, lambda server: message(H.SERVER_HELLO_DONE, b"x")), "decode_error"),
    row12("damaged signature", "5246 7.4.3", keys(damage=True), "decrypt_error",
        library="handshake_failure"),
    row12("signature of another key", "5246 7.4.3", flight12(
        HELLO12, CERT12, lambda server: server.key_exchange(key=other_key()), done), "decrypt_error",
        library="handshake_failure"),
    row12("signature with SHA-1", "5246 7.4.3", rescheme12(0x0203), "illegal_parameter",
        library="handshake_failure"),
    row12("signature with MD5", "5246 7.4.3", rescheme12(0x0103), "illegal_parameter",
        library="handshake_failure"),
    row12("signature scheme of an RSA key", "5246 7.4.3", rescheme12(0x0401), "illegal_parameter",
        library="handshake_failure"),
    row12("curve that was not offered", "4492 5.4", keys(group=22), "illegal_parameter|handshake_failure"),
    row12("curve 0x0117", "4492 5.4", keys(group=0x0117), "illegal_parameter",
          library="accepts P-256: it reads one byte of the number"),
    row12("explicit curve", "4492 5.4", keys(curve_type=1), "illegal_parameter|handshake_failure"),
    row12("a point that is not on the curve", "4492 5.4", keys(public=b"\4" + b"p" * 64), "illegal_parameter"),
    row12("a point of one byte", "4492 5.4", keys(public=b"\0"), "illegal_parameter|decode_error"),
    row12("CertificateRequest", "5246 7.4.6", requested12, SERVED),
    row12("HelloRequest in the handshake", "5246 7.4.1.1", lambda server: hello_request_inside(server), SERVED,
        library="unexpected_message"),
    row12("HelloRequest after the handshake", "5246 7.4.1.1", renegotiated, SERVED),
    row12("ServerHello after the handshake", "5246 7.4", steps(established12, handshake(H.SERVER_HELLO, bytes(40))),
          "unexpected_message", sound=True),
    row12("ClientHello after the handshake", "5246 7.4", steps(established12, handshake(H.CLIENT_HELLO, bytes(40))),
          "unexpected_message", sound=True),
    row12("Finished after the handshake", "5246 7.4", steps(established12, handshake(H.FINISHED, bytes(12))),
          "unexpected_message", sound=True),
    row12("NewSessionTicket that was not announced", "5077 3.3", steps(
        exchanged, handshake(H.NEW_SESSION_TICKET, bytes(4) + vec16(b"ticket"))), "unexpected_message",
        library="handshake_failure"),
    row12("wrong Finished", "5246 7.4.9", steps(exchanged, lambda server: server.send_finished(damage=True)), "decrypt_error"),
    row12("Finished without change_cipher_spec", "5246 7.4.9", steps(
        exchanged, lambda server: server.send_finished(change_cipher_spec=False)), "unexpected_message"),
    row12("change_cipher_spec twice", "5246 7.1", steps(exchanged, lambda server: server.start_writing(), raw(CCS)),
          "unexpected_message|bad_record_mac"),
    row12("change_cipher_spec before the key exchange", "5246 7.1", steps(flight12(HELLO12, CERT12), raw(CCS)),
          "unexpected_message"),
    row12("change_cipher_spec before ServerHelloDone", "5246 7.1", steps(flight12(HELLO12, CERT12, KEYS12), raw(CCS)),
          "unexpected_message"),
    row12("change_cipher_spec with the value 2", "5246 7.1", steps(exchanged, plain(20, b"\2")),
          "unexpected_message|illegal_parameter|decode_error"),
    row12("change_cipher_spec first", "5246 7.1", answer(CCS), "unexpected_message"),
    row12("change_cipher_spec after the handshake", "5246 7.1", steps(established12, record(20, b"\1")), "unexpected_message",
          sound=True),
    row12("plaintext data in the handshake", "5246 6.2.1", steps(flight12(HELLO12, CERT12), raw(b"\x17\3\3\0\4data")),
          "unexpected_message"),
    row12("data before Finished", "5246 6.2.1", steps(
        exchanged, lambda server: server.start_writing(), record(23, b"data")), "unexpected_message"),
    row12("an empty handshake record", "5246 6.2.1", steps(flight12(HELLO12), raw(b"\x16\3\3\0\0")), "unexpected_message"),
    row12("a plaintext record of 2^14 + 1 bytes", "5246 6.2.1", steps(
        flight12(HELLO12), raw(b"\x16\3\3\x40\1" + bytes(16385))), "record_overflow"),
    row12("a record of 2^14 + 2049 bytes after the handshake", "5246 6.2.3", steps(
        established12, raw(b"\x17\3\3\x48\1" + bytes(18433))), "record_overflow", sound=True),
    row12("a damaged record after the handshake", "5246 7.2.2", steps(established12, record(23, b"x", corrupt=True)),
          "bad_record_mac", sound=True),
    row12("empty records of data", "5246 6.2.1", steps(
        established12, lambda server: [server.send_record(23, b"") for _ in range(10)]), SERVED),
    *(row12(f"{name} in the handshake", "5246 7.2.2", steps(flight12(HELLO12), alert(code)), f"backend-tls-received:{name}")
      for code, name in FATAL.items()),
    *(row12(f"{name} after the handshake", "5246 7.2.2", steps(established12, alert(code)), f"backend-tls-received:{name}",
            sound=True) for code, name in FATAL.items()),
    row12("a warning after the handshake", "5246 7.2", steps(established12, alert(112, 1)), SERVED),
    row12("close_notify in the handshake", "5246 7.2.1", steps(flight12(HELLO12, CERT12), alert(0, 1), fin),
          "backend-tls-received:close_notify"),
    row12("close_notify after the handshake", "5246 7.2.1", steps(established12, alert(0, 1), fin), "backend-fin", sound=True),
    row12("FIN in the handshake", "5246 7.2.1", steps(flight12(HELLO12, CERT12), fin), "backend-truncated"),
    row12("FIN before Finished", "5246 7.2.1", steps(exchanged, fin), "backend-truncated"),
    row12("FIN after the handshake", "5246 7.2.1", steps(established12, fin), "backend-truncated", sound=True),
    row12("RST before Finished", "5246 7.2.1", steps(exchanged, reset), "backend-reset"),
    row12("RST after the handshake", "5246 7.2.1", steps(established12, reset), "backend-reset", sound=True),
]


def signalled(server):
    server.read_client_hello()
    assert X.RENEGOTIATION_INFO in server.hello.extensions or 0x00FF in server.hello.suites
    server.send_flight()
    server.read_finished()
    server.send_finished()


def bare(server):
    """A server that knows no renegotiation_info."""
    server.hello_extensions = lambda: [(X.EXTENDED_MASTER_SECRET, b"")]
    server.handshake()


def hello_request_inside(server):
    """RFC 5246: a client that negotiates ignores a HelloRequest, which is no part of the transcript."""
    server.read_client_hello()
    server.say(server.make_hello())
    server.send_handshake(message(H.HELLO_REQUEST, b""))
    server.say(server.certificate() + server.key_exchange() + done(server))
    server.read_finished()
    server.send_finished()


CASES = (SERVER_HELLO + SHARES + RETRY + EXTENSIONS + ORDER + CERTIFICATES + RECORDS + ALERTS_OF_SERVER + TRUNCATIONS + AFTER
         + TLS12)
rig, test_backend = table(CASES)


def start(culvert, server, pki, **options):
    return culvert(service={"tls": "off", "backend": server.address, "backend-tls": "on", "backend-ca": pki.ca_file,
                            **{key.replace("_", "-"): value for key, value in options.items()}}, globals_={"workers": 1})


def talk(daemon):
    """One exchange of a plain client with a server that answers."""
    with connect(daemon.address()) as client:
        client.sendall(SECRET)
        return answered(client) and read_to_end(client) == (b"", "fin")


def answering(server):
    assert server.read(len(SECRET)) == SECRET
    server.send(b"answer")
    assert server.outcome().clean
    server.close_notify()


def giving(**how):
    def act(server):
        server.handshake()
        server.send_handshake(server.ticket_message(b"the ticket", **how))
        answering(server)
    return act


@pytest.mark.parametrize("nonce", [0, 1, 64, 255])
def test_a_ticket_with_a_nonce_of_any_length_is_resumed(culvert, pki, nonce):
    def resumed(server):
        server.read_client_hello()
        assert server.resume(), "culvert does not offer the ticket"
        server.send_server_hello()
        server.send_flight()
        server.read_finished()
        answering(server)

    with RawServer(giving(nonce=b"n" * nonce), pki.ecdsa, psks={}) as server:
        daemon = start(culvert, server, pki)
        assert talk(daemon)
        server.wait()
        server.act = resumed
        assert talk(daemon)
        server.wait()
    assert daemon.counters()["backend_handshakes_resumed"] == 1


@pytest.mark.parametrize("how", [{"lifetime": 0}, {"lifetime": 864000}, {"body": bytes(6)}])
def test_a_ticket_that_must_not_be_used_is_not_offered(culvert, pki, how):
    def whole_again(server):
        server.read_client_hello()
        assert server.hello.ticket() is None, "culvert offers the ticket"
        server.send_server_hello()
        server.send_flight()
        server.read_finished()
        answering(server)

    with RawServer(giving(**how), pki.ecdsa, psks={}) as server:
        daemon = start(culvert, server, pki)
        assert talk(daemon)
        server.wait()
        server.act = whole_again
        assert talk(daemon)
        server.wait()


def second_identity(server):
    server.send_server_hello(server.make_hello(server.hello_extensions()[:-1] + [(X.PRE_SHARED_KEY, b"\0\1")]))


def certified(server):
    server.send_server_hello()
    server.send_change_cipher_spec()
    server.send_handshake(EE(server) + CERT(server))
    server.link.timeout = slack(0.5)


@pytest.mark.parametrize("act, alert_", [
    (second_identity, "illegal_parameter"),
    pytest.param(certified, "unexpected_message", marks=pytest.mark.xfail(
        strict=True, reason="library: accepts a Certificate in a resumed session, whose server has the session's key"))])
def test_a_wrong_resumption_is_refused(culvert, pki, act, alert_):
    def resumed(server):
        server.read_client_hello()
        assert server.resume()
        return ended(server, act)

    with RawServer(giving(), pki.ecdsa, psks={}) as server:
        daemon = start(culvert, server, pki)
        assert talk(daemon)
        server.wait()
        server.act = resumed
        assert not talk(daemon)
        session, result = server.wait()
    assert result.alert == alert_ and not result.data and SECRET not in session.wire, result
    assert daemon.wait_closed(count=2)[1]["cause"] == f"backend-tls-sent:{alert_}"


def test_a_server_that_never_reads_stalls_the_tunnel(culvert, pki):
    """culvert holds the client back, and names the backend when stall-timeout has passed."""
    done_ = threading.Event()

    def act(server):
        server.handshake()
        done_.wait(slack(10))

    with RawServer(act, pki.ecdsa) as server:
        daemon = start(culvert, server, pki, stall_timeout="500ms")
        with connect(daemon.address(), slack(10)) as client:
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                while True:
                    client.sendall(bytes(1 << 20))
        done_.set()
        assert daemon.wait_closed(timeout=5)["cause"] == "backend-stalled"


def test_an_end_right_behind_the_handshake_is_passed_on(culvert, pki):
    """The backend's close_notify may be there when the handshake is done. culvert read it and did not pass it on."""
    def act(server):
        server.handshake()
        server.close_notify()
        server.link.fin()
        server.outcome()

    with RawServer(act, pki.ecdsa) as server:
        daemon = start(culvert, server, pki)
        for _ in range(40):
            with connect(daemon.address(), slack(3)) as client:
                assert read_to_end(client) == (b"", "fin")
            server.wait()
