# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP doors against web pages, other users, slow and hostile clients; and where and when a door is open at all."""

import json
import os
import pwd
import random
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from harness import BINARY, SCALE, Config, Echo, Hanger, StartFailed, eventually, scaled, slack
from harness.bulk import Bulk
from harness.daemon import clean_environment, run_culvert
from harness.util import connect as dial
from harness.util import exchange, free_port, own_address

METRICS_PATHS = ["/metrics", "/live", "/ready", "/backends"]
ADMIN_PATHS = ["/", "/status", "/history", "/services", "/tunnels", "/certificates", "/explain"]
CHANGES = ["/reload", "/drain", "/tunnels/close?all=1", "/tunnels/1/close", "/services/main/drain",
           "/log-level?level=err"]


# -- a client of a few lines, because the tests send what no library would ------------------------------------------

class Answer:
    def __init__(self, raw):
        head, end, self.body = raw.partition(b"\r\n\r\n")
        assert end, raw[:200]
        first, *fields = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        self.text = self.body.decode()
        assert len(self.body) in (0, int(self.headers["content-length"])), "a part of the answer is missing"

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


def receive(sock):
    """Reads the answer. A reset may follow it if the client has sent more than the door reads."""
    raw = b""
    try:
        while piece := sock.recv(1 << 16):
            raw += piece
    except ConnectionResetError:
        pass
    return Answer(raw)


def raw(address, data):
    """Sends the bytes of a request and reads the answer."""
    with dial(address) as sock:
        sock.sendall(data)
        return receive(sock)


def ask(address, target, method="GET", host=None, **headers):
    """One request. Headers are keyword arguments with `_` for `-`."""
    host = host if host is not None else "localhost" if address.startswith("unix:") else address
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw(address, ("\r\n".join(lines) + "\r\n\r\n").encode())


def post(address, target, **headers):
    return ask(address, target, "POST", **{"Culvert_Admin": "1", **headers})


def door(daemon, name="admin", since=0):
    """The address of a door, from the newest line about it."""
    def is_line(line):
        return "http listening" in line and line.get("door") == name

    daemon.wait_log(is_line, since=since)
    return daemon.find_log(is_line, since)[-1]["address"]


def admin_threads(daemon):
    return [task for task, name in daemon.proc.threads().items() if name == "culvert-admin"]


@pytest.fixture
def both(culvert, backend):
    """A daemon with both doors on TCP: (daemon, admin address, metrics address)."""
    daemon = culvert(backend=backend(Echo).address, globals_={"admin": "127.0.0.1:0", "metrics": "127.0.0.1:0"})
    return daemon, door(daemon), door(daemon, "metrics")


# -- web pages in an operator's browser -----------------------------------------------------------------------------

