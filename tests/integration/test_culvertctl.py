# SPDX-License-Identifier: GPL-3.0-or-later
"""culvertctl: its requests, what it prints, its exit codes, completion and manual page, against a server that answers as the
daemon does."""

import json
import os
import pathlib
import pty
import re
import shutil
import socket
import subprocess
import threading

import pytest

from harness.ctl import CULVERTCTL, AdminStub, run_ctl, status, tunnel
from harness.daemon import clean_environment
from harness.util import ROOT, eventually, is_root, slack

DONE, WRONG, USAGE, UNREACHABLE, ANSWER = range(5)


@pytest.fixture(params=["unix", "tcp"])
def stub(request, workdir):
    made = AdminStub(workdir / "admin.sock" if request.param == "unix" else None)
    yield made
    made.stop()


@pytest.fixture
def unix_stub(workdir):
    made = AdminStub(workdir / "admin.sock")
    yield made
    made.stop()


def ctl(stub, *args, code=DONE, **options):
    done = run_ctl(*args, admin=stub.admin, **options)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "\x1b" not in done.stdout + done.stderr, "no colours in a pipe"
    return done


# --- requests and addresses ------------------------------------------------------------------------------------------

def test_request_and_status(stub):
    stub.answers[("GET", "/status")] = status()
    out = ctl(stub, "status").stdout
    assert out.startswith("culvert 0.1.0 is ready, nothing is wrong; up 3h12m\n")
    for words in ("3 open of at most 10,000", "1,234,567 accepted", "1.2 MiB in, 5.0 GiB out", "2 services at 2 addresses: *:443",
                  "1 closed while its backends are down", "10 full (half within 1.2ms, 99% within 9.1ms)", "2 threads, 1 to 2"):
        assert words in out, out
    (method, path, query, headers), = stub.requests
    assert (method, path, query) == ("GET", "/status", {})
    assert headers["Host"] == ("localhost" if stub.path else stub.admin)
    assert "Culvert-Admin" not in headers


def test_a_post_has_the_header_and_parameters_are_encoded(stub):
    stub.answers[("POST", "/tunnels/close")] = {"closed": 2}
    assert ctl(stub, "close", "--sni", "a b&c=%\n\u00e9", "--blocked", "any").stdout == "2 tunnels closed\n"
    method, _, query, headers = stub.requests[-1]
    assert method == "POST" and query == {"sni": "a b&c=%\n\u00e9", "blocked": "any"}
    assert headers["Culvert-Admin"] == "1" and headers["Content-Length"] == "0"


@pytest.mark.parametrize("form", ["unix:{}", "{}"])
def test_forms_of_a_unix_address(unix_stub, form):
    unix_stub.answers[("GET", "/live")] = "live\n"
    assert run_ctl("live", admin=form.format(unix_stub.path)).stdout == "live\n"
    assert run_ctl("live", env={"CULVERT_ADMIN": form.format(unix_stub.path)}).returncode == DONE


@pytest.mark.parametrize("form", ["{}", "127.0.0.1:{}", "localhost:{}"])
def test_forms_of_a_tcp_address(form):
    stub = AdminStub()
    stub.answers[("GET", "/ready")] = "ready\n"
    port = stub.admin.split(":")[1]
    try:
        assert run_ctl("ready", admin=form.format(port)).stdout == "ready\n"
        # The option is stronger than the variable, and may come after the command.
        assert run_ctl("ready", "--admin", form.format(port), env={"CULVERT_ADMIN": "1"}).returncode == DONE
    finally:
        stub.stop()


def test_json_is_the_answer_unchanged(stub):
    body = '{"tunnels": [],\n  "matched":0, "more": false, "unknown":[1.50, "\\u001b"]}'
    stub.answers[("GET", "/tunnels")] = (200, body)
    assert ctl(stub, "tunnels", "--json").stdout == body + "\n"
    assert ctl(stub, "--json", "tunnels").stdout == body + "\n"


