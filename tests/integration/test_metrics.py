# SPDX-License-Identifier: GPL-3.0-or-later
"""/metrics of a real daemon: valid text with every counter, and numbers that move with what happens."""

import re
import time

import pytest

from harness import Config, Echo, Refuser, eventually, metrics_text
from harness.admin import BOTH, Door
from harness.clients import Truncated
from harness.util import ROOT, exchange, own_address


@pytest.fixture
def started(culvert, backend):
    """Starts a daemon; returns it and a function that reads its metrics."""
    def start(config="one", **options):
        options.setdefault("globals_", BOTH)
        if config == "one" and "backend" not in options:
            options["backend"] = backend(Echo).address
        daemon = culvert(config, **options)
        return daemon, lambda: metrics_text.parse(Door(daemon, "metrics").get("/metrics"))
    return start


def test_every_counter_is_there(started):
    _, read = started()
    metrics = read()
    table = re.findall(r'^COUNTER\(\w+, "([a-z_]+)", (\w+),', (ROOT / "src" / "stats" / "counters.def").read_text(), re.MULTILINE)
    assert len(table) > 80
    for name, kind in table:
        stem = "culvert_" + name.removesuffix("_us") + ("_seconds" if name.endswith("_us") else "")
        end = "_total" if kind == "kCounter" else ""
        assert stem + end in metrics or f"{stem}_bytes{end}" in metrics, stem
    for name in re.findall(r'^TIMING\(\w+, "([a-z_]+)"', (ROOT / "src" / "stats" / "timings.def").read_text(), re.MULTILINE):
        assert f"culvert_{name}_seconds" in metrics
    assert metrics["culvert_build_info"].samples and metrics["process_resident_memory_bytes"].samples


def test_head_has_no_body(started):
    daemon, _ = started()
    answer = Door(daemon, "metrics").request("HEAD", "/metrics")
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["Content-Length"]) > 10_000
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_tunnels_bytes_and_handshakes_move(started, connect):
    daemon, read = started()
    first = connect(daemon)
    first.echo(b"x" * 1000)
    metrics = read()
    assert metrics.value("culvert_tunnels", state="relay") == 1
    assert metrics.value("culvert_service_tunnels", service="main") == 1
    # The bytes of an open tunnel count already.
    assert metrics.value("culvert_service_bytes_in_total", service="main") == 1000
    assert metrics.value("culvert_inbound_bytes_total") == metrics.value("culvert_outbound_bytes_total") == 1000
    session, context = first.tls.session, first.tls.context
    first.close()
    connect(daemon, context=context, session=session).echo()
    metrics = read()
    assert metrics.value("culvert_service_handshakes_ok_total", service="main") == 2
    assert metrics.value("culvert_service_handshakes_resumed_total", service="main") == 1
    assert metrics.value("culvert_handshake_full_seconds_count") == metrics.value("culvert_handshake_resumed_seconds_count") == 1
    assert metrics.value("culvert_connect_seconds_count") == 2 and metrics.value("culvert_first_byte_seconds_count") == 2
    assert metrics.value("culvert_turn_seconds_count") > 2
    assert eventually(lambda: read().value("culvert_tunnels_closed_by_cause_total", cause="client-fin") == 1, 10)


def test_failures_have_their_reason(started, backend, connect):
    daemon, read = started(service={"max-version": "1.2", "connect-retry": "off"}, backend=backend(Refuser).address)
    exchange(daemon.address(), b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises((OSError, Truncated)):
        connect(daemon, minimum="1.3")
    connect(daemon).outcome()
    daemon.wait_idle()
    metrics = read()
    assert metrics.value("culvert_handshakes_failed_total", reason="bad_hello") == 1
    assert metrics.value("culvert_handshakes_failed_total", reason="no_common") == 1
    assert metrics.value("culvert_service_handshakes_failed_total", service="main") == 2
    assert metrics.value("culvert_alerts_total", alert="protocol_version", **{"from": "culvert"}) == 1
    assert metrics.value("culvert_service_backend_failures_total", service="main") == 1
    assert metrics.value("culvert_tunnels_closed_by_cause_total", cause="backend-refused") == 1


def test_a_limit_that_refuses(started, backend, connect):
    shared, server = own_address(), backend(Echo).address
    services = {"one": {"listen": shared, "backend": server, "match-name": "localhost", "max-tunnels": 1},
                "rest": {"listen": shared, "backend": server, "fallback": "on"}}
    daemon, read = started(Config(services, **BOTH))
    connect(daemon, "one").echo()
    with pytest.raises((OSError, Truncated)):
        connect(daemon, "one")
    metrics = read()
    assert metrics.value("culvert_service_refused_total", service="one") == metrics.value("culvert_limit_max_tunnels_total") == 1


def test_nothing_of_a_client_is_a_label(started, connect):
    daemon, _ = started(service={"strict-sni": "on"})
    for name in ("localhost", "evil.example", "x" * 60 + ".example"):
        try:
            connect(daemon, name=name, verify=False).close()
        except (OSError, Truncated):
            pass
    text = Door(daemon, "metrics").get("/metrics")
    assert "evil" not in text and "xxxx" not in text and "localhost" not in text.replace("localhost:", "")


def test_series_of_a_service_and_of_a_backend(started, backend):
    services = {"a": {"backend": [backend(Echo).address, backend(Echo).address]}, "b": {"backend": backend(Echo).address}}
    daemon, read = started(Config(services, **BOTH))
    series = read().series()
    of = lambda **labels: [one for one in series if labels.items() <= dict(one[1]).items()]
    assert 8 <= len([one for one in of(service="a") if "backend" not in dict(one[1])]) <= 12
    backends = {dict(one[1]).get("backend") for one in of(service="a")} - {None}
    assert len(backends) == 2
    for address in backends:
        assert len(of(service="a", backend=address)) <= 4


def test_a_removed_services_series_go_with_its_last_tunnel(started, backend, connect):
    config = Config({"stays": {"backend": backend(Echo).address}, "goes": {"backend": backend(Echo).address}}, **BOTH)
    daemon, read = started(config)
    client = connect(daemon, "goes")
    client.echo()
    has = lambda name: any(dict(labels).get("service") == name for _, labels in read().series())
    del config.services["goes"]
    daemon.reload(config)
    assert has("goes"), "a tunnel of the service is open"
    client.close()
    assert eventually(lambda: not has("goes"), 10) and has("stays")


def test_a_reload_keeps_the_numbers(started, backend, connect):
    config = Config({"main": {"backend": backend(Echo).address}}, **BOTH)
    daemon, read = started(config)
    connect(daemon).echo(b"x" * 100)
    config.services["main"]["idle-timeout"] = "5m"
    daemon.reload(config)
    assert read().value("culvert_service_bytes_in_total", service="main") == 100


@pytest.mark.slow
def test_a_thousand_services_have_series_of_their_own(started, backend):
    server = backend(Echo).address
    services = {f"s{number:04}": {"tls": "off", "backend-tls": "on", "backend-verify": "off", "listen": "127.0.0.1:0", "backend": server}
                for number in range(1005)}
    daemon, _ = started(Config(services, **BOTH))
    start = time.monotonic()
    text = Door(daemon, "metrics").get("/metrics")
    took = time.monotonic() - start
    metrics = metrics_text.parse(text)
    names = {dict(labels).get("service") for _, labels in metrics.series()} - {None}
    print(f"1,005 services: {len(text)} bytes in {took:.3f} s")
    assert len(names) == 1001 and "_other" in names
    assert metrics.value("culvert_services_not_listed") == 5