def test_dns_rebinding_does_not_reach_the_admin_door(both):
    """A page of evil.example whose name now means 127.0.0.1 sends its own name as Host."""
    _, admin, metrics = both
    port = admin.rpartition(":")[2]
    for path in ADMIN_PATHS + METRICS_PATHS:
        for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1", "", metrics):
            answer = ask(admin, path, host=host)
            assert answer.status == 421 and "names another server" in answer.json()["error"], (path, host, answer)
    for host in (admin, f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert ask(admin, "/status", host=host).status == 200, host
    assert raw(admin, b"GET /status HTTP/1.0\r\n\r\n").status == 421
    for host in ("evil.example", "10.1.2.3:9100", ""):
        assert ask(metrics, "/metrics", host=host).status == 200, host


def test_a_page_of_another_site_changes_nothing(both, connect):
    daemon, admin, _ = both
    client = connect(daemon)
    client.echo()
    foreign = ["http://evil.example", "null", f"https://{admin}", "http://127.0.0.1", f"http://{admin}.evil.example"]
    for change in CHANGES:
        for origin in foreign:
            answer = post(admin, change, Origin=origin)
            assert answer.status == 403 and "another site" in answer.json()["error"], (change, origin, answer)
        answer = ask(admin, change, "POST")
        assert answer.status == 403 and "Culvert-Admin: 1" in answer.json()["error"], (change, answer)
        for value in ("", "0", "true", "11"):
            assert ask(admin, change, "POST", Culvert_Admin=value).status == 403, (change, value)
        form = ask(admin, change, "POST", Content_Type="text/plain", Content_Length="0")
        assert form.status == 403, change
        assert ask(admin, change).status == 405, change  # an image or a link
    client.echo()
    assert not daemon.find_log("admin: ") and not daemon.find_log("draining")
    assert daemon.counters()["reloads_ok"] == 0
    assert ask(admin, "/status").json()["draining"] is False
    own = post(admin, "/log-level?level=debug", Origin=f"http://{admin}")
    assert own.status == 200, own


def test_no_other_page_can_frame_or_script_the_page(both):
    _, admin, _ = both
    first, second = ask(admin, "/"), ask(admin, "/")
    for answer in (first, second):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, policy
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
        assert not {"access-control-allow-origin", "set-cookie", "server"} & set(answer.headers)
    nonces = [re.search(r"script-src 'nonce-([^']+)'", one.headers["content-security-policy"])[1]
              for one in (first, second)]
    assert nonces[0] != nonces[1] and f'nonce="{nonces[0]}"' in first.text


# -- the metrics door -----------------------------------------------------------------------------------------------

def test_the_metrics_door_serves_four_paths(both):
    _, _, metrics = both
    for path in METRICS_PATHS:
        eventually(lambda: ask(metrics, path).status == 200, what=path)  # /live: a loop may answer late
        head = ask(metrics, path, "HEAD")
        assert head.status in (200, 503) and head.body == b"", path
        for header in ({}, {"Culvert_Admin": "1"}):
            answer = ask(metrics, path, "POST", **header)
            assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD", (path, answer)
    for path in ADMIN_PATHS + ["/metrics/x", "/nothing", "/tunnels/1/close"]:
        answer = ask(metrics, path)
        assert answer.status == 404 and "/metrics, /live, /ready, /backends" in answer.json()["error"], (path, answer)
    for change in CHANGES:
        assert post(metrics, change).status == 405, change


def test_the_metrics_door_shows_no_client(both, connect):
    daemon, admin, metrics = both
    client = connect(daemon, source=("127.83.77.66", 0), name="localhost")
    client.echo()
    assert "127.83.77.66" in ask(admin, "/tunnels").text
    for path in METRICS_PATHS + ["/backends?json=1", "/metrics?client=127.83.77.66"]:
        assert "127.83.77.66" not in ask(metrics, path).text, path


# -- hostile requests -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("target", ["//status", "/status/", "/./status", "/x/../status", "/%2e%2e/status", "/..%2fstatus",
                                    "/%2fstatus", "/status%00", "/\\status", "/status%5c", "/%zz", "http://localhost/status",
                                    "*", "status", "/status#x", "/st\tatus"])
def test_path_tricks_are_refused(both, target):
    for address in both[1:]:
        answer = ask(address, target)
        assert answer.status == 400 and "path" in answer.json()["error"], answer


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    (b"POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    (b"POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413),
    (b"DELETE /live HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"GET /live HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET /live HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 8192 + b"\r\n\r\n", 431),
    (b"x" * 10000, 431),
], ids=range(15))
def test_malformed_and_oversized_requests_are_refused_with_words(both, request_bytes, status):
    for address in both[1:]:
        answer = raw(address, request_bytes)
        assert answer.status == status and answer.json()["error"], answer
        assert answer.headers["connection"] == "close"


def test_a_client_that_still_sends_sees_the_refusal(both):
    """The answer comes before the body is sent, and no reset overtakes it."""
    for address in both[1:]:
        with dial(address) as sock:
            sock.sendall(f"POST /live HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9999999\r\n\r\n".encode())
            try:
                for _ in range(10):
                    sock.sendall(b"b" * 10000)
            except OSError:  # a machine that is so busy that the door did not wait
                pass
            assert receive(sock).status == 413


