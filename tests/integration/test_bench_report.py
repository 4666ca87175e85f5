# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own arithmetic and manners: ratios, verdicts, tables, chart, and that a run leaves nothing behind."""

import contextlib
import copy
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import types
import uuid
import xml.etree.ElementTree

import pytest

from harness import BINARY, eventually, slack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests/bench"
sys.path.insert(0, str(BENCH))

import budget  # noqa: E402
import chart  # noqa: E402
import crowd  # noqa: E402
import figures  # noqa: E402
import goals  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import publish  # noqa: E402
import quota  # noqa: E402
import report  # noqa: E402
import server  # noqa: E402
import servers  # noqa: E402
import tls_backend  # noqa: E402
import works  # noqa: E402


def timed(*cpu_us, units=1000, p99=500.0, **more):
    """Rounds of a message or connection work with these figures."""
    return [{"seconds": 1.0, "units": units, "bytes": units * 64, "failed": 0, "why": "", "resumed": 0,
             "cpu_ms": us * units / 1000, "wait_ms": 1.0, "load_cpu_ms": 500.0, "p50_us": p99 / 2, "p99_us": p99,
             "p999_us": p99 * 2, **more} for us in cpu_us]


def work(key, results):
    w = next(w for w in works.WORKS if w.key == key)
    return {"title": w.title, "unit": w.unit, "kind": w.kind, "crypto": list(w.crypto), "cryptoShare": w.cryptoShare,
            "conns": w.conns, "size": w.size, "workers": w.workers, "capacity": w.capacity, "clientTls": w.clientTls,
            "backendTls": w.backendTls, "shared": True, "servers": results}


def tunnels(kib):
    return [{"kib_per_tunnel": kib, "kernel_kib_per_tunnel": 9.0, "pss_before_kib": 4000, "pss_held_kib": 9000,
             "pss_after_kib": 5000}]


@pytest.fixture
def data():
    peers = ("stunnel", "hitch", "haproxy", "nginx")
    return {
        "machine": {"cpu": "Test <CPU>", "cores": 2, "kernel": "6.1", "load": 0.1, "layout": "server on CPU 0"},
        "quick": False, "took_s": 12.0, "notes": [], "versions": {n: f"{n} 1.0" for n in ("culvert", *peers, "plain relay")},
        "crypto": {"p256_sign_us": 20.0, "x25519_us": 40.0, "key_schedule_us": 6.0, "both_ways_64_us": 0.2,
                   "encrypt_ns_per_byte": 0.2, "decrypt_ns_per_byte": 0.2},
        "works": {
            "handshake": work("handshake", {"culvert": timed(280, 300, 290), "stunnel": timed(900), "hitch": timed(500, 500),
                                            "haproxy": [], "nginx": timed(520), "plain relay": timed(60)}),
            "messages": work("messages", {"plain relay": timed(84)}),
            "ping64": work("ping64", {"culvert": timed(15, p99=1000.0), "nginx": timed(20, p99=1500.0),
                                      "haproxy": timed(18, p99=2000.0), "plain relay": timed(13)}),
            "ping64x4000": work("ping64x4000", {"culvert": timed(27), "nginx": timed(30)}),
            "idle": work("idle", {"culvert": tunnels(5.0), "haproxy": tunnels(20.0), "hitch": tunnels(40.0)}),
            "idlemost": work("idlemost", {"culvert": [{**tunnels(4.8)[0], "tunnels": 9900, "stopped_by": "memory"}]}),
            "burst": work("burst", {"culvert": [{"rss_before_kib": 5000, "rss_held_kib": 60000, "rss_after_kib": 8000}]}),
            "start": work("start", {"culvert": [{"start_ms": 9.0, "pss_kib": 4000}], "nginx": [{"start_ms": 6.0, "pss_kib": 9000}]}),
        }}


def verdicts(data):
    return {(o.goal.work, o.goal.measure): (round(o.value, 3), o.verdict) for o in goals.outcomes(data)}


