# SPDX-License-Identifier: GPL-3.0-or-later
"""culvert as a process: readiness, threads, detaching, the pid file, systemd's notifications, the state dump."""

import datetime
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import BINARY, Config, Echo, StartFailed, TlsClient, eventually, slack
from harness.daemon import clean_environment, run_culvert
from harness.util import Proc, free_port


def test_ready_means_that_connections_are_served(culvert, backend, connect):
    """One line a listener, then `ready`; the log says the same."""
    config = Config({"one": {"backend": backend(Echo).address, "listen": ["127.0.0.1:0", "[::1]:0"]},
                     "two": {"backend": backend(Echo).address}})
    daemon = culvert(config)
    texts = [line.text for line in daemon.ready_lines]
    assert len(texts) == 4 and texts[-1] == "ready"
    assert all(re.fullmatch(r"listening service=(one|two) address=(127\.0\.0\.1|\[::1\]):[1-9]\d*", text)
               for text in texts[:-1])
    for text in texts:
        daemon.wait_log(text)
    for service, index in (("one", 0), ("one", 1), ("two", 0)):
        connect(daemon, service, index).echo()


def test_threads_have_names(culvert, backend):
    daemon = culvert(backend=backend(Echo).address, globals_={"workers": 3})
    wanted = {"culvert-accept", "culvert-w00", "culvert-w01", "culvert-w02", "culvert-log"}
    eventually(lambda: wanted <= set(daemon.proc.threads().values()), 5, lambda: str(daemon.proc.threads()))


def test_workers_auto_are_the_cpus_this_process_may_use(culvert, backend):
    """Affinity counts: on one CPU there is one worker; the start line says why."""
    cpu = min(os.sched_getaffinity(0))
    daemon = culvert(backend=backend(Echo).address, preexec=lambda: os.sched_setaffinity(0, {cpu}))
    assert daemon.wait_log("culvert starts")["workers"] == "1"
    assert sum(name.startswith("culvert-w") for name in daemon.proc.threads().values()) == 1


def test_load_is_spread_over_the_workers(culvert, backend, connect):
    """The least loaded worker gets the next tunnel."""
    daemon = culvert(backend=backend(Echo).address, globals_={"workers": 4})
    clients = [connect(daemon) for _ in range(40)]
    for client in clients:
        client.echo()
    mark = daemon.mark()
    daemon.counters()
    loads = [int(line["tunnels"]) for line in daemon.log_lines(mark) if "worker" in line.fields]
    assert sorted(loads) == [10, 10, 10, 10], loads


def test_sizes_chosen_at_the_start_are_told(culvert, backend):
    line = culvert(backend=backend(Echo).address).wait_log("culvert starts")
    for key in ("version", "tls", "workers", "workers_why", "max_tunnels", "max_tunnels_why", "nofile"):
        assert line.get(key), key


def test_it_uses_no_cpu_when_nothing_happens(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address)
    for _ in range(10):
        connect(daemon).echo()
    assert daemon.proc.cpu_share(2) <= 0.02


def close_standard_descriptors():
    for fd in (0, 1, 2):
        os.close(fd)


def test_standard_descriptors_may_be_closed(culvert, backend, connect):
    """A parent that closed 0, 1 and 2: no socket of a tunnel must end up where a library prints."""
    daemon = culvert(backend=backend(Echo).address, preexec=close_standard_descriptors)
    for _ in range(5):
        client = connect(daemon)
        client.echo(b"x" * 10000)
        client.close()
    daemon.wait_closed(count=5)


@pytest.mark.parametrize("stream", ["full", "broken pipe"])
def test_messages_that_nobody_can_read_do_not_end_it(backend, pki, workdir, stream):
    """A warning at the start with a full disk or a dead supervisor behind stderr costs the warning only."""
    config = workdir / "culvert.ini"
    hour = datetime.timedelta(hours=1)
    old = pki.issue("old", directory=workdir, start=-3 * hour, end=-hour)
    log = workdir / "log"
    config.write_text(Config({"main": {"backend": backend(Echo).address, "cert": old.chain, "key": old.key}},
                             log=f"file:{log}", workers=1).render())
    if stream == "full":
        target = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    process = subprocess.Popen([BINARY, "-c", config], env=clean_environment(), stdin=subprocess.DEVNULL, stdout=target,
                               stderr=target)
    os.close(target)
    try:
        eventually(lambda: log.exists() and " ready" in log.read_text(), 10, "the start")
        assert "expired" in log.read_text()
    finally:
        process.terminate()
    assert process.wait(slack(10)) == 0


def test_descriptors_are_not_inherited_and_none_leak(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address)
    before = daemon.fds()
    for _ in range(50):
        client = connect(daemon)
        client.echo()
        client.close()
    daemon.wait_idle()
    eventually(lambda: daemon.fds() == before, 5, lambda: str(daemon.proc.fd_targets()))


# -- the pid file --------------------------------------------------------------------------------------------------

def test_the_pid_file_lives_as_long_as_the_process(culvert, backend, workdir):
    path = workdir / "culvert.pid"
    path.write_text("999999\n")  # left behind by a crash: not in the way
    daemon = culvert(backend=backend(Echo).address, globals_={"pid-file": path})
    assert int(path.read_text()) == daemon.pid
    daemon.terminate()
    assert not path.exists()


