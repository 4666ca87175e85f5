# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of the ClientHello's extensions: RFC 8446 4.2, 6066, 7301, 7627, 7685, 8422, 8449, 5746, 8701."""

import struct

from cryptography.hazmat.primitives.asymmetric import ec

from harness.conformance import CLOSED, RETRIED, SERVED, case, table  # noqa: F401
from harness.steps import (HYBRID, P256, P384, X25519, again, field, groups, hello, put, scanned, schemes, shake,
                           share_of, shares, u16, without)
from raw_tls import Extension, alpn, key_share, server_name
from raw_tls.hello import u16s, vec8, vec16

E = Extension


def name(kind, text):
    """One entry of server_name."""
    return bytes([kind]) + vec16(text)


def bad(title, rfc, kind, *bodies, alert="decode_error", **more):
    """A case for each body of one extension that is no encoding at all."""
    return [case(f"{title}: {what}", rfc, scanned(hello(put(kind, data))), alert, **more) for what, data in bodies]


def list_of(kind, title, rfc, entry, **more):
    """The ways to get a list with a two-byte length wrong; `entry` is one good entry."""
    return bad(title, rfc, kind, ("empty extension", b""), ("half a length", b"\0"), ("empty list", b"\0\0"),
               ("list longer than the extension", u16(len(entry) + 1) + entry),
               ("list shorter than the extension", vec16(entry) + b"\0"), ("cut in an entry", vec16(entry[:-1])),
               **more)


HOST_NAME_ONLY = "decode_error for a name that is no host name (as OpenSSL does)"

SERVER_NAME = [
    *list_of(E.SERVER_NAME, "SNI", "6066 3", name(0, b"a.test")),
    *bad("SNI", "6066 3", E.SERVER_NAME, ("empty name", vec16(name(0, b""))), ("type only", vec16(b"\0")),
         ("type and half a length", vec16(b"\0\0")), ("name longer than the list", vec16(b"\0\0\7a.test")),
         ("a byte behind the name in the list", vec16(name(0, b"a.test") + b"\0"))),
    case("SNI: two host names", "6066 3", hello(put(E.SERVER_NAME, vec16(name(0, b"a.test") + name(0, b"b.test")))),
         "illegal_parameter"),
    case("SNI: two extensions", "8446 4.2", hello(put(E.SERVER_NAME, server_name("a.test")),
                                                  again(E.SERVER_NAME, server_name("a.test"))), "illegal_parameter"),
    case("SNI: a NUL in the name", "6066 3", hello(put(E.SERVER_NAME, server_name(b"a\0b.test"))),
         "illegal_parameter"),
    case("SNI: a space in the name", "6066 3", hello(put(E.SERVER_NAME, server_name(b"a b.test"))),
         "illegal_parameter"),
    case("SNI: bytes that are no ASCII", "6066 3", hello(put(E.SERVER_NAME, server_name(b"\xc3\xa4.test"))),
         "illegal_parameter"),
    case("SNI: 254 characters", "6066 3", hello(put(E.SERVER_NAME, server_name(b"a" * 254))), "illegal_parameter"),
    case("SNI: unknown name type beside a host name", "6066 3",
         shake(put(E.SERVER_NAME, vec16(name(7, b"x") + name(0, b"localhost")))), SERVED, library=HOST_NAME_ONLY),
    case("SNI: unknown name type only", "6066 3", shake(put(E.SERVER_NAME, vec16(name(7, b"x")))), SERVED,
         library=HOST_NAME_ONLY),
    case("SNI: an address", "6066 3", shake(put(E.SERVER_NAME, server_name("127.0.0.1"))), SERVED),
    case("SNI: a name nobody has", "6066 3", shake(put(E.SERVER_NAME, server_name("nobody.test"))), SERVED),
    case("SNI: a trailing dot and capitals", "6066 3", shake(put(E.SERVER_NAME, server_name("LocalHost."))), SERVED),
]