def test_noise_does_no_harm(both, connect):
    """Random bytes, and requests with random changes: an answer that is not 5xx but for what culvert does not support, or an end."""
    daemon, admin, metrics = both
    random_ = random.Random(83)
    whole = f"POST /log-level?level=debug HTTP/1.1\r\nHost: {admin}\r\nCulvert-Admin: 1\r\nContent-Length: 3\r\n\r\nabc".encode()
    for number in range(scaled(300, least=60)):
        data = bytearray(random_.randbytes(random_.randrange(300)) if number % 3 == 0 else whole)
        for _ in range(random_.randrange(1, 4)):
            if data:
                data[random_.randrange(len(data))] = random_.choice(b"\0\r\n /:%?&=\xff1Aa")
        got, _ = exchange(metrics if number % 2 else admin, bytes(data))
        if got:
            assert Answer(got).status in (200, 400, 403, 404, 405, 413, 417, 421, 431, 501, 505), (data, got)
    assert daemon.running() and ask(metrics, "/ready").status == 200
    connect(daemon).echo()


def test_odd_bytes_in_paths_and_parameters_come_back_as_json(both):
    daemon, admin, _ = both
    for target in ("/tunnels?state=%ff%22%5c", "/tunnels?%ff=1", "/services?limit=%ff", "/log-level?level=%ff%22"):
        answer = post(admin, target) if "log-level" in target else ask(admin, target)
        assert answer.status == 400 and answer.json()["error"], (target, answer)
    assert post(admin, "/tunnels/%ff%22/close").status == 400
    assert post(admin, "/services/%ff%22%20x/drain").status == 404
    assert daemon.running()


@pytest.mark.slow
def test_slow_requests_end_after_five_seconds(both):
    """A request that is silent and one that drips: both get 408, and neither earlier."""
    _, admin, metrics = both
    start = time.monotonic()
    with dial(metrics) as silent, dial(admin) as dripping:
        silent.settimeout(slack(30))
        silent.sendall(b"GET /live HT")
        answers = []
        reader = threading.Thread(target=lambda: answers.append(receive(dripping)))
        reader.start()
        for byte in b"GET /live HTTP/1.1\r\nX: " + b"x" * 1000:
            try:
                dripping.sendall(bytes([byte]))
            except OSError:
                break
            reader.join(0.1)
            if not reader.is_alive():
                break
        reader.join(slack(20))
        answers.append(receive(silent))
    assert time.monotonic() - start > 4
    assert [answer.status for answer in answers] == [408, 408]
    assert all("in time" in answer.json()["error"] for answer in answers)


# -- many clients, and tunnels beside them --------------------------------------------------------------------------

