# SPDX-License-Identifier: GPL-3.0-or-later
"""culvertctl with a real daemon: what it prints, what it changes, and its exit codes."""

import json
import shutil
import socket

import pytest

from harness import Config, Echo, eventually
from harness.ctl import run_ctl
from harness.daemon import run_culvert


@pytest.fixture
def ctl(culvert, backend, workdir):
    """A daemon with a service, and culvertctl for it."""
    socket_file = f"unix:{workdir}/admin.sock"
    config = Config({"main": {"backend": backend(Echo).address}}, admin=socket_file)
    daemon = culvert(config)

    def run(*args, code=0, **options):
        done = run_ctl(*args, admin=socket_file, **options)
        assert done.returncode == code, f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
    run.daemon, run.config = daemon, config
    return run


def test_what_it_shows(ctl, connect):
    client = connect(ctl.daemon)
    client.echo(b"x" * 1000)
    assert "is ready, nothing is wrong" in eventually(lambda: "nothing is wrong" in (text := ctl("status")) and text, 15)
    assert "main" in ctl("services") and "1/1" in ctl("services")
    text = ctl("tunnels")
    assert "localhost" in text and "relay" in text and "%s:%d" % client.sock.getsockname()[:2] in text
    (row,) = json.loads(ctl("tunnels", "--json"))["tunnels"]
    assert row["bytes_in"] == 1000
    assert "established" in ctl("tunnels", "--id", row["id"], "--tcp")
    assert "main" in ctl("top", "--once") and "culvert_accepted_total 1" in ctl("metrics")
    assert "ECDSA" in ctl("certs") and ctl("ready") == "ready\n"
    assert "up" in ctl("backends", "main")


def test_explain_is_the_same_text_as_on_the_command_line(ctl):
    told = run_culvert("-c", ctl.daemon.config_path, "--explain", "--sni", "www.example.org").stdout
    # The daemon knows the port that the system has chosen.
    assert ctl("explain", "--sni", "www.example.org").splitlines()[1:] == told.splitlines()[1:]


def test_a_good_reload(ctl):
    ctl.config.services["main"]["idle-timeout"] = "7s"
    ctl.daemon.write(ctl.config)
    text = ctl("reload")
    assert "main" in text and "changed" in text.lower()


def test_a_broken_file(ctl, connect):
    ctl.config.services["main"]["idle-timeout"] = "soon"
    ctl.daemon.write(ctl.config)
    text = ctl("reload", code=1)
    line = ctl.daemon.config_path.read_text().split("\n").index("idle-timeout = soon") + 1
    assert f"{ctl.daemon.config_path}:{line}: error: [service main] idle-timeout: " in text
    connect(ctl.daemon).echo()
    assert "failed with 1 error" in ctl("status", code=1)


def test_a_port_that_is_taken(ctl, connect):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ctl.config.services["main"]["listen"] = ["127.0.0.1:0", "127.0.0.1:%d" % other.getsockname()[1]]
        ctl.daemon.write(ctl.config)
        text = ctl("reload", code=1)
        assert "cannot listen" in text or "in use" in text, text
    connect(ctl.daemon).echo()


def test_close_and_drain(ctl, connect):
    clients = [connect(ctl.daemon) for _ in range(3)]
    for client in clients:
        client.echo()
    ids = [row["id"] for row in json.loads(ctl("tunnels", "--json"))["tunnels"]]
    assert "1" in ctl("close", ids[0])
    ctl("close", ids[0], code=1)
    assert "2 tunnels" in ctl("drain", "main")
    ctl("close", "--service", "main", "--yes")
    ctl.daemon.wait_idle()
    assert "drain" in ctl("services")
    ctl("drain", "nobody", code=1)
    ctl("drain", "--yes", "--wait")
    assert ctl.daemon.wait(10) == 0
    assert "cannot reach culvert" in ctl("status", code=3)


def test_log_level(ctl):
    assert "debug until" in ctl("log-level", "debug", "--for", "10m")
    ctl("log-level", "default")
    assert "emerg" in ctl("log-level", "loud", code=2)


@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
def test_top_in_a_terminal(ctl, connect, workdir):
    import test_culvertctl_top as top
    client = connect(ctl.daemon)
    client.echo()
    screen = top.Screen(workdir)
    try:
        screen.type(f"{top.CULVERTCTL} --admin {workdir}/admin.sock top --interval 200ms")
        screen.keys("Enter")
        screen.wait("1 of ")
        text = screen.wait("localhost")
        assert "main" in text
        screen.type("/nobody")
        screen.wait(lambda now: "localhost" not in now)
        screen.keys("Escape")
        screen.wait("localhost")
        screen.keys("k")
        screen.wait("y/n")
        screen.keys("y")
        screen.wait(lambda now: "localhost" not in now)
        assert ctl.daemon.wait_closed()["cause"] == "admin-closed"
        screen.keys("q")
        screen.wait("shell>")
    finally:
        screen.end()
