# SPDX-License-Identifier: GPL-3.0-or-later
"""handshake-rate: full handshakes beyond the rate wait for the turn of their network; resumed sessions never wait."""

import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import Config, Echo, TlsClient, Truncated, eventually, slack
from harness.util import free_port

REFUSED = (Truncated, ConnectionError, ssl.SSLError)
RATE = 20
FLOOD = 60


def one(backend, service=None, **globals_):
    return Config({"main": {"backend": backend, **(service or {})}}, globals_={"workers": 1, **globals_})


class Clients:
    """Clients in threads. Each makes one full handshake, has one echo, and notes when: `done` has the numbers in order."""

    def __init__(self, address, context):
        self.address, self.context = address, context
        self.lock = threading.Lock()
        self.done, self.failed, self.threads = [], [], []

    def start(self, name, source):
        thread = threading.Thread(target=self._run, args=(name, source), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _run(self, name, source):
        begun = time.monotonic()
        try:
            with TlsClient(self.address, self.context, source=(source, 0), timeout=slack(60)) as client:
                took = time.monotonic() - begun
                client.echo()
                with self.lock:
                    self.done.append((name, took))
                client.close()
        except REFUSED as error:
            with self.lock:
                self.failed.append((name, repr(error)))

    def join(self):
        for thread in self.threads:
            thread.join(slack(60))
        assert not any(thread.is_alive() for thread in self.threads)


def session_of(daemon, context, **options):
    """A ticket, from a full handshake."""
    with TlsClient(daemon.address(), context, **options) as client:
        client.echo()
        session = client.tls.session
        client.close()
    assert session is not None and session.has_ticket
    return session


def exhaust(daemon, clients, count, source="127.0.0.1"):
    """Starts a flood and waits until its handshakes queue."""
    before = daemon.counters()["handshakes_delayed"]
    for number in range(count):
        clients.start(("flood", number), source)
    daemon.wait_counter("handshakes_delayed", before + count // 2)


@pytest.mark.parametrize("scope", ["service", "global"])
def test_other_networks_do_not_wait_for_a_flood(culvert, backend, pki, scope):
    """60 clients of one network come at once. Each client of another network that comes then is served before most of
    the flood that was there before it."""
    address = backend(Echo).address
    limit = {"handshake-rate": RATE}
    options = {"handshake-timeout": "60s"}
    daemon = culvert(one(address, {**limit, **options}) if scope == "service" else one(address, options, **limit))
    clients = Clients(daemon.address(), pki.context())
    exhaust(daemon, clients, FLOOD)
    for number in range(1, 6):
        clients.start(("other", number), f"127.0.{number}.1")
    clients.join()
    assert not clients.failed
    order = [name for name, _ in clients.done]
    assert len(order) == FLOOD + 5
    places = [order.index(("other", number)) for number in range(1, 6)]
    print(f"served at places {places} of {len(order)}; the flood's last took "
          f"{max(took for name, took in clients.done if name[0] == 'flood'):.2f} s")
    # Half of the flood queued before they came. Without fairness they would all be among the last.
    behind = [len(order) - place for place in places]
    assert min(behind) >= 10, places
    counters = daemon.counters()
    assert counters["handshakes_ok"] == FLOOD + 5
    assert counters["limit_handshake_rate"] == 0 and counters["handshakes_delayed"] >= FLOOD // 2


def test_the_rate_is_not_exceeded(culvert, backend, pki):
    """The flood cannot be faster than the rate, whatever the number of workers."""
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": RATE, "handshake-timeout": "60s"}, workers=2))
    clients = Clients(daemon.address(), pki.context())
    start = time.monotonic()
    for number in range(FLOOD):
        clients.start(("flood", number), f"127.0.{number % 3}.1")
    clients.join()
    took = time.monotonic() - start
    assert not clients.failed
    # A burst of a tenth of a second, and one reservation for each worker.
    assert took >= (FLOOD - RATE / 10 - 2) / RATE - 0.05, took


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_resumed_sessions_pass_under_a_flood(culvert, backend, pki, version):
    """They need no token, so they pass although the queue is full, and none of the flood gains from them."""
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 1, "handshake-timeout": "30s"}))
    context = pki.context(maximum=version, minimum=version)
    session = session_of(daemon, context)
    clients = Clients(daemon.address(), pki.context())
    exhaust(daemon, clients, 20)
    delayed = daemon.counters()["handshakes_delayed"]
    for _ in range(5):
        with TlsClient(daemon.address(), context, session=session) as client:
            client.echo()
            assert client.tls.session_reused
            session = client.tls.session
    counters = daemon.counters()
    assert counters["handshakes_resumed"] == 5
    assert counters["handshakes_delayed"] >= delayed
    assert counters["handshakes_ok"] - counters["handshakes_resumed"] < 20, "the flood was still waiting"
    daemon.signal(15)
    daemon.signal(15)
    clients.join()


