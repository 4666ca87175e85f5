# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pins needed a CA.

Done: verify-client = required and allow-spki, without client-ca. Seen: an error of the start. Right: the client's key alone
counts, no chain and no dates, and the log says so; nothing else is softened."""

import datetime
import ssl

import pytest

from harness import Backend, Config, TlsClient, Truncated, eventually
from harness.client_pki import ClientPki
from harness.daemon import run_culvert

HOUR = datetime.timedelta(hours=1)
NOTE = "without client-ca only the client's key counts"


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    pki = ClientPki(tmp_path_factory.mktemp("pins"))
    ca = pki.ca("nobody's CA")
    return {"self-signed": pki.make("self-signed"), "expired": pki.make("expired", start=-48 * HOUR, end=-HOUR),
            "issued": pki.make("issued", issuer=ca), "issued, expired": pki.make(
                "issued-expired", issuer=ca, start=-48 * HOUR, end=-HOUR),
            "stranger": pki.make("stranger"), "ca": ca}


def pinned(clients, **more):
    return {"verify-client": "required", **more,
            "allow-spki": [clients[name].pin.hex() for name in clients if name not in ("stranger", "ca")]}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_key_alone_counts(culvert, clients, pki, backend, version):
    server = backend(Backend, lambda connection: connection.read_to_end())
    daemon = culvert(backend=server.address, service=pinned(clients, **{"proxy-protocol": "v2"}))
    assert NOTE in daemon.stderr() + daemon.log_text()
    context = lambda: pki.context(minimum=version, maximum=version)
    for number, name in enumerate(("self-signed", "expired", "issued", "issued, expired")):
        known = context()
        known.load_cert_chain(clients[name].chain, clients[name].key)
        with TlsClient(daemon.address(), known) as client:
            client.close_notify()
            eventually(lambda: len(server.connections) > number, 5, name)
            server.connections[number].wait_end()
        header = bytes(server.connections[number].data)
        assert clients[name].fingerprint in header
        assert name.split(",")[0].encode() not in header, "a name that nobody stands behind"
    daemon.wait_idle()
    for number, (name, alert) in enumerate({"stranger": "access_denied", None: (
            "handshake_failure" if version == "1.2" else "certificate_required")}.items()):
        mark = daemon.mark()
        other = context()
        if name:
            other.load_cert_chain(clients[name].chain, clients[name].key)
        with pytest.raises((ssl.SSLError, OSError, Truncated)):
            with TlsClient(daemon.address(), other) as client:
                client.recv(1)
        assert daemon.wait_closed(since=mark)["cause"] == f"tls-sent:{alert}"


def test_a_pin_that_is_taken_away_ends_the_tunnel(culvert, clients, pki, echo):
    service = {"backend": echo.address, **pinned(clients)}
    daemon = culvert(Config({"main": service}, workers=1))
    known = pki.context()
    known.load_cert_chain(clients["expired"].chain, clients["expired"].key)
    with TlsClient(daemon.address(), known) as client:
        client.echo()
        service["allow-spki"] = clients["issued"].pin.hex()
        daemon.reload(Config({"main": service}, workers=1))
        assert daemon.wait_closed()["cause"] == "client-revoked"


# (options beside allow-spki, the key that is blamed, exit status)
CHECKS = [
    ({"verify-client": "required"}, None, 0),
    ({"verify-client": "optional"}, "verify-client", 3),
    ({"verify-client": "required", "client-ca": ""}, "client-ca", 3),
    ({"verify-client": "required", "crl": "/nonexistent.crl"}, "crl", 3),
    ({"verify-client": "required", "allow-cn": "somebody"}, "allow-cn", 3),
    ({"verify-client": "required", "allow-uri": "spiffe://example.org/x"}, "allow-uri", 3),
]


@pytest.mark.parametrize("options, key, status", CHECKS, ids=[str(case[1]) for case in CHECKS])
def test_nothing_is_softened_by_mistake(clients, pki, workdir, options, key, status):
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", **options,
                                     "allow-spki": clients["issued"].pin.hex()}}).render(pki))
    done = run_culvert("-c", path, "--check=strict")
    assert done.returncode == status, done.stderr
    assert (NOTE in done.stderr) == (status == 0)
    assert key is None or f"error: [service main] {key}: " in done.stderr, done.stderr