def thread_cpu(daemon, task):
    fields = open(f"/proc/{daemon.pid}/task/{task}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_stalled_clients_cost_tunnels_nothing(both, connect):
    """64 stalled clients take all places of the doors. Tunnels work, the thread of the doors sleeps, and the next client
    is served when a place is free."""
    daemon, admin, metrics = both
    tunnel = connect(daemon)
    tunnel.echo()
    task, = admin_threads(daemon)
    stalled = [dial(metrics if number % 2 else admin) for number in range(64)]
    try:
        for sock in stalled:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        with dial(metrics) as waiting:
            waiting.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
            before, start = thread_cpu(daemon, task), time.monotonic()
            for _ in range(scaled(300, least=30)):
                tunnel.echo()
            connect(daemon).echo()
            assert thread_cpu(daemon, task) - before < 0.05 + (time.monotonic() - start) / 3, "the thread spins"
            stalled.pop().close()
            assert receive(waiting).status == 200
    finally:
        for sock in stalled:
            sock.close()
    assert ask(metrics, "/ready").status == 200
    tunnel.echo()
    assert not daemon.find_log("stuck")


def test_clients_of_metrics_cannot_shut_out_the_operator(both):
    _, admin, metrics = both
    stalled = [dial(metrics) for _ in range(100)]
    try:
        for sock in stalled:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        assert ask(admin, "/status").status == 200
        assert post(admin, "/log-level?level=debug").status == 200
    finally:
        for sock in stalled:
            sock.close()
    assert ask(metrics, "/ready").status == 200


def test_fifty_scrapers_at_once(both, connect):
    daemon, _, metrics = both
    connect(daemon).echo()
    results = []

    def scrape():
        for path in METRICS_PATHS:
            answer = ask(metrics, path)
            results.append(200 if path == "/live" and answer.status == 503 else answer.status)  # a loop may answer late

    threads = [threading.Thread(target=scrape) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 200


@pytest.mark.slow
def test_scrapers_that_never_read_a_large_answer(culvert, pki, workdir):
    """On a UNIX socket, whose queue is short, the answer does not fit. Others are served meanwhile."""
    count = scaled(700, least=50)
    backend = Bulk("hold-backend")
    daemon = culvert(backend=f"127.0.0.1:{backend.line()['port']}", globals_={"admin": f"unix:{workdir}/admin.sock"},
                     level="info")
    address = door(daemon)
    clients = Bulk("hold-client", port=daemon.port(), ca=pki.ca_file, count=count, version="1.3")
    try:
        assert clients.line(180) == {"held": count, "errors": []}
        deaf = [dial(address) for _ in range(10)]
        for sock in deaf:
            sock.sendall(b"GET /tunnels?limit=10000 HTTP/1.0\r\n\r\n")
        whole = ask(address, "/tunnels?limit=10000")
        assert whole.status == 200 and len(whole.json()["tunnels"]) == count
        assert SCALE < 1 or len(whole.body) > 250_000, "the answer fits into the queue of the socket"
        assert ask(address, "/ready").status == 200
        assert receive(deaf[0]).json()["matched"] == count  # the answer waits for its reader
        for sock in deaf:
            sock.close()
        clients.tell()
        daemon.wait_idle(60)
        assert ask(address, "/tunnels").json()["tunnels"] == []
    finally:
        clients.stop()
        backend.stop()


# -- UNIX sockets and users -----------------------------------------------------------------------------------------

ASK_AS = """
import socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    try:
        sock.connect(sys.argv[1])
    except OSError as error:
        sys.exit(f"errno {error.errno}")
    sock.sendall(b"POST /log-level?level=debug HTTP/1.0\\r\\nCulvert-Admin: 1\\r\\n\\r\\n")
    print(sock.recv(100).split(b"\\r\\n")[0].decode())
"""


def ask_as(path, user, group):
    return subprocess.run([sys.executable, "-I", "-c", ASK_AS, str(path)], user=user, group=group, extra_groups=[], cwd="/",
                          capture_output=True, text=True, timeout=slack(20), check=False)


@pytest.mark.root
def test_a_unix_door_is_for_its_group(culvert, backend, workdir):
    path = workdir / "admin.sock"
    daemon = culvert(backend=backend(Echo).address, globals_={"admin": f"unix:{path}"})
    assert door(daemon) == f"unix:{path}"
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o660, 0, os.getegid())
    nobody = pwd.getpwnam("nobody")
    stranger = ask_as(path, nobody.pw_uid, nobody.pw_gid)
    assert (stranger.returncode, stranger.stderr.strip()) == (1, "errno 13"), stranger
    assert not daemon.find_log("admin: ")
    member = ask_as(path, nobody.pw_uid, os.getegid())
    assert member.stdout.strip() == "HTTP/1.1 200 OK", member
    line = daemon.wait_log("admin: log level")
    assert line["by"].startswith(f"uid={nobody.pw_uid} gid={os.getegid()} pid="), line
    daemon.terminate()
    assert not path.exists()


@pytest.mark.root
def test_the_file_belongs_to_the_user_of_the_daemon(culvert, backend, workdir):
    nobody = pwd.getpwnam("nobody")
    directory = workdir / "run"
    directory.mkdir()
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    path = directory / "admin.sock"
    daemon = culvert(backend=backend(Echo).address, globals_={"admin": f"unix:{path}", "user": "nobody"})
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o660, nobody.pw_uid, nobody.pw_gid)
    assert ask_as(path, nobody.pw_uid, nobody.pw_gid).stdout.strip() == "HTTP/1.1 200 OK"
    daemon.terminate()
    assert not path.exists()