def forged(hello):
    """The hello with one bit of its ticket changed: the name of the key stays."""
    at = hello.rindex(b"\x00\x29") if hello[:1] == b"\x16" else None
    assert at is not None
    # pre_shared_key is the last extension: type, length, length of the identities, length of the ticket, the ticket.
    changed = bytearray(hello)
    changed[at + 8 + 80] ^= 1
    return bytes(changed)


def test_a_forged_ticket_waits_like_any_other(culvert, backend, pki):
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 1, "handshake-timeout": "30s"}))
    context = pki.context(minimum="1.3")
    session = session_of(daemon, context)
    clients = Clients(daemon.address(), pki.context())
    exhaust(daemon, clients, 10)
    before = daemon.counters()["handshakes_delayed"]
    client = TlsClient(daemon.address(), context, session=session, handshake=False)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    client.sock.sendall(forged(client.outgoing.read()))
    daemon.wait_counter("handshakes_delayed", before + 1)
    client.sock.close()
    daemon.signal(15)
    daemon.signal(15)
    clients.join()


def test_too_many_of_one_network_are_refused_and_others_are_not(culvert, backend, pki):
    """64 may wait. The newest beyond them gets an alert at once, before any operation with a key."""
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 1, "handshake-timeout": "60s"}))
    waiting = []
    try:
        for _ in range(80):
            waiting.append(TlsClient(daemon.address(), pki.context(), source=("127.0.0.1", 0), handshake=False))
            with pytest.raises(ssl.SSLWantReadError):
                waiting[-1].tls.do_handshake()
            waiting[-1].flush()
        daemon.wait_counter("limit_handshake_rate", 1)
        line = daemon.wait_log("limit:handshake-rate")
        assert line["cause"] == "limit:handshake-rate" and line["client"].startswith("127.0.0.1:")
        delayed = daemon.counters()["handshakes_delayed"]
        other = TlsClient(daemon.address(), pki.context(), source=("127.0.1.1", 0), handshake=False)
        waiting.append(other)
        other.handshake()
        other.echo()
        counters = daemon.counters()
        assert counters["handshakes_delayed"] >= delayed
        assert counters["rejected_limit"] == counters["limit_handshake_rate"] >= 1
        assert counters["handshakes_failed_other"] == counters["handshakes_failed_timeout"] == 0
        refused = 0
        for client in waiting[:-1]:
            client.sock.settimeout(0.02)
            try:
                client.handshake()
            except TimeoutError:
                continue
            except ssl.SSLError as error:
                refused += "INTERNAL_ERROR" in str(error)
            except (OSError, Truncated):
                continue
        assert refused >= 1, "the client sees the alert internal_error"
    finally:
        for client in waiting:
            client.sock.close()
    daemon.wait_idle()


def test_the_turn_that_does_not_come_is_a_limit_and_no_handshake_timeout(culvert, backend, pki):
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 1, "handshake-timeout": "1s"}))
    clients = Clients(daemon.address(), pki.context())
    for number in range(20):
        clients.start(("flood", number), "127.0.0.1")
    clients.join()
    daemon.wait_idle()
    counters = daemon.counters()
    # The turn of one or two may come just before the end of their time.
    assert counters["limit_handshake_rate"] + counters["handshakes_failed_timeout"] == len(clients.failed)
    assert counters["limit_handshake_rate"] == counters["rejected_limit"] >= 10
    assert counters["handshakes_failed_timeout"] <= 3
    line = daemon.wait_log("limit:handshake-rate")
    assert line["detail"] == "its turn did not come within handshake-timeout"


