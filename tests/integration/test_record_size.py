# SPDX-License-Identifier: GPL-3.0-or-later
"""`record-size`: the lengths of the records that a client gets, counted on the wire."""

import time

import pytest

from harness import Backend, pattern, slack
from raw_tls import Tls12Client, Tls13Client

pytestmark = pytest.mark.records

OVERHEAD = {Tls13Client: 17, Tls12Client: 24}  # type and tag; explicit nonce and tag (AES-GCM)
SEGMENT, FEW = 1369, 4229
SIZE = 1 << 20


class Sender(Backend):
    """Sends `SIZE` bytes for each line that it gets."""

    def __init__(self):
        super().__init__(self.serve)

    def serve(self, connection):
        while connection.sock.recv(100):
            connection.sock.sendall(pattern(SIZE))


@pytest.fixture(params=[Tls13Client, Tls12Client], ids=["1.3", "1.2"])
def payloads(request, culvert, backend):
    """payloads(value) -> a function that has a megabyte sent and gives the payload of each record."""
    opened = []

    def start(value):
        daemon = culvert(backend=backend(Sender).address, service={"record-size": value, "session-tickets": "off"})
        client = request.param(daemon.address()).handshake()
        opened.append(client)

        def burst():
            first = len(client.records_seen)
            client.send(b"x")
            assert client.read(SIZE, slack(20)) == pattern(SIZE)
            lengths = [length for kind, _, length in client.records_seen[first:] if kind == 23]
            return [length - OVERHEAD[request.param] for length in lengths]
        return burst

    yield start
    for client in opened:
        client.link.close()


@pytest.mark.parametrize("value, size", [(None, 16384), ("16k", 16384), ("512", 512), ("4k", 4096), ("5000", 5000)])
def test_a_size_is_the_most_there_is(payloads, value, size):
    """And most records have it: the others end a piece that the backend sent."""
    lengths = payloads(value)()
    assert max(lengths) == size and sum(lengths) == SIZE
    assert lengths.count(size) > len(lengths) / 2, lengths[:200]


def test_dynamic_starts_small_and_grows(payloads):
    lengths = payloads("dynamic")()
    assert sum(lengths) == SIZE
    assert max(lengths[:40]) == SEGMENT and max(lengths[40:80]) == FEW and max(lengths[80:]) == 16384, lengths[:100]


def test_dynamic_starts_anew_after_a_second_of_silence(payloads):
    burst = payloads("dynamic")
    burst()
    assert max(burst()[:10]) > FEW, "the burst goes on"
    time.sleep(1.2)
    assert max(burst()[:40]) == SEGMENT