def test_ratios_are_those_of_the_medians_to_the_best_peer(data):
    handshake = data["works"]["handshake"]
    assert figures.middle(handshake, "culvert") == pytest.approx(290)
    assert figures.best(handshake) == ("hitch", pytest.approx(500))
    assert verdicts(data)["handshake", "ratio"] == (0.58, "met")


def test_another_build_is_no_peer_and_has_a_column_of_its_own(data):
    """Cheaper than all peers, it is still not what culvert is held against."""
    data["works"]["handshake"]["servers"]["before"] = timed(145)
    data["versions"]["before"] = "culvert 0.0"
    assert figures.best(data["works"]["handshake"])[0] == "hitch"
    head, row = (line.split() for line in report.overview(data).splitlines()[:2])
    assert head[-2:] == ["x", "before"] and row[-3:] == ["0.58", "4.83", "2.00"], "x best, x plain relay, x before"


def test_a_peer_of_another_suite_is_a_peer(data):
    servers_ = data["works"]["handshake"]["servers"]
    servers_["nginx (trixie)"] = servers_.pop("nginx") and timed(480)
    assert figures.best(data["works"]["handshake"]) == ("nginx (trixie)", pytest.approx(480))
    assert figures.ordered(["plain relay", "nginx (trixie)", "hitch", "new", "culvert"]) == [
        "culvert", "new", "hitch", "nginx (trixie)", "plain relay"]


def test_rows_at_capacity_compare_with_the_relay_at_capacity(data):
    data["works"]["pull8cap"] = work("pull8cap", {"culvert": timed(1.2), "nginx": timed(2.0), "plain relay": timed(1.6)})
    found = [(o.goal.measure, o.value, o.verdict, o.said) for o in goals.outcomes(data) if o.goal.work == "pull8cap"]
    assert found == [("ratio", pytest.approx(0.6), "met", "18.75 to nginx's 31.2 ns/byte"),
                     ("relay", pytest.approx(0.75), "met", "18.75 to plain relay's 25.0 ns/byte")]
    resumed = work("resumedcap", {"culvert": timed(200)})
    assert figures.relay(data, resumed) is None and figures.timesRelay(resumed) is None
    data["works"]["handshakecap"] = work("handshakecap", {"plain relay": timed(55)})
    assert figures.relay(data, resumed) == pytest.approx(55)
    details = report.details.cpu(data["works"]["pull8cap"]).splitlines()
    assert "of its share" in details[0] and details[1].split()[-4:-1] == ["-", "0%", "50%"]
    assert "note: pull8cap: culvert used 0 % of its share: it was not at capacity" in report.table(data)


def test_every_goal_whose_row_was_run_has_a_verdict(data):
    assert verdicts(data) == {
        ("handshake", "ratio"): (0.58, "met"), ("ping64", "ratio"): (0.833, "missed by 0.053"), ("ping64", "p99"): (0.667, "moonshot"),
        ("idle", "value"): (5.0, "missed by 2.80"), ("idle", "ratio"): (0.25, "met"), ("burst", "value"): (1.6, "missed by 0.100"),
        ("ping64x4000", "growth"): (1.8, "missed by 0.300")}


def test_a_goal_without_its_rows_is_left_out(data):
    del data["works"]["ping64"]
    data["works"]["idle"]["servers"]["culvert"] = []
    data["works"]["handshake"]["servers"] = {"culvert": timed(290)}
    assert verdicts(data) == {("burst", "value"): (1.6, "missed by 0.100")}


@pytest.mark.parametrize("value,verdict", [(0.48, "moonshot"), (0.6, "met"), (0.604, "missed by 0.004"), (2.65, "missed by 2.05")])
def test_limits_are_reached_at_the_limit(value, verdict):
    goal = works.Goal("handshake", "ratio", 0.60, 0.48, "words")
    assert goals.Outcome(goal, value, "").verdict == verdict


