# SPDX-License-Identifier: GPL-3.0-or-later
"""Many records through one tunnel: sequence numbers, explicit nonces, and the KeyUpdate that culvert must send in time.

AES-GCM may encrypt 2^24.5 records of full size under one key (RFC 8446 5.5). The tests marked `full` pass that number and
take minutes. The short ones send as many records as 16 bits of a sequence number cannot count."""

import json
import os
import subprocess

import pytest

import native
from harness import OWN_RECORDS, Backend, Sink, scaled, slack
from harness.util import ROOT, chunks

LIMIT = 23_726_566  # 2^24.5
FULL, SHORT = 24_000_000, scaled(100_000, least=70_000)
SUITES = [("1.3", "TLS_AES_128_GCM_SHA256"), ("1.3", "TLS_AES_256_GCM_SHA384"), ("1.3", "TLS_CHACHA20_POLY1305_SHA256"),
          ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
          ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")]
ALL_SUITES = pytest.mark.parametrize("version, suite", SUITES, ids=[suite for _, suite in SUITES])
ONE_OF_EACH_VERSION = pytest.mark.parametrize("version, suite", [SUITES[0], SUITES[3]], ids=["1.3", "1.2"])

pytestmark = pytest.mark.records


class HashedSource(Backend):
    """Sends `size` bytes and its FIN. `connection.sha256` is the hash of what was sent."""

    def __init__(self, size):
        self.size = size
        super().__init__()

    def serve(self, connection):
        for chunk in chunks(self.size):
            connection.sock.sendall(chunk)
            connection.digest.update(chunk)
        connection.sock.shutdown(1)
        connection.read_to_end()


def peer(daemon, pki, version, suite, *command):
    program = native.compile_program(native.BUILD / "support" / "record_peer", ROOT / "tests/support/record_peer.cc",
                                     arguments=["-lssl", "-lcrypto"])
    done = subprocess.run([program, str(daemon.port()), pki.ca_file, *map(str, command)], capture_output=True, text=True,
                          env={**os.environ, "PEER_VERSION": version, "PEER_SUITE": suite}, timeout=slack(390), check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["suite"] == suite
    return answer


def outbound(culvert, backend, pki, version, suite, records):
    """Sends at least `records` records of at most 512 bytes to the client. Returns what the client saw."""
    source = backend(HashedSource, records * 512)
    daemon = culvert(backend=source.address, service={"record-size": 512}, level="info")
    answer = peer(daemon, pki, version, suite, "read")
    connection = source.wait_connection()
    assert connection.wait_end() == "fin"
    assert answer["bytes"] == source.size and answer["records"] >= records
    assert answer["sha256"] == connection.sha256
    print(f"{answer}, {daemon.cpu_seconds():.1f} s of CPU")
    return answer


def inbound(culvert, backend, pki, version, suite, records):
    """Sends `records` records of 64 bytes to the backend."""
    sink = backend(Sink)
    daemon = culvert(backend=sink.address, level="info")
    answer = peer(daemon, pki, version, suite, "write", records, 64)
    connection = sink.wait_connection()
    assert connection.wait_end() == "fin"
    assert connection.received == records * 64
    assert answer["sha256"] == connection.sha256
    assert daemon.wait_closed()["cause"] == "client-fin"
    print(f"{answer}, {daemon.cpu_seconds():.1f} s of CPU")


@ALL_SUITES
def test_more_records_to_the_client_than_16_bits_count(culvert, backend, pki, version, suite):
    assert outbound(culvert, backend, pki, version, suite, SHORT)["key_updates"] == 0


@ALL_SUITES
def test_more_records_from_the_client_than_16_bits_count(culvert, backend, pki, version, suite):
    inbound(culvert, backend, pki, version, suite, SHORT)


@pytest.mark.full
@ONE_OF_EACH_VERSION
def test_more_records_to_the_client_than_one_key_may_encrypt(culvert, backend, pki, version, suite):
    """culvert changes its key after 2^24 records. TLS 1.2 has no KeyUpdate, and the tunnel works on."""
    assert FULL > LIMIT
    answer = outbound(culvert, backend, pki, version, suite, FULL)
    if OWN_RECORDS:
        assert answer["key_updates"] == (1 if version == "1.3" else 0)


@pytest.mark.full
@ONE_OF_EACH_VERSION
def test_more_records_from_the_client_than_one_key_may_encrypt(culvert, backend, pki, version, suite):
    """Only the sender of records has to change its keys. OpenSSL does not, and culvert reads on."""
    inbound(culvert, backend, pki, version, suite, FULL)