ALPN = [
    *list_of(E.ALPN, "ALPN", "7301 3.1", b"\2h2", service="alpn"),
    *list_of(E.ALPN, "ALPN of a service without", "7301 3.1", b"\2h2"),
    *bad("ALPN", "7301 3.1", E.ALPN, ("empty name", vec16(b"\0")), ("empty name behind a good one", vec16(b"\2h2\0")),
         ("name longer than the list", vec16(b"\3h2")), ("a byte too many", vec16(b"\2h2\1")), service="alpn"),
    case("ALPN: nothing in common", "7301 3.2", hello(put(E.ALPN, alpn(["imap", "smtp"]))), "no_application_protocol",
         service="alpn"),
    case("ALPN: another case of letters", "7301 3.1", hello(put(E.ALPN, alpn(["H2"]))), "no_application_protocol",
         service="alpn"),
    case("ALPN: GREASE beside a known name", "8701 3.1", shake(put(E.ALPN, alpn([b"\x0a\x0a", "h2"]))), SERVED,
         service="alpn"),
    case("ALPN: two extensions", "8446 4.2", hello(put(E.ALPN, alpn(["h2"])), again(E.ALPN, alpn(["h2"]))),
         "illegal_parameter", service="alpn"),
    case("TLS 1.2: ALPN: nothing in common", "7301 3.2", hello(put(E.ALPN, alpn(["imap"]))), "no_application_protocol",
         tls=12, service="alpn"),
    case("TLS 1.2: ALPN: empty name", "7301 3.1", hello(put(E.ALPN, vec16(b"\0"))), "decode_error", tls=12,
         service="alpn"),
]

GROUPS = [
    *list_of(E.SUPPORTED_GROUPS, "groups", "8446 4.2.7", u16(X25519)),
    *list_of(E.SUPPORTED_GROUPS, "TLS 1.2: groups", "8422 5.1.1", u16(X25519), tls=12),
    *list_of(E.SIGNATURE_ALGORITHMS, "signatures", "8446 4.2.3", u16(0x0403)),
    *list_of(E.SIGNATURE_ALGORITHMS, "TLS 1.2: signatures", "5246 7.4.1.4.1", u16(0x0403), tls=12),
    *list_of(E.SIGNATURE_ALGORITHMS_CERT, "certificate signatures", "8446 4.2.3", u16(0x0403)),
    case("groups: only GREASE and unknown", "8446 4.1.1", hello(groups(0x2A2A, 0x6399), put(E.KEY_SHARE, key_share([]))),
         "handshake_failure"),
    case("groups: a hundred unknown before a known one", "8446 4.2.7", shake(groups(*range(0x6300, 0x6364), X25519)),
         SERVED),
    case("groups: one twice", "8446 4.2.7", shake(groups(X25519, X25519)), SERVED),
    case("signatures: GREASE and unknown beside a known one", "8446 4.2.3", shake(schemes(0x0A0A, 0x0B0B, 0x0403)),
         SERVED),
    case("certificate signatures of another kind", "8446 4.2.3",
         shake(put(E.SIGNATURE_ALGORITHMS_CERT, vec16(u16s([0x0403, 0x0804])))), SERVED),
    *[case(f"{title}: two extensions", "8446 4.2", hello(again(kind, data)), "illegal_parameter")
      for title, kind, data in (("groups", E.SUPPORTED_GROUPS, vec16(u16s([X25519]))),
                                ("signatures", E.SIGNATURE_ALGORITHMS, vec16(u16s([0x0403]))),
                                ("versions", E.SUPPORTED_VERSIONS, vec8(u16s([0x0304]))),
                                ("PSK modes", E.PSK_KEY_EXCHANGE_MODES, vec8(b"\1")),
                                ("shares", E.KEY_SHARE, key_share([])))],
    case("an unknown extension twice", "8446 4.2", hello(again(0xFABC, b""), again(0xFABC, b"")), "illegal_parameter"),
    case("GREASE extension twice", "8446 4.2", hello(again(0x0A0A, b""), again(0x0A0A, b"")), "illegal_parameter"),
]


def point(curve):
    """A point that is not on the curve, in the uncompressed form."""
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    return b"\4" + numbers.x.to_bytes(size, "big") + (numbers.y ^ 1).to_bytes(size, "big")


def compressed():
    x = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers().x
    return b"\2" + x.to_bytes(32, "big")


ORDER_8 = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
ORDER_8_2 = bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")
MINUS_1 = (2**255 - 20).to_bytes(32, "little")
FIELD = (2**255 - 19).to_bytes(32, "little")


def one_share(group, data):
    return hello(groups(group), shares((group, data)))


def hybrid(mlkem=bytes(1184), x25519=bytes([9]) + bytes(31)):
    return one_share(HYBRID, mlkem + x25519)


