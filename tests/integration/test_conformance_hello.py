# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of the ClientHello: its records, its fields, its version (RFC 8446 4.1.2, 4.2.1, 5.1, RFC 5246 7.4.1.2)."""

from harness.conformance import SERVED, case, table
from harness.steps import (X25519, body, field, hello, put, raw, schemes, shake, shares, steps, versions, without)
from raw_tls import Extension, HandshakeType, hello12, message
from raw_tls.hello import u16s, vec8, vec16

SUITES12 = [0xC02B, 0xC02F]


def of_record(content_type, payload, version=0x0301, length=None):
    return lambda client: client.record(content_type, payload, version=version, length=length)


def pieces(*sizes, between=b""):
    """The hello in records of these sizes and a last one with the rest; `between` follows the first."""
    def act(client):
        data, at = client.hello.message(), 0
        for size in sizes:
            client.send_raw(client.record(22, data[at:at + size]) + (between if at == 0 else b""))
            at += size
        client.send_raw(client.record(22, data[at:]))
    return act


def first_message(kind):
    return raw(lambda client: client.record(22, message(kind, bytes(32))))


def cut(count):
    """A hello that ends `count` bytes early, with lengths that say so only inside."""
    return body(lambda data: data[:-count])


def spliced(at, remove, insert):
    """`remove` bytes at `at` of the body replaced by `insert`."""
    return body(lambda data: data[:at] + insert + data[at + remove:])


# Offsets in the body: version 2, random 32, then the session id's length, 32 bytes, the suites' length.
SESSION_ID, SUITES = 34, 67


RECORDS = [
    # first records (RFC 8446 5, 5.1, 5.2; RFC 5246 6.2.1)
    case("record version 0x0301", "8446 5.1", shake(), SERVED),
    *[case(f"record version {version:#06x}", "8446 5.1, 5246 E.1",
           steps(hello(version=version), lambda c: setattr(c, "send_client_hello", lambda: None)), SERVED)
      for version in (0x0300, 0x0302, 0x0303, 0x0304, 0x03FF)],
    case("first record is application data", "8446 5.1", raw(of_record(23, bytes(40))), "unexpected_message"),
    case("first record is change_cipher_spec", "8446 5", raw(of_record(20, b"\1")), "unexpected_message"),
    case("first record is a heartbeat", "8446 5.1", raw(of_record(24, b"\1\0\1x")), "unexpected_message"),
    *[case(f"first record is of type {kind}", "8446 5", raw(of_record(kind, bytes(40), version=0x0303)),
           "unexpected_message") for kind in (0, 19, 25, 99, 255)],
    case("empty handshake record first", "8446 5.1", raw(of_record(22, b"")), "unexpected_message"),
    case("record of 2^14+1 bytes", "8446 5.1", raw(of_record(22, b"\1\0\x3f\xf0", length=16385)), "record_overflow"),
    case("record of 2^16-1 bytes", "8446 5.1", raw(of_record(22, b"\1\0\x3f\xf0", length=65535)), "record_overflow"),
    case("hello cut by an empty record", "8446 5.1", pieces(10, between=b"\x16\3\1\0\0"), "unexpected_message"),
    case("hello cut by change_cipher_spec", "8446 5.1", pieces(10, between=b"\x14\3\1\0\1\1"), "unexpected_message"),
    case("hello cut by an alert", "8446 5.1", pieces(10, between=b"\x15\3\1\0\2\1\x5a"), "unexpected_message"),
    case("hello cut by application data", "8446 5.1", pieces(10, between=b"\x17\3\1\0\1x"), "unexpected_message"),
    case("hello cut by a record of type 99", "8446 5", pieces(10, between=b"\x63\3\1\0\1x"), "unexpected_message"),
    case("another message in the hello's record", "8446 5.1",
         raw(lambda c: c.record(22, c.hello.message() + message(HandshakeType.FINISHED, bytes(32)))),
         "unexpected_message"),
    case("two hellos in one record", "8446 5.1",
         raw(lambda c: c.record(22, c.hello.message() + c.hello.message())), "unexpected_message"),
    case("a byte behind the hello in its record", "8446 5.1",
         raw(lambda c: c.record(22, c.hello.message() + b"\0")), "unexpected_message"),
    *[case(f"first message is of type {kind}", "8446 4", first_message(kind), "unexpected_message")
      for kind in (0, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 24, 77, 254, 255)],
    case("hello of 16 MiB", "8446 4", raw(of_record(22, b"\1\xff\xff\xff" + bytes(60))), "illegal_parameter"),
    case("hello of 64 KiB", "8446 4", raw(of_record(22, b"\1\1\0\0" + bytes(60))), "illegal_parameter"),
]

