# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a session are in culvert's memory as long as the session needs them, and not longer. The client knows them, so
the test can search for them in all writable memory of the process."""

import pytest

from harness import OWN_RECORDS, SANITIZED, eventually
from harness.steps import established, exchanged, flight
from harness.util import VERSION
from harness.wellbeing import fresh_connection
from raw_tls import Link, Tls12Client, Tls13Client, hello12, hello13
from raw_tls.crypto import expand_label

pytestmark = [
    pytest.mark.root, pytest.mark.records,
    pytest.mark.skipif(bool(SANITIZED), reason="a sanitizer keeps freed memory for a while"),
    pytest.mark.skipif("build: debug" in VERSION, reason="without optimisation, the compiler copies keys to the stack")]

SUITES = {"1.3 AES-128-GCM": (13, 0x1301), "1.3 AES-256-GCM": (13, 0x1302), "1.3 ChaCha20": (13, 0x1303),
          "1.2 AES-128-GCM": (12, 0xC02B), "1.2 AES-256-GCM": (12, 0xC02C), "1.2 ChaCha20": (12, 0xCCA9)}
ALL_SUITES = pytest.mark.parametrize("version, suite", SUITES.values(), ids=[name.replace(" ", "-") for name in SUITES])
DIRECTIONS = ("writer", "reader")


def writable_memory(pid):
    """Yields (line of /proc/PID/maps, contents) of each writable mapping."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            memory.seek(start)
            try:
                yield line.rstrip(), memory.read(end - start)
            except OSError:  # unmapped meanwhile
                continue


def found(daemon, secrets):
    """The names of the secrets that are in the daemon's memory, with the mappings."""
    places = {}
    for mapping, contents in writable_memory(daemon.pid):
        for name, secret in secrets.items():
            if secret in contents:
                places.setdefault(name, []).append(mapping)
    return places


def keys_of(client, generation=""):
    """The secrets that both directions of the client use now."""
    secrets = {}
    for direction in DIRECTIONS:
        protection = getattr(client, direction)
        if hasattr(protection, "secret"):
            suite, secret = protection.suite, protection.secret
            secrets[f"{direction}'s traffic secret{generation}"] = secret
            secrets[f"{direction}'s key{generation}"] = expand_label(suite.hash_name, secret, b"key", b"", suite.key_length)
        else:
            secrets[f"{direction}'s key"] = protection.key
    return secrets


def secrets_of_handshake(client):
    if hasattr(client, "master_secret"):
        return {"master secret": client.master_secret, "pre-master secret": client._pre_master}
    return {"client's handshake secret": client.client_secret, "server's handshake secret": client.server_secret,
            "resumption secret": client.resumption_secret, **handshake_key(client)}


def handshake_key(client):
    """The key of the client's records in a handshake of TLS 1.3."""
    suite = client.suite
    return {"client's handshake key": expand_label(suite.hash_name, client.client_secret, b"key", b"", suite.key_length)}


def session(daemon, version, suite):
    if version == 12:
        return Tls12Client(Link(daemon.address()), hello12(suites=[suite]))
    return Tls13Client(Link(daemon.address()), hello13(suites=[suite]))


@pytest.fixture
def daemon(culvert, echo):
    one = culvert(backend=echo.address, globals_={"workers": 1}, level="info")
    fresh_connection(one, service="main", limit=5)
    one.wait_idle()
    return one


@ALL_SUITES
def test_no_key_outlives_its_session(daemon, version, suite):
    with session(daemon, version, suite) as client:
        established(client)
        keys = keys_of(client)
        here = found(daemon, keys)
        assert set(here) == set(keys), f"the search must find the keys of an open tunnel: {here}"
        assert client.finish().clean
        assert client.suite.code == suite
    daemon.wait_idle()
    assert found(daemon, {**keys, **secrets_of_handshake(client)}) == {}


def test_a_key_update_wipes_the_keys_before_it(daemon):
    """Both directions change their keys, and the tunnel stays open."""
    with session(daemon, 13, 0x1301) as client:
        established(client)
        old = keys_of(client, " before the update")
        client.send_key_update(request=True)
        client.send(b"under new keys")
        assert client.read(14) == b"under new keys" and client.key_updates == [0]
        new = keys_of(client)
        assert set(found(daemon, {**old, **new})) == set(new)
        assert client.finish().clean


@pytest.mark.skipif(not OWN_RECORDS, reason="wolfSSL keeps the master secret of TLS 1.2 with the session")
@ALL_SUITES
def test_the_handshake_leaves_no_secrets_in_an_open_tunnel(daemon, version, suite):
    """Only the keys of the records are needed behind the handshake."""
    with session(daemon, version, suite) as client:
        if version == 13:
            flight(client)
            secrets = handshake_key(client)
        else:
            exchanged(client)
            secrets = {"master secret": client.master_secret}
        eventually(lambda: set(found(daemon, secrets)) == set(secrets), 5, "the search finds secrets of a handshake in progress")
        client.send_finished()
        if version == 12:
            client.read_server_finished()
        client.send(b"ping")
        assert client.read(4) == b"ping"
        assert found(daemon, secrets_of_handshake(client)) == {}
        assert client.finish().clean
