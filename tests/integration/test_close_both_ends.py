# SPDX-License-Identifier: GPL-3.0-or-later
"""Which end closes how, where culvert is the TLS client of the backend (originate), of both sides (re-encrypt), or of none
(passthrough).

    originate     client -> ENTRY -> exit -> backend
    re-encrypt    client -> entry -> MIDDLE -> exit -> backend
    passthrough   client -> entry -> MIDDLE -> exit -> backend

One daemon has all services. `entry` encrypts, `exit` decrypts, so both outer ends are plain sockets of the test. The service in
capitals is the one under test."""

import contextlib
import signal
import socket
import threading

import pytest

from harness import Config, Refuser, TlsBackend, eventually, pattern, scaled, sha256, slack
from harness.util import connect, free_port, reset_on_close
from raw_tls import RawServer, Tls13Client

KINDS = ["originate", "re-encrypt", "passthrough"]
BLOCK = pattern(1 << 16)


class Chain:
    """The services of one kind. `far` replaces the backend of the service under test; then there is no `exit`."""

    def __init__(self, start, pki, kind, far=None, ca=None, globals_=None, **options):
        self.kind, self.pki = kind, pki
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(slack(10))
        self.ports = {name: free_port() for name in ("middle", "exit")}
        options = {key.replace("_", "-"): value for key, value in options.items()}
        beyond = far or f"localhost:{self.ports['exit']}"
        self.name = "entry" if kind == "originate" else "middle"
        upstream = {"backend-tls": "on", "backend-ca": pki.ca_file}
        services = {"entry": {"tls": "off", "backend": beyond, **upstream}}
        if kind != "originate":
            services["entry"]["backend"] = f"localhost:{self.ports['middle']}"
            services["middle"] = {"listen": f"127.0.0.1:{self.ports['middle']}", "backend": beyond,
                                  **({"tls": "passthrough"} if kind == "passthrough" else {"tls": "on", **upstream})}
        if far is None:
            services["exit"] = {"listen": f"127.0.0.1:{self.ports['exit']}",
                                "backend": f"127.0.0.1:{self.listener.getsockname()[1]}"}
        services[self.name].update(options)
        self.config = Config(services, globals_={"workers": 2, **(globals_ or {})})
        self.daemon = start(self.config)
        self.sockets = []

    def open(self):
        """A client and the backend's end of its tunnel."""
        client = connect(self.daemon.address("entry"), slack(10))
        self.sockets.append(client)
        client.sendall(b"hello")
        server, _ = self.listener.accept()
        server.settimeout(slack(10))
        self.sockets.append(server)
        assert exactly(server, 5) == b"hello"
        return client, server

    def closed(self, name=None, timeout=5):
        """The end-of-tunnel line of the service under test."""
        name = name or self.name
        return self.daemon.wait_log(lambda line: "cause" in line.fields and line.get("service") == name, timeout)

    def close(self):
        for sock in [*self.sockets, self.listener]:
            sock.close()


