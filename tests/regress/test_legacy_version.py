# SPDX-License-Identifier: GPL-3.0-or-later
"""A hello's legacy_version was looked at beside supported_versions.

Above 0x0303 it got protocol_version; at 0x0302 a hello with supported_versions [1.2] (or [1.3]) did too. Where the extension is
there it alone counts (RFC 8446 4.2.1); without it a version above 0x0303 means TLS 1.2. Only SSL 3.0 and below are refused
whatever else is said (D.5)."""

import pytest

from raw_tls import Extension, Link, Outcome, Tls12Client, Tls13Client
from raw_tls.hello import u16s, vec8

pytestmark = pytest.mark.wolfssl(5, 9)
ODD = [0x0301, 0x0302, 0x0304, 0x03FF, 0x0400, 0x7F7F, 0xFFFF]


def carried(client, legacy, versions):
    client.hello.legacy_version = legacy
    if versions:
        client.hello.set(Extension.SUPPORTED_VERSIONS, vec8(u16s(versions)))
    client.handshake()
    client.send(b"x")
    assert client.read(1) == b"x"
    assert client.finish().clean


@pytest.mark.parametrize("service", ["both", "only"])
@pytest.mark.parametrize("legacy", ODD)
def test_the_extension_alone_counts(conformance, legacy, service):
    with Tls13Client(Link(conformance.address("main" if service == "both" else "new"))) as client:
        carried(client, legacy, [0x0304])
    with Tls12Client(Link(conformance.address("main" if service == "both" else "old"))) as client:
        carried(client, legacy, [0x0303])


@pytest.mark.parametrize("legacy", [version for version in ODD if version > 0x0303])
def test_without_it_more_than_1_2_means_1_2(conformance, legacy):
    for service in ("main", "old"):
        with Tls12Client(Link(conformance.address(service))) as client:
            carried(client, legacy, None)


@pytest.mark.parametrize("legacy", [0x0002, 0x0200, 0x0300])
@pytest.mark.parametrize("make, versions", [(Tls13Client, [0x0304]), (Tls12Client, [0x0303])], ids=["1.3", "1.2"])
def test_ssl_is_refused(conformance, legacy, make, versions):
    with make(Link(conformance.address("main"))) as client:
        client.hello.legacy_version = legacy
        client.hello.set(Extension.SUPPORTED_VERSIONS, vec8(u16s(versions)))
        client.send_client_hello()
        result: Outcome = client.outcome()
        assert result.alert == "protocol_version" and result.end == "eof"