def top_bit(hello):
    """What RFC 7748 5 tells the receiver to mask: the share stands for the same key."""
    data = dict(hello.extensions)[E.KEY_SHARE]
    hello.set(E.KEY_SHARE, data[:-1] + bytes([data[-1] | 0x80]))


UNREDUCED = b"\xff" * 1152 + bytes(32)  # coefficients of 4095: no encapsulation key of ML-KEM (FIPS 203 7.2)

SHARES = [
    # RFC 8446 4.2.8, 4.2.8.2, 7.4.2; RFC 7748 6.1
    *bad("shares", "8446 4.2.8", E.KEY_SHARE, ("empty extension", b""), ("half a length", b"\0"),
         ("list longer than the extension", u16(40) + u16(X25519) + vec16(bytes(32))),
         ("list shorter than the extension", key_share([(X25519, bytes(32))]) + b"\0"),
         ("cut in an entry", vec16(u16(X25519) + b"\0\x20" + bytes(31))), ("group only", vec16(u16(X25519))),
         ("empty key", key_share([(X25519, b"")]))),
    case("shares: a group twice", "8446 4.2.8", hello(shares(share_of(X25519), share_of(X25519))), "illegal_parameter"),
    case("shares: a group that is not offered", "8446 4.2.8", hello(groups(P256), shares(share_of(X25519))),
         "illegal_parameter"),
    case("shares: none", "8446 4.1.4", shake(put(E.KEY_SHARE, key_share([]))), RETRIED),
    case("shares: only for groups nobody knows", "8446 4.1.4",
         shake(groups(0x2A2A, X25519), shares((0x2A2A, b"\0"))), RETRIED),
    *[case(f"X25519 share of {size} bytes", "8446 4.2.8.2", one_share(X25519, bytes([9]) + bytes(size - 1)),
           "illegal_parameter|decode_error") for size in (1, 31, 33, 64, 65)],
    *[case(f"X25519 share: {what}", "8446 7.4.2", one_share(X25519, key), "illegal_parameter")
      for what, key in (("zero", bytes(32)), ("one", b"\1" + bytes(31)), ("of order 8", ORDER_8),
                        ("of order 8, the other", ORDER_8_2), ("minus one", MINUS_1), ("the prime", FIELD),
                        ("zero with the top bit", bytes(31) + b"\x80"))],
    case("X25519 share with the top bit set", "7748 5", shake(groups(X25519), top_bit), SERVED),
    *[case(f"P-256 share of {size} bytes", "8446 4.2.8.2", one_share(P256, b"\4" + bytes(size - 1)),
           "illegal_parameter|decode_error") for size in (1, 33, 64, 66, 97)],
    case("P-256 share: not on the curve", "8446 4.2.8.2", one_share(P256, point(ec.SECP256R1())), "illegal_parameter"),
    case("P-256 share: zero", "8446 4.2.8.2", one_share(P256, b"\4" + bytes(64)), "illegal_parameter"),
    case("P-256 share: infinity", "8446 4.2.8.2", one_share(P256, b"\0"), "illegal_parameter|decode_error"),
    case("P-256 share: compressed", "8446 4.2.8.2", one_share(P256, compressed()), "illegal_parameter|decode_error"),
    case("P-256 share: hybrid form", "8446 4.2.8.2", one_share(P256, b"\6" + share_of(P256)[1][1:]),
         "illegal_parameter|decode_error"),
    case("P-256 share: coordinates beyond the prime", "8446 4.2.8.2", one_share(P256, b"\4" + b"\xff" * 64),
         "illegal_parameter"),
    case("P-384 share: not on the curve", "8446 4.2.8.2", one_share(P384, point(ec.SECP384R1())), "illegal_parameter"),
    case("P-384 share: a point of P-256", "8446 4.2.8.2", one_share(P384, share_of(P256)[1]),
         "illegal_parameter|decode_error"),
    case("X25519MLKEM768 share of 1215 bytes", "draft-ietf-tls-ecdhe-mlkem 4.1", hybrid(x25519=bytes([9]) + bytes(30)),
         "illegal_parameter|decode_error"),
    case("X25519MLKEM768 share of 1217 bytes", "draft-ietf-tls-ecdhe-mlkem 4.1", hybrid(x25519=bytes([9]) + bytes(32)),
         "illegal_parameter|decode_error"),
    case("X25519MLKEM768 share: only X25519", "draft-ietf-tls-ecdhe-mlkem 4.1", one_share(HYBRID, share_of(X25519)[1]),
         "illegal_parameter|decode_error"),
    case("X25519MLKEM768 share: X25519 part of zeros", "draft-ietf-tls-ecdhe-mlkem 4.3", hybrid(x25519=bytes(32)),
         "illegal_parameter"),
    case("X25519MLKEM768 share: an unreduced key", "draft-ietf-tls-ecdhe-mlkem 4.1", hybrid(mlkem=UNREDUCED),
         "illegal_parameter"),
    case("a broken share of a group that is not chosen", "8446 4.2.8",
         shake(groups(X25519, 0x001E), lambda h: h.extensions.append(
             (E.KEY_SHARE, vec16(dict(h.extensions)[E.KEY_SHARE][2:] + u16(0x001E) + vec16(b"x")))),
             lambda h: h.extensions.remove(next(e for e in h.extensions if e[0] == E.KEY_SHARE))), SERVED),
]