# --- exit codes ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, words", [
    ([], "give a command"),
    (["stauts"], 'there is no command "stauts" (did you mean "status")'),
    (["status", "x"], "unexpected argument"),
    (["services", "a", "b"], "takes one [NAME]"),
    (["tunnels", "--stat", "x"], 'unknown option "--stat" (did you mean "--state")'),
    (["--state", "relay", "tunnels"], "comes after the command"),
    (["tunnels", "--state"], "needs a value"),
    (["tunnels", "--state", "relais"], '--state has no value "relais" (did you mean "relay")'),
    (["tunnels", "--limit", "0"], "whole number"),
    (["tunnels", "--min-age", "10 minutes"], "is not a time"),
    (["tunnels", "--sni", "a", "--sni", "b"], "more than once"),
    (["close"], "a filter, or --all"),
    (["close", "1", "--all"], "an id excludes"),
    (["close", "--all", "--sni", "x"], "exclude each other"),
    (["close", "../drain"], "is not an id"),
    (["log-level"], "log-level needs LEVEL"),
    (["log-level", "verbose"], 'there is no level "verbose"'),
    (["metrics", "--json"], "metrics has no JSON form"),
    (["--admin", "example.org", "live"], "is not an address; allowed: unix:/PATH"),
    (["--admin", "unix:relative", "live"], "must begin with /"),
    (["--admin", "/" + "x" * 200, "live"], "has at most 107 bytes"),
    (["--timeout", "0", "live"], "must not be 0"),
])
def test_usage(args, words):
    done = run_ctl(*args)
    assert done.returncode == USAGE and done.stdout == "", done
    assert words in done.stderr and done.stderr.startswith("culvertctl: ") and done.stderr.count("\n") == 1, done.stderr


def test_an_empty_variable_is_an_error():
    done = run_ctl("live", env={"CULVERT_ADMIN": ""})
    assert done.returncode == USAGE and "CULVERT_ADMIN is empty" in done.stderr


def test_not_reachable(workdir):
    done = run_ctl("status", admin=workdir / "no.sock")
    assert done.returncode == UNREACHABLE
    assert f"cannot reach culvert at unix:{workdir}/no.sock: No such file or directory" in done.stderr
    assert "Is culvert running, and is `admin = unix:" in done.stderr
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(workdir / "dead.sock"))
        done = run_ctl("status", admin=workdir / "dead.sock")
    assert done.returncode == UNREACHABLE and "Connection refused" in done.stderr


@pytest.mark.root
@pytest.mark.skipif(not is_root() or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_a_socket_that_the_user_may_not_open(workdir):
    stub = AdminStub(workdir / "admin.sock")
    os.chmod(stub.path, 0o660)
    try:
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", CULVERTCTL, "--admin", stub.path,
                               "live"], capture_output=True, text=True, timeout=slack(30), check=False)
        if "setpriv: " in done.stderr:
            pytest.skip("another user cannot reach culvertctl here")
        assert done.returncode == UNREACHABLE and "Permission denied" in done.stderr
        assert "Only root and culvert's user and group" in done.stderr
    finally:
        stub.stop()


def test_no_answer_in_time(unix_stub):
    waiting = threading.Event()
    unix_stub.answers[("GET", "/live")] = lambda _: waiting.wait(slack(30)) and "live\n"
    try:
        done = ctl(unix_stub, "live", "--timeout", "200ms", code=UNREACHABLE)
        assert "no answer within 200 ms" in done.stderr and "see `--timeout`" in done.stderr
    finally:
        waiting.set()


@pytest.mark.parametrize("raw, words", [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "it is not HTTP"),
    (b"", "it is empty"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "it ends after 1 of 50 bytes"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{]}", "it is not JSON (at byte"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[]", "it is not a JSON object"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", 'its type is "text/html"'),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer encoding"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", "larger than 256 MiB"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno", "status 404 without words"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}", "no list of tunnels"),
])
def test_answers_that_are_not_culverts(workdir, raw, words):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workdir / "s"))
        listener.listen()

        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        done = run_ctl("tunnels", admin=workdir / "s")
        thread.join(slack(10))
    assert done.returncode == ANSWER and done.stdout == "", done
    assert words in done.stderr and "`admin` address of culvert" in done.stderr


def test_a_refusal_has_the_daemons_words(stub):
    stub.answers[("GET", "/tunnels")] = (400, {"error": "client: \"x\" is not a network\u001b[31m; allowed: 10.0.0.0/8"})
    done = ctl(stub, "tunnels", "--client", "x", code=WRONG)
    assert done.stderr == 'culvertctl: culvert refused: client: "x" is not a network\\x1b[31m; allowed: 10.0.0.0/8\n'


