# SPDX-License-Identifier: GPL-3.0-or-later
"""A client whose ticket of another server allows early data: culvert takes none of it, and serves the client all the same.
What the raw client can do here is in the table of conformance."""

import socket
import subprocess

import pytest

from harness import eventually, slack
from harness.util import free_port
from harness.wellbeing import ended, steady  # noqa: F401


@pytest.fixture
def generous(spawn, pki):
    """The port of an openssl s_server whose tickets allow early data; its name and certificate are culvert's."""
    port = free_port()
    spawn(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pki.ecdsa.chain, "-key", pki.ecdsa.key,
           "-early_data", "-tls1_3"], name="generous", stdin=subprocess.PIPE)

    def listens():
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    eventually(listens, 5, "openssl s_server")
    return port


def s_client(address, *args, line=b"Q-line\n"):
    result = subprocess.run(["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-tls1_3", "-ign_eof", *args],
                            input=line, capture_output=True, timeout=slack(15))
    return result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")


@pytest.mark.wolfssl(5, 9)  # 5.5 does not skip it: bad_record_mac
@pytest.mark.parametrize("size", [20, 12000])
def test_early_data_of_openssl_is_turned_down_and_the_rest_served(steady, one_line, generous, need, workdir, size):
    """OpenSSL sends early data in front of its line; the backend gets the line and not a byte of the data."""
    need("openssl")
    daemon = steady(one_line.address)
    session, early = workdir / "session.pem", workdir / "early"
    early.write_bytes(b"E" * size)

    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{generous}", "-tls1_3", "-sess_out",
                           str(session)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as client:
        eventually(lambda: session.exists() and session.stat().st_size, 5, "a ticket that allows early data")
        client.stdin.close()
    said = s_client(daemon.address(), "-sess_in", str(session), "-early_data", str(early))
    assert "Early data was rejected" in said and "answer" in said and "New, TLSv1.3" in said, said
    assert ended(daemon)["resumed"] == "false"
    assert bytes(one_line.connections[0].data) == b"Q-line\n"