def test_a_stale_socket_file_is_replaced(culvert, backend, workdir):
    path = workdir / "admin.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    daemon = culvert(backend=backend(Echo).address, globals_={"admin": f"unix:{path}"})
    assert ask(door(daemon), "/ready").status == 200


def start_fails(culvert, config, code, **options):
    daemon = culvert(config, wait=False, **options)
    daemon.allowed_exits = (code,)
    with pytest.raises(StartFailed) as failed:
        daemon.wait_ready()
    assert failed.value.code == code, failed.value.stderr
    return failed.value.stderr


def config_with(echo, **globals_):
    return Config({"main": {"backend": echo.address}}, globals_={key.replace("_", "-"): value
                                                                for key, value in globals_.items()})


def test_a_file_that_is_not_a_socket_stays(culvert, echo, workdir):
    path = workdir / "admin.sock"
    path.write_text("precious")
    said = start_fails(culvert, config_with(echo, admin=f"unix:{path}"), 5)
    assert str(path) in said and "not a socket" in said and "[global] admin" in said, said
    assert path.read_text() == "precious"


def test_a_socket_on_which_another_process_listens_stays(culvert, echo, workdir):
    path = workdir / "admin.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        said = start_fails(culvert, config_with(echo, admin=f"unix:{path}"), 5)
        assert f"cannot listen on unix:{path}: " in said, said
    assert path.exists()


@pytest.mark.root
def test_a_stale_file_of_another_user_stays(culvert, echo, workdir, need):
    need("setpriv")
    directory = workdir / "shared"
    directory.mkdir()
    os.chmod(directory, 0o1777)
    path = directory / "admin.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    os.chmod(path, 0o666)  # so that the probe of a listener is refused by nobody but the kernel
    nobody = pwd.getpwnam("nobody")
    config = Config({"main": {"backend": echo.address, "tls": "passthrough"}}, globals_={"admin": f"unix:{path}"})
    said = start_fails(culvert, config, 5, log=None,
                       prefix=["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"])
    assert "cannot replace the stale socket file" in said, said
    assert path.exists()


# -- addresses ------------------------------------------------------------------------------------------------------

PUBLIC = ["0.0.0.0:9443", "*:9443", "[::]:9443", "10.83.1.2:9443", "192.0.2.1:9443", "[2001:db8::1]:9443",
          "[::ffff:10.83.1.2]:9443"]


def place_of(path, key):
    """FILE:LINE of an option."""
    lines = path.read_text().splitlines()
    return f"{path}:{next(number for number, line in enumerate(lines, 1) if line.startswith(key + ' ='))}: "


@pytest.mark.parametrize("address", PUBLIC)
def test_admin_on_an_address_that_others_reach_is_refused(culvert, echo, pki, workdir, address):
    file = workdir / "c.ini"
    file.write_text(config_with(echo, admin=address).render(pki))
    for arguments in (["--check"], []):
        done = run_culvert("-c", file, *arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 3 and place_of(file, "admin") in said, said
        assert "full control" in said and "allowed: unix:/path" in said, said


@pytest.mark.parametrize("form", ["{}", "127.0.0.1:{}", "localhost:{}", "[::1]:{}"])
def test_the_forms_of_a_loopback_address(culvert, echo, form):
    port = free_port()
    daemon = culvert(config_with(echo, admin=form.format(port)))
    daemon.wait_log("http listening")
    addresses = [line["address"] for line in daemon.find_log("http listening")]
    assert set(addresses) <= {f"127.0.0.1:{port}", f"[::1]:{port}"}, addresses
    for address in addresses:
        assert ask(address, "/status").status == 200
        assert ask(address, "/status", host=f"localhost:{port}").status == 200


@pytest.mark.root
def test_admin_by_a_name_is_for_loopback_alone(echo, pki, workdir, need):
    """One address of the name that is not loopback is one too many."""
    need("unshare")
    hosts, file = workdir / "hosts", workdir / "c.ini"
    hosts.write_text("127.0.0.1 local.example\n10.83.1.2 public.example\n127.0.0.1 mixed.example\n10.83.1.2 mixed.example\n")
    script = "mount --make-rprivate / && mount --bind $1 /etc/hosts || exit 77; shift; exec \"$@\""

    def check(name):
        file.write_text(config_with(echo, admin=f"{name}:9443").render(pki))
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", hosts, BINARY, "--check", "-c", file],
                              env=clean_environment(), capture_output=True, text=True, timeout=slack(20), check=False)
        if done.returncode == 77 or "unshare" in done.stderr:
            pytest.skip("this system does not allow a mount namespace")
        return done.returncode, done.stdout + done.stderr

    assert check("local.example")[0] == 0
    for name in ("public.example", "mixed.example"):
        code, said = check(name)
        assert code == 3 and place_of(file, "admin") in said and "10.83.1.2:9443 is not a loopback address" in said, said