@pytest.mark.parametrize("command", ["live", "ready"])
def test_probes(stub, command):
    stub.answers[("GET", f"/{command}")] = f"{command}\n"
    assert ctl(stub, command).stdout == f"{command}\n"
    stub.answers[("GET", f"/{command}")] = (503, f"not {command}: draining\n", "text/plain; charset=utf-8")
    assert ctl(stub, command, code=WRONG).stdout == f"not {command}: draining\n"


# --- what it prints --------------------------------------------------------------------------------------------------

def test_status_says_what_is_wrong_first(stub):
    failed = {"done": False, "time": "2026-12-01T10:00:00Z",
              "errors": [{"file": "/etc/c.ini", "line": 3, "text": "/etc/c.ini:3: error: [service web] cert: no such file"}],
              "warnings": []}
    recent = [{"time": "2026-12-01T10:00:00Z", "level": "warning", "text": f"line {i}\u202e", "count": i} for i in range(1, 14)]
    stub.answers[("GET", "/status")] = status(
        problems=[{"severity": "error", "service": "web", "text": "no backend is up"},
                  {"severity": "warning", "service": "", "text": "the last reload failed"}],
        last_reload=failed, recent=recent, log_level="debug", log_level_until="2999-01-01T00:00:00Z")
    lines = ctl(stub, "status", code=WRONG).stdout.splitlines()
    assert lines[0] == "culvert 0.1.0 is ready, with 2 problems; up 3h12m"
    assert lines[2:5] == ["SEVERITY  SERVICE  WHAT IS WRONG", "error     web      no backend is up",
                          "warning            the last reload failed"]
    text = "\n".join(lines)
    assert text.index("/etc/c.ini:3: error: [service web] cert: no such file") < text.index("listening")
    assert "debug, for another" in text and "line 10\\u202e" in text and "line 11" not in text
    assert "and 3 more" in text
    stub.answers[("GET", "/status")] = status(ready={"ok": False, "why": "draining"}, draining=True)
    assert ctl(stub, "status", code=WRONG).stdout.startswith("culvert 0.1.0 is draining; up 3h12m\n")


def service(name, **changes):
    return {"service": name, "state": "up", "why": "", "listening": ["*:443"], "tls": "on", "backend_tls": False, "starttls": "off",
            "tunnels": 3, "accepted": 12345, "bytes_in": 1, "bytes_out": 2048, "handshakes_ok": 5, "handshakes_failed": 1,
            "handshakes_resumed": 2, "refused": 0, "backend_failures": 0, "backends_up": 1, "backends": 2, "certificates": 1,
            "days_left": 12} | changes


def test_services(stub):
    everything = [service("a"), service("b", state="down", why="no backend is up"), service("c")]

    def page(query):
        if "service" in query:
            found = [one for one in everything if one["service"] == query["service"]]
            return {"services": found, "more": False}
        rest = [one for one in everything if one["service"] > query.get("after", "")]
        return {"services": rest[:2], "more": len(rest) > 2}

    stub.answers[("GET", "/services")] = page
    lines = ctl(stub, "services").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SERVICE", "b", "a", "c"], "what is down comes first"
    assert lines[1].endswith("no backend is up") and "2.0 KiB" in lines[1] and "12,345" in lines[1]
    assert ctl(stub, "services", "--names").stdout == "a\nb\nc\n"
    one = ctl(stub, "services", "c").stdout
    assert one.startswith("c\n  state ") and "handshakes resumed  2" in one
    assert 'there is no service "x"' in ctl(stub, "services", "x", code=WRONG).stderr


