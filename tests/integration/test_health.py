# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks of backends: what each kind sends and accepts, what a failure says, and how the checks follow the daemon's life."""

import signal
import ssl
import time

import pytest

from harness import Backend, Blackhole, Config, Hanger, Refuser, TlsBackend, eventually
from harness.daemon import run_culvert
from harness.services import nginx, redis
from harness.util import connect as dial

FAST = {"health-interval": "50ms", "health-timeout": "5s"}
FAILED, AGAIN, PASSES = "health check failed", "health check passes again", "health check passes "
PROXY_V2_LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"


def checks(daemon):
    counters = daemon.counters()
    return counters["backend_checks_ok"], counters["backend_checks_failed"]


def wait_checks(daemon, ok=0, failed=0):
    """Waits for so many further results."""
    before = checks(daemon)
    eventually(lambda: all(now >= then + more for now, then, more in zip(checks(daemon), before, (ok, failed))), 15,
               f"{ok} passed and {failed} failed checks", every=0.05)


def answering(*pieces, wait=b""):
    """A backend that waits for the bytes `wait`, sends the pieces, and reads to the end."""
    def serve(connection):
        while wait not in bytes(connection.data):
            data = connection.sock.recv(4096)
            if not data:
                connection.end = "fin"
                return
            connection.note(data)
        for piece in pieces:
            connection.sock.sendall(piece)
        connection.read_to_end()
    return serve


def check_threads(daemon):
    return [name for name in daemon.proc.threads().values() if name == "culvert-check"]


# -- real services -------------------------------------------------------------------------------------------------

def test_redis_stopped_and_killed_and_back(culvert, service, need):
    need("redis-server")
    server = service(redis)
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "redis", "health-timeout": "2s"})
    assert daemon.wait_log(PASSES)["answer"] == "+PONG"
    mark = daemon.mark()
    server.process.send_signal(signal.SIGSTOP)
    line = daemon.wait_log(FAILED, 15, since=mark)
    assert line["backend"] == server.address and line["service"] == "main"
    assert line["error"].startswith("no answer within 2s: waiting for +PONG")
    wait_checks(daemon, failed=1)
    mark = daemon.mark()
    server.process.send_signal(signal.SIGCONT)
    assert int(daemon.wait_log(AGAIN, 15, since=mark)["failures"]) >= 2
    mark = daemon.mark()
    server.process.kill()
    server.process.wait()
    line = daemon.wait_log(FAILED, 15, since=mark)
    assert "refused" in line["error"] or "reset" in line["error"] or "closed" in line["error"]
    wait_checks(daemon, failed=2)


def test_redis_with_a_password_counts_as_alive(culvert, service, need):
    need("redis-server")
    server = service(redis)
    with dial(("127.0.0.1", server.port)) as admin:
        admin.sendall(b"CONFIG SET requirepass secret\r\n")
        assert admin.recv(100) == b"+OK\r\n"
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "redis"})
    assert daemon.wait_log(PASSES)["answer"].startswith("-NOAUTH")
    wait_checks(daemon, ok=2)
    assert checks(daemon)[1] == 0


def test_nginx_over_http(culvert, service, need):
    need("nginx")
    server = service(nginx)
    daemon = culvert(Config({
        "root": {"backend": server.address, **FAST, "health-check": "http"},
        "missing": {"backend": server.address, **FAST, "health-check": "http", "health-send": "/nothing"},
        "wanted": {"backend": server.address, **FAST, "health-check": "http", "health-send": "/nothing", "health-expect": "404"},
    }))
    for name, status in (("root", "200 OK"), ("wanted", "404 Not Found")):
        line = daemon.wait_log(lambda one, name=name: PASSES in one and one["service"] == name)
        assert line["answer"] == f"HTTP/1.1 {status}"
    line = daemon.wait_log(FAILED)
    assert line["service"] == "missing"
    assert line["error"] == "answered \"HTTP/1.1 404 Not Found\" instead of status 200 to 399"
    log = server.dir / "access.log"
    eventually(lambda: "GET /nothing HTTP/1.1" in log.read_text() and "GET / HTTP/1.1" in log.read_text(), 10)


# -- the dialogs ---------------------------------------------------------------------------------------------------

def test_smtp_waits_for_the_greeting_and_says_quit(culvert, backend):
    server = backend(Backend, answering(b"220-mail.example\r\n", b"220 ready\r\n"))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "smtp"})
    assert daemon.wait_log(PASSES)["answer"] == "220 ready"
    first = server.wait_connection()
    assert first.wait_end() == "fin" and bytes(first.data) == b"QUIT\r\n"