def test_every_goal_names_works_that_there_are():
    keys = [w.key for w in works.WORKS]
    assert len(keys) == len(set(keys))
    assert all(goal.work in keys and (not goal.against or goal.against in keys) for goal in works.GOALS)


def test_floors(data):
    handshake, ping = data["works"]["handshake"], data["works"]["ping64"]
    assert figures.floor(data, handshake) == pytest.approx(60 + 66)
    assert figures.messageFloor(data, handshake) == pytest.approx(84 + 66)
    assert figures.floor(data, ping) == pytest.approx(13.2)
    assert figures.messageFloor(data, ping) is None
    resumed = work("resumed", {"culvert": timed(200)})
    assert figures.floor(data, resumed) == pytest.approx(60 + 46), "a relay knows one kind of connection"
    bulk = work("duplex1", {"culvert": timed(1), "plain relay": timed(1, units=15625)})
    assert figures.bareCrypto(data, bulk) == pytest.approx(0.2), "half of the bytes are sealed, half opened"
    data["crypto"] = {}
    assert figures.floor(data, handshake) is None


def test_spread_is_half_the_quartile_distance():
    assert figures.spread([100, 101, 102, 103, 104, 105, 106]) == "2%"
    assert figures.spread([100, 200, 300]) == ""


def test_a_round_in_which_nothing_was_done_has_no_figure(data):
    w = work("handshake", {"nginx": timed(0, units=0, p99=0.0) + timed(500)})
    assert figures.figures(w, "nginx") == [pytest.approx(500)]
    assert figures.middleOf(w, "nginx", "p99_us") == 500.0


def test_the_table_shows_goals_first_and_survives_gaps(data):
    data["notes"].append("mlkem: left out")
    text = report.table(data)
    lines = text.splitlines()
    assert lines[2].startswith("goal") and "full handshake, CPU" in lines[3] and "met" in lines[3]
    assert "note: mlkem: left out" in text
    assert any(line.split()[:3] == ["culvert", "9,900", "4.80"] and line.endswith("memory") for line in lines)
    assert "2.30" in text and "1.93" in text, "culvert against both floors"
    report.table({**data, "works": {}})
    everywhere = copy.deepcopy(data)
    for w in everywhere["works"].values():
        w["servers"] = {name: [] for name in w["servers"]}
    report.table(everywhere)
    chart.svg(everywhere)


def test_unresumed_sessions_and_failures_are_told(data):
    data["works"]["resumed"] = work("resumed", {"hitch": timed(300, resumed=500, failed=2, why="reset")})
    text = report.table(data)
    assert "note: resumed: hitch resumed 50 % of its sessions" in text
    assert "note: resumed: hitch: 2 connections failed (reset)" in text


def test_sessions_with_the_backend_that_were_not_resumed_are_told(data):
    """Plain clients have no sessions of their own to resume."""
    some = {"backend_handshakes": 1000, "backend_resumed": 900}
    data["works"]["resumedclient"] = work("resumedclient", {"nginx": timed(300, **some)})
    data["works"]["resumedreencrypt"] = work("resumedreencrypt", {"haproxy": timed(300, resumed=1000, **{**some, "backend_resumed": 960})})
    notes = [line for line in report.table(data).splitlines() if line.startswith("note: resumed")]
    assert notes == ["note: resumedclient: nginx resumed 90 % of its sessions with the backend"]


def test_rows_with_tls_towards_the_backend_have_goals_and_sections(data):
    data["works"]["handshakeclient"] = work("handshakeclient", {"culvert": timed(300), "nginx": timed(500), "stunnel": timed(900)})
    data["works"]["pull8reencrypt"] = work("pull8reencrypt", {"culvert": timed(1.2), "haproxy": timed(1.5)})
    assert verdicts(data)["handshakeclient", "ratio"] == (0.6, "met")
    assert verdicts(data)["pull8reencrypt", "ratio"] == (0.8, "missed by 0.050")
    assert figures.floor(data, data["works"]["handshakeclient"]) is None, "the relay has no TLS with its backend"
    text = "|".join(xml.etree.ElementTree.fromstring(chart.svg(data)).itertext())
    assert "|CPU, TLS with the backend: client mode|" in text and "|CPU, TLS with the backend: re-encrypt|" in text
    assert "|bulk to client x 8|" in text and "300 to nginx's 500 us/connection" in text