def test_tunnels_with_names_of_hostile_clients(stub):
    answer = {"tunnels": [tunnel(1, sni="\u001b]0;owned\u0007\n\\", alpn="\u009bx"),
                          tunnel(2, blocked="client", blocked_for_ms=80000, rate_in=1500.4)],
              "matched": 2, "more": True, "after": 2}
    stub.answers[("GET", "/tunnels")] = answer
    out = ctl(stub, "tunnels", "--service", "web", "--min-age", "10m", "--limit", "2", "--sort", "age", "--tcp").stdout
    assert stub.requests[-1][2] == {"service": "web", "min_age": "10m", "limit": "2", "sort": "age", "tcp": "1"}
    assert "\\x1b]0;owned\\x07\\x0a\\\\" in out and "\\u009bx" in out
    assert "client 1m20s" in out and "1.5 KiB/s" in out and "2m00s" in out
    assert "2 tunnels shown, there are more: --limit shows more, --after 2 the next ones" in out
    columns = [line.index("web") for line in out.splitlines()[1:3]]
    assert columns[0] == columns[1], "the columns are aligned"
    stub.answers[("GET", "/tunnels")] = {"tunnels": [], "matched": 0, "more": False, "after": 0}
    assert ctl(stub, "tunnels").stdout == "No tunnel matches.\n"


def test_one_tunnel(stub):
    side = {"rtt_us": 350, "rtt_var_us": 20, "cwnd": 10, "retransmits": 2, "unacked": 0, "lost": 0, "not_sent": 4096, "unread": 0,
            "state": "established"}
    stub.answers[("GET", "/tunnels")] = lambda query: {
        "tunnels": [tunnel(7, tcp={"client": side, "backend": side})] if query["id"] == "7" else [], "more": False}
    out = ctl(stub, "tunnels", "--id", 7).stdout
    assert stub.requests[-1][2] == {"id": "7", "tcp": "1"}
    assert "established, round trip 350us +-20us, window 10, 2 retransmitted, 4.0 KiB not sent" in out
    assert re.search(r"server name +host7.example", out)
    assert "there is no tunnel 8" in ctl(stub, "tunnels", "--id", 8, code=WRONG).stderr


def backend(service_name, address, state):
    return {"service": service_name, "backend": address, "name": address, "state": state, "tunnels": 1, "weight": 1, "check": "up",
            "error": "Connection refused" if state == "down" else "", "since_s": 65}


def test_backends(stub):
    stub.answers[("GET", "/backends")] = {"backends": [backend("a", "10.0.0.1:1", "up"), backend("a", "10.0.0.2:1", "down")]}
    assert "1m05s" in ctl(stub, "backends").stdout
    assert stub.requests[-1][2] == {"json": "1"}
    stub.answers[("GET", "/backends")] = (503, {"backends": [backend("a", "10.0.0.1:1", "up"), backend("b", "10.0.0.2:1", "down")]})
    assert ctl(stub, "backends", code=WRONG).stdout.startswith("Service b has no backend that is up.\n")
    assert "10.0.0.2" not in ctl(stub, "backends", "a").stdout
    ctl(stub, "backends", "b", code=WRONG)
    ctl(stub, "--json", "backends", code=WRONG)


def test_certificates(stub):
    def certificate(name, **changes):
        return {"service": "web", "kind": "server", "subject": f"CN={name}", "issuer": "CN=CA", "names": [name], "serial": "01",
                "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z", "days_left": 31, "key": "P-256",
                "files": ["/etc/a.crt"], "refused": ""} | changes

    stub.answers[("GET", "/certificates")] = {"certificates": [
        certificate("late.example"), certificate("soon.example", days_left=2), certificate("old.example", days_left=-1),
        certificate("bad.example", days_left=80, refused="the key does not match")]}
    lines = ctl(stub, "certs").stdout.splitlines()
    assert [re.search(r"(\w+)\.example", line)[1] for line in lines[1:]] == ["bad", "old", "soon", "late"]
    assert lines[1].endswith("the key does not match") and lines[2].strip().startswith("expired") and lines[3].strip().startswith("2d")


def test_explain_and_metrics(stub):
    stub.answers[("GET", "/explain")] = {"text": "service web takes it\n  sni: \u001b[1m\n"}
    assert ctl(stub, "explain", "--client", "192.0.2.1", "--sni", "a", "--port", "443").stdout == "service web takes it\n  sni: \\x1b[1m\n"
    assert stub.requests[-1][2] == {"client": "192.0.2.1", "sni": "a", "port": "443"}
    stub.answers[("GET", "/metrics")] = (200, "# HELP a\na 1\n", "text/plain; version=0.0.4")
    assert ctl(stub, "metrics").stdout == "# HELP a\na 1\n"


