# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin door: what it shows of the daemon, and what it changes. culvertctl and the page use the same paths."""

import os
import signal
import threading
import time

import pytest

from harness import Config, Echo, Hanger, Refuser, Source, eventually, scaled
from harness.admin import ADMIN, BOTH, Door, may_trace, stopped_thread
from harness.bulk import Bulk
from harness.util import connect as dial
from harness.util import own_address

FAST = {"health-check": "tcp", "health-interval": "50ms", "health-timeout": "5s"}


def text(daemon, service="main"):
    """The address of a service as in the log."""
    return "%s:%d" % daemon.address(service)


def live(door):
    """Waits until all loops answer in time: on a machine that is busy, a thread may have to wait for a processor."""
    return eventually(lambda: door.request("GET", "/live").status == 200, 15, "all loops to answer", every=0.1)


def refused(daemon, service):
    try:
        dial(daemon.address(service)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def door(culvert, backend):
    """Starts a daemon with both doors; returns the daemon and its admin door."""
    def start(config="one", **options):
        options.setdefault("globals_", BOTH)
        if config == "one" and "backend" not in options:
            options["backend"] = backend(Echo).address
        daemon = culvert(config, **options)
        return daemon, Door(daemon)
    return start


# -- what it shows -------------------------------------------------------------------------------------------------

def test_the_status_of_a_daemon_that_is_well(door, connect):
    daemon, admin = door()
    connect(daemon).echo()
    status = eventually(lambda: (one := admin.get("/status"))["live"]["ok"] and one, 15, "all loops to answer")
    assert status["process"] == daemon.pid and status["uptime_s"] < 600
    assert status["ready"] == {"ok": True, "why": ""} and status["live"] == {"ok": True, "why": ""}
    assert status["tunnels"]["open"] == 1 and status["tunnels"]["states"]["relay"] == 1
    assert [one["service"] for one in status["listening"]] == ["main"] and status["listening"][0]["address"] == text(daemon)
    assert sum(one["tunnels"] for one in status["workers"]) == 1
    assert status["problems"] == [] and status["draining"] is False and status["last_reload"] is None
    assert status["counters"]["handshakes_ok"] == 1
    timing = status["timings"]["handshake_full"]
    assert timing["count"] == 1 and 0 < timing["p50_us"] and timing["sum_us"] > 0
    # The warnings of the start are there in words.
    assert any("admin is on TCP" in one["text"] for one in status["recent"])


def test_the_counters_are_those_of_the_state_dump(door, connect):
    daemon, admin = door()
    connect(daemon).close()
    daemon.wait_idle()
    dumped = daemon.counters()
    shown = {**admin.get("/status")["counters"]}
    changing = {"log_lines_written", "deferred_deletes", "longest_turn_us"}
    assert set(dumped) >= set(shown)
    assert {key: value for key, value in shown.items() if dumped[key] != value and key not in changing} == {}


def test_a_tunnel_with_all_that_is_known_of_it(door, connect):
    daemon, admin = door(service={"alpn": "h2, http/1.1"})
    client = connect(daemon, name="localhost", alpn=["h2"])
    client.echo(b"x" * 1000)
    (row,) = admin.tunnels(tcp=1)
    assert row["service"] == "main" and row["state"] == "relay" and row["sni"] == "localhost" and row["alpn"] == "h2"
    assert row["client"] == "%s:%d" % client.sock.getsockname()[:2]
    assert row["bytes_in"] == row["bytes_out"] == 1000 and row["waiting_in"] == row["waiting_out"] == 0
    assert row["blocked"] == "" and row["blocked_for_ms"] == 0 and row["rate_in"] is None
    assert row["total_ms"] >= row["handshake_ms"] > 0 and row["start"].endswith("Z")
    for end in row["tcp"].values():
        assert end["state"] == "established" and end["rtt_us"] > 0 and end["cwnd"] > 0 and end["unread"] == 0
    client.echo(b"y" * 5000)
    time.sleep(0.25)  # rates need 200 ms between two answers
    (row,) = admin.tunnels()
    assert row["rate_in"] > 0 and row["rate_out"] > 0 and "tcp" not in row
    # The keys are those of the log line.
    client.close()
    line = daemon.wait_closed()
    for key in ("id", "service", "client", "backend", "sni", "alpn", "tls", "suite", "group", "resumed", "handshake_ms", "connect_ms"):
        assert key in row and line.get(key) is not None, key
    assert line["id"] == str(row["id"]) and admin.tunnels() == []


def test_filters_order_and_cursor(culvert, backend, connect):
    daemon = culvert(Config({"a": {"backend": backend(Echo).address}, "b": {"backend": backend(Echo).address}}, **ADMIN))
    admin = Door(daemon)
    clients = [connect(daemon, name) for name in "aabab"]
    for size, client in enumerate(clients, 1):
        client.echo(b"z" * 100 * size)
    rows = admin.tunnels()
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids) and len(ids) == 5
    assert [row["service"] for row in rows] == list("aabab")
    assert {row["service"] for row in admin.tunnels(service="b")} == {"b"}
    assert [row["id"] for row in admin.tunnels(sort="bytes", limit=2)] == [ids[4], ids[3]]
    assert len(admin.tunnels(client="127.0.0.0/8")) == 5 and admin.tunnels(client="10.0.0.0/8") == []
    assert len(admin.tunnels(sni="LOCAL")) == 5 and admin.tunnels(sni="nobody") == []
    assert [row["id"] for row in admin.tunnels(id=ids[2])] == [ids[2]]
    assert len(admin.tunnels(state="relay")) == 5 and admin.tunnels(state="connect") == []
    assert admin.tunnels(min_age="1h") == [] and admin.tunnels(blocked="any") == []
    assert len(admin.tunnels(backend=rows[0]["backend"])) == 3
    # Pages: each tunnel once, in the order of ids.
    seen, after = [], 0
    while True:
        page = admin.get("/tunnels", limit=2, after=after)
        seen += [row["id"] for row in page["tunnels"]]
        if not page["more"]:
            break
        after = page["after"]
    assert seen == ids
    assert "allowed: service, client" in admin.get("/tunnels", 400, servise="a")["error"]