def test_scaling_is_told_against_one_worker(data):
    for key, us, units in (("ping64w1", 20, 1000), ("ping64w2", 22, 1800)):
        data["works"][key] = {**work("ping64", {"culvert": timed(us, units=units)}), "kind": "scale",
                              "workers": int(key[-1]), "title": f"ping-pong 64 B, {key[-1]} worker"}
    line = report.details.scaling(data, works.MESSAGE).splitlines()[-1].split()
    assert line == ["culvert", "2", "22.0", "1.10", "1800/s", "1.80", "500"]


def test_the_chart_is_well_formed_and_fits_both_modes(data):
    svg = chart.svg(data)
    root = xml.etree.ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and "prefers-color-scheme: dark" in svg
    text = "".join(root.itertext())
    assert "0.58" in text and "best peer = 1" in text and "290 to hitch's 500 us/connection" in text
    assert "RSS" not in text, "only what compares with peers is drawn"
    assert "start-up until the first byte" in text and "CPU at capacity" not in text
    assert root.findall("{*}rect")[0].get("class") == "page", "a background of its own"


def test_the_chart_names_its_dots_and_has_the_rows_at_capacity(data):
    data["works"]["pull8cap"] = work("pull8cap", {"culvert": timed(1.2), "new": timed(1.1), "haproxy (trixie)": timed(4.5),
                                                  "nginx (trixie)": timed(2.0), "plain relay": timed(1.6)})
    data["versions"].update({"new": "culvert 1.1", "nginx (trixie)": "nginx 1.26"})
    text = "|".join(xml.etree.ElementTree.fromstring(chart.svg(data)).itertext())
    for words in ("CPU at capacity", "CPU at capacity, against plain TCP", "plain relay = 1", "|nginx|", "|haproxy 2.2|", "|new|",
                  "another build", "nginx of trixie", "18.75 to nginx's 31.2 ns/byte"):
        assert words in text


@pytest.mark.parametrize("wanted,room,expected", [([400, 500], [20, 20], [400, 500]), ([400, 400], [20, 20], [380, 420]),
                                                  ([400, 410, 600], [20, 20, 5], [385, 425, 600]), ([740, 740], [20, 20], [716, 756])])
def test_names_keep_apart_and_inside(wanted, room, expected):
    assert chart.apart(wanted, room) == expected


