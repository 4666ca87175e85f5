# SPDX-License-Identifier: GPL-3.0-or-later
"""The raw TLS client of the hostile tests is itself held against OpenSSL, so that a failure there is culvert's."""

import shutil
import socket
import subprocess
import time

import pytest

from raw_tls import (Alert, End, Group, HandshakeFailed, Link, Session, Tls12Client, Tls13Client, hello12,
                     hello13)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    where = tmp_path_factory.mktemp("raw-tls")
    for name, kind in (("ecdsa", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
                       ("rsa", ["-newkey", "rsa:2048"])):
        openssl("req", "-x509", *kind, "-nodes", "-subj", "/CN=raw.test", "-days", "2",
                "-keyout", str(where / f"{name}.key"), "-out", str(where / f"{name}.crt"))
    return where


@pytest.fixture
def s_server(certificates):
    """Starts `openssl s_server -rev` (answers each line reversed) and gives its address."""
    running = []

    def start(*args, key="ecdsa"):
        port = free_port()
        process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificates / f"{key}.crt",
             "-key", certificates / f"{key}.key", "-rev", *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return "127.0.0.1", port
            except ConnectionRefusedError:
                assert time.monotonic() < deadline and process.poll() is None, "s_server did not start"
                time.sleep(0.02)

    yield start
    for process in running:
        process.kill()
        process.wait()


def exchange(client):
    client.send(b"hello\n")
    assert client.read(6) == b"olleh\n"


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
@pytest.mark.parametrize("group", [Group.X25519, Group.SECP256R1])
def test_tls13_each_suite_and_group(s_server, suite, group):
    """Key schedule, record protection and the certificate's signature agree with OpenSSL's."""
    with Tls13Client(s_server("-tls1_3"), hello13(suites=[suite], groups=[group]), shares=[group]) as client:
        exchange(client.handshake())
        assert len(client.tickets) == 2
        assert client.finish().clean


@pytest.mark.parametrize("suite, key", [(0xC02B, "ecdsa"), (0xC02F, "rsa"), (0xC02C, "ecdsa"), (0xC030, "rsa"),
                                        (0xCCA9, "ecdsa"), (0xCCA8, "rsa")])
def test_tls12_each_suite(s_server, suite, key):
    """Extended master secret, explicit and implicit nonces agree with OpenSSL's."""
    with Tls12Client(s_server("-tls1_2", key=key), hello12(suites=[suite])) as client:
        exchange(client.handshake())
        assert client.extended_master_secret
        assert client.finish().clean


def test_tls13_rsa_certificate(s_server):
    """An RSA-PSS CertificateVerify is checked too."""
    with Tls13Client(s_server("-tls1_3", key="rsa")) as client:
        exchange(client.handshake())


def test_hello_retry_request(s_server):
    """A share of a group the server does not take leads to a HelloRetryRequest, which is answered."""
    hello = hello13(groups=[Group.X25519, Group.SECP256R1])
    with Tls13Client(s_server("-tls1_3", "-groups", "P-256"), hello) as client:
        exchange(client.handshake())
        assert client.retry is not None


def test_psk_resumption(s_server):
    """The binder over the truncated hello is right: the server resumes and sends no certificate."""
    address = s_server("-tls1_3")
    with Tls13Client(address) as first:
        exchange(first.handshake())
        first.finish()
        ticket = first.tickets[0]
    with Tls13Client(address, ticket=ticket) as second:
        exchange(second.handshake())
        assert second.resumed and not second.certificates


def test_key_updates_both_ways(s_server):
    """After KeyUpdate both directions go on under new keys."""
    with Tls13Client(s_server("-tls1_3")) as client:
        client.handshake()
        for _ in range(3):
            client.send_key_update(request=True)
            exchange(client)
        assert client.key_updates == [0, 0, 0]


def test_cut_padded_and_tiny_records(s_server):
    """Fragmented handshake messages, byte-wise segments, padding and one-byte records are what they should be."""
    with Tls13Client(s_server("-tls1_3")) as client:
        client.send_client_hello(record_size=50, segment=7)
        client.read_server_hello()
        client.read_server_flight()
        client.send_finished(record_size=5, pad=30)
        client.send(b"hello\n", record_size=1, pad=100)
        assert client.read(6) == b"olleh\n"


def test_padding_extension_makes_an_exact_size(s_server):
    """pad_to() gives the size it was asked for, above 8 KiB too."""
    for size in (2000, 9000):
        client = Tls13Client(s_server("-tls1_3"))
        client.hello.pad_to(size)
        assert len(client.client_hello()) == size
        exchange(client.handshake())


def test_empty_certificate_when_asked(s_server):
    """A request for a client certificate is answered with an empty one."""
    with Tls13Client(s_server("-tls1_3", "-verify", "1")) as client:
        exchange(client.handshake())
    with Tls12Client(s_server("-tls1_2", "-verify", "1")) as client:
        exchange(client.handshake())


@pytest.mark.parametrize("make", [Tls13Client, Tls12Client])
def test_corrupted_record_is_told_apart(s_server, make):
    """A flipped tag bit gives bad_record_mac; alert and end of stream are reported as they came."""
    with make(s_server()) as client:
        client.handshake()
        client.send_record(23, b"hello\n", corrupt=True)
        outcome = client.outcome()
        assert (outcome.alert, outcome.fatal, outcome.close_notify) == ("bad_record_mac", True, False)
        assert outcome.end in ("eof", "reset")


def test_alert_instead_of_server_hello(s_server):
    """A handshake that is refused raises with the alert in hand."""
    with pytest.raises(HandshakeFailed) as caught, Tls13Client(s_server("-tls1_2")) as client:
        client.handshake()
    assert isinstance(caught.value.event, Alert) and caught.value.event.name == "protocol_version"


def test_eof_and_reset_are_told_apart():
    """A FIN reads as "eof", an RST as "reset", also when data came before it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for action, how in ((Link.close, "eof"), (Link.reset, "reset")):
            peer = Link(listener.getsockname())
            sock, _ = listener.accept()
            near = Tls13Client.__new__(Tls13Client)
            super(Tls13Client, near).__init__(peer)
            far = Link.__new__(Link)
            far.sock = sock
            sock.sendall(b"\x16\x03\x03")
            action(far)
            assert near.read_event() == End(how, b"\x16\x03\x03")


def test_what_comes_behind_a_fatal_alert_is_told():
    """The tables of conformance go by it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for level, behind in ((2, 3), (1, 0)):
            with Session(Link(listener.getsockname())) as near:
                far, _ = listener.accept()
                far.sendall(b"\x14\3\3\0\1\1" + b"\x15\3\3\0\2" + bytes([level, 40]) + b"\x14\3\3\0\1\1" +
                            b"\x16\3\3\0\4\x0e\0\0\0" + b"\x17\3\3\0\1x")
                far.close()
                outcome = near.outcome()
                assert outcome.end == "eof" and len(outcome.alerts) == 1
                assert len(outcome.behind) == behind, outcome