@pytest.mark.parametrize("key", ["admin", "metrics"])
@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "unix:", "unix:relative.sock", "localhost"])
def test_what_is_not_an_address_is_refused(echo, pki, workdir, key, address):
    file = workdir / "c.ini"
    file.write_text(config_with(echo, **{key: address}).render(pki))
    done = run_culvert("-c", file, "--check")
    assert done.returncode == 3 and place_of(file, key) in done.stderr + done.stdout, done


def test_a_reload_refuses_a_public_admin_and_keeps_the_door(culvert, echo):
    config = config_with(echo, admin="127.0.0.1:0")
    daemon = culvert(config)
    address = door(daemon)
    for public in PUBLIC[:4]:
        config.globals["admin"] = public
        lines = daemon.reload(config, expect=False)
        errors = [line for line in lines if place_of(daemon.config_path, "admin") in line]
        assert errors and "full control" in errors[0], [line.text for line in lines]
        assert ask(address, "/ready").status == 200
        answer = post(address, "/reload")
        assert answer.status == 422 and "full control" in answer.json()["errors"][0]["text"], answer
    assert len(daemon.find_log("http listening")) == 1


def test_a_taken_port_is_an_error_of_the_start_and_of_a_reload(culvert, echo):
    taken = own_address()
    host, port = taken.split(":")
    with socket.create_server((host, int(port))):
        for key in ("admin", "metrics"):
            said = start_fails(culvert, config_with(echo, **{key: taken}), 5)
            assert f"[global] {key}" in said and f"cannot listen on {taken}: " in said, said
        config = config_with(echo, metrics="127.0.0.1:0")
        daemon = culvert(config)
        config.globals["admin"] = taken
        lines = daemon.reload(config, expect=False)
        assert any(f"cannot listen on {taken}" in line for line in lines), [line.text for line in lines]
        assert ask(door(daemon, "metrics"), "/ready").status == 200
    daemon.reload(config)
    assert ask(taken, "/ready").status == 200


def test_both_doors_at_one_address_are_refused(culvert, echo):
    address = own_address()
    said = start_fails(culvert, config_with(echo, admin=address, metrics=address), 5)
    assert f"cannot listen on {address}: " in said, said


def test_a_refused_reload_or_start_leaves_no_socket_file(culvert, echo, workdir):
    config = config_with(echo)
    daemon = culvert(config)
    path, taken = workdir / "admin.sock", own_address()
    host, port = taken.split(":")
    with socket.create_server((host, int(port))):
        config.globals.update({"admin": f"unix:{path}", "metrics": taken})
        daemon.reload(config, expect=False)
        assert not path.exists() and not admin_threads(daemon)
        start_fails(culvert, config, 5)
        assert not path.exists()


def test_admin_on_tcp_is_warned_about_at_every_start(culvert, echo, workdir):
    words = "admin is on TCP: each local user has full control"
    assert culvert(config_with(echo, admin="127.0.0.1:0")).wait_log(words)
    silent = culvert(config_with(echo, admin=f"unix:{workdir}/admin.sock", metrics="127.0.0.1:0"))
    door(silent)
    assert not silent.find_log(words)


# -- when a door is open --------------------------------------------------------------------------------------------

