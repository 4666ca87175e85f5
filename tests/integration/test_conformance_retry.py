# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance of what needs two hellos: HelloRetryRequest and the second ClientHello (RFC 8446 4.1.2, 4.1.4, 4.2.8),
pre-shared keys (4.2.9, 4.2.11) and early data that is rejected (4.2.10)."""

import os
import struct
import time

from harness.conformance import FULL, RESUMED, RETRIED, SERVED, case, table
from harness.steps import (CCS, P256, P384, X25519, field, flight, groups, handshake, last, put, raw, retry, schemes, share_of,
                           shares, steps, u16, versions, without)
from raw_tls import Extension, HandshakeType, KeyShare, Link, Tls13Client, alpn, key_share, message, server_name
from raw_tls.crypto import KeySchedule
from raw_tls.hello import vec8, vec16

E = Extension


def reverse(hello):
    """The extensions in the opposite order; wolfSSL's client, for one, has another in its second hello."""
    hello.extensions.reverse()


def rotate(hello):
    hello.extensions.append(hello.extensions.pop(0))


def put_on(change):
    return lambda client: change(client.hello)


def junk(size):
    """An early data record as the server sees it: it has no keys for it."""
    return lambda client: client.record(23, os.urandom(size))


def changed(what, *changes, rfc="8446 4.1.2", alert="illegal_parameter", **more):
    return case(f"second hello: {what}", rfc, retry(*changes, **more), alert)


def together(*behind):
    """The first hello in two segments, and in the second of them the second hello too, with `behind` it: which share
    the retry will ask for is known."""
    def act(client):
        groups(X25519)(client.hello)
        client.hello.set(E.KEY_SHARE, key_share([]))
        first = client.hello.message()
        records = client.handshake_records(first, version=0x0301)
        client.shares = {X25519: KeyShare(X25519)}
        client.hello.set(E.KEY_SHARE, key_share(client.shares.values()))
        second = client.hello.message()

        def answer(_):
            client.transcript += second

        client.answer_retry = answer
        client.transcript = first
        client.send_raw(records[:50])
        time.sleep(0.05)
        client.send_raw(b"".join([records[50:], CCS, client.handshake_records(second), *behind]))
        client.read_server_hello()
        client.read_server_flight()
        client.send_finished()
    return act


