# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own arithmetic and manners: ratios, verdicts, tables, chart, and that a run leaves nothing behind."""

import copy
import os
import pathlib
import signal
import subprocess
import sys
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
import figures  # noqa: E402
import goals  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
import server  # noqa: E402
import servers  # noqa: E402
import works  # noqa: E402


def timed(*cpu_us, units=1000, p99=500.0, **more):
    """Rounds of a message or connection work with these figures."""
    return [{"seconds": 1.0, "units": units, "bytes": units * 64, "failed": 0, "why": "", "resumed": 0,
             "cpu_ms": us * units / 1000, "wait_ms": 1.0, "load_cpu_ms": 500.0, "p50_us": p99 / 2, "p99_us": p99,
             "p999_us": p99 * 2, **more} for us in cpu_us]


def work(key, results):
    w = next(w for w in works.WORKS if w.key == key)
    return {"title": w.title, "unit": w.unit, "kind": w.kind, "crypto": list(w.crypto), "cryptoShare": w.cryptoShare,
            "conns": w.conns, "size": w.size, "workers": w.workers, "shared": True, "servers": results}


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
    assert head[-2:] == ["x", "before"] and row[-2:] == ["0.58", "2.00"]


def test_every_goal_whose_row_was_run_has_a_verdict(data):
    assert verdicts(data) == {
        ("handshake", "ratio"): (0.58, "met"), ("ping64", "ratio"): (0.833, "met"), ("ping64", "p99"): (0.667, "moonshot"),
        ("idle", "value"): (5.0, "met"), ("idle", "ratio"): (0.25, "met"), ("burst", "value"): (1.6, "missed by 0.100"),
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


def test_publishing_replaces_what_stands_between_the_marks(data, tmp_path):
    page = tmp_path / publish.PAGE
    page.parent.mkdir()
    page.write_text(f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n")
    publish.publish(data, tmp_path)
    once = page.read_text()
    publish.publish(data, tmp_path)
    assert page.read_text() == once and "old" not in once
    assert once.startswith("before\n") and once.endswith("after\n")
    assert "| full handshake + 1 echo + close, P-256, µs | **290** | 900 | 500 | - | 520 | 0.58 |" in once
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
    names = servers.ALL
    effort = (lambda w: (2, 0.5)) if quick else (lambda w: (w.rounds, w.seconds))
    options = types.SimpleNamespace(effort=effort, warmup=0.15 if quick else 0.3)
    chosen = [w for w in works.WORKS if not (quick and w.slow) and w.kind != "scale"]
    return sum(budget.estimate(w, [n for n in names if w.fits(n)], options) for w in chosen)


def test_the_plan_fits_the_time():
    fixed = budget.COMPILE_S + budget.CRYPTO_S
    assert planned(quick=True) + fixed < 180
    assert planned(quick=False) + fixed < 26 * 60, "scaling not counted"


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
    bench.layout = machine.usual()
    bench.certificates = server.Certificates(tmp_path)
    bench.backend = types.SimpleNamespace(ports={"echo": "1"})
    assert bench.startAll(next(w for w in works.WORKS if w.key == "handshake")) == []
    assert bench.notes == ["handshake: broken left out: does not start: no such group"]
    assert "no such group" in capsys.readouterr().err


def run(*arguments, **more):
    return subprocess.run([sys.executable, BENCH / "run", *arguments], capture_output=True, text=True, timeout=slack(30), **more)


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_an_interrupted_run_leaves_no_process_behind(tmp_path, number):
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
        process = subprocess.Popen([sys.executable, BENCH / "run", "--only", "pull1", "--servers", "culvert"], env=environment,
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