FIELDS = [
    case("empty body", "8446 4.1.2", body(lambda data: b""), "decode_error"),
    case("only a version", "8446 4.1.2", body(lambda data: data[:2]), "decode_error"),
    case("cut in the random", "8446 4.1.2", body(lambda data: data[:20]), "decode_error"),
    case("cut before the session id", "8446 4.1.2", body(lambda data: data[:34]), "decode_error"),
    case("cut in the session id", "8446 4.1.2", body(lambda data: data[:40]), "decode_error"),
    case("cut before the suites", "8446 4.1.2", body(lambda data: data[:67]), "decode_error"),
    case("cut in the suites", "8446 4.1.2", body(lambda data: data[:71]), "decode_error"),
    case("cut before the compression", "8446 4.1.2", body(lambda data: data[:75]), "decode_error"),
    case("cut in the extensions' length", "8446 4.1.2", body(lambda data: data[:78]), "decode_error"),
    *[case(f"cut {count} bytes before the end", "8446 4.1.2", cut(count), "decode_error")
      for count in (1, 2, 4, 5, 30, 60, 100)],
    case("bytes behind the extensions", "8446 4.1.2", hello(field(trailer=b"\0")), "decode_error"),
    case("many bytes behind the extensions", "8446 4.1.2", hello(field(trailer=bytes(300))), "decode_error"),
    case("extensions longer than the message", "8446 4.2", body(lambda data: data[:77] + b"\xff\xff" + data[79:]),
         "decode_error"),
    case("extensions shorter than the message", "8446 4.2", body(lambda data: data[:77] + b"\0\4" + data[79:]),
         "decode_error"),
    case("half an extension header", "8446 4.2", hello(field(extensions=None, trailer=b"\0\3\0\x0d\0")),
         "decode_error"),
    case("session id of 33 bytes", "8446 4.1.2", hello(field(session_id=bytes(33))), "decode_error"),
    case("session id of 255 bytes", "8446 4.1.2", hello(field(session_id=bytes(255))), "decode_error"),
    case("session id of 1 byte", "8446 4.1.3", shake(field(session_id=b"7")), SERVED),
    case("no session id", "8446 D.4", shake(field(session_id=b"")), SERVED),
    case("no suites", "8446 4.1.2", hello(field(cipher_suites=[])), "decode_error"),
    case("suites of odd length", "8446 4.1.2", spliced(SUITES, 8, vec16(b"\x13\1\x13\2\x13")), "decode_error"),
    case("unknown suites only", "8446 4.1.1", hello(field(cipher_suites=[0x1399, 0x0A0A])), "handshake_failure"),
    case("TLS 1.2 suites only in a 1.3 hello", "8446 4.1.1", hello(field(cipher_suites=SUITES12)),
         "handshake_failure"),
    case("unknown suites beside a known one", "8446 4.1.2", shake(field(cipher_suites=[0x0A0A, 0x1399, 0x1301])),
         SERVED),
    case("a suite twice", "8446 4.1.2", shake(field(cipher_suites=[0x1301, 0x1301])), SERVED),
    case("150 suites", "8446 4.1.2", shake(field(cipher_suites=[*range(0xD100, 0xD195), 0x1301])), SERVED),
    case("512 suites", "8446 4.1.2", shake(field(cipher_suites=[*range(0xD100, 0xD2FF), 0x1301])), SERVED),
    case("600 suites", "8446 4.1.2", shake(field(cipher_suites=[0x1301, *range(0xD100, 0xD357)])), SERVED),
    case("no compression methods", "8446 4.1.2", hello(field(compression=b"")), "decode_error"),
    case("only DEFLATE", "8446 4.1.2", hello(field(compression=b"\1")), "illegal_parameter"),
    case("null and DEFLATE in a 1.3 hello", "8446 4.1.2", hello(field(compression=b"\0\1")), "illegal_parameter"),
    case("null twice in a 1.3 hello", "8446 4.1.2", hello(field(compression=b"\0\0")), "illegal_parameter"),
    case("TLS 1.2: null and DEFLATE", "5246 7.4.1.2", shake(field(compression=b"\1\0")), SERVED, tls=12),
    case("TLS 1.2: only DEFLATE", "5246 7.4.1.2", hello(field(compression=b"\1")), "illegal_parameter|decode_error",
         tls=12),
    case("TLS 1.2: no extensions at all", "9155 6", hello(field(extensions=None)), "handshake_failure", tls=12),
    case("TLS 1.2: an empty extension block", "9155 6", hello(field(extensions=[])), "handshake_failure", tls=12),
]