def send_always(client):
    """Sends until the socket is closed."""
    try:
        while True:
            client.send(b"q" * 16000)
    except (OSError, ValueError):
        pass


@pytest.mark.parametrize("slow", ["client", "backend"])
def test_the_side_that_does_not_read_is_named(door, backend, connect, slow):
    server = backend(Source, 1 << 24, then="hold") if slow == "client" else backend(Hanger)
    daemon, admin = door(backend=server.address)
    client = connect(daemon)
    if slow == "backend":
        threading.Thread(target=send_always, args=(client,), daemon=True).start()
    (row,) = eventually(lambda: admin.tunnels(blocked=slow, blocked_for="300ms"), 15, "a blocked tunnel", every=0.1)
    assert row["blocked"] == slow and row["blocked_for_ms"] >= 300
    assert row["waiting_out" if slow == "client" else "waiting_in"] > 0
    other = "backend" if slow == "client" else "client"
    assert admin.tunnels(blocked=other) == [] and admin.tunnels(blocked="any", blocked_for="1h") == []
    assert row[f"{slow}_blocked_ms"] > 0


def test_services_backends_and_certificates(culvert, backend, pki):
    config = Config({"up": {"backend": backend(Echo).address},
                     "half": {**FAST, "backend": [backend(Echo).address, backend(Refuser).address]},
                     "dead": {**FAST, "backend": backend(Refuser).address, "tls": "off", "backend-tls": "on", "backend-ca": pki.ca_file}},
                    **BOTH)
    admin = Door(culvert(config))
    states = lambda: {row["service"]: row["state"] for row in admin.get("/services")["services"]}
    eventually(lambda: states() == {"up": "up", "half": "degraded", "dead": "down"}, 15, states, every=0.1)
    rows = {row["service"]: row for row in admin.get("/services")["services"]}
    assert rows["half"]["backends"] == 2 and rows["half"]["backends_up"] == 1 and "1 of 2 backends" in rows["half"]["why"]
    assert rows["up"]["days_left"] > 0 and rows["up"]["certificates"] == 1 and rows["dead"]["days_left"] is None
    assert rows["dead"]["tls"] == "off" and rows["dead"]["backend_tls"] is True
    assert [row["service"] for row in admin.get("/services", limit=1)["services"]] == ["up"]
    assert [row["service"] for row in admin.get("/services", after="up")["services"]] == ["half", "dead"]
    backends = admin.get("/backends", json=1)["backends"]
    assert [row["state"] for row in backends if row["service"] == "half"] == ["up", "down"]
    assert next(row for row in backends if row["service"] == "dead")["error"]
    text = admin.get("/backends", 503)
    assert "dead has no backend that is up" in text and text.count("\n") == 5
    problems = admin.get("/status")["problems"]
    assert [(one["severity"], one["service"]) for one in problems] == [("error", "dead"), ("warning", "half")]
    served = [row for row in admin.get("/certificates", service="up")["certificates"] if row["kind"] == "server"]
    assert served[0]["names"] and served[0]["not_after"].endswith("Z") and str(pki.ecdsa.chain) in served[0]["files"]