OTHERS = [
    *bad("extended_master_secret", "7627 5.1", E.EXTENDED_MASTER_SECRET, ("not empty", b"\0"), tls=12),
    *bad("extended_master_secret in a 1.3 hello", "7627 5.1", E.EXTENDED_MASTER_SECRET, ("not empty", b"\0")),
    *bad("early_data", "8446 4.2.10", E.EARLY_DATA, ("not empty", b"\0"), ("four bytes", bytes(4))),
    *bad("PSK modes", "8446 4.2.9", E.PSK_KEY_EXCHANGE_MODES, ("empty extension", b""), ("empty list", b"\0"),
         ("list longer than the extension", b"\2\1"), ("bytes behind the list", b"\1\1\0")),
    *bad("cookie", "8446 4.2.2", E.COOKIE, ("empty extension", b""), ("empty", b"\0\0"), ("too long", b"\0\2x"),
         ("bytes behind it", b"\0\1xx")),
    case("a cookie in the first hello", "8446 4.2.2", hello(put(E.COOKIE, vec16(b"stale"))), "illegal_parameter"),
    *bad("point formats", "8422 5.1.2", E.EC_POINT_FORMATS, ("empty extension", b""), ("empty list", b"\0"),
         ("list longer than the extension", b"\2\0"), ("bytes behind the list", b"\1\0\0"), tls=12),
    case("point formats without uncompressed", "8422 5.1.2", hello(put(E.EC_POINT_FORMATS, b"\2\1\2")),
         "illegal_parameter", tls=12),
    case("point formats without uncompressed in a 1.3 hello", "8446 4.2.7", shake(put(E.EC_POINT_FORMATS, b"\2\1\2")),
         SERVED),
    case("point formats: all three", "8422 5.1.2", shake(put(E.EC_POINT_FORMATS, b"\3\0\1\2")), SERVED, tls=12),
    case("no point formats", "8422 5.1.2", shake(without(E.EC_POINT_FORMATS)), SERVED, tls=12),
    *bad("renegotiation_info", "5746 3.2", E.RENEGOTIATION_INFO, ("empty extension", b""), ("too long", b"\2x"),
         ("bytes behind it", b"\0x"), tls=12),
    case("renegotiation_info of a first hello not empty", "5746 3.6", hello(put(E.RENEGOTIATION_INFO, vec8(bytes(12)))),
         "handshake_failure", tls=12),
    case("renegotiation by the signalling suite", "5746 3.6", shake(
        without(E.RENEGOTIATION_INFO), field(cipher_suites=[0xC02B, 0x00FF])), SERVED, tls=12),
    case("neither renegotiation_info nor the signal", "5746 3.6", shake(without(E.RENEGOTIATION_INFO)), SERVED, tls=12),
    *bad("status_request", "6066 8", E.STATUS_REQUEST, ("empty extension", b""), ("cut in the ids", b"\1\0\5"),
         ("ids longer than the extension", b"\1\0\5\0\0"), ("bytes behind it", b"\1\0\0\0\0\0")),
    *bad("TLS 1.2: status_request", "6066 8", E.STATUS_REQUEST, ("empty extension", b""), ("cut in the ids", b"\1\0\5"),
         tls=12),
    case("status_request", "6066 8", shake(put(E.STATUS_REQUEST, b"\1\0\0\0\0")), SERVED),
    case("TLS 1.2: status_request", "6066 8", shake(put(E.STATUS_REQUEST, b"\1\0\0\0\0")), SERVED, tls=12),
    case("status_request of an unknown type", "6066 8", shake(put(E.STATUS_REQUEST, b"\7\0\0\0\0")), SERVED),
    *[case(f"max_fragment_length {code}", "6066 4", shake(put(E.MAX_FRAGMENT_LENGTH, bytes([code]))), SERVED)
      for code in (1, 2, 3, 4)],
    *[case(f"TLS 1.2: max_fragment_length {code}", "6066 4", shake(put(E.MAX_FRAGMENT_LENGTH, bytes([code]))), SERVED,
           tls=12) for code in (1, 2, 3, 4)],
    *[case(f"max_fragment_length {code}", "6066 4", hello(put(E.MAX_FRAGMENT_LENGTH, bytes([code]))),
           "illegal_parameter") for code in (0, 5, 6, 255)],
    *bad("max_fragment_length", "6066 4", E.MAX_FRAGMENT_LENGTH, ("empty", b""), ("two bytes", b"\1\1")),
    case("record_size_limit", "8449 4", shake(put(E.RECORD_SIZE_LIMIT, u16(64))), SERVED),
    case("record_size_limit below 64", "8449 4", hello(put(E.RECORD_SIZE_LIMIT, u16(63))), "illegal_parameter"),
    *bad("record_size_limit", "8449 4", E.RECORD_SIZE_LIMIT, ("empty", b""), ("one byte", b"\1"),
         ("three bytes", b"\1\1\1")),
    case("TLS 1.2: encrypt_then_mac has nothing to do with AEAD", "7366 2", shake(put(E.ENCRYPT_THEN_MAC, b"")),
         SERVED, tls=12),
    case("post_handshake_auth is not used", "8446 4.2.6", shake(put(E.POST_HANDSHAKE_AUTH, b"")), SERVED),
    case("certificate_authorities", "8446 4.2.4", shake(put(E.CERTIFICATE_AUTHORITIES, vec16(vec16(b"0\0")))), SERVED),
    case("padding", "7685 3", shake(put(E.PADDING, bytes(300))), SERVED),
    case("padding that is not zero", "7685 4", shake(put(E.PADDING, b"x" * 30)), SERVED),
    case("heartbeat is not spoken", "6520 2", shake(put(15, b"\1")), SERVED),
    case("compress_certificate is not spoken", "8879 3", shake(put(27, b"\2\0\1")), SERVED),
    case("a 1.2 ticket nobody made", "5077 3.4", shake(put(E.SESSION_TICKET, bytes(200))), SERVED, tls=12),
    case("a 1.2 ticket of 4000 bytes", "5077 3.4", shake(put(E.SESSION_TICKET, b"t" * 4000)), SERVED, tls=12),
    case("a 1.2 ticket in a 1.3 hello", "8446 4.2", shake(put(E.SESSION_TICKET, b"t" * 120)), SERVED),
    case("GREASE everywhere", "8701 3.1", shake(
        lambda h: setattr(h, "cipher_suites", [0x5A5A, *h.cipher_suites, 0xBABA]),
        put(E.SUPPORTED_VERSIONS, vec8(u16s([0x3A3A, 0x0304]))), groups(0x4A4A, X25519),
        schemes(0x6A6A, 0x0403), put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\x0b\1")), put(0x7A7A, b""), put(0x8A8A, b"\0"),
        lambda h: h.set(E.KEY_SHARE, vec16(struct.pack("!HHB", 0x4A4A, 1, 0) + dict(h.extensions)[E.KEY_SHARE][2:]))),
        SERVED),
    case("TLS 1.2: GREASE everywhere", "8701 3.1", shake(
        lambda h: setattr(h, "cipher_suites", [0x5A5A, *h.cipher_suites]), groups(0x4A4A, X25519, P256),
        schemes(0x6A6A, 0x0403), put(0x7A7A, b""), put(0x8A8A, b"\0")), SERVED, tls=12),
]

test_server_name = table(SERVER_NAME)
test_alpn = table(ALPN)
test_groups = table(GROUPS)
test_shares = table(SHARES)
test_others = table(OTHERS)