VERSIONS = [
    # RFC 8446 4.2.1, 4.1.2, D.1, D.5
    *[case(f"legacy_version {version:#06x} in a 1.3 hello", "8446 4.2.1", shake(field(legacy_version=version)), SERVED)
      for version in (0x0301, 0x0302, 0x0304, 0x0400, 0x7F7F)],
    *[case(f"legacy_version {version:#06x} and TLS 1.2 in the list", "8446 4.2.1",
           shake(field(legacy_version=version), versions(0x0303)), SERVED, tls=12)
      for version in (0x0301, 0x0302, 0x0304, 0x7F7F)],
    case("legacy_version SSL 3.0", "8446 D.5", hello(field(legacy_version=0x0300)), "protocol_version"),
    case("legacy_version SSL 2.0", "8446 D.5", hello(field(legacy_version=0x0002)), "protocol_version"),
    case("no versions", "8446 4.2.1", hello(put(Extension.SUPPORTED_VERSIONS, vec8(b""))), "decode_error"),
    case("versions of odd length", "8446 4.2.1", hello(put(Extension.SUPPORTED_VERSIONS, vec8(b"\3\4\3"))),
         "decode_error"),
    case("versions: empty extension", "8446 4.2.1", hello(put(Extension.SUPPORTED_VERSIONS, b"")), "decode_error"),
    case("versions: list longer than the extension", "8446 4.2.1",
         hello(put(Extension.SUPPORTED_VERSIONS, b"\4\3\4")), "decode_error"),
    case("versions: bytes behind the list", "8446 4.2.1", hello(put(Extension.SUPPORTED_VERSIONS, b"\2\3\4\0")),
         "decode_error"),
    case("unknown versions only", "8446 4.2.1", hello(versions(0x7F1C, 0x0A0A, 0x0305)), "protocol_version"),
    case("only TLS 1.1 in the list", "8446 4.2.1", hello(versions(0x0302)), "protocol_version"),
    case("only SSL 3.0 in the list", "8446 D.5", hello(versions(0x0300)), "protocol_version"),
    case("TLS 1.3 behind unknown versions", "8446 4.2.1", shake(versions(0x0A0A, 0x7F1C, 0x0304)), SERVED),
    case("TLS 1.2 before TLS 1.3", "8446 4.2.1", shake(versions(0x0303, 0x0304)), SERVED),
    case("127 versions", "8446 4.2.1", shake(versions(*range(0x5000, 0x507E), 0x0304)), SERVED),
    case("TLS 1.2 chosen by the list", "8446 4.2.1", shake(versions(0x0303)), SERVED, tls=12),
    case("TLS 1.2 chosen by the list among unknown ones", "8446 4.2.1", shake(versions(0x0A0A, 0x0303, 0x0302)),
         SERVED, tls=12),
    case("the list wins over legacy_version", "8446 4.2.1", hello(versions(0x0302)), "protocol_version", tls=12),
    *[case(f"version {version:#06x} without a list", "5246 E.1", hello(), "protocol_version", tls=12,
           options=lambda version=version: {"hello": hello12(version=version)})
      for version in (0x0000, 0x0200, 0x0300, 0x0301, 0x0302)],
    *[case(f"version {version:#06x} without a list", "8446 4.2.1", shake(field(legacy_version=version)), SERVED, tls=12)
      for version in (0x0304, 0x0399, 0x0400)],
    case("TLS 1.2 at a service of 1.3", "8446 4.1.3", hello(), "protocol_version", tls=12, service="new"),
    case("TLS 1.3 only at a service of 1.2", "8446 4.1.1", hello(), "protocol_version", service="old"),
    case("TLS 1.3 and 1.2 at a service of 1.2", "8446 4.1.1", shake(versions(0x0304, 0x0303)), SERVED, tls=12,
         service="old"),
    # RFC 7507
    case("fallback to TLS 1.2", "7507 3", hello(field(cipher_suites=[*SUITES12, 0x5600])), "inappropriate_fallback",
         tls=12),
    case("fallback to TLS 1.1", "7507 3", hello(), "protocol_version|inappropriate_fallback", tls=12,
         options=lambda: {"hello": hello12(version=0x0302, suites=(*SUITES12, 0x5600))}),
    case("fallback signal with the best version", "7507 3", shake(field(cipher_suites=[0x1301, 0x5600])), SERVED),
    case("fallback signal where 1.2 is the best", "7507 3", shake(field(cipher_suites=[*SUITES12, 0x5600])), SERVED,
         tls=12, service="old"),
]