def test_explain_answers_as_the_command_line_does(door):
    _, admin = door()
    assert "service: main" in admin.get("/explain", sni="www.example.org")["text"]
    assert "allowed: ADDRESS" in admin.get("/explain", 400, client="nobody")["error"]
    assert "no service listens on port 1" in admin.get("/explain", 400, port="1")["error"]


def test_the_history_has_a_sample_a_second(door, connect):
    daemon, admin = door()
    fields = admin.get("/history")["fields"]
    connect(daemon).echo(b"x" * 1000)

    def moved():
        samples = [dict(zip(fields, one)) for one in admin.get("/history")["samples"]]
        return sum(one["accepted"] for one in samples) == 1 and sum(one["bytes_in"] for one in samples) == 1000 and samples
    samples = eventually(moved, 10, "a sample of the tunnel", every=0.2)
    assert sum(one["handshakes_full"] for one in samples) == 1
    assert any(one["handshake_p50_us"] for one in samples)


# -- probes --------------------------------------------------------------------------------------------------------

def test_probes_while_a_backend_dies_and_culvert_drains(culvert, backend, connect):
    server = backend(Echo)
    daemon = culvert(Config({"main": {**FAST, "backend": server.address}}, ready_needs="backends", **BOTH))
    metrics = Door(daemon, "metrics")
    assert live(metrics) and metrics.get("/ready") == "ready\n"
    assert metrics.get("/backends") == f"main {server.address} up\n"
    client = connect(daemon)
    client.echo()
    server.listener.close()
    daemon.wait_log("backend is down", 15)
    assert metrics.get("/ready", 503) == "not ready: service main has no backend that is up\n"
    assert "down" in metrics.get("/backends", 503) and live(metrics)
    daemon.signal(signal.SIGTERM)
    daemon.wait_log("draining")
    assert eventually(lambda: metrics.get("/ready", 503) == "not ready: draining\n", 5)
    assert live(metrics)
    client.echo()
    client.close()
    assert daemon.wait(10) == 0


def test_ready_needs_listeners_only_by_default(door, backend):
    daemon, admin = door(backend=backend(Refuser).address, service=FAST)
    daemon.wait_log("backend is down", 15)
    assert admin.get("/ready") == "ready\n"


def test_not_ready_while_a_socket_is_closed_because_of_its_backends(door, backend):
    daemon, admin = door(backend=backend(Refuser).address, service={**FAST, "when-backend-down": "unlisten"})
    daemon.wait_log("no longer listening", 15)
    assert eventually(lambda: "not listening on" in admin.request("GET", "/ready").text, 5)
    assert admin.get("/status")["listening"][0]["away"] is True


@pytest.mark.parametrize("thread", ["culvert-w00", "culvert-accept"])
def test_a_loop_that_stands_still_is_not_live(door, thread):
    if not may_trace():
        pytest.skip("this system does not let a process trace its child")
    daemon, admin = door()
    with stopped_thread(daemon, thread):
        start = time.monotonic()
        answer = admin.request("GET", "/live")
        took = time.monotonic() - start
        assert answer.status == 503 and answer.text == f"not live: no answer from {thread} within 700 ms\n"
        assert admin.get("/ready") == "ready\n"
        assert admin.get("/status")["live"]["ok"] is False
    print(f"/live answered after {took:.3f} s")
    assert live(admin)


def test_the_control_thread_does_not_delay_probes(door):
    if not may_trace():
        pytest.skip("this system does not let a process trace its child")
    daemon, admin = door()
    with stopped_thread(daemon, "culvert"):
        assert live(admin) and admin.get("/ready") == "ready\n" and admin.get("/status")["ready"]["ok"]


# -- what it changes -----------------------------------------------------------------------------------------------