def test_a_client_that_leaves_makes_room(culvert, backend, pki):
    """culvert notices at once that a waiting client has closed."""
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 1, "handshake-timeout": "60s"}))
    clients = [TlsClient(daemon.address(), pki.context(), handshake=False) for _ in range(10)]
    for client in clients:
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.flush()
    daemon.wait_counter("handshakes_delayed", 8)
    for client in clients:
        client.sock.close()
    daemon.wait_idle()
    assert daemon.counters()["limit_handshake_rate"] == 0


def test_established_tunnels_do_not_notice(culvert, backend, pki, connect):
    daemon = culvert(one(backend(Echo).address, {"handshake-rate": 2, "handshake-timeout": "30s"}))
    established = connect(daemon)
    established.echo()
    clients = Clients(daemon.address(), pki.context())
    exhaust(daemon, clients, 20)
    served = daemon.counters()["handshakes_ok"]
    for _ in range(50):
        established.echo()
    assert daemon.counters()["handshakes_ok"] - served < 20
    daemon.signal(15)
    daemon.signal(15)
    clients.join()


def test_a_reload_sets_and_removes_the_rate(culvert, backend, pki, connect):
    address = backend(Echo).address
    daemon = culvert(one(address))
    listen = {"listen": f"127.0.0.1:{daemon.port()}", "handshake-timeout": "60s"}
    for _ in range(5):
        connect(daemon).echo()
    assert daemon.counters()["handshakes_delayed"] == 0
    daemon.reload(one(address, {**listen, "handshake-rate": 1}))
    clients = Clients(daemon.address(), pki.context())
    exhaust(daemon, clients, 20)
    daemon.reload(one(address, listen))
    connect(daemon).echo()
    clients.join()
    assert not clients.failed, "those that waited are served once there is no rate"


def test_a_starttls_service_limits_its_handshakes(culvert, backend, pki):
    """The dialog comes first; the handshake behind it waits, and then goes on."""
    daemon = culvert(one(backend(Echo).address, {"starttls": "ldap", "handshake-rate": 1, "handshake-timeout": "60s"}))
    request = bytes.fromhex("301d02010177188016312e332e362e312e342e312e313436362e3230303337")
    clients = []

    def step(sock, tls, incoming, outgoing):
        """One call of do_handshake(), with its output sent; True when it is done."""
        try:
            tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            sock.sendall(outgoing.read())

    try:
        for _ in range(4):
            sock = socket.create_connection(daemon.address(), slack(15))
            sock.sendall(request)
            assert sock.recv(1024)[:1] == b"\x30"
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            clients.append((sock, pki.context().wrap_bio(incoming, outgoing, server_hostname="localhost"), incoming, outgoing))
            assert not step(*clients[-1])
        daemon.wait_counter("handshakes_delayed", 1)
        for client in clients:
            while not step(*client):
                piece = client[0].recv(16384)
                assert piece
                client[2].write(piece)
        daemon.wait_counter("handshakes_ok", 4)
    finally:
        for client in clients:
            client[0].close()
    daemon.wait_idle()


# -- the flood of full handshakes, with haproxy beside it ------------------------------------------------------------

HAPROXY = """
global
    maxconn 4000
    nbthread 1
    maxsslrate {rate}
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode tcp
    timeout connect 10s
    timeout client 30s
    timeout server 30s
listen front
    bind 127.0.0.1:{port} ssl crt {pem}
    server echo {backend}
"""


class Flood:
    """Processes of one network that send about `pace` hellos a second, and wait 0.4 s for each answer."""

    def __init__(self, address, pace, processes=2):
        count = max(1, int(pace * 0.4 / processes))
        script = (
            "import socket, ssl, sys, threading\n"
            "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
            "context.check_hostname, context.verify_mode = False, ssl.CERT_NONE\n"
            "context.maximum_version = ssl.TLSVersion.TLSv1_2\n"
            "incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()\n"
            "tls = context.wrap_bio(incoming, outgoing, server_hostname='localhost')\n"
            "try:\n    tls.do_handshake()\nexcept ssl.SSLWantReadError:\n    pass\n"
            "hello = outgoing.read()\n"
            "def run():\n"
            "    while True:\n"
            "        try:\n"
            f"            with socket.create_connection({address!r}, 10, ('127.0.0.1', 0)) as sock:\n"
            "                sock.sendall(hello)\n"
            "                sock.settimeout(0.4)\n"
            "                sock.recv(4096)\n"
            "        except OSError:\n            pass\n"
            f"threads = [threading.Thread(target=run, daemon=True) for _ in range({count})]\n"
            "[thread.start() for thread in threads]\n"
            "sys.stdin.read()\n")
        self.processes = [subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE)
                          for _ in range(processes)]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def normal_pace(address, context, seconds):
    """Ten networks, a handshake in a second each: the times in milliseconds, and how many got none."""
    times, lost, lock = [], [], threading.Lock()

    def network(number):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            try:
                with TlsClient(address, context, source=(f"127.0.{number}.1", 0), timeout=10) as client:
                    took = (time.monotonic() - begun) * 1000
                    client.close()
                with lock:
                    times.append(took)
            except (OSError, Truncated) as error:
                with lock:
                    lost.append(repr(error))
            time.sleep(max(0, begun + 1 - time.monotonic()))

    threads = [threading.Thread(target=network, args=(number,)) for number in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times), lost