MISSING = [
    # RFC 8446 9.2, 4.2.3, 4.2.7, 4.2.8
    case("no supported_groups", "8446 9.2", hello(without(Extension.SUPPORTED_GROUPS)), "missing_extension"),
    case("no key_share", "8446 9.2", hello(without(Extension.KEY_SHARE)), "missing_extension"),
    case("neither groups nor shares", "8446 9.2", hello(without(Extension.SUPPORTED_GROUPS, Extension.KEY_SHARE)),
         "missing_extension"),
    case("no signature_algorithms", "8446 9.2", hello(without(Extension.SIGNATURE_ALGORITHMS)), "missing_extension"),
    case("no psk_key_exchange_modes and no ticket", "8446 4.2.9", shake(without(Extension.PSK_KEY_EXCHANGE_MODES)),
         SERVED),
    case("no common signature algorithm", "8446 4.2.3", hello(schemes(0x0804, 0x0807)), "handshake_failure"),
    case("only PKCS#1 in a 1.3 hello, RSA certificate", "8446 4.2.3", hello(schemes(0x0401, 0x0501, 0x0601)),
         "handshake_failure", service="rsa"),
    case("only SHA-1 in a 1.3 hello", "8446 4.2.3", hello(schemes(0x0203, 0x0201)), "handshake_failure"),
    case("TLS 1.2: no signature_algorithms", "9155 6", hello(without(Extension.SIGNATURE_ALGORITHMS)),
         "handshake_failure", tls=12),
    case("TLS 1.2: no common signature algorithm", "5246 7.4.3", hello(schemes(0x0804)), "handshake_failure", tls=12),
    case("TLS 1.2: no common suite", "5246 7.4.1.3", hello(field(cipher_suites=[0x1399])), "handshake_failure",
         tls=12),
    case("TLS 1.2: static RSA only", "5246 7.4.1.3",
         hello(field(cipher_suites=[0x009C, 0x009D, 0x002F, 0x0035, 0x000A])), "handshake_failure", tls=12,
         service="rsa"),
    case("TLS 1.2: CBC only", "5246 7.4.1.3",
         hello(field(cipher_suites=[0xC009, 0xC00A, 0xC023, 0xC013, 0xC014, 0xC027])), "handshake_failure", tls=12),
    case("TLS 1.2: null, export, RC4, anonymous suites only", "5246 7.4.1.3",
         hello(field(cipher_suites=[0x0000, 0x0001, 0x0004, 0x0005, 0x0018, 0xC006, 0xC007, 0xC015, 0xC018])),
         "handshake_failure", tls=12),
    case("TLS 1.2: ECDHE suites and no common group", "8422 4",
         hello(put(Extension.SUPPORTED_GROUPS, vec16(u16s([1, 0x6399])))), "handshake_failure", tls=12),
    case("unknown extensions, empty and long", "8446 4.2",
         shake(put(0x0A0A, b""), put(0xFABC, bytes(700)), put(0x1A1A, b"\0")), SERVED),
    case("200 unknown extensions", "8446 4.2", shake(*[put(0xE000 + number, b"x") for number in range(200)]), SERVED),
    case("a share that is not among the groups", "8446 4.2.8",
         hello(shares((0x0018, bytes([4]) + bytes(96)), (X25519, bytes(32)))), "illegal_parameter"),
]

test_records = table(RECORDS)
test_fields = table(FIELDS)
test_versions = table(VERSIONS)
test_missing = table(MISSING)
