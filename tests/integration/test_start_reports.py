# SPDX-License-Identifier: GPL-3.0-or-later
"""How a start reports itself in the awkward cases: useless ready descriptors, detached daemons that died or fail, a
service manager that is abstract, refuses or is not there."""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

from harness import BINARY, Config, TlsClient, eventually, slack
from harness.daemon import clean_environment, run_culvert
from harness.util import free_port


def gone(pid):
    """No such process, or one that only waits for its parent to look: every thread of it, for the first one may go
    before those that hold the files."""
    try:
        stats = [(task / "stat").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return not pathlib.Path(f"/proc/{pid}").exists()
    return len(stats) <= 1 and all(stat.rpartition(")")[2].split()[0] == "Z" for stat in stats)


class Detached:
    """Daemons started with --daemon, known by their pid file, ended by that pid."""

    def __init__(self, workdir, pki):
        self.workdir, self.pki = workdir, pki
        self.pid_file = workdir / "culvert.pid"
        self.pids = []

    def write(self, backend, port, **more):
        config = Config({"main": {"listen": f"127.0.0.1:{port}", "backend": backend, **more}}, pid_file=self.pid_file,
                        log=f"file:{self.workdir}/culvert.log", drain_timeout="2s")
        path = self.workdir / "culvert.ini"
        path.write_text(config.render(self.pki))
        return path

    def start(self, *args, **options):
        """The waiting command's end; on success the daemon's pid is noted for the end of the test."""
        result = run_culvert("--daemon", *args, **options)
        if result.returncode == 0:
            self.pids.append(int(self.pid_file.read_text()))
        return result

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: gone(pid), 10, f"the end of process {pid}")


@pytest.fixture
def detached(workdir, pki):
    made = Detached(workdir, pki)
    yield made
    for pid in made.pids:
        if not gone(pid):
            made.kill(pid)


def test_a_detached_daemon_leads_no_session_and_has_no_terminal(detached, echo):
    assert detached.start("-c", detached.write(echo.address, free_port())).returncode == 0
    pid = detached.pids[-1]
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    session, terminal = int(stat[3]), int(stat[4])
    assert session not in (pid, os.getsid(0)) and terminal == 0  # no leader: it can get no terminal either
    assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}


def test_a_detached_start_fails_with_the_code_of_its_certificate(detached, echo, workdir):
    missing = workdir / "missing.pem"
    result = detached.start("-c", detached.write(echo.address, free_port(), cert=missing, key=missing))
    assert result.returncode == 4 and str(missing) in result.stderr, result
    assert not detached.pid_file.exists()


def test_the_pid_file_of_a_killed_daemon_is_taken_over(detached, echo, pki):
    port = free_port()
    path = detached.write(echo.address, port)
    assert detached.start("-c", path).returncode == 0
    first = detached.pids[-1]
    second = detached.start("-c", detached.write(echo.address, free_port()))
    assert second.returncode == 5 and f"process {first}" in second.stderr, second
    with TlsClient(("127.0.0.1", port), pki.context()) as client:
        client.echo()
    detached.kill(first)
    assert int(detached.pid_file.read_text()) == first
    assert detached.start("-c", path).returncode == 0
    assert detached.pids[-1] != first


def test_the_ready_descriptor_of_a_detached_daemon(detached, echo):
    port = free_port()
    reading, writing = os.pipe()
    try:
        result = detached.start("-c", detached.write(echo.address, port), "--ready-fd", writing, pass_fds=(writing,))
        os.close(writing)
        assert result.returncode == 0, result
        with open(reading, encoding="ascii", closefd=False) as report:  # to its end: the daemon has closed it
            assert report.read() == f"listening service=main address=127.0.0.1:{port}\nready\n"
    finally:
        os.close(reading)


def test_a_useless_ready_descriptor_is_a_mistake_of_usage(workdir, pki):
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1"}}).render(pki))
    reading, writing = os.pipe()
    os.close(writing)
    try:
        result = run_culvert("-c", path, "--ready-fd", reading, pass_fds=(reading,))
        assert result.returncode == 2 and f"descriptor {reading} cannot be written" in result.stderr, result
        result = run_culvert("-c", path, "--ready-fd", reading)
        assert result.returncode == 2 and f"descriptor {reading} is not open" in result.stderr, result
    finally:
        os.close(reading)


def test_a_reader_of_the_ready_descriptor_that_left_is_no_trouble(workdir, pki, echo):
    port = free_port()
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"listen": f"127.0.0.1:{port}", "backend": echo.address}}).render(pki))
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen([str(BINARY), "-c", str(path), "--ready-fd", str(writing)], pass_fds=(writing,),
                          stderr=subprocess.PIPE, text=True, env=clean_environment()) as process:
        os.close(writing)
        try:
            for line in process.stderr:
                if line.rstrip().endswith(" ready"):
                    break
            with TlsClient(("127.0.0.1", port), pki.context()) as client:
                client.echo()
                client.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
        assert process.wait(slack(10)) == 0


class Manager:
    """A service manager's end of the notification socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.sock.settimeout(slack(10))

    def next(self):
        """The next message: its assignments."""
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())


def test_a_manager_with_an_abstract_socket_is_told_of_a_failed_reload_too(culvert, echo):
    name = f"culvert-notify-{os.getpid()}"
    manager = Manager("\0" + name)
    daemon = culvert(backend=echo.address, env={"NOTIFY_SOCKET": "@" + name})
    ready = manager.next()
    assert ready["READY"] == "1" and int(ready["MAINPID"]) == daemon.pid
    daemon.reload("[service main]\nnonsense = 1\n", expect=False)
    assert manager.next()["RELOADING"] == "1"
    assert manager.next()["READY"] == "1"  # it goes on with what it had
    daemon.terminate()
    assert manager.next()["STOPPING"] == "1"


def test_a_manager_that_is_not_there_is_no_trouble(culvert, echo, connect, workdir):
    daemon = culvert(backend=echo.address, env={"NOTIFY_SOCKET": str(workdir / "nobody")})
    client = connect(daemon)
    client.echo()
    client.close()
    daemon.terminate()