def test_without_a_door_there_is_no_thread(culvert, echo):
    daemon = culvert(config_with(echo))
    assert not admin_threads(daemon) and not daemon.find_log("http listening")


@pytest.mark.root
def test_the_thread_has_no_capabilities(both):
    daemon, *_ = both
    task, = admin_threads(daemon)
    for field in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(daemon.proc.status(field, task), 16) == 0, field


def test_a_reload_opens_moves_and_closes_the_doors(culvert, echo, workdir, connect):
    config = config_with(echo)
    daemon = culvert(config)
    tunnel = connect(daemon)
    first, second, path = own_address(), own_address(), workdir / "admin.sock"

    config.globals["metrics"] = first
    daemon.reload(config)
    assert ask(first, "/ready").status == 200 and ask(first, "/status").status == 404
    assert len(admin_threads(daemon)) == 1

    config.globals["admin"] = f"unix:{path}"
    daemon.reload(config)
    assert ask(f"unix:{path}", "/status").json()["draining"] is False

    config.globals["metrics"] = second
    daemon.reload(config)
    assert ask(second, "/ready").status == 200
    eventually(lambda: refused(first), what="the old address to be closed")

    del config.globals["admin"]
    daemon.reload(config)
    assert not path.exists() and refused(f"unix:{path}")
    assert ask(second, "/status").status == 404

    config.globals["admin"] = f"unix:{path}"
    daemon.reload(config)
    assert ask(f"unix:{path}", "/status").status == 200

    del config.globals["admin"], config.globals["metrics"]
    daemon.reload(config)
    eventually(lambda: refused(second), what="the last door to be closed")
    assert len(daemon.find_log("http no longer listening")) == 4
    tunnel.echo()


def refused(address):
    try:
        dial(address).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):
        return True


def test_a_reload_keeps_a_door_that_does_not_change(culvert, echo):
    """A request in progress, through which the reload was even started, is answered."""
    config = config_with(echo, admin="127.0.0.1:0")
    daemon = culvert(config)
    address = door(daemon)
    with dial(address) as early:
        early.sendall(f"GET /ready HTTP/1.1\r\nHost: {address}\r\n".encode())
        for _ in range(3):
            assert post(address, "/reload").json()["done"] is True
        early.sendall(b"\r\n")
        assert receive(early).status == 200
    assert len(daemon.find_log("http listening")) == 1


def test_a_door_that_a_request_closes_still_answers_it(culvert, echo):
    config = config_with(echo, admin="127.0.0.1:0")
    daemon = culvert(config)
    address = door(daemon)
    del config.globals["admin"]
    daemon.write(config)
    answer = post(address, "/reload")
    assert answer.status == 200 and answer.json()["done"] is True, answer
    eventually(lambda: refused(address), what="the door to be closed")


def test_a_drain_answers_until_the_end(culvert, backend, connect, workdir):
    path = workdir / "admin.sock"
    daemon = culvert(backend=backend(Hanger).address, globals_={"admin": f"unix:{path}", "metrics": "127.0.0.1:0",
                                                               "drain-timeout": "5m"})
    admin, metrics = door(daemon), door(daemon, "metrics")
    tunnel = connect(daemon)
    tunnel.send(b"x")
    assert ask(metrics, "/ready").status == 200
    daemon.signal(signal.SIGTERM)
    eventually(lambda: ask(metrics, "/ready").status == 503, what="/ready to say that culvert drains")
    for address in (admin, metrics):
        answer = ask(address, "/ready")
        assert (answer.status, answer.text) == (503, "not ready: draining\n")
        eventually(lambda: ask(address, "/live").status == 200, what="/live")
    assert ask(admin, "/status").json()["draining"] is True
    assert post(admin, "/reload").status == 409
    tunnel.sock.close()
    daemon.wait()
    assert not path.exists() and refused(metrics)


def test_a_stop_does_not_wait_for_clients_of_the_doors(both):
    daemon, admin, metrics = both
    stalled = [dial(address) for address in (admin, metrics) for _ in range(5)]
    daemon.terminate()
    for sock in stalled:
        sock.close()