@pytest.fixture
def chain(culvert, pki):
    made = []

    def start(kind, **options):
        made.append(Chain(culvert, pki, kind, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def exactly(sock, count):
    got = bytearray()
    while len(got) < count:
        piece = sock.recv(min(count - len(got), 1 << 18))
        assert piece, f"ended after {len(got)} of {count} bytes"
        got += piece
    return bytes(got)


def to_end(sock):
    """What still comes, and how it ends: fin or reset."""
    got = bytearray()
    try:
        while piece := sock.recv(1 << 18):
            got += piece
    except ConnectionResetError:
        return bytes(got), "reset"
    return bytes(got), "fin"


def reset(sock):
    reset_on_close(sock)
    sock.close()


def half_close(sock):
    sock.shutdown(socket.SHUT_WR)


# --- half-close

def test_the_answer_comes_after_the_clients_half_close(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    client.sendall(BLOCK)
    half_close(client)
    assert to_end(server) == (BLOCK, "fin")
    server.sendall(BLOCK * 16)
    server.close()
    assert to_end(client) == (BLOCK * 16, "fin")
    assert rig.closed()["cause"] == "client-fin"


def test_the_client_goes_on_after_the_backends_half_close(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    server.sendall(BLOCK)
    half_close(server)
    assert to_end(client) == (BLOCK, "fin")
    sender = threading.Thread(target=lambda: (client.sendall(BLOCK * 16), half_close(client)))
    sender.start()
    assert to_end(server) == (BLOCK * 16, "fin")
    sender.join()
    assert rig.closed()["cause"] == "backend-fin"


def test_an_end_of_the_client_without_a_byte_is_passed_on(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    half_close(client)
    assert to_end(server) == (b"", "fin")
    server.close()
    assert to_end(client) == (b"", "fin")
    assert rig.closed()["cause"] == "client-fin"


# --- resets

def test_a_reset_of_the_client_reaches_the_backend_as_a_reset(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    client.sendall(BLOCK)
    assert exactly(server, len(BLOCK)) == BLOCK
    reset(client)
    assert to_end(server) == (b"", "reset")
    assert rig.closed()["cause"] == "client-reset"


def test_a_reset_of_the_backend_reaches_the_client_as_a_reset(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    server.sendall(BLOCK)
    assert exactly(client, len(BLOCK)) == BLOCK
    reset(server)
    assert to_end(client) == (b"", "reset")
    assert rig.closed()["cause"] == "backend-reset"


def test_a_reset_in_the_middle_of_an_answer_is_never_a_clean_end(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    with contextlib.suppress(TimeoutError):
        server.settimeout(0.2)
        while True:
            server.sendall(BLOCK)
    reset(server)
    assert to_end(client)[1] == "reset"
    assert rig.closed()["cause"] == "backend-reset"


def test_a_reset_in_the_middle_of_an_upload_is_never_a_clean_end(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    with contextlib.suppress(TimeoutError):
        client.settimeout(0.2)
        while True:
            client.sendall(BLOCK)
    reset(client)
    assert to_end(server)[1] == "reset"
    assert rig.closed(timeout=10)["cause"] == "client-reset"


def test_a_reset_after_the_half_close_of_the_client(chain, kind):
    """The backend resets instead of an answer."""
    rig = chain(kind)
    client, server = rig.open()
    half_close(client)
    assert to_end(server) == (b"", "fin")
    reset(server)
    assert to_end(client) == (b"", "reset")
    assert rig.closed()["cause"] in ("client-fin", "backend-reset")


# --- TLS truncation

@pytest.mark.parametrize("end", ["reset", "fin"])
@pytest.mark.parametrize("name", ["originate", "re-encrypt"])
def test_a_truncated_backend_is_an_abort_unless_configured(chain, pki, name, end):
    """The backend's FIN without close_notify: RST for the client; with backend-on-truncation = fin a clean end."""
    def act(server):
        server.handshake()
        server.read(5)
        server.send(b"answer")
        server.link.fin()
        with contextlib.suppress(Exception):
            server.outcome()

    with RawServer(act, pki.ecdsa) as server:
        rig = chain(name, far=server.address, backend_on_truncation=end)
        client = connect(rig.daemon.address("entry"), slack(10))
        rig.sockets.append(client)
        client.sendall(b"hello")
        assert exactly(client, 6) == b"answer"
        assert to_end(client) == (b"", end)
        if end == "fin":
            half_close(client)
        assert rig.closed()["cause"] == "backend-truncated"


def test_passthrough_leaves_a_truncation_to_the_ends(chain, pki):
    """For passthrough the end of TCP is a clean end. The client of the TLS session sees the truncation."""
    def act(server):
        server.handshake()
        server.read(5)
        server.send(b"answer")
        server.link.fin()
        with contextlib.suppress(Exception):
            server.outcome()

    with RawServer(act, pki.ecdsa) as server:
        rig = chain("passthrough", far=server.address)
        client = connect(rig.daemon.address("entry"), slack(10))
        rig.sockets.append(client)
        client.sendall(b"hello")
        assert exactly(client, 6) == b"answer"
        assert to_end(client) == (b"", "reset")
        assert rig.closed("entry")["cause"] == "backend-truncated"
        assert rig.closed("middle")["cause"] == "backend-fin"


@pytest.mark.parametrize("name, cause, exit_cause, end, options", [
    ("re-encrypt", "client-truncated", "client-reset", "reset", {}),
    ("re-encrypt", "client-truncated", "client-fin", "fin", {"on_truncation": "fin"}),
    ("passthrough", "client-fin", "client-truncated", "reset", {}),
])
def test_a_truncated_client_is_an_abort_unless_configured(chain, name, cause, exit_cause, end, options):
    """With passthrough, the server of the TLS session is `exit`, which sees the truncation."""
    rig = chain(name, **options)
    with Tls13Client(rig.daemon.address("middle")) as client:
        client.handshake().send(b"hello")
        server, _ = rig.listener.accept()
        rig.sockets.append(server)
        server.settimeout(slack(10))
        assert exactly(server, 5) == b"hello"
        client.link.fin()
        assert to_end(server) == (b"", end)
        server.close()
    assert rig.closed()["cause"] == cause
    assert rig.closed("exit")["cause"] == exit_cause


# --- limits

def test_a_client_that_does_not_read_is_stalled(chain, kind):
    rig = chain(kind, stall_timeout="700ms")
    client, server = rig.open()
    assert push(server, rig) == "reset"
    assert rig.closed()["cause"] == "client-stalled"
    assert to_end(client)[1] == "reset"


def test_a_backend_that_does_not_read_is_stalled(chain, kind):
    rig = chain(kind, stall_timeout="700ms")
    client, server = rig.open()
    assert push(client, rig) == "reset"
    assert rig.closed()["cause"] == "backend-stalled"
    assert to_end(server)[1] == "reset"


def push(sock, rig):
    """Sends until the tunnel under test has ended, because nobody reads at the other end. Returns how this end is ended."""
    sock.settimeout(0.05)
    how = []

    def ended():
        try:
            sock.send(BLOCK * 16)
        except TimeoutError:
            pass
        except (ConnectionResetError, BrokenPipeError):  # the kernel reports a reset once
            how.append("reset")
        return how or rig.daemon.find_log(lambda line: "cause" in line.fields and line.get("service") == rig.name)

    eventually(ended, 10, "the stalled tunnel to end", every=0)
    sock.settimeout(slack(10))
    return how[0] if how else to_end(sock)[1]


def test_half_close_timeout_ends_a_silent_backend(chain, kind):
    rig = chain(kind, half_close_timeout="500ms")
    client, server = rig.open()
    half_close(client)
    assert to_end(server) == (b"", "fin")
    line = rig.closed()
    assert line["cause"] == "client-fin" and "half-close-timeout" in line["detail"], line
    assert to_end(client) == (b"", "reset")


def test_half_close_timeout_ends_a_silent_client(chain, kind):
    rig = chain(kind, half_close_timeout="500ms")
    client, server = rig.open()
    half_close(server)
    assert to_end(client) == (b"", "fin")
    line = rig.closed()
    assert line["cause"] == "backend-fin" and "half-close-timeout" in line["detail"], line
    assert to_end(server) == (b"", "reset")


def test_idle_timeout_aborts_both_ends(chain, kind):
    rig = chain(kind, idle_timeout="500ms")
    client, server = rig.open()
    assert rig.closed()["cause"] == "idle"
    assert to_end(client) == (b"", "reset")
    assert to_end(server) == (b"", "reset")


# --- the beginning

def test_the_clients_bytes_wait_for_a_backend_that_comes_back(chain, backend, pki, kind):
    """The backend refuses at first. What the client sent meanwhile, and its end, arrive."""
    refuser = backend(Refuser)
    rig = chain(kind, far=f"localhost:{refuser.port}")
    with connect(rig.daemon.address("entry"), slack(15)) as client:
        client.sendall(BLOCK)
        half_close(client)
        rig.daemon.wait_counter("backend_connects_retried", 6)
        refuser.open(lambda **options: TlsBackend(pki.ecdsa, **options))
        assert to_end(client) == (BLOCK, "fin")
    assert rig.closed()["cause"] == "client-fin"


@pytest.mark.parametrize("name", ["originate", "re-encrypt"])
def test_data_from_before_the_backends_handshake_arrives(chain, pki, name):
    """The client has sent everything, and its end, before the backend answers the ClientHello."""
    go = threading.Event()

    def act(server):
        server.read_client_hello()
        assert go.wait(slack(10))
        server.send_server_hello()
        server.send_flight()
        server.read_finished()
        result = server.outcome()
        assert result.data == BLOCK and result.close_notify
        server.send(b"answer")
        server.close_notify()

    with RawServer(act, pki.ecdsa) as server:
        rig = chain(name, far=server.address)
        with connect(rig.daemon.address("entry"), slack(10)) as client:
            client.sendall(BLOCK)
            half_close(client)
            rig.daemon.wait_counter("tunnels_opened", 1 if name == "originate" else 2)
            go.set()
            # culvert's direction is still open when it has sent close_notify and its FIN
            assert to_end(client) == (b"answer", "fin")
        server.wait()
    assert rig.closed()["cause"] == "client-fin"


@pytest.mark.parametrize("name", ["originate", "re-encrypt", "passthrough"])
def test_large_transfers_both_ways_at_once(chain, name):
    size = scaled((64 if name == "re-encrypt" else 4) << 20, least=1 << 20)
    rig = chain(name)
    client, server = rig.open()
    data = {client: pattern(size, seed=1), server: pattern(size, seed=2)}

    def send(sock):
        sock.sendall(data[sock])
        half_close(sock)

    got = {}
    threads = [threading.Thread(target=send, args=(sock,)) for sock in data]
    threads.append(threading.Thread(target=lambda: got.update(server=to_end(server))))
    for thread in threads:
        thread.start()
    got["client"] = to_end(client)
    for thread in threads:
        thread.join()
    assert [how for _, how in got.values()] == ["fin", "fin"]
    assert sha256(got["server"][0]) == sha256(data[client]) and sha256(got["client"][0]) == sha256(data[server])
    assert rig.closed(timeout=10)["cause"] in ("client-fin", "backend-fin")


# --- drain and reload

def test_a_drain_lets_tunnels_end_in_their_own_time(chain, kind):
    rig = chain(kind, globals_={"drain-timeout": "30s"})
    client, server = rig.open()
    rig.daemon.signal(signal.SIGTERM)
    rig.daemon.wait_log("draining")
    client.sendall(BLOCK)
    assert exactly(server, len(BLOCK)) == BLOCK
    server.sendall(BLOCK)
    server.close()
    assert exactly(client, len(BLOCK)) == BLOCK
    client.close()
    assert rig.daemon.wait() == 0
    assert rig.closed()["cause"] in ("client-fin", "backend-fin")


def test_the_end_of_a_drain_aborts_both_ends(chain, kind):
    rig = chain(kind, globals_={"drain-timeout": "500ms"})
    client, server = rig.open()
    rig.daemon.terminate(expect=8)
    assert to_end(client) == (b"", "reset")
    assert to_end(server) == (b"", "reset")
    assert rig.closed()["cause"] in ("drain", "client-reset", "backend-reset")
    assert rig.daemon.find_log("cause=drain")


def test_a_reload_that_removes_the_service_keeps_its_tunnels(chain, kind):
    rig = chain(kind)
    client, server = rig.open()
    del rig.config.services[rig.name]
    rig.daemon.reload(rig.config)
    client.sendall(BLOCK)
    assert exactly(server, len(BLOCK)) == BLOCK
    half_close(client)
    assert to_end(server) == (b"", "fin")
    server.sendall(b"answer")
    server.close()
    assert to_end(client) == (b"answer", "fin")
    assert rig.closed()["cause"] == "client-fin"
