# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: complete lines, valid JSON, a real syslog; and a sink that blocks costs lines, never a tunnel's time."""

import json
import os
import re
import signal
import threading
import time

import pytest

from harness import Config, Echo, eventually, scaled, services, slack

ENDED = {"id", "service", "client", "backend", "sni", "alpn", "tls", "suite", "group", "resumed", "cause", "bytes_in",
         "bytes_out", "handshake_ms", "connect_ms", "first_byte_ms", "total_ms", "client_blocked_ms",
         "backend_blocked_ms"}


def one_tunnel(connect, daemon, data=b"ping", **options):
    client = connect(daemon, **options)
    client.echo(data)
    client.close()
    return client


def test_the_line_of_a_finished_tunnel_stands_for_itself(culvert, backend, connect):
    echo = backend(Echo)
    daemon = culvert(backend=echo.address, service={"alpn": "imap"}, level="info")
    client = connect(daemon, alpn=["imap"], minimum="1.3")
    host, port = client.sock.getsockname()
    client.echo(b"0123456789")
    client.close()
    line = daemon.wait_closed()
    assert ENDED <= set(line.fields), ENDED - set(line.fields)
    assert (line["service"], line["client"], line["backend"]) == ("main", f"{host}:{port}", echo.address)
    assert (line["sni"], line["alpn"], line["cause"]) == ("localhost", "imap", "client-fin")
    assert "1.3" in line["tls"] and line["suite"] == client.tls.cipher()[0] and line["resumed"] in ("false", "no", "0")
    assert (line["bytes_in"], line["bytes_out"]) == ("10", "10")
    assert 0 <= float(line["handshake_ms"]) <= float(line["total_ms"])


def test_a_name_of_the_clients_choice_cannot_forge_a_line(culvert, backend, pki, connect):
    """Whatever SNI says, the log keeps one line a tunnel and its fields apart."""
    daemon = culvert(backend=backend(Echo).address)
    with pytest.raises(Exception):
        one_tunnel(connect, daemon, name="x cause=internal.example", verify=False)
    one_tunnel(connect, daemon)
    daemon.wait_closed()
    assert all(line["cause"] != "internal" for line in daemon.log_closed())


def test_json_lines_are_valid_and_have_the_same_keys(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address, globals_={"log-format": "json"}, service={"alpn": "imap"})
    for _ in range(3):
        one_tunnel(connect, daemon, alpn=["imap"])
    daemon.wait_closed(count=3)
    daemon.counters()
    for text in daemon.log_text().splitlines():
        line = json.loads(text)
        assert {"time", "level", "pid", "msg"} <= set(line), text
        assert line["pid"] == daemon.pid
    mark = daemon.mark()
    daemon.signal(signal.SIGUSR2)
    counters = json.loads(daemon.wait_log('"msg":"counters"', since=mark).text)
    assert counters["accepted"] >= 1 and counters["tunnels_active"] == 0
    ended = json.loads(daemon.wait_closed(count=3)[0].text)
    assert ENDED <= set(ended)
    assert isinstance(ended["bytes_in"], int) and isinstance(ended["total_ms"], (int, float))


def test_the_log_level_decides(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address, level="warning", globals_={"user": None})
    one_tunnel(connect, daemon)
    daemon.terminate()
    assert not daemon.log_closed()


def test_usr1_reopens_the_file(culvert, backend, connect):
    """As logrotate does it: move, signal, and no line is lost or doubled."""
    daemon = culvert(backend=backend(Echo).address, level="info")
    one_tunnel(connect, daemon)
    daemon.wait_closed()
    moved = daemon.log_path.with_suffix(".1")
    daemon.log_path.rename(moved)
    one_tunnel(connect, daemon)  # still into the moved file
    eventually(lambda: moved.read_text().count("cause=client-fin") == 2, 5, "the second line in the moved file")
    daemon.signal(signal.SIGUSR1)
    eventually(daemon.log_path.exists, 5, "the new file")
    one_tunnel(connect, daemon)
    daemon.wait_closed()
    assert moved.read_text().count("cause=client-fin") == 2


def test_the_log_can_go_to_stdout_and_stderr(culvert, backend, connect):
    """stderr is the default in the foreground; each line begins with the time in stdout and stderr alike."""
    for place in ("stdout", "stderr", "auto"):
        daemon = culvert(Config({"main": {"backend": backend(Echo).address}}, log=place), log=None)
        one_tunnel(connect, daemon)
        line = daemon.wait_closed()
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", line.text), line.text


# -- sinks that misbehave ------------------------------------------------------------------------------------------

class SlowTimes:
    """Tunnels that are timed while the log is stuck."""

    def __init__(self, connect, daemon, count):
        self.worst = 0
        for _ in range(count):
            start = time.monotonic()
            one_tunnel(connect, daemon)
            self.worst = max(self.worst, time.monotonic() - start)