SECOND_HELLO = [
    case("second hello as it should be", "8446 4.1.4", retry(), RETRIED),
    case("second hello without a change_cipher_spec before it", "8446 D.4",
         steps(lambda c: setattr(c, "send_change_cipher_spec", lambda: None), retry()), RETRIED),
    case("second hello in records of one byte", "8446 5.1", retry(record_size=1), RETRIED),
    case("second hello in segments of three bytes", "8446 5.1", retry(segment=3), RETRIED),
    case("second hello in a record of another version", "8446 5.1", retry(version=0x0301), RETRIED),
    case("second hello in one segment with the end of the first", "8446 5.1", together(), RETRIED),
    case("both hellos and a change_cipher_spec in one segment", "8446 D.4", together(CCS), RETRIED),
    case("both hellos and a record of type 99 in one segment", "8446 5", together(b"\x63\3\3\0\1x"),
         "unexpected_message"),
    case("second hello with padding", "8446 4.1.2", retry(put(E.PADDING, bytes(40))), RETRIED),
    case("second hello with more padding", "8446 4.1.2", retry(put(E.PADDING, bytes(40)),
                                                               first=[put(E.PADDING, bytes(10))]), RETRIED),
    case("second hello without the padding of the first", "8446 4.1.2",
         retry(without(E.PADDING), first=[put(E.PADDING, bytes(10))]), RETRIED),
    case("second hello with its extensions reversed", "8446 4.2", retry(reverse), RETRIED),
    case("second hello with its extensions rotated", "8446 4.2", retry(rotate), RETRIED),
    case("second hello with its extensions reversed, and padding", "8446 4.2", retry(reverse, put(E.PADDING, bytes(9))),
         RETRIED),
    case("second hello of 12 KiB", "8446 4.1.4", retry(first=[put(0xFABC, bytes(12000))]), RETRIED),
    changed("another random", field(random=bytes(32))),
    changed("another session id", field(session_id=bytes(32))),
    changed("no session id", field(session_id=b"")),
    changed("another legacy_version", field(legacy_version=0x0302)),
    changed("a suite less", field(cipher_suites=[0x1301, 0x1302])),
    changed("a suite more", field(cipher_suites=[0x1301, 0x1302, 0x1303, 0x1304])),
    changed("suites in another order", field(cipher_suites=[0x1302, 0x1301, 0x1303])),
    changed("without the suite that was chosen", field(cipher_suites=[0x1303])),
    changed("a fallback signal", field(cipher_suites=[0x1301, 0x1302, 0x1303, 0x5600])),
    changed("another compression", field(compression=b"\1\0")),
    changed("a server name more", put(E.SERVER_NAME, server_name("a.test"))),
    changed("another server name", put(E.SERVER_NAME, server_name("b.test")),
            first=[put(E.SERVER_NAME, server_name("a.test"))]),
    changed("without the server name", without(E.SERVER_NAME), first=[put(E.SERVER_NAME, server_name("a.test"))]),
    changed("other protocols", put(E.ALPN, alpn(["h2"])), first=[put(E.ALPN, alpn(["h2", "http/1.1"]))]),
    changed("other groups", groups(X25519)),
    changed("other signature algorithms", schemes(0x0403)),
    changed("other versions", versions(0x0304, 0x0303)),
    changed("other PSK modes", put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\0\1"))),
    changed("an unknown extension more", put(0xFABC, b"")),
    changed("an unknown extension less", without(0xFABC), first=[put(0xFABC, b"")]),
    changed("an unknown extension changed", put(0xFABC, b"x"), first=[put(0xFABC, b"")]),
    changed("an extension twice", lambda h: h.extensions.insert(0, (0xFABC, b"")), first=[put(0xFABC, b"")]),
    changed("reversed, with another server name", put(E.SERVER_NAME, server_name("b.test")), reverse,
            first=[put(E.SERVER_NAME, server_name("a.test"))]),
    changed("reversed, with an unknown extension more", reverse, put(0xFABC, b"")),
    changed("reversed, with an unknown extension less", reverse, without(0xFABC), first=[put(0xFABC, b"")]),
    changed("reversed, with other PSK modes", put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\0\1")), reverse),
    changed("two extensions have changed their bodies", put(0xFABC, b"b"), put(0xFABD, b"a"),
            first=[put(0xFABC, b"a"), put(0xFABD, b"b")]),
    changed("pre_shared_key not last any more", rotate, first=[lambda h: FOREIGN(h)], rfc="8446 4.2.11"),
    changed("a cookie nobody gave", put(E.COOKIE, vec16(b"made up")), rfc="8446 4.2.2"),
    changed("early_data", put(E.EARLY_DATA, b""), rfc="8446 4.2.10", first=[put(E.EARLY_DATA, b"")]),
    changed("early_data that the first had not", put(E.EARLY_DATA, b""), rfc="8446 4.2.10"),
    changed("no share", put(E.KEY_SHARE, key_share([])), rfc="8446 4.2.8"),
    changed("a share of another group", shares(share_of(P256)), rfc="8446 4.2.8"),
    changed("a share of a group that is not offered", shares(share_of(P384)), rfc="8446 4.2.8"),
    changed("two shares", lambda h: h.set(E.KEY_SHARE, vec16(
        dict(h.extensions)[E.KEY_SHARE][2:] + key_share([share_of(P256)])[2:])), rfc="8446 4.2.8"),
    changed("key_share missing", without(E.KEY_SHARE), rfc="8446 9.2", alert="missing_extension|illegal_parameter"),
    changed("a share of zeros", shares((X25519, bytes(32))), rfc="8446 7.4.2"),
    changed("a share of 31 bytes", shares((X25519, bytes(31))), rfc="8446 4.2.8.2",
            alert="illegal_parameter|decode_error"),
    changed("a pre_shared_key that the first had not", lambda h: h.extensions.append(
        (E.PRE_SHARED_KEY, vec16(vec16(b"id") + bytes(4)) + vec16(vec8(bytes(32))))), rfc="8446 4.1.2"),
    changed("cut short", field(trailer=b"\0"), alert="decode_error"),
    changed("server_name malformed", put(E.SERVER_NAME, b""), rfc="6066 3", alert="decode_error|illegal_parameter",
            first=[put(E.SERVER_NAME, server_name("a.test"))]),
    case("change_cipher_spec three times before the second hello", "8446 5", retry(between=CCS * 2), RETRIED),
    *[case(f"change_cipher_spec {what} before the second hello", "8446 5", retry(between=b"\x14\3\3" + vec16(data)),
           "unexpected_message") for what, data in (("of value 2", b"\2"), ("of two bytes", b"\1\1"), ("empty", b""))],
    case("application data before the second hello", "8446 4.2.10", retry(between=junk(50)), "unexpected_message"),
    case("a record of type 99 before the second hello", "8446 5", retry(between=b"\x63\3\3\0\1x"),
         "unexpected_message"),
    case("an empty handshake record before the second hello", "8446 5.1", retry(between=b"\x16\3\3\0\0"),
         "unexpected_message"),
    case("a warning before the second hello", "8446 6", retry(between=b"\x15\3\3\0\2\1\x5a"), RETRIED),
    *[case(f"message {kind} instead of the second hello", "8446 4", retry(between=lambda c, kind=kind: c.record(
        22, message(kind, bytes(32)))), "unexpected_message") for kind in (0, 2, 4, 8, 11, 15, 20, 24, 77)],
    case("a record of 2^14+1 bytes instead of the second hello", "8446 5.1", retry(between=b"\x16\3\3\x40\1\1"),
         "record_overflow"),
    case("a third hello", "8446 4.1.2", steps(put_on(shares()), flight, lambda c: c.send_raw(
        c.record(22, c.hello.message()))), "unexpected_message"),
]


# Pre-shared keys.

def ticket_of(client):
    """A ticket from a session of its own with the same service."""
    with Tls13Client(Link(client.link.sock.getpeername())) as other:
        other.handshake().send(b"x")
        assert other.read(1) == b"x" and other.tickets
        assert other.finish().clean
        return other.tickets[0]


def resume(*changes, act=lambda client: client.handshake()):
    """A handshake with a good ticket; `changes` to the hello come before the binder is computed."""
    def run(client):
        client.ticket = ticket_of(client)
        for change in changes:
            change(client.hello)
        act(client)
    return run


def offer(*entries, mend=None, place=lambda extensions, entry: extensions.append(entry), spoil=lambda binder: binder):
    """Sends a hello with these PSKs: each of `entries` makes (identity, age, ticket or None) of a good ticket. `mend`
    rewrites the extension's body, `spoil` a binder."""
    def run(client):
        ticket = client.ticket = ticket_of(client)
        offered = [entry(ticket) for entry in entries]
        identities = vec16(b"".join(vec16(identity) + struct.pack("!I", age) for identity, age, _ in offered))
        blank = vec16(b"".join(vec8(bytes(32)) for _ in offered))
        place(client.hello.extensions, (E.PRE_SHARED_KEY, mend(identities, blank) if mend else identities + blank))
        data = client.hello.message()
        if mend is None and client.hello.extensions[-1][0] == E.PRE_SHARED_KEY:
            data = data[:-len(blank)]
            data += vec16(b"".join(vec8(spoil(binder(of, data)) if of else bytes(32)) for _, _, of in offered))
        client.transcript += data
        client.send_handshake(data, version=0x0301)
        client.send_client_hello = lambda: None
    return run


def binder(ticket, cut):
    schedule = KeySchedule(ticket.suite, ticket.psk)
    return schedule.finished(schedule.derive(b"res binder", b""), cut)


def good(ticket, age=None):
    return ticket.identity, ticket.age_add if age is None else age, ticket


def unknown(ticket):
    return os.urandom(len(ticket.identity)), 7, None


def old(age):
    return lambda ticket: (ticket.identity, (ticket.age_add + age) & 0xFFFFFFFF, ticket)


def first_place(extensions, entry):
    extensions.insert(0, entry)


def flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def dropping(client):
    """The second hello is without the ticket: a client drops one that does not go with the suite of the retry."""
    honest = client.answer_retry

    def answer(request):
        client.ticket = None
        client.hello.remove(E.PRE_SHARED_KEY)
        honest(request)

    client.hello.set(E.KEY_SHARE, key_share([]))
    client.answer_retry = answer
    client.handshake()


FOREIGN = last(E.PRE_SHARED_KEY, vec16(vec16(b"t" * 180) + bytes(4)) + vec16(vec8(b"b" * 48)))

PSK = [
    case("a ticket", "8446 4.2.11", resume(), RESUMED),
    case("a ticket and no signature_algorithms", "8446 9.2", resume(without(E.SIGNATURE_ALGORITHMS)), RESUMED),
    case("a ticket and a HelloRetryRequest", "8446 4.2.11", resume(act=retry()), RETRIED),
    case("a ticket, a retry and the ticket left out", "8446 4.1.2", resume(act=dropping), RETRIED),
    case("a ticket of another server, a retry and the ticket left out", "8446 4.1.2",
         retry(without(E.PRE_SHARED_KEY), first=[FOREIGN]), RETRIED),
    case("a ticket of another server and a retry", "8446 4.2.11", retry(first=[FOREIGN]), RETRIED),
    case("a ticket without psk_key_exchange_modes", "8446 4.2.9", resume(
        without(E.PSK_KEY_EXCHANGE_MODES), act=lambda c: c.send_client_hello()), "missing_extension"),
    case("a ticket and only psk_ke", "8446 4.2.9", resume(put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\0"))), FULL),
    case("a ticket and only unknown modes", "8701 3.1", resume(put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\x0b"))), FULL),
    case("a ticket, psk_ke and psk_dhe_ke", "8446 4.2.9", resume(put(E.PSK_KEY_EXCHANGE_MODES, vec8(b"\0\1"))),
         RESUMED),
    case("a ticket and no key_share", "8446 9.2", resume(without(E.KEY_SHARE), act=lambda c: c.send_client_hello()),
         "missing_extension"),
    case("a ticket of another hash", "8446 4.2.11", resume(field(cipher_suites=[0x1302])), FULL),
    case("an unknown ticket", "8446 4.2.11", offer(unknown), FULL),
    case("an unknown ticket before a good one", "8446 4.2.11", offer(unknown, good), RESUMED),
    case("a good ticket before an unknown one", "8446 4.2.11", offer(good, unknown), RESUMED),
    case("a wrong binder", "8446 4.2.11", offer(good, spoil=flip), "decrypt_error"),
    case("a binder of zeros", "8446 4.2.11", offer(good, spoil=lambda b: bytes(32)), "decrypt_error"),
    case("a binder of 48 bytes for SHA-256", "8446 4.2.11", offer(good, mend=lambda ids, binders: ids + vec16(
        vec8(bytes(48)))), "decrypt_error|illegal_parameter"),
    case("a ticket's age is not believed", "8446 4.2.11.1", offer(lambda t: good(t, 0xFFFFFFFF)), SERVED),
    case("a ticket from the future", "8446 4.2.11.1", offer(old(-600000)), SERVED),
    case("pre_shared_key first", "8446 4.2.11", offer(good, place=first_place), "illegal_parameter"),
    case("pre_shared_key last but one", "8446 4.2.11", offer(
        good, place=lambda extensions, entry: extensions.insert(len(extensions) - 1, entry)), "illegal_parameter"),
    case("pre_shared_key twice", "8446 4.2", offer(good, place=lambda extensions, entry: extensions.extend(
        [entry, entry])), "illegal_parameter"),
    *[case(f"pre_shared_key: {what}", "8446 4.2.11", offer(good, mend=mend), alert) for what, mend, alert in (
        ("empty", lambda ids, binders: b"", "decode_error"),
        ("no identities", lambda ids, binders: vec16(b"") + binders, "decode_error"),
        ("no binders", lambda ids, binders: ids + vec16(b""), "decode_error"),
        ("identities only", lambda ids, binders: ids, "decode_error"),
        ("an empty identity", lambda ids, binders: vec16(vec16(b"") + bytes(4)) + binders, "decode_error"),
        ("identity without an age", lambda ids, binders: vec16(vec16(b"identity")) + binders, "decode_error"),
        ("identity cut short", lambda ids, binders: vec16(b"\0\x20short") + binders, "decode_error"),
        ("two binders for one identity", lambda ids, binders: ids + vec16(vec8(bytes(32)) * 2), "illegal_parameter"),
        ("one binder for two identities", lambda ids, binders: vec16(ids[2:] * 2) + binders, "illegal_parameter"),
        ("a binder of 31 bytes", lambda ids, binders: ids + vec16(vec8(bytes(31))), "decode_error"),
        ("a binder cut short", lambda ids, binders: ids + vec16(b"\x21" + bytes(32)), "decode_error"),
        ("bytes behind the binders", lambda ids, binders: ids + binders + b"\0", "decode_error"),
    )],
]


# Early data, which culvert never accepts.

def early(*records, ticket=True, more=b"", act=None):
    """early_data and these records behind the first hello; then the handshake goes on as the server says."""
    def run(client):
        client.ticket = ticket_of(client) if ticket else None
        client.hello.set(E.EARLY_DATA, b"")
        sent, honest = client.send_client_hello, client.answer_retry

        def first(**how):
            client.send_client_hello = sent
            sent(**how)
            for record in records:
                client.send_raw(record(client))

        def answer(request):
            client.hello.remove(E.EARLY_DATA)
            if more:
                client.send_raw(more(client))
            honest(request)

        client.send_client_hello, client.answer_retry = first, answer
        (act or Tls13Client.handshake)(client)
        assert E.EARLY_DATA not in client.server_extensions, "early data is accepted"
    return run


def no_early_data_in_tickets(client):
    """No ticket allows early data (RFC 8446 4.6.1)."""
    assert E.EARLY_DATA not in ticket_of(client).extensions


EARLY_DATA = [
    case("no ticket allows early data", "8446 4.6.1", no_early_data_in_tickets, SERVED),
    case("early_data and no such data", "8446 4.2.10", early(), RETRIED),
    case("early_data without a ticket", "8446 4.2.10", early(junk(100), ticket=False), RETRIED),
    case("early data with a ticket of another server", "8446 4.2.10", early(
        junk(100), ticket=False, act=steps(put_on(FOREIGN), Tls13Client.handshake)), RETRIED),
    case("early data with a ticket of another server that is left out then", "8446 4.2.10", early(
        junk(100), ticket=False, act=steps(put_on(FOREIGN), retry(without(E.PRE_SHARED_KEY)))), RETRIED),
    case("early data of one record is skipped", "8446 4.2.10", early(junk(100)), RETRIED),
    case("early data of many records is skipped", "8446 4.2.10", early(*[junk(100)] * 100), RETRIED),
    case("early data of 16 KiB is skipped", "8446 4.2.10", early(junk(16384)), RETRIED),
    case("early data and change_cipher_spec", "8446 D.4", early(lambda c: CCS, junk(100)), RETRIED),
    case("early data that comes after the HelloRetryRequest", "8446 4.2.10", early(junk(100), more=junk(200)),
         RETRIED),
    case("more early data than 16 KiB", "8446 4.2.10", early(*[junk(16000)] * 3), "unexpected_message"),
    case("early data of 16 KiB and a byte", "8446 4.2.10", early(junk(16385)), "unexpected_message"),
    case("early data of 16 KiB and a byte in many records", "8446 4.2.10", early(*[junk(1024)] * 16, junk(1)),
         "unexpected_message"),
    case("early data in records without end that hold nothing", "8446 4.2.10", early(
        lambda c: c.record(23, b"") * 20000), "unexpected_message"),
    case("early data records beyond 2^14+256", "8446 5.2", early(lambda c: c.record(23, b"", length=16641)),
         "record_overflow"),
    case("early data and a handshake that needs a retry anyway", "8446 4.2.10", early(junk(100), act=retry()),
         RETRIED),
    case("early data behind the second hello", "8446 4.2.10",
         early(act=steps(flight, raw(junk(100)))), "bad_record_mac"),
    case("EndOfEarlyData behind the second hello", "8446 4.5",
         early(act=steps(flight, handshake(HandshakeType.END_OF_EARLY_DATA))), "unexpected_message"),
    case("early_data in a hello for TLS 1.2", "8446 4.2.10", steps(
        lambda c: c.hello.set(E.EARLY_DATA, b""), lambda c: c.handshake()), SERVED, tls=12),
]

test_second_hello = table(SECOND_HELLO)
test_psk = table(PSK)
test_early_data = table(EARLY_DATA)
