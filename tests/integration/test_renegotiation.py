# SPDX-License-Identifier: GPL-3.0-or-later
"""openssl s_client asks for a renegotiation of TLS 1.2 (`R`), and for new keys of TLS 1.3 (`K`, `k`); compression is
never agreed on."""

import pytest

from harness import WOLFSSL
from harness.programs import Dialogue, openssl

pytestmark = pytest.mark.records


@pytest.fixture
def talk(culvert, echo):
    """A daemon and a dialogue with it that has had its first answer."""
    def start(*options):
        daemon = culvert(backend=echo.address)
        client = Dialogue(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port()}", "-servername", "localhost",
                           *options])
        client.say("hello through culvert")
        client.expect("hello through culvert")
        return daemon, client
    return start


def test_renegotiation_is_refused(talk):
    """By the warning no_renegotiation (RFC 5246 7.2.2), which s_client takes for the end. The other side of RFC 5746 is
    shown too: the extension itself is spoken, so that clients need not doubt."""
    daemon, client = talk("-tls1_2")
    client.say("R")
    client.expect("RENEGOTIATING")
    client.expect("no renegotiation" if WOLFSSL >= (5, 9) else "SSL alert number 10")
    assert client.end() != 0
    assert "Secure Renegotiation IS supported" in client.text
    daemon.wait_closed()


@pytest.mark.parametrize("command", ["K", "k"], ids=["requested", "not-requested"])
def test_new_keys_are_taken_and_given(talk, command):
    daemon, client = talk("-tls1_3")
    for number in range(3):
        client.text = ""
        client.say(command)
        client.expect("KEYUPDATE")
        client.say(f"after update {number}")
        client.expect(f"after update {number}")
    assert client.end() == 0, client.text
    assert daemon.wait_closed()["cause"] == "client-fin"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_compression_never(culvert, echo, version):
    daemon = culvert(backend=echo.address)
    answer = openssl(daemon.port(), version, "-comp")
    assert answer.agreed and "Compression: NONE" in answer.text, answer.text
