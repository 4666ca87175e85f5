# SPDX-License-Identifier: GPL-3.0-or-later
"""Done: one client was refused again and again, another one once. Seen: the other one's line was counted among the
repeats, so that its address and certificate were nowhere. Right: each source has its lines, and the summary says how
many sources there were, and names the first."""

import socket

from harness.util import slack

NOISY = 40


def refused(address, source):
    with socket.create_connection(address, slack(10), (source, 0)) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while sock.recv(4096):
            pass


def test_a_noisy_client_does_not_hide_another(culvert, echo):
    daemon = culvert(backend=echo.address, level="info")
    for _ in range(NOISY):
        refused(daemon.address(), "127.0.0.2")
    daemon.wait_counter("handshakes_failed_bad_hello", NOISY)
    refused(daemon.address(), "127.0.0.3")
    assert daemon.wait_log(lambda line: line.get("client", "").startswith("127.0.0.3:"))["cause"] == \
        "tls-sent:unexpected_message"
    daemon.terminate()
    summary = daemon.wait_log("repeated ")
    assert (int(summary["repeated"]), summary["sources"], summary["first_sources"]) == (NOISY - 5, "1", "127.0.0.2"), summary