# --- what it changes -------------------------------------------------------------------------------------------------

def test_close_by_id(stub):
    stub.answers[("POST", "/tunnels/5/close")] = {"closed": 1}
    assert ctl(stub, "close", 5).stdout == "1 tunnel closed\n"
    done = ctl(stub, "close", 5, 6, code=WRONG)
    assert done.stdout == "1 tunnel closed\n" and done.stderr == "culvertctl: there is no tunnel 6\n"
    assert json.loads(ctl(stub, "close", "--json", 5, 5).stdout) == [{"closed": 1}, {"closed": 1}]
    assert json.loads(ctl(stub, "close", "--json", 5).stdout) == {"closed": 1}
    assert ctl(stub, "close", 6, code=WRONG).stdout == ""


def test_close_by_filter(stub):
    stub.answers[("POST", "/tunnels/close")] = lambda query: {"closed": 3 if query == {"all": "1"} else 0}
    assert ctl(stub, "close", "--all").stdout == "3 tunnels closed\n"
    assert ctl(stub, "close", "--service", "x", code=WRONG).stdout == "No tunnel matches.\n"


def on_terminal(stub, answer, *args):
    """Runs culvertctl with a terminal, types `answer`, and returns the exit code and what the terminal showed."""
    main, second = pty.openpty()
    with subprocess.Popen([CULVERTCTL, "--admin", stub.admin, *args], stdin=second, stdout=second, stderr=second,
                          env=clean_environment({"TERM": "xterm"})) as process:
        os.close(second)
        shown = b""
        while True:
            try:
                data = os.read(main, 4096)
            except OSError:
                break
            shown += data
            if b"[y/N] " in data and answer is not None:
                os.write(main, answer)
                answer = None
            if not data:
                break
        code = process.wait(slack(20))
    os.close(main)
    return code, shown.decode()


def test_close_asks_on_a_terminal(unix_stub):
    unix_stub.answers[("GET", "/tunnels")] = {"tunnels": [tunnel(1), tunnel(2)], "matched": 2, "more": False}
    unix_stub.answers[("POST", "/tunnels/close")] = {"closed": 2}
    code, shown = on_terminal(unix_stub, b"n\n", "close", "--all")
    assert code == WRONG and "Close 2 tunnels? [y/N]" in shown and "nothing is closed" in shown
    assert not [one for one in unix_stub.requests if one[0] == "POST"]
    assert unix_stub.requests[-1][2] == {"limit": "10000"}
    code, shown = on_terminal(unix_stub, b"y\n", "close", "--all")
    assert code == DONE and "2 tunnels closed" in shown
    code, shown = on_terminal(unix_stub, None, "close", "--all", "-y")
    assert code == DONE and "[y/N]" not in shown


def test_colours_only_on_a_terminal(unix_stub):
    unix_stub.answers[("GET", "/status")] = status()
    assert "\x1b[32m" in on_terminal(unix_stub, None, "status")[1]
    without = subprocess.run([CULVERTCTL, "--admin", unix_stub.admin, "status"], env=clean_environment({"NO_COLOR": "1", "TERM": "xterm"}),
                             capture_output=True, timeout=slack(20), check=True)
    assert b"\x1b" not in without.stdout


def test_drain_a_service_and_wait(stub):
    left = [2, 1, 0]
    stub.answers[("POST", "/services/web/drain")] = {"service": "web", "tunnels": 2, "listeners_closed": ["*:443"],
                                                     "listeners_shared": ["*:8443"]}
    stub.answers[("GET", "/services")] = lambda query: {"services": [service(query["service"], tunnels=left.pop(0))], "more": False}
    out = ctl(stub, "drain", "web", "--wait").stdout
    assert out.startswith("Service web is draining: it accepts no new clients. 2 tunnels are still open.\n")
    assert re.search(r"closed +\*:443\n", out) and out.endswith("All tunnels have ended.\n") and not left
    assert ctl(stub, "drain", "no", code=WRONG).stderr == "culvertctl: culvert refused: there is no /services/no/drain\n"