def test_a_stderr_that_nobody_reads_holds_up_no_tunnel(culvert, backend, connect):
    """A pipe that is full: tunnels go on, lines are lost and counted, and the log goes on when it is read again."""
    reading, writing = os.pipe()
    daemon = culvert(Config({"main": {"backend": backend(Echo).address}}, log="stderr"), log=None, stderr=writing)
    os.close(writing)
    for _ in range(400):  # each leaves some 400 bytes, the pipe holds 64 KiB
        daemon.signal(signal.SIGUSR2)
        one = connect(daemon)
        one.echo()
        one.close()
    assert SlowTimes(connect, daemon, 50).worst < slack(1)
    text = bytearray()
    os.set_blocking(reading, False)

    def drained():
        try:
            text.extend(os.read(reading, 1 << 20))
        except BlockingIOError:
            pass
        return text.count(b"cause=client-fin") >= 100 and text.endswith(b"\n")

    eventually(drained, 10, "the log to go on")
    mark = len(text)
    one_tunnel(connect, daemon)
    eventually(lambda: drained() and b"cause=client-fin" in text[mark:], 10, "new lines after the jam")
    os.set_blocking(reading, True)
    threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 65536), b"")], daemon=True).start()
    daemon.terminate()


def test_a_stderr_whose_reader_is_gone_kills_nobody(culvert, backend, connect):
    """EPIPE without SIGPIPE."""
    reading, writing = os.pipe()
    daemon = culvert(Config({"main": {"backend": backend(Echo).address}}, log="stderr"), log=None, stderr=writing)
    os.close(writing)
    os.close(reading)
    assert SlowTimes(connect, daemon, 50).worst < slack(1)
    daemon.terminate()


def test_a_full_disk_costs_lines_only(culvert, backend, connect):
    """/dev/full answers ENOSPC to every write."""
    daemon = culvert(Config({"main": {"backend": backend(Echo).address}}, log="file:/dev/full"), log=None)
    assert SlowTimes(connect, daemon, 50).worst < slack(1)
    daemon.terminate()


# -- syslog --------------------------------------------------------------------------------------------------------

@pytest.fixture
def private_dev():
    dev = services.PrivateDev()
    yield dev
    dev.stop()


@pytest.fixture
def rsyslog(private_dev, need):
    need("rsyslogd", "nsenter", "unshare")
    server = services.Rsyslog(private_dev)
    yield server
    server.stop()


@pytest.mark.root
def test_lines_arrive_in_a_real_rsyslog(culvert, backend, connect, private_dev, rsyslog):
    config = Config({"main": {"backend": backend(Echo).address}}, log="syslog", syslog_facility="local3")
    daemon = culvert(config, log=None, prefix=private_dev.prefix)
    one_tunnel(connect, daemon)
    eventually(lambda: "cause=client-fin" in rsyslog.messages(), 5, "the line in syslog")
    (line,) = [line for line in rsyslog.messages().splitlines() if "cause=client-fin" in line]
    assert re.match(rf"local3\.info culvert\[{daemon.pid}\]: tunnel closed ", line), line
    assert not re.search(r"(?<!start=)\d{4}-\d\d-\d\dT", line), "syslog adds the time itself"


@pytest.mark.root
def test_a_syslog_that_does_not_read_costs_lines_only(culvert, backend, connect, private_dev, rsyslog):
    """rsyslog is stopped, its queue fills, and glibc's syslog() blocks whoever calls it: that must not be a worker."""
    config = Config({"main": {"backend": backend(Echo).address}}, log="syslog")
    daemon = culvert(config, log=None, prefix=private_dev.prefix)
    one_tunnel(connect, daemon)
    eventually(lambda: "cause=client-fin" in rsyslog.messages(), 5, "the line in syslog")
    rsyslog.process.send_signal(signal.SIGSTOP)
    worst = SlowTimes(connect, daemon, scaled(400, least=100)).worst
    print(f"longest tunnel while syslog is stuck: {worst * 1000:.0f} ms")
    assert worst < slack(1)
    rsyslog.process.send_signal(signal.SIGCONT)
    client = connect(daemon, name="after.example", verify=False)
    client.echo()
    client.close()
    eventually(lambda: "sni=after.example" in rsyslog.messages(), 10, "lines after the jam")


@pytest.mark.root
def test_a_drain_ends_in_time_while_syslog_is_stuck(culvert, backend, connect, private_dev, rsyslog):
    """Not even the last lines may hold up the end."""
    config = Config({"main": {"backend": backend(Echo).address}}, log="syslog")
    daemon = culvert(config, log=None, prefix=private_dev.prefix)
    rsyslog.process.send_signal(signal.SIGSTOP)
    SlowTimes(connect, daemon, 50)
    start = time.monotonic()
    daemon.terminate(timeout=15)
    print(f"ended after {time.monotonic() - start:.1f} s")


@pytest.mark.root
def test_without_any_syslog_culvert_runs(culvert, backend, connect, private_dev):
    """No /dev/log at all."""
    daemon = culvert(Config({"main": {"backend": backend(Echo).address}}, log="syslog"), log=None,
                     prefix=private_dev.prefix)
    assert SlowTimes(connect, daemon, 20).worst < slack(1)
    daemon.terminate()