def test_publishing_replaces_what_stands_between_the_marks(data, tmp_path):
    page = tmp_path / publish.PAGE
    page.parent.mkdir()
    page.write_text(f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n")
    publish.publish(data, tmp_path)
    once = page.read_text()
    publish.publish(data, tmp_path)
    assert page.read_text() == once and "old" not in once
    assert once.startswith("before\n") and once.endswith("after\n")
    assert "| full handshake + 1 echo + close, P-256, µs | **290** | 900 | 500 | - | 520 | 0.58 | 4.83 |" in once
    assert "One culvert process held 9,900 idle tunnels; the limit was: memory." in once
    assert (tmp_path / "docs/bench.svg").read_text() == chart.svg(data)
    with pytest.raises(ValueError):
        publish.replaced("no marks", "text")
    publish.replaced((ROOT / publish.PAGE).read_text(), "text")


@pytest.mark.parametrize("count,usual,most", [(1, ((0,), (0,), (0,)), 1), (2, ((0,), (1,), (1,)), 2), (3, ((0,), (1,), (2,)), 2),
                                              (8, ((0,), (1, 2, 3, 4), (7,)), 4), (16, ((0,), (1, 2, 3, 4), (15,)), 8)])
def test_layouts(count, usual, most):
    cpus = set(range(count))
    layout = machine.usual(cpus)
    assert (layout.server, layout.load, layout.backend) == usual
    assert machine.mostWorkers(cpus) == most
    scaled = [machine.scaled(n, cpus) for n in machine.WORKERS]
    assert [bool(s) for s in scaled] == [most > 1 and n <= most for n in machine.WORKERS]
    for s in filter(None, scaled):
        assert s.load and s.backend and (s.shared or not set(s.server) & {*s.load, *s.backend})
        assert (s.load, s.backend) == (scaled[0].load, scaled[0].backend), "the load is the same for every number of workers"


def planned(quick):
    effort = (lambda w: (2, 0.35)) if quick else (lambda w: (w.rounds, w.seconds))
    warmUp = lambda w: (0.1 if quick else 0.3) * (2 if w.capacity else 1)  # noqa: E731
    options = types.SimpleNamespace(effort=effort, warmUp=warmUp, quick=quick, servers=[])
    bench = measure.Bench.__new__(measure.Bench)
    bench.options, bench.classes = options, servers.ALL
    chosen = [w for w in works.WORKS if not (quick and w.slow) and w.kind != "scale"]
    return sum(budget.estimate(w, bench.fitting(w), options) for w in chosen)


@pytest.mark.parametrize("files,ports,memory,most,expected", [
    (20000, 28000, 1 << 30, 0, (9900, "descriptors of a process (20,000)", 1)),
    (1 << 20, 28000, 1 << 30, 0, (524188, "descriptors of a process (1,048,576)", 42)),
    (1 << 20, 5000, 1 << 30, 0, (128000, "ports (64 addresses)", 64)),
    (1 << 20, 28000, 480000, 0, (10000, "memory", 1)),
    (1 << 20, 28000, 480000, 500, (500, "--tunnels, or a full run's time", 1))])
def test_the_smallest_limit_sets_the_number_of_tunnels(monkeypatch, files, ports, memory, most, expected):
    monkeypatch.setattr(crowd, "mostFiles", lambda: files)
    monkeypatch.setattr(crowd, "_system", lambda name, otherwise: otherwise)
    monkeypatch.setattr(machine, "ephemeralPorts", lambda: ports)
    monkeypatch.setattr(machine, "memoryAvailableKiB", lambda: memory)
    plan = crowd.plan(most)
    assert (plan.tunnels, plan.stoppedBy, plan.services) == expected
    assert plan.stopped(plan.tunnels, "") == expected[1]
    assert plan.stopped(99, "Cannot assign requested address") == "ports"
    assert plan.stopped(99, "handshake failure") == "handshake failure"


def test_the_plan_fits_the_time():
    fixed = budget.COMPILE_S + budget.CRYPTO_S
    assert planned(quick=True) + fixed < 180
    assert planned(quick=False) + fixed < 30 * 60, "scaling not counted"


def rowsTowardsBackend():
    return [w for w in works.WORKS if w.backendTls and not w.capacity]


def test_the_rows_with_tls_towards_the_backend():
    """Client mode and re-encrypt have the same rows; a quick run has neither, hitch and the relay take part in none."""
    rows = rowsTowardsBackend()
    assert [w.key.removesuffix("client") for w in rows if not w.clientTls] == [
        w.key.removesuffix("reencrypt") for w in rows if w.clientTls] == [*works.TOWARDS_BACKEND_ROWS]
    assert all(w.slow and not w.crypto for w in rows)
    musts = {goal.work: (goal.measure, goal.must) for goal in works.GOALS}
    atCapacity = [w for w in works.WORKS if w.backendTls and w.capacity]
    assert [w.key for w in atCapacity] == [key + "cap" for key in works.TOWARDS_BACKEND_CAPACITY]
    for w in (*rows, *atCapacity):
        assert [cls.name for cls in servers.ALL if w.fits(cls)] == ["culvert", "stunnel", "haproxy", "nginx"]
        assert musts[w.key] == ("ratio", 0.65 if w.unit == works.CONNECTION else 0.75)


def test_plain_clients_of_client_mode_have_no_sessions_of_their_own():
    resume = {w.key: w.loadArguments()[w.loadArguments().index("--resume") + 1] for w in works.WORKS if w.resume}
    assert resume["resumedclient"] == "0" and resume["resumedreencrypt"] == "1" == resume["resumed"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return server.Certificates(tmp_path_factory.mktemp("certificates"))


class EchoServer:
    """Echoes every connection; with a certificate, in TLS."""

    def __init__(self, certificate=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if certificate:
            context.load_cert_chain(certificate.cert, certificate.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def serve(self, context):
        while True:
            try:
                raw = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.echo, args=(context, raw), daemon=True).start()

    @staticmethod
    def echo(context, raw):
        with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) if context else raw as connection:
            while data := connection.recv(4096):
                connection.sendall(data)


@pytest.mark.parametrize("clientTls", [False, True], ids=["client-mode", "re-encrypt"])
@pytest.mark.parametrize("cls", [c for c in servers.ALL if c.backendTls and not c.plain], ids=lambda c: c.name)
def test_every_server_verifies_the_tls_backend(tmp_path, certificates, monkeypatch, cls, clientTls):
    """It reaches a backend with the right CA and name, and neither one of another name nor one of another CA."""
    if not cls.find():
        pytest.skip(f"{cls.name} is not installed")
    monkeypatch.setattr(server, "START_LIMIT_S", slack(15))
    trust = server.Trust(certificates.authority().cert)
    backend = EchoServer(certificates.ofBackend())

    def proxy(name, trusted):
        return cls(tmp_path / name, machine.usual().server, [certificates.one("p256")], backend.port, clientTls=clientTls, trust=trusted)
    good = proxy("good", trust).start()
    try:
        assert good.answers(good.services[0][0])
        for name, trusted in (("name", dataclasses.replace(trust, name="other.example")),
                              ("ca", server.Trust(certificates.one("p256").cert))):
            with listening(proxy(name, trusted)) as wrong:
                assert not wrong.answers(wrong.services[0][0]), name
    finally:
        good.stop()
        backend.listener.close()


@contextlib.contextmanager
def listening(proxy):
    """The server as soon as it accepts connections, whether it reaches its backend or not."""
    echoes = proxy.answers
    proxy.answers = accepts
    try:
        proxy.start()
        proxy.answers = echoes
        yield proxy
    finally:
        proxy.stop()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("key,resumed", [("handshakeclient", 0), ("resumedclient", 1)])
def test_the_tls_backend_counts_handshakes_and_resumes_where_that_is_the_work(tmp_path, certificates, key, resumed):
    plain = types.SimpleNamespace(ports={"echo": EchoServer().port}, pids=list)
    with tls_backend.TlsBackend(tmp_path, machine.usual().backend, certificates.ofBackend(), plain, named(key)) as backend:
        before = backend.handshakes()
        session = sessionOf(backend, None)
        sessionOf(backend, session)
        eventually(lambda: backend.handshakes() == (before[0] + 2, before[1] + resumed))


def named(key):
    return next(w for w in works.WORKS if w.key == key)


def sessionOf(backend, session):
    """The session of one echo through the backend, after its ticket, if any, has arrived."""
    with socket.create_connection(("127.0.0.1", int(backend.ports["echo"])), 5) as raw:
        with server.Server.context.wrap_socket(raw, session=session) as connection:
            connection.sendall(b"?")
            assert connection.recv(1) == b"?"
            return connection.session


def test_rounds_are_saved_when_time_runs_out():
    now = [0.0]
    plan = budget.Budget({"handshake": 60.0, "rsa": 40.0}, limit=120, clock=lambda: now[0])
    handshake = next(w for w in works.WORKS if w.key == "handshake")
    now[0] = 79.0
    plan.advance(handshake, 1.0)
    assert not plan.late()
    now[0] = 81.0
    assert plan.late()
    plan.limit = 0
    assert not plan.late()


def test_a_server_that_does_not_start_is_told_and_left_out(tmp_path, capsys):
    class Broken(server.Server):
        name, program = "broken", "sh"

        def arguments(self):
            return ["-c", "echo no such group; exit 3"]

    bench = measure.Bench.__new__(measure.Bench)
    bench.directory, bench.notes, bench.classes = tmp_path, [], [Broken]
    bench.options, bench.layout = types.SimpleNamespace(quick=False, servers=[]), machine.usual()
    bench.certificates = server.Certificates(tmp_path)
    bench.backend = types.SimpleNamespace(ports={"echo": "1"})
    assert bench.startAll(next(w for w in works.WORKS if w.key == "handshake")) == []
    assert bench.notes == ["handshake: broken left out: does not start: no such group"]
    assert "no such group" in capsys.readouterr().err


def run(*arguments, **more):
    return subprocess.run([sys.executable, BENCH / "run", *arguments], capture_output=True, text=True, timeout=slack(30), **more)


def test_other_builds_are_named_by_their_words():
    """An unusable program is left out like every server that is not installed."""
    done = run("--list", env={**os.environ, "CULVERT_ALSO": f"{BINARY}:new /none:old"})
    assert done.returncode == 0, done.stderr
    for words in ("new", ":new", f"{BINARY}:", f"{BINARY}:nginx", f"{BINARY}:culvert"):
        done = run("--list", env={**os.environ, "CULVERT_ALSO": words})
        assert done.returncode == 1 and f"ALSO={words}: write PATH:NAME" in done.stderr


def test_another_build_is_measured_as_culvert_is(monkeypatch):
    monkeypatch.setenv("CULVERT_BEFORE", str(BINARY))
    monkeypatch.setenv("CULVERT_ALSO", f"{BINARY}:new")
    builds = list(servers.otherBuilds())
    assert [b.name for b in builds] == ["before", "new"]
    assert all(b.find() == str(BINARY) and b.version() == servers.Culvert.version() for b in builds)
    assert all(works.Work("idle", "", "ms", only=("culvert",)).fits(b) for b in builds)


def test_only_a_known_release_is_made():
    done = run("--only", "pull1", env={**os.environ, "PEERS_FROM": "nonsense"})
    assert done.returncode == 1 and "PEERS_FROM=nonsense: allowed is trixie" in done.stderr


def test_a_release_that_cannot_be_made_ends_the_run(tmp_path):
    """There is no mmdebstrap in this PATH."""
    for name in ("bash", "id", "python3", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    environment = {**os.environ, "PEERS_FROM": "trixie", "BUILD": str(tmp_path / "build"), "PATH": str(tmp_path)}
    done = run("--only", "pull1", env=environment)
    assert done.returncode == 1 and "make-root: needs" in done.stderr
    assert "haproxy and nginx of trixie cannot be run here" in done.stderr


def test_the_list_of_works():
    done = run("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [w.key for w in works.WORKS]
    done = run("--only", "nonsense")
    assert done.returncode == 2 and "no such work: nonsense" in done.stderr


# Stands in for the compiler: instead of compiling, it writes programs that do no more than live.
COMPILER = """#!/bin/bash
while [ $# -gt 0 ]; do [ "$1" = -o ] && target=$2; shift; done
case ${target##*/} in
  backend.*) printf '#!/bin/bash\\nfor n in echo source sink duplex; do echo $n 9; done; cat >/dev/null\\n' ;;
  load.*) printf '#!/bin/bash\\ntouch %s/loading; exec sleep 300\\n' "$BENCH_PLACE" ;;
  crypto.*) printf '#!/bin/bash\\necho {}\\n' ;;
esac >"$target"
chmod +x "$target"
"""


def marked(mark):
    """Processes whose environment holds the mark."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes())
        except OSError:
            pass
    return found


@pytest.fixture
def quotas():
    try:
        made = quota.Quotas(0.25)
    except quota.Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


def groupsOf(pid):
    return [group for _, parent in quota._parents() for group in parent.glob(f"{quota.PREFIX}{pid}-*")]


def test_a_process_in_a_group_gets_its_share(quotas):
    """It wants a whole CPU for half a second, and is given the time of the clock, not of the CPU."""
    code = "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
    done = subprocess.run([sys.executable, "-c", code], preexec_fn=quotas.join("spin"), capture_output=True, text=True, check=True)
    assert len(groupsOf(os.getpid())) == 1
    assert float(done.stdout) < 0.35
    quotas.close()
    assert not groupsOf(os.getpid())


@pytest.mark.parametrize("version,written", [
    (1, {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "2500", "cpu.shares": "9536"}),
    (2, {"cpu.max": "2500 10000", "cpu.weight.nice": "-10"})])
def test_what_a_group_is_told(monkeypatch, tmp_path, version, written):
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory")
    monkeypatch.setattr(quota, "_parents", lambda: [(version, tmp_path)])
    monkeypatch.setattr(quota, "REMOVE_LIMIT_S", 0)
    group = tmp_path / f"{quota.PREFIX}{os.getpid()}-nginx"
    quota.Quotas(0.25, nice=-10).join("nginx")()
    assert {path.name: path.read_text() for path in group.iterdir()} == {**written, "cgroup.procs": str(os.getpid())}


def test_without_quotas_the_rows_at_capacity_are_left_out(monkeypatch, tmp_path):
    bench = measure.Bench.__new__(measure.Bench)
    bench.options, bench.quotas, bench.noQuotas = types.SimpleNamespace(nice=0), None, ""
    pull = next(w for w in works.WORKS if w.key == "pull1cap")
    monkeypatch.setattr(quota, "_parents", lambda: [])
    assert bench.whyNot(pull) == "no CPU quota on this machine: no cgroup hierarchy with the cpu controller"
    bench.noQuotas = ""
    monkeypatch.setattr(quota, "_parents", lambda: [(1, tmp_path / "none")])
    assert bench.whyNot(pull) == "no CPU quota on this machine: no cgroup can be made: No such file or directory"


def test_groups_of_a_killed_run_are_removed_by_the_next(quotas):
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = quotas.parent / f"{quota.PREFIX}{dead.pid}-pull1"
    left.mkdir()
    quota.Quotas(0.25).close()
    assert not left.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_an_interrupted_run_leaves_no_process_behind(tmp_path, number):
    interrupt(tmp_path, number, "pull1")


def test_an_interrupted_run_leaves_no_control_group_behind(tmp_path, quotas):
    assert not groupsOf(interrupt(tmp_path, signal.SIGTERM, "pull1cap"))


def interrupt(tmp_path, number, key):
    """Interrupts a run of one work and returns the process id that it had."""
    mark = uuid.uuid4().hex
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    place = tmp_path / "tmp"
    place.mkdir()
    environment = {**os.environ, "CXX": str(compiler), "BUILD": str(tmp_path / "build"), "BENCH_PLACE": str(tmp_path),
                   "CULVERT": str(BINARY), "BENCH_MARK": mark, "TMPDIR": str(place)}
    # pull1: its server is ready after a handshake, so that the backend need not answer
    with open(tmp_path / "output", "wb") as output:
        process = subprocess.Popen([sys.executable, BENCH / "run", "--only", key, "--servers", "culvert"], env=environment,
                                   stdout=output, stderr=output)
    eventually(lambda: (tmp_path / "loading").exists() or process.poll() is not None)
    assert process.poll() is None, (tmp_path / "output").read_text()
    assert len(marked(mark.encode())) >= 4, "the run, the backend, the load client, culvert"
    process.send_signal(number)
    code = process.wait(slack(20))
    eventually(lambda: not marked(mark.encode()))
    if number != signal.SIGKILL:
        assert code == 130 and "bench: interrupted" in (tmp_path / "output").read_text()
        assert not list(place.iterdir())
    return process.pid