def test_smtp_without_service(culvert, backend):
    server = backend(Backend, answering(b"554 go away\r\n"))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "smtp"})
    assert daemon.wait_log(FAILED)["error"] == 'answered "554 go away" instead of a greeting with 220'


@pytest.mark.parametrize("answer, good", [(b"S", True), (b"N", True), (b"EFATAL", True), (b"H", False)])
def test_pgsql_answers(culvert, backend, answer, good):
    server = backend(Backend, answering(answer, wait=b"\x04\xd2\x16\x2f"))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "pgsql"})
    line = daemon.wait_log(PASSES if good else FAILED)
    assert good or line["error"] == 'answered "H" instead of S, N or E'
    assert bytes(server.wait_connection().data) == b"\0\0\0\x08\x04\xd2\x16\x2f"


def test_send_and_expect_with_escapes(culvert, backend):
    server = backend(Backend, answering(b"\0OK\xff and more", wait=b"hi\t\0\n"))
    daemon = culvert(Config({
        "good": {"backend": server.address, **FAST, "health-check": "send", "health-send": r"hi\t\0\n",
                 "health-expect": r"\0OK\xFF"},
        "bad": {"backend": server.address, **FAST, "health-check": "send", "health-send": r"hi\t\0\n",
                "health-expect": r"\0OK\xFE"}}))
    assert daemon.wait_log(PASSES)["service"] == "good"
    line = daemon.wait_log(FAILED)
    assert line["service"] == "bad" and r"instead of" in line["error"]


def test_tcp_is_enough_for_a_backend_that_says_nothing(culvert, backend):
    hanger, refuser = backend(Hanger), backend(Refuser)
    daemon = culvert(backend=[hanger.address, refuser.address],
                     service={**FAST, "health-check": "tcp", "health-timeout": "300ms"})
    line = daemon.wait_log(PASSES)
    assert (line["backend"], line["answer"]) == (hanger.address, "connected")
    line = daemon.wait_log(FAILED)
    assert line["backend"] == refuser.address and line["error"].startswith("cannot connect: ")


def test_a_unix_socket(culvert, backend, workdir):
    """Its connect succeeds or fails at once. A web server there is asked for localhost."""
    server = backend(Backend, answering(b"HTTP/1.1 200 OK\r\n", wait=b"\r\n\r\n"), path=str(workdir / "web"))
    daemon = culvert(backend=[server.address, f"unix:{workdir}/gone"], service={**FAST, "health-check": "http"})
    assert daemon.wait_log(PASSES)["backend"] == server.address
    line = daemon.wait_log(FAILED)
    assert line["backend"] == f"unix:{workdir}/gone" and "No such file" in line["error"]
    assert b"\r\nHost: localhost\r\n" in bytes(server.wait_connection().data)


def test_a_syn_without_an_answer(culvert, backend):
    hole = backend(Blackhole)
    daemon = culvert(backend=hole.address, service={**FAST, "health-check": "tcp", "health-timeout": "200ms"})
    assert daemon.wait_log(FAILED, 15)["error"] == "no answer within 200ms: connecting"
    wait_checks(daemon, failed=2)


def test_a_backend_that_says_nothing(culvert, backend):
    daemon = culvert(backend=backend(Hanger).address, service={**FAST, "health-check": "smtp", "health-timeout": "300ms"})
    assert daemon.wait_log(FAILED, 15)["error"] == "no answer within 300ms: waiting for a greeting with 220"


def test_one_check_of_an_address_at_a_time(culvert, backend):
    """However short the interval is, the next check waits for the end of the last one; other addresses go on."""
    silent, quick = backend(Hanger), backend(Backend, answering(b"220 ready\r\n"))
    daemon = culvert(backend=[silent.address, quick.address],
                     service={"health-interval": "50ms", "health-timeout": "10m", "health-check": "smtp"})
    wait_checks(daemon, ok=10)
    assert len(silent.connections) == 1
    assert checks(daemon)[1] == 0
    assert len(check_threads(daemon)) == 1


# -- TLS, STARTTLS, proxies, PROXY headers -------------------------------------------------------------------------

def tls_service(pki, server, **more):
    options = {"tls": "off", "backend": f"localhost:{server.port}", "backend-tls": "on", "backend-ca": pki.ca_file, **FAST}
    options.update({key.replace("_", "-"): value for key, value in more.items()})
    return options