def capacity(address, context, seconds=3):
    """Full handshakes a second that this machine makes now, with its clients."""
    made, end = [], time.monotonic() + seconds

    def run():
        while time.monotonic() < end:
            with TlsClient(address, context, timeout=30) as client:
                client.close()
            made.append(1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(made) / seconds


def accepts(address):
    try:
        socket.create_connection(address, 5).close()
    except OSError:
        return False
    return True


def percentile(times, share):
    return times[min(len(times) - 1, int(len(times) * share))] if times else float("inf")


@pytest.mark.full
@pytest.mark.nosan
def test_a_flood_from_one_network_beside_haproxy(culvert, backend, pki, workdir, need, connect):
    """A flood of full handshakes from one network at ten times the rate, ten others at a normal pace: p99, loss, and an
    established tunnel's worst echo. culvert and haproxy have the same rate, which this machine can do."""
    need("haproxy")
    echo, seconds = backend(Echo).address, 20
    daemon = culvert(one(echo))
    rate = max(20, min(200, int(capacity(daemon.address(), pki.context()) / 2)))
    print(f"rate {rate}/s, flood {10 * rate}/s")
    daemon.reload(one(echo, {"handshake-rate": rate, "listen": f"127.0.0.1:{daemon.port()}"}))
    pem = workdir / "haproxy.pem"
    pem.write_bytes(open(pki.ecdsa.chain, "rb").read() + open(pki.ecdsa.key, "rb").read())
    port = free_port()
    (workdir / "haproxy.cfg").write_text(HAPROXY.format(port=port, pem=pem, backend=echo, rate=rate))
    haproxy = subprocess.Popen([shutil.which("haproxy"), "-db", "-f", workdir / "haproxy.cfg"],
                               stdout=subprocess.DEVNULL, stderr=open(workdir / "haproxy.err", "wb"))
    figures = {}
    try:
        for name, address in (("culvert", daemon.address()), ("haproxy", ("127.0.0.1", port))):
            eventually(lambda: accepts(address), what=f"{name} accepts connections")
            established = TlsClient(address, pki.context())
            flood = Flood(address, 10 * rate)
            worst, stop = [0.0], threading.Event()

            def echoes():
                while not stop.wait(0.02):
                    begun = time.monotonic()
                    established.echo()
                    worst[0] = max(worst[0], (time.monotonic() - begun) * 1000)

            watcher = threading.Thread(target=echoes)
            try:
                time.sleep(2)
                watcher.start()
                times, lost = normal_pace(address, pki.context(), seconds)
            finally:
                stop.set()
                flood.stop()
            watcher.join()
            established.sock.close()
            figures[name] = percentile(times, 0.99), len(lost)
            print(f"{name}: {len(times)} handshakes of the ten networks, p50 {percentile(times, 0.5):.0f} ms, p99 "
                  f"{percentile(times, 0.99):.0f} ms, lost {len(lost)}; worst echo of an established tunnel {worst[0]:.0f} ms")
    finally:
        haproxy.kill()
        haproxy.wait()
    counters = daemon.counters()
    print({key: counters[key] for key in ("handshakes_ok", "handshakes_delayed", "limit_handshake_rate", "accepted")})
    assert figures["culvert"][1] == 0, "no client of the ten networks is refused"
    assert counters["handshakes_delayed"] > 0
