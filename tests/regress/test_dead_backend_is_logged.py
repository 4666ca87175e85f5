# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead backend was invisible until connect-timeout was over, and for ever while another one answered.

Right: one line at the first failure that names the address, why it failed and what is done; one line when the address
answers again; not one for each attempt. The dump of USR2 has the state of every backend address."""

import signal

from harness import Blackhole, Echo, Refuser, slack

FAILED, BACK = "backend failed", "backend answers again"


def states(daemon):
    """The backends in the dump of USR2: address -> line."""
    mark = daemon.mark()
    daemon.signal(signal.SIGUSR2)
    daemon.wait_log("counters", since=mark)
    return {line["backend"]: line for line in daemon.log_lines(mark) if "status" in line.fields}


def test_a_backend_that_refuses_is_logged_while_its_tunnels_wait(culvert, backend, connect):
    refuser = backend(Refuser)
    daemon = culvert(backend=refuser.address, service={"connect-timeout": "20s"})
    client = connect(daemon, timeout=slack(20))
    line = daemon.wait_log(FAILED)
    assert not daemon.log_closed(), "the tunnel still waits"
    assert (line["service"], line["backend"], line["error"]) == ("main", refuser.address, "Connection refused")
    assert line["action"] == "trying again until connect-timeout (20s) expires"
    daemon.wait_counter("backend_connects_failed", 3)
    state = states(daemon)[refuser.address]
    assert state["status"] == "failing" and state["error"] == "Connection refused" and int(state["failures"]) >= 3
    refuser.open()
    client.echo()
    back = daemon.wait_log(BACK)
    assert back["backend"] == refuser.address and int(back["failures"]) >= 3
    assert states(daemon)[refuser.address]["status"] == "up"
    assert len(daemon.find_log(FAILED)) == 1, "not a line for each attempt"


def test_a_backend_that_refuses_is_logged_while_another_one_answers(culvert, backend, connect):
    refuser, echo = backend(Refuser), backend(Echo)
    daemon = culvert(backend=[refuser.address, echo.address])
    for _ in range(3):
        connect(daemon).echo()
    line = daemon.wait_log(FAILED)
    assert line["backend"] == refuser.address
    assert line["action"] == "using the other addresses, trying again until it answers"
    assert len(daemon.find_log(FAILED)) == 1
    assert {address: line["status"] for address, line in states(daemon).items()} == {
        refuser.address: "failing", echo.address: "up"}
    refuser.open()
    connect(daemon).echo()
    assert daemon.wait_log(BACK)["backend"] == refuser.address


def test_a_backend_that_does_not_answer_is_logged_long_before_connect_timeout(culvert, backend, connect):
    dead = backend(Blackhole)
    daemon = culvert(backend=dead.address, service={"connect-timeout": "60s"})
    connect(daemon)
    line = daemon.wait_log(FAILED)
    assert line["backend"] == dead.address and line["error"].startswith("no answer for ")
    assert states(daemon)[dead.address]["status"] == "silent"


def test_without_retries_the_line_says_that_tunnels_end(culvert, backend, connect):
    daemon = culvert(backend=backend(Refuser).address, service={"connect-retry": "off"})
    assert connect(daemon).outcome() == (0, "reset")
    assert daemon.wait_log(FAILED)["action"] == "closing the tunnels that need it (connect-retry is off)"


def test_a_flapping_backend_does_not_flood_the_log(culvert, connect, workdir):
    """Each change is a fact, twenty of them are noise: four lines at once, later one in ten seconds."""
    path = workdir / "backend.sock"
    daemon = culvert(backend=f"unix:{path}", service={"connect-retry": "off"})
    for _ in range(10):
        assert connect(daemon).outcome() == (0, "reset")
        echo = Echo(path=str(path))
        connect(daemon).echo()
        echo.stop()
    daemon.wait_counter("backend_connects_failed", 10)
    assert len(daemon.find_log(FAILED)) == 2 and len(daemon.find_log(BACK)) == 2