def test_a_wrong_certificate_is_a_failure_with_words(culvert, backend, pki):
    good = backend(TlsBackend, pki.ecdsa)
    wrong = backend(TlsBackend, pki.issue("health-other", ["other.example"]))
    daemon = culvert(Config({"good": tls_service(pki, good, health_check="tls"),
                             "wrong": tls_service(pki, wrong, health_check="tls")}))
    line = daemon.wait_log(PASSES)
    assert line["service"] == "good" and line["answer"].startswith("connected, TLSv1.3, ")
    line = daemon.wait_log(FAILED)
    assert line["service"] == "wrong" and "localhost" in line["error"] and "backend-certificate" in line["error"]
    wait_checks(daemon, ok=3, failed=1)
    assert not any(one.get("resumed") for one in good.handshakes)
    assert good.connections[0].wait_end() == "close_notify"
    # Handshakes of checks are not those of tunnels.
    assert daemon.counters()["backend_handshakes_ok"] == 0


def test_a_dialog_inside_tls(culvert, backend, pki):
    def serve(connection, tls):
        data = b""
        while b"\r\n\r\n" not in data:
            data += tls.recv(4096)
        connection.note(data)
        tls.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        connection.end = "answered"

    server = backend(TlsBackend, pki.ecdsa, serve=serve)
    daemon = culvert(service=tls_service(pki, server, health_check="http", health_send="/health", backend_alpn="h2, http/1.1"))
    assert daemon.wait_log(PASSES)["answer"] == "HTTP/1.1 204 No Content"
    request = bytes(server.wait_connection().data).decode().split("\r\n")
    assert request[:2] == ["GET /health HTTP/1.1", f"Host: localhost:{server.port}"] and "Connection: close" in request


def test_starttls_before_the_dialog(culvert, backend, pki):
    """The greeting comes before TLS; the check sees it behind the handshake."""
    def serve(connection):
        sock = connection.sock
        sock.sendall(b"220 plain.example\r\n")
        hello = sock.recv(4096)
        if not hello:  # culvert stopped in the middle of a later check
            return
        assert hello.startswith(b"EHLO ")
        sock.sendall(b"250-plain.example\r\n250 STARTTLS\r\n")
        assert sock.recv(4096) == b"STARTTLS\r\n"
        sock.sendall(b"220 go\r\n")
        tls = context.wrap_socket(sock, server_side=True)
        connection.sock = tls
        connection.note(tls.recv(4096))
        connection.end = "secure"

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.ecdsa.chain, pki.ecdsa.key)
    server = backend(Backend, serve)
    daemon = culvert(service=tls_service(pki, server, backend_starttls="smtp", health_check="smtp"))
    assert daemon.wait_log(PASSES)["answer"] == "220 plain.example"
    assert not server.errors


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"), ("v2", PROXY_V2_LOCAL)])
@pytest.mark.parametrize("kind", ["tcp", "redis"])
def test_the_header_says_that_no_client_is_behind_it(culvert, backend, version, header, kind):
    server = backend(Backend, answering(b"+PONG\r\n", wait=header + (b"*1" if kind == "redis" else b"")))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": kind, "proxy-protocol": version})
    daemon.wait_log(PASSES)
    first = server.wait_connection()
    assert first.wait_end() == "fin"
    assert bytes(first.data) == header + (b"*1\r\n$4\r\nPING\r\n" if kind == "redis" else b"")


def test_through_a_proxy(culvert, backend):
    """The check goes the way of a tunnel: a proxy that cannot reach the backend is a failure."""
    status = [b"HTTP/1.1 200 OK\r\n\r\n"]

    def serve(connection):
        while b"\r\n\r\n" not in bytes(connection.data):
            connection.note(connection.sock.recv(4096))
        connection.sock.sendall(status[0])
        connection.read_to_end()

    proxy = backend(Backend, serve)
    daemon = culvert(backend="db.example:5432", service={**FAST, "health-check": "tcp", "via": f"http://{proxy.address}"})
    assert daemon.wait_log(PASSES)["backend"] == proxy.address
    assert bytes(proxy.wait_connection().data).startswith(b"CONNECT db.example:5432 ")
    status[0] = b"HTTP/1.1 503 Down\r\n\r\n"
    assert "503" in daemon.wait_log(FAILED)["error"]


def test_probe_runs_the_check(culvert, backend, workdir):
    server = backend(Backend, answering(b"+PONG\r\n", wait=b"PING\r\n"))
    daemon = culvert(Config({"good": {"backend": server.address, "health-check": "redis"},
                             "bad": {"backend": server.address, "health-check": "send", "health-send": r"PING\r\n",
                                     "health-expect": "-ERR"}}))
    done = run_culvert("-c", daemon.config_path, "--probe", "good")
    assert done.returncode == 0 and done.stdout.rstrip().endswith("health check passed: +PONG"), done.stdout + done.stderr
    done = run_culvert("-c", daemon.config_path, "--probe", "bad")
    assert done.returncode == 1 and 'health check failed: answered "+PONG' in done.stdout, done.stdout + done.stderr


# -- the daemon's life ---------------------------------------------------------------------------------------------

