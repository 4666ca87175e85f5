# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases of conformance send, in small steps. Each function returns an act, which a case performs on a client."""

import struct

from raw_tls import ContentType, Extension, Group, HandshakeType, KeyShare, key_share, message
from raw_tls.hello import u16s, vec8, vec16

CCS = b"\x14\x03\x03\0\1\1"
WARNING, FATAL = 1, 2


def scanned(act):
    """Marks an act whose first bytes are malformed. culvert's own scanner refuses them, not the library."""
    act.scanned = True
    return act


# A ClientHello that is changed before it is sent.

def hello(*changes, **how):
    """Sends the ClientHello after each of `changes` was made to it; `how` goes to the record layer."""
    def act(client):
        for change in changes:
            change(client.hello)
        client.send_client_hello(**how)
    return act


def shake(*changes):
    """A whole handshake with a changed hello."""
    def act(client):
        for change in changes:
            change(client.hello)
        client.handshake()
    return act


def put(kind, body):
    return lambda hello: hello.set(kind, body)


def without(*kinds):
    return lambda hello: [hello.remove(kind) for kind in kinds]


def again(kind, body):
    """A second extension of the same type."""
    return lambda hello: hello.extensions.insert(0, (kind, body))


def last(kind, body):
    return lambda hello: hello.extensions.append((kind, body))


def field(**values):
    def change(hello):
        for name, value in values.items():
            setattr(hello, name, value)
    return change


def shares(*pairs):
    """The key_share extension with these (group, bytes)."""
    return put(Extension.KEY_SHARE, key_share(pairs))


def groups(*numbers):
    return put(Extension.SUPPORTED_GROUPS, vec16(u16s(numbers)))


def versions(*numbers):
    return put(Extension.SUPPORTED_VERSIONS, vec8(u16s(numbers)))


def schemes(*numbers):
    return put(Extension.SIGNATURE_ALGORITHMS, vec16(u16s(numbers)))


def body(change, **how):
    """Sends a ClientHello whose body is the result of `change`; the length of the message is right."""
    def act(client):
        client.send_handshake(message(HandshakeType.CLIENT_HELLO, change(client.hello.body())), **how)
    return scanned(act)


def raw(*records):
    """Sends bytes, or what functions of the client give, one after the other."""
    def act(client):
        for one in records:
            client.send_raw(one(client) if callable(one) else one)
    return scanned(act)


def steps(*acts):
    """One act after the other."""
    def act(client):
        for one in acts:
            one(client)
    return act


# Points of a handshake to stop at.

def flight(client):
    """The server's flight is read; what is sent next is sealed in TLS 1.3 and plain in TLS 1.2."""
    client.send_client_hello()
    if hasattr(client, "read_server_hello"):
        client.read_server_hello()
        client.read_server_flight()
        client.start_handshake_writing()
    else:
        client.read_server_flight()


def exchanged(client):
    """TLS 1.2: the ClientKeyExchange is sent too."""
    flight(client)
    client.send_key_exchange()


def sealed(client):
    """TLS 1.2: ClientKeyExchange and change_cipher_spec are sent too."""
    exchanged(client)
    client.start_writing()


def established(client):
    client.handshake()
    client.send(b"ping")
    assert client.read(4) == b"ping"


def after(place, *acts):
    return steps(place, *acts)


# What the client sends there.

def handshake(kind, body=b"", **how):
    return lambda client: client.send_handshake(message(kind, body), **how)


def record(content_type, payload=b"", **how):
    """A record under the present keys."""
    return lambda client: client.send_record(content_type, payload, **how)


def plain(content_type, payload=b"", **how):
    """A record that is never sealed."""
    return lambda client: client.send_raw(client.record(content_type, payload, **how))


def header(kind=23, version=0x0303, length=0, body=b""):
    """A record given as its header's fields and the bytes behind it."""
    return raw(bytes([kind]) + version.to_bytes(2, "big") + length.to_bytes(2, "big") + body)


def alert(level, code):
    return record(ContentType.ALERT, bytes([level, code]))


def finish(**how):
    """The client's Finished, as it should be."""
    return lambda client: client.send_finished(**how)


def ccs(client):
    client.send_raw(CCS)


def inner(content):
    """A TLSInnerPlaintext given in full."""
    return lambda client: client.send_raw(client.writer.seal_inner(content))


def sealed_as(**how):
    """An echo's worth of data in a record with an odd header."""
    return lambda client: client.send_raw(client.writer.seal(ContentType.APPLICATION_DATA, b"x", **how))


def data(client):
    client.send_record(ContentType.APPLICATION_DATA, b"data")


# HelloRetryRequest: a first hello without a share, and a second one with the faults that `changes` make.

def retry(*changes, between=b"", first=(), **how):
    """A handshake up to the second ClientHello. `between` are raw bytes sent before it."""
    def act(client):
        for change in first:
            change(client.hello)
        client.hello.set(Extension.KEY_SHARE, key_share([]))
        honest = client.answer_retry

        def answer(request):
            client.retry = request
            sent = client.send_client_hello

            def second(**more):
                for change in changes:
                    change(client.hello)
                sent(**{**more, **how})

            client.send_client_hello = second
            if between:
                client.send_raw(between(client) if callable(between) else between)
            honest(request)
            client.send_client_hello = sent

        client.answer_retry = answer
        client.handshake()
    return act


def share_of(group):
    """A real share of a group, for hellos that need one more."""
    one = KeyShare(group)
    return (one.group, one.public)


def u16(value):
    return struct.pack("!H", value)


X25519, P256, P384, HYBRID = Group.X25519, Group.SECP256R1, Group.SECP384R1, Group.X25519MLKEM768
