# SPDX-License-Identifier: GPL-3.0-or-later
"""A burst of ClientHellos froze established tunnels: with 3,000 hellos at one worker an echo took 0.5 s with P-256 and
3 s with RSA-2048, because a turn of the loop did all the handshakes that were ready. Right: a turn spends a bounded
time on handshakes, established tunnels come first, and no handshake starves."""

import os
import select
import signal

from cryptography.hazmat.primitives.asymmetric import rsa

from raw_tls import Link, Tls13Client

HELLOS = 150


def answered(clients):
    """How many clients have had something from culvert."""
    poller = select.poll()
    for client in clients:
        poller.register(client.link.sock, select.POLLIN)
    return len(poller.poll(0))


def test_an_established_tunnel_comes_before_waiting_handshakes(culvert, echo, connect, pki):
    slow = pki.ca.issue("rsa4096", private=rsa.generate_private_key(public_exponent=65537, key_size=4096))
    daemon = culvert(backend=echo.address, service={"cert": slow.chain, "key": slow.key, "handshake-timeout": "60s"},
                     globals_={"workers": 1})
    established = connect(daemon)
    established.echo()
    clients = [Tls13Client(Link(daemon.address(), timeout=30)) for _ in range(HELLOS)]
    try:
        daemon.wait_counter("tunnels_active", HELLOS + 1)
        os.kill(daemon.pid, signal.SIGSTOP)
        for client in clients:
            client.send_client_hello()
        established.send(b"during")
        os.kill(daemon.pid, signal.SIGCONT)
        assert established.recv_exactly(6) == b"during"
        at_echo = answered(clients)
        assert at_echo < HELLOS / 2, f"the echo came after {at_echo} of {HELLOS} handshakes"
        for client in clients:
            client.read_server_hello()
            client.read_server_flight()
            client.send_finished()
        daemon.wait_counter("handshakes_ok", HELLOS + 1)
        assert daemon.counters()["handshake_slices_full"] > 0
    finally:
        for client in clients:
            client.link.close()
