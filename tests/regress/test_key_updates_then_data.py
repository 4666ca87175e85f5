# SPDX-License-Identifier: GPL-3.0-or-later
"""Data behind 32 KeyUpdates did not come through: the record after them was refused unopened.

OpenSSL and BoringSSL draw the line at 32 KeyUpdates without data between them. More are a flood still."""

import pytest

from raw_tls import Link, Tls13Client

pytestmark = pytest.mark.records


@pytest.fixture
def client(culvert, echo):
    with Tls13Client(Link(culvert(backend=echo.address).address())) as one:
        one.handshake()
        yield one


@pytest.mark.parametrize("request_update", [False, True], ids=["not requested", "requested"])
def test_the_data_comes_through(client, request_update):
    for _ in range(3):
        client.send_raw(b"".join(client.key_update_record(request_update) for _ in range(32)))
        client.send(b"data")
        assert client.read(4) == b"data"
    assert client.finish().clean


def test_a_flood_is_one_still(client):
    client.send_raw(b"".join(client.key_update_record() for _ in range(40)))
    client.send(b"data")
    assert client.outcome().alert == "unexpected_message"