def test_drain_waits_until_the_daemon_has_stopped(unix_stub):
    unix_stub.answers[("POST", "/drain")] = {"draining": True, "tunnels": 1}
    asked = threading.Event()
    unix_stub.answers[("GET", "/status")] = lambda _: asked.set() or status(tunnels={"open": 1, "limit": 5}, draining=True)
    stopper = threading.Thread(target=lambda: asked.wait(slack(20)) and unix_stub.stop(), daemon=True)
    stopper.start()
    done = ctl(unix_stub, "drain", "--wait")
    stopper.join(slack(10))
    assert done.stdout == ("culvert is draining: it accepts no new clients. 1 tunnel is still open.\n"
                           "culvert has stopped.\n")


RELOADED = {"done": True, "services": {"added": ["mail"], "changed": ["web"], "removed": []},
            "listeners": {"added": ["*:993"], "removed": []},
            "certificates": [{"service": "web", "subject": "CN=a", "result": "loaded", "why": ""},
                             {"service": "mail", "subject": "CN=b", "result": "refused", "why": "it expires sooner"}],
            "global": ["idle-timeout"], "errors": [], "warnings": [{"file": "/c.ini", "line": 4, "text": "/c.ini:4: warning: x"}]}


def test_reload(stub):
    stub.answers[("POST", "/reload")] = RELOADED
    assert ctl(stub, "reload").stdout == ("Reloaded.\n"
                                          "  services added       mail\n"
                                          "  services changed     web\n"
                                          "  listeners added      *:993\n"
                                          "  global keys changed  idle-timeout\n"
                                          "  certificate  web: CN=a loaded\n"
                                          "  certificate  mail: CN=b refused: it expires sooner\n"
                                          "/c.ini:4: warning: x\n")
    stub.answers[("POST", "/reload")] = {"done": True, "services": {}, "listeners": {}, "certificates": []}
    assert ctl(stub, "reload").stdout == "Reloaded; nothing is different.\n"


def test_a_reload_that_fails(stub):
    errors = [{"file": "/c.ini", "line": 7, "text": "/c.ini:7: error: [service web] listen: port 99999 is not allowed"},
              {"file": "", "line": 0, "text": "127.0.0.1:443: Address already in use"}]
    stub.answers[("POST", "/reload")] = (422, {"done": False, "errors": errors, "warnings": []})
    done = ctl(stub, "reload", code=WRONG)
    assert done.stdout == ""
    assert done.stderr == errors[0]["text"] + "\n" + errors[1]["text"] + "\nThe reload failed; nothing has changed.\n"
    assert json.loads(ctl(stub, "reload", "--json", code=WRONG).stdout)["errors"] == errors
    stub.answers[("POST", "/reload")] = (409, {"error": "culvert is draining"})
    assert ctl(stub, "reload", code=WRONG).stderr == "culvertctl: culvert refused: culvert is draining\n"


