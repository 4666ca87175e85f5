# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that was stopped longer than a limit reads what waits before it judges the limit.

Done: SIGSTOP for longer than idle-timeout, with data on its way in ten tunnels, then SIGCONT. Seen: 0 of 10 tunnels
survived (haproxy and stunnel: 10). Right: 10. A handshake whose client has spoken meanwhile goes on, too.
"""

import signal
import ssl
import threading
import time

from harness import Backend, TlsClient, eventually


def stopped(daemon):
    """The kernel has it that every thread is stopped."""
    with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


def stop_for(daemon, seconds, meanwhile):
    """SIGSTOP, then `meanwhile()`, then SIGCONT once `seconds` have passed: a limit that is shorter has passed for sure."""
    daemon.signal(signal.SIGSTOP)
    try:
        eventually(lambda: stopped(daemon), 5, "the process to stop")
        begin = time.monotonic()
        meanwhile()
        while time.monotonic() - begin < seconds:
            time.sleep(seconds - (time.monotonic() - begin))  # the time itself is what is tested
    finally:
        daemon.signal(signal.SIGCONT)


def test_tunnels_with_data_waiting_survive(culvert, echo, connect):
    daemon = culvert(backend=echo.address, globals_={"workers": 1}, service={"idle-timeout": "3s"})
    clients = [connect(daemon) for _ in range(10)]
    for client in clients:
        client.echo()
    stop_for(daemon, 3.2, lambda: [client.send(b"while it was stopped") for client in clients])
    for client in clients:
        assert client.recv_exactly(20) == b"while it was stopped"


def test_a_handshake_goes_on(culvert, echo, pki):
    """The hello comes while the process is stopped, for longer than handshake-timeout; the client's last flight can only
    come afterwards."""
    daemon = culvert(backend=echo.address, globals_={"workers": 1}, service={"handshake-timeout": "2s"})
    client = TlsClient(daemon.address(), pki.context(), handshake=False)
    eventually(lambda: daemon.open_tunnels() == 1, 5, "the tunnel")

    def hello():
        try:
            client.tls.do_handshake()
        except ssl.SSLWantReadError:
            client.flush()

    try:
        stop_for(daemon, 2.2, hello)
        client.handshake()
        client.echo()
    finally:
        client.sock.close()


def test_the_answer_to_a_half_close_arrives(culvert, backend, connect):
    """half-close-timeout passes while the process is stopped, and the backend's answer and end are there."""
    go_on = threading.Event()

    def serve(connection):
        connection.read_to_end()
        go_on.wait(10)
        connection.sock.sendall(b"answer")

    server = backend(Backend, serve)
    daemon = culvert(backend=server.address, globals_={"workers": 1}, service={"half-close-timeout": "1s"})
    client = connect(daemon)
    client.send(b"request")
    client.close_notify()
    assert server.wait_connection().wait_end() == "fin"
    stop_for(daemon, 1.3, go_on.set)
    assert client.recv_to_end() == b"answer"
    closed = daemon.wait_closed()
    assert closed["cause"] == "client-fin" and "detail" not in closed.fields