def test_no_check_no_thread(culvert, echo):
    assert not check_threads(culvert(backend=echo.address))


def test_a_reload_turns_checks_on_and_off(culvert, backend):
    server = backend(Backend, answering(b"+PONG\r\n", wait=b"PING\r\n"))
    config = Config({"main": {"backend": server.address}})
    daemon = culvert(config)
    assert not check_threads(daemon)
    config.services["main"].update({**FAST, "health-check": "redis"})
    daemon.reload(config)
    daemon.wait_log(PASSES)
    assert check_threads(daemon)
    server.wait_connection(2, 15)
    config.services["main"]["health-check"] = "off"
    daemon.reload(config)
    quiet(server)


def quiet(server):
    """Waits until the backend gets no further connection for a time in which many checks would have come."""
    def still():
        before = len(server.connections)
        time.sleep(0.6)
        return len(server.connections) == before
    eventually(still, 15, "the checks to stop")


def test_a_reload_keeps_what_it_does_not_change(culvert, backend):
    """With an interval of an hour, a second check shows that the service began anew."""
    kept, changed = (backend(Backend, answering(b"+PONG\r\n", wait=b"PING\r\n")) for _ in range(2))
    options = {"health-check": "redis", "health-interval": "1h", "health-timeout": "5s"}
    config = Config({"kept": {"backend": kept.address, **options}, "changed": {"backend": changed.address, **options}})
    daemon = culvert(config)
    eventually(lambda: checks(daemon)[0] == 2, 15)
    config.services["changed"]["health-timeout"] = "6s"
    config.services["kept"]["idle-timeout"] = "7m"
    config.services["new"] = {"backend": changed.address, **options}
    daemon.reload(config)
    eventually(lambda: checks(daemon)[0] == 4, 15)
    assert (len(kept.connections), len(changed.connections)) == (1, 3)
    del config.services["changed"], config.services["new"]
    daemon.reload(config)
    assert checks(daemon) == (4, 0)


def test_checks_stop_when_the_drain_begins(culvert, backend, connect):
    server = backend(Backend, answering(b"220 ready\r\n"))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "smtp"}, globals_={"drain-timeout": "1m"})
    client = connect(daemon)
    assert client.recv_exactly(11) == b"220 ready\r\n"
    server.wait_connection(3, 15)
    daemon.signal(signal.SIGTERM)
    daemon.wait_log("draining")
    quiet(server)
    assert daemon.running()
    client.close()
    assert daemon.wait() == 0


def test_a_check_in_progress_does_not_delay_the_end(culvert, backend):
    server = backend(Hanger)
    daemon = culvert(backend=server.address, service={"health-check": "smtp", "health-timeout": "10m"})
    server.wait_connection()
    daemon.terminate()


def test_a_user_without_rights_checks_too(culvert, backend):
    """The thread keeps no capability."""
    server = backend(Backend, answering(b"220 ready\r\n"))
    daemon = culvert(backend=server.address, service={**FAST, "health-check": "smtp"})
    daemon.wait_log(PASSES)
    task = next(task for task, name in daemon.proc.threads().items() if name == "culvert-check")
    status = open(f"/proc/{daemon.pid}/task/{task}/status").read()
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status


# -- the configuration ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, words", [
    ({"health-send": "x"}, "health-send: needs health-check = send or http"),
    ({"health-check": "redis", "health-expect": "x"}, "health-expect: needs health-check = send or http"),
    ({"health-check": "send", "health-send": r"ab\q"}, r'health-send: "\q" at character 3 is not an escape'),
    ({"health-check": "http", "health-send": "up"}, "health-send: is not a path"),
    ({"health-check": "http", "health-send": "/a b"}, "health-send: is not a path"),
    ({"health-check": "http", "health-expect": "2xx"}, "health-expect: is not a status"),
    ({"health-check": "tls"}, "health-check: is tls, which needs backend-tls = on"),
    ({"health-check": "redis", "backend-tls": "on", "backend-starttls": "mysql"},
     "health-check: cannot pass backend-starttls"),
    ({"health-check": "ping"}, "health-check: "),
    ({"health-check": "tcp", "health-fall": "0"}, "health-fall: "),
])
def test_errors(workdir, pki, options, words):
    path = workdir / "f.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:7", **options}}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode == 3 and words in done.stderr + done.stdout, done.stderr + done.stdout


def test_texts_in_defaults_are_for_the_services_that_use_them(workdir, pki):
    path = workdir / "f.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:7", "health-check": "redis"},
                            "web": {"backend": "127.0.0.1:7", "health-check": "http"},
                            "off": {"backend": "127.0.0.1:7"}},
                           defaults={"health-send": "/up", "health-expect": "204"}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode == 0, done.stderr + done.stdout