def test_close_one_and_those_that_match(culvert, backend, connect):
    daemon = culvert(Config({"a": {"backend": backend(Echo).address}, "b": {"backend": backend(Echo).address}}, **ADMIN))
    admin = Door(daemon)
    clients = [connect(daemon, name) for name in "aabb"]
    for client in clients:
        client.echo()
    ids = [row["id"] for row in admin.tunnels()]
    assert admin.post(f"/tunnels/{ids[0]}/close") == {"closed": 1}
    assert daemon.wait_closed()["cause"] == "admin-closed"
    assert "there is no tunnel with id=" in admin.post(f"/tunnels/{ids[0]}/close", 404)["error"]
    line = daemon.wait_log("admin: tunnels closed")
    assert line["which"] == f"id={ids[0]}" and line["by"].startswith("127.0.0.1:")
    assert admin.post("/tunnels/close", service="b") == {"closed": 2}
    clients[1].echo(b"the other service's tunnel is open")
    assert "allowed: a filter" in admin.post("/tunnels/close", 400)["error"]
    assert admin.post("/tunnels/close", all=1) == {"closed": 1}
    daemon.wait_idle()
    assert admin.get("/status")["closed_by_cause"] == {"admin-closed": 4}


def test_a_service_is_drained_until_the_next_reload(culvert, backend, connect):
    shared = own_address()
    server = backend(Echo).address
    config = Config({"one": {"backend": server},
                     "two": {"backend": server, "listen": shared, "match-name": "two.example", "cert": "self-signed"},
                     "rest": {"backend": server, "listen": shared, "fallback": "on"}}, **ADMIN)
    daemon = culvert(config)
    admin = Door(daemon)
    client = connect(daemon, "one")
    client.echo()
    address = text(daemon, "one")
    answer = admin.post("/services/one/drain")
    assert answer == {"service": "one", "tunnels": 1, "listeners_closed": [address], "listeners_shared": []}
    assert daemon.wait_log("admin: service drained")["service"] == "one"
    eventually(lambda: address not in str(admin.get("/status")["listening"]))
    eventually(lambda: refused(daemon, "one"))
    client.echo(b"the open tunnel goes on")
    answer = admin.post("/services/two/drain")
    assert answer["listeners_closed"] == [] and answer["listeners_shared"] == [shared]
    assert "rest" in admin.get("/explain", sni="two.example")["text"].split("service: ")[-1]
    assert {row["service"]: row["state"] for row in admin.get("/services")["services"]} == {
        "one": "draining", "two": "draining", "rest": "up"}
    assert "there is no service" in admin.post("/services/three/drain", 404)["error"]
    report = admin.post("/reload")
    assert report["done"] and len(report["listeners"]["added"]) == 1
    assert "service: two" in admin.get("/explain", sni="two.example")["text"]
    assert {row["state"] for row in admin.get("/services")["services"]} == {"up"}
    client.echo()


def test_a_reload_says_what_it_has_changed(culvert, backend, pki, workdir):
    leaf = pki.issue("leaf", directory=workdir)
    config = Config({"stays": {"backend": backend(Echo).address}, "changes": {"backend": backend(Echo).address, "cert": leaf.chain, "key": leaf.key},
                     "goes": {"backend": backend(Echo).address}}, **ADMIN)
    daemon = culvert(config)
    admin = Door(daemon)
    gone = text(daemon, "goes")
    renewed = pki.issue("leaf", directory=workdir)
    del config.services["goes"]
    config.services["changes"]["idle-timeout"] = "7s"
    config.services["comes"] = {"backend": backend(Echo).address}
    config.globals["drain-timeout"] = "3s"
    daemon.write(config)
    report = admin.post("/reload")
    assert report["done"] is True and report["errors"] == []
    assert report["services"] == {"added": ["comes"], "changed": ["changes"], "removed": ["goes"]}
    assert report["global"] == ["drain-timeout"]
    assert report["listeners"]["removed"] == [gone] and len(report["listeners"]["added"]) == 1
    (loaded,) = [one for one in report["certificates"] if one["service"] == "changes"]
    assert loaded["result"] == "loaded" and loaded["subject"]
    assert admin.get("/status")["last_reload"]["services"] == report["services"] and renewed