def test_reload_by_signal_if_nothing_listens(workdir):
    with subprocess.Popen(["sh", "-c", "trap 'echo reloaded; exit 0' HUP; echo on; while :; do sleep 0.05; done"],
                          stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout.readline() == "on\n"
        done = run_ctl("reload", "--or-signal", daemon.pid, admin=workdir / "no.sock")
        assert done.returncode == DONE and f"sent HUP to process {daemon.pid}" in done.stdout
        assert daemon.stdout.readline() == "reloaded\n"
    done = run_ctl("reload", "--or-signal", daemon.pid, admin=workdir / "no.sock")
    assert done.returncode == UNREACHABLE and "does not get HUP either: No such process" in done.stderr


def test_log_level(stub):
    stub.answers[("POST", "/log-level")] = lambda query: {"level": query["level"],
                                                          "until": "2026-12-01T10:00:00Z" if "for" in query else None}
    assert ctl(stub, "log-level", "debug", "--for", "10m").stdout == "log level debug until 2026-12-01 10:00:00 UTC\n"
    assert stub.requests[-1][2] == {"level": "debug", "for": "10m"}
    assert ctl(stub, "log-level", "default").stdout == "log level default\n"


# --- the table, completion, manual page, unit ------------------------------------------------------------------------

def complete(line, env=None):
    script = (f". {ROOT}/etc/culvertctl.bash; read -ra COMP_WORDS <<<\"$1\"; case $1 in *' ') COMP_WORDS+=('') ;; esac; "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _culvertctl; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", line], env=clean_environment(env), capture_output=True, text=True,
                          timeout=slack(20), check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion(unix_stub):
    unix_stub.answers[("GET", "/services")] = {"services": [service("redis"), service("mail")], "more": False}
    here = {"CULVERT_ADMIN": unix_stub.admin}
    assert complete("culvertctl st") == ["status"]
    assert complete("culvertctl --admin /x se") == ["services"]
    assert "--blocked-for" in complete("culvertctl tunnels --b")
    assert complete("culvertctl tunnels --state re") == ["relay"]
    assert complete("culvertctl log-level e") == ["emerg", "err"]
    assert complete(f"{CULVERTCTL} drain ", here) == ["redis", "mail"]
    assert complete(f"{CULVERTCTL} tunnels --service m", here) == ["mail"]
    assert complete(f"{CULVERTCTL} drain ", {"CULVERT_ADMIN": "/no/such/socket"}) == []
    # bash splits the address at its colon.
    assert complete(f"{CULVERTCTL} --admin unix : {unix_stub.path} drain r") == ["redis"]


def test_every_command_has_help_and_completion():
    names = re.findall(r'CTL_COMMAND\(\w+, "\w+", "([\w-]+)"', (ROOT / "src/ctl/commands.def").read_text())
    assert len(names) == 14
    overview, page = run_ctl("--help"), (ROOT / "etc/culvertctl.8").read_text()
    for name in names:
        help_ = run_ctl(name, "--help")
        assert help_.returncode == DONE and f"\n{name}: " in help_.stdout
        assert f"\n  {name} " in overview.stdout
        assert "\n.SS " + name.replace("-", "\\-") in page
        assert name in complete("culvertctl " + name)
    assert re.match(r"culvertctl \d", run_ctl("--version").stdout)


@pytest.mark.parametrize("what, file", [("man", "etc/culvertctl.8"), ("completion", "etc/culvertctl.bash")])
def test_generated_files_are_up_to_date(what, file):
    assert run_ctl("--generate", what).stdout == (ROOT / file).read_text()


def test_words_that_the_daemon_declares():
    """commands.def repeats a few lists, because culvertctl is not linked with the daemon's modules."""
    table = (ROOT / "src/ctl/commands.def").read_text()
    states = re.findall(r'^TUNNEL_STATE\(\w+, "([\w-]+)"', (ROOT / "src/tunnel/tunnel_state.def").read_text(), re.MULTILINE)
    assert f'"{"|".join(states)}"' in table
    levels = re.search(r"kLogLevelNames = \{([^}]*)\}", (ROOT / "src/log/log_line.h").read_text())[1]
    assert f'"{"|".join(re.findall(chr(34) + "(.*?)" + chr(34), levels))}|default"' in table


@pytest.mark.skipif(not shutil.which("man"), reason="needs man")
def test_the_manual_page_has_no_warnings():
    done = subprocess.run(["man", "--warnings", "-l", ROOT / "etc/culvertctl.8"], env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
                          capture_output=True, text=True, timeout=slack(30), check=True)
    assert done.stderr == "" and "EXIT STATUS" in done.stdout


def test_the_unit_reloads_through_culvertctl():
    """systemctl reload fails where the reload fails; + because the socket belongs to culvert's user."""
    unit = (ROOT / "etc/culvert.service").read_text()
    assert "\nExecReload=+/usr/local/bin/culvertctl reload --or-signal $MAINPID\n" in unit
    assert "\nRuntimeDirectory=culvert\n" in unit
    assert "/run/culvert/admin.sock" in run_ctl("--generate", "man").stdout


def test_no_wolfssl_and_no_libevent():
    libraries = subprocess.run(["ldd", CULVERTCTL], capture_output=True, text=True, timeout=slack(20), check=False).stdout
    assert "wolfssl" not in libraries and "event" not in libraries


def test_a_full_disk_is_an_error(unix_stub):
    unix_stub.answers[("GET", "/live")] = "live\n"
    if not pathlib.Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([CULVERTCTL, "--admin", unix_stub.admin, "live"], stdout=full, stderr=subprocess.PIPE, check=False,
                              timeout=slack(20), text=True)
    assert done.returncode == WRONG and "standard output" in done.stderr
    eventually(lambda: unix_stub.requests, 5, "a request")