def test_a_second_start_with_the_same_pid_file_is_refused(culvert, backend, workdir):
    path = workdir / "culvert.pid"
    first = culvert(backend=backend(Echo).address, globals_={"pid-file": path})
    second = culvert(backend=backend(Echo).address, globals_={"pid-file": path}, wait=False)
    second.allowed_exits = (5,)
    with pytest.raises(StartFailed, match=str(first.pid)):
        second.wait_ready()
    assert int(path.read_text()) == first.pid


def test_a_second_start_with_the_same_file_names_the_process_that_runs(culvert, backend, connect, workdir):
    """Not only its addresses; and in the log that both write, the errors are not taken for the first one's."""
    config = Config({"main": {"backend": backend(Echo).address, "listen": f"127.0.0.1:{free_port()}"}},
                    pid_file=workdir / "culvert.pid", log=f"file:{workdir}/culvert.log")
    first = culvert(config)
    done = run_culvert("-c", first.config_path)
    assert done.returncode == 5
    assert f"is held by process {first.pid}" in done.stderr and "Address already in use" in done.stderr
    log = (workdir / "culvert.log").read_text()
    assert re.search(r"err culvert does not start process=\d+ exit_code=5", log), log
    connect(first).echo()


# -- detaching -----------------------------------------------------------------------------------------------------

@pytest.fixture(params=["open", "closed"])
def detached(request, workdir, backend, pki):
    """Starts with --daemon, with descriptors 0, 1 and 2 open or closed; yields (result of the parent, Proc of the daemon, port)."""
    port, pid_file = free_port(), workdir / "culvert.pid"
    config = Config({"main": {"listen": f"127.0.0.1:{port}", "backend": backend(Echo).address}},
                    pid_file=pid_file, log=f"file:{workdir}/culvert.log", drain_timeout="2s")
    path = workdir / "c.ini"
    path.write_text(config.render(pki))
    result = run_culvert("-c", path, "--daemon", cwd=workdir,
                         preexec_fn=close_standard_descriptors if request.param == "closed" else None)
    assert result.returncode == 0, result
    proc = Proc(int(pid_file.read_text()))
    yield result, proc, port, workdir
    if os.path.exists(f"/proc/{proc.pid}"):
        os.kill(proc.pid, signal.SIGKILL)


def test_daemon_returns_once_it_serves(detached, pki):
    """No waiting loop in the init script: when the command is back, a connection is served."""
    _, proc, port, workdir = detached
    with TlsClient(("127.0.0.1", port), pki.context()) as client:
        client.echo()
    assert os.getsid(proc.pid) != os.getsid(0)
    assert [os.readlink(f"/proc/{proc.pid}/fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3
    os.kill(proc.pid, signal.SIGTERM)
    eventually(lambda: not os.path.exists(f"/proc/{proc.pid}") or proc.status("State").startswith("Z"), 5, "the end")
    assert not (workdir / "culvert.pid").exists()


def test_relative_names_still_hold_after_detaching(detached, pki):
    """The file was named relative to where culvert was started; a reload must find it again."""
    _, proc, port, workdir = detached
    os.kill(proc.pid, signal.SIGHUP)
    eventually(lambda: "reload done" in (workdir / "culvert.log").read_text(), 5, "the reload")


def test_daemon_passes_on_the_exit_code_of_the_start(workdir, pki):
    """A start that fails after detaching is still told to whoever started it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config({"main": {"listen": f"127.0.0.1:{taken.getsockname()[1]}", "backend": "1"}},
                        log=f"file:{workdir}/culvert.log")
        (workdir / "c.ini").write_text(config.render(pki))
        assert run_culvert("-c", workdir / "c.ini", "--daemon").returncode == 5
        (workdir / "c.ini").write_text("[nonsense]\n")
        result = run_culvert("-c", workdir / "c.ini", "--daemon")
        assert result.returncode == 3 and "nonsense" in result.stderr


# -- systemd -------------------------------------------------------------------------------------------------------

def test_systemd_is_told(culvert, backend, workdir):
    """READY, RELOADING with a time and READY again, STOPPING."""
    path = str(workdir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(slack(5))

        def next_state():
            """The next message that tells a state, as a dictionary."""
            while True:
                told = dict(line.split("=", 1) for line in notify.recv(4096).decode().splitlines() if "=" in line)
                if told.keys() & {"READY", "RELOADING", "STOPPING"}:
                    return told

        daemon = culvert(backend=backend(Echo).address, env={"NOTIFY_SOCKET": path})
        assert next_state()["READY"] == "1"
        daemon.reload()
        told = next_state()
        assert told["RELOADING"] == "1" and int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert next_state()["READY"] == "1"
        daemon.terminate()
        assert next_state()["STOPPING"] == "1"


# -- the state -----------------------------------------------------------------------------------------------------

def test_usr2_dumps_the_counters(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address)
    client = connect(daemon)
    client.echo(b"0123456789")
    counters = daemon.counters()
    assert (counters["accepted"], counters["handshakes_ok"], counters["tunnels_active"]) == (1, 1, 1)
    client.close()
    daemon.wait_idle()
    counters = daemon.counters()
    assert counters["tunnels_opened"] == counters["tunnels_closed"] == 1
    assert (counters["inbound_bytes"], counters["outbound_bytes"]) == (10, 10)