def test_a_failed_reload_names_each_error_and_changes_nothing(door, connect):
    daemon, admin = door()
    with open(daemon.config_path, "a") as file:
        file.write("idle-timeout = soon\nbackand = x\n")
    lines = open(daemon.config_path).read().split("\n")
    report = admin.post("/reload", 422)
    assert report["done"] is False
    where = [(one["file"], one["line"]) for one in report["errors"]]
    assert where == [(str(daemon.config_path), lines.index("idle-timeout = soon") + 1),
                     (str(daemon.config_path), lines.index("backand = x") + 1)]
    assert all(one["text"].startswith(f"{one['file']}:{one['line']}: error: ") for one in report["errors"])
    problem = admin.get("/status")["problems"][0]
    assert problem["severity"] == "error" and "failed with 2 errors" in problem["text"]
    connect(daemon).echo()


def test_a_reload_while_culvert_drains_is_refused(door, connect):
    daemon, admin = door()
    client = connect(daemon)
    client.echo()
    assert admin.post("/drain") == {"draining": True, "tunnels": 1}
    assert admin.post("/drain")["tunnels"] == 1, "the second request cuts nothing"
    assert "drains" in admin.post("/reload", 409)["error"]
    client.echo()
    client.close()
    assert daemon.wait(10) == 0


def test_the_log_level_for_a_time(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address, globals_=ADMIN, level="notice")
    admin = Door(daemon)
    assert "allowed: emerg" in admin.post("/log-level", 400, level="loud")["error"]
    assert "for: " in admin.post("/log-level", 400, level="debug", **{"for": "ever"})["error"]
    answer = admin.post("/log-level", level="debug", **{"for": "1h"})
    assert answer["level"] == "debug" and answer["until"].endswith("Z")
    connect(daemon).close()
    line = daemon.wait_log("tunnel open")
    assert line["service"] == "main" and line["tls"].startswith("TLS")
    assert admin.get("/status")["log_level"] == "debug"
    assert admin.post("/log-level", level="default") == {"level": "notice", "until": None}
    admin.post("/log-level", level="debug", **{"for": "100ms"})
    daemon.wait_log("the configured log level is in force again")
    assert admin.get("/status")["log_level_until"] is None
    admin.post("/log-level", level="debug")
    daemon.reload()
    eventually(lambda: admin.get("/status")["log_level"] == "notice")


def test_changes_through_a_unix_socket_are_logged_with_the_callers_ids(culvert, backend, workdir):
    daemon = culvert(backend=backend(Echo).address, globals_={"admin": f"unix:{workdir}/admin.sock"})
    Door(daemon).post("/reload")
    assert daemon.wait_log("admin: reload")["by"] == f"uid={os.getuid()} gid={os.getgid()} pid={os.getpid()}"


# -- many tunnels --------------------------------------------------------------------------------------------------

@pytest.mark.slow
@pytest.mark.parametrize("count", [1000, pytest.param(9500, marks=pytest.mark.full)])
def test_a_list_of_many_tunnels_delays_none_of_them(culvert, pki, count):
    """9,500 are as many as 20,000 descriptors allow."""
    count = scaled(count, least=100)
    backend = Bulk("hold-backend")
    daemon = culvert(backend=f"127.0.0.1:{backend.line()['port']}", globals_={**ADMIN, "workers": 1}, level="info")
    admin = Door(daemon)
    clients = Bulk("hold-client", port=daemon.port(), ca=pki.ca_file, count=count, version="1.3")
    try:
        assert clients.line(180) == {"held": count, "errors": []}
        before, resident = turns(admin), daemon.rss()
        start = time.monotonic()
        answer = admin.get("/tunnels", limit=10_000)
        took = time.monotonic() - start
        assert len(answer["tunnels"]) == count and answer["more"] is False
        assert [row["id"] for row in answer["tunnels"]] == sorted({row["id"] for row in answer["tunnels"]})
        assert len(admin.tunnels(sort="idle", limit=10)) == 10
        slow = turns(admin) - before
        print(f"{count} tunnels in {took:.3f} s, RSS +{(daemon.rss() - resident) / 1024:.0f} KiB, turns above 2 ms: {slow}")
        clients.tell()
        daemon.wait_idle(60)
    finally:
        clients.stop()
        backend.stop()


def turns(admin):
    """How many turns of workers took longer than 2 ms."""
    text = admin.get("/metrics")
    lines = [line for line in text.splitlines() if line.startswith("culvert_turn_seconds_bucket")]
    upto = next(line for line in lines if 'le="0.002048"' in line)
    return int(lines[-1].rsplit(" ", 1)[1]) - int(upto.rsplit(" ", 1)[1])
