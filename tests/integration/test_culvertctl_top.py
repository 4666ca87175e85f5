# SPDX-License-Identifier: GPL-3.0-or-later
"""culvertctl top in a terminal (tmux), against a server that answers as the daemon does: order, filter, keys, sizes, a daemon that
starts again, and the terminal afterwards."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from harness.ctl import CULVERTCTL, AdminStub, run_ctl, status, tunnel
from harness.daemon import clean_environment
from harness.util import eventually, slack

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")


class Screen:
    """A terminal of its own with a shell in it: a private tmux server."""

    def __init__(self, directory, columns=100, rows=24):
        self._base = ["tmux", "-S", str(directory / "tmux.sock"), "-f", "/dev/null"]
        self._environment = clean_environment({"PS1": "shell> ", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"})
        self._environment.pop("TMUX", None)
        self.tmux("-u", "new-session", "-d", "-x", str(columns), "-y", str(rows), "bash", "--norc", "--noprofile")
        # Only a resize by hand changes the size.
        self.tmux("set-option", "-g", "window-size", "manual")
        self.wait("shell>")

    def tmux(self, *args):
        return subprocess.run([*self._base, *args], env=self._environment, capture_output=True, text=True, timeout=slack(20),
                              check=True).stdout

    def text(self):
        return self.tmux("capture-pane", "-p")

    def lines(self):
        return self.text().splitlines()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def wait(self, words, timeout=10):
        """Waits until the screen holds the words (or fits a predicate), and returns its text."""
        fits = words if callable(words) else lambda text: words in text

        def look():
            text = self.text()
            return text if fits(text) else None

        return eventually(look, timeout, lambda: f"{words} on the screen:\n{self.text()}", every=0.05)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def end(self):
        subprocess.run([*self._base, "kill-server"], env=self._environment, capture_output=True, timeout=slack(20), check=False)


class Daemon(AdminStub):
    """A daemon whose tunnels carry bytes: every answer is later by a second of its own clock."""

    RATES = {1: 100, 2: 5000, 3: 0}

    def __init__(self, path):
        super().__init__(path)
        self.begin = time.monotonic()
        self.tunnels = [tunnel(1, sni="redis.example", bytes_in=900_000, total_ms=10_000),
                        tunnel(2, sni="mail.example", bytes_in=1000, total_ms=5_000),
                        tunnel(3, sni="web.example", bytes_in=2000, total_ms=90_000, blocked="client", blocked_for_ms=65_000)]
        self.problems, self.started = [], "2026-12-01T09:00:00Z"
        self.answers[("GET", "/status")] = self._status
        self.answers[("GET", "/tunnels")] = self._tunnels
        self.answers[("GET", "/history")] = {
            "interval_s": 1, "fields": ["time", "tunnels", "bytes_in", "bytes_out"],
            "samples": [[i, 3, i * 1000, 0] for i in range(90)]}
        for one in (1, 2, 3):
            self.answers[("POST", f"/tunnels/{one}/close")] = lambda _, number=one: self._close(number)

    def _seconds(self):
        return time.monotonic() - self.begin

    def _status(self, _):
        return status(started=self.started, tunnels={"open": len(self.tunnels), "limit": 100}, problems=self.problems,
                      counters={"accepted": 10, "bytes_in": 5_000_000 + int(5100 * self._seconds()), "bytes_out": 0})

    def _tunnels(self, _):
        return {"tunnels": [one | {"bytes_in": one["bytes_in"] + int(self.RATES.get(one["id"], 0) * self._seconds())}
                            for one in self.tunnels], "matched": len(self.tunnels), "more": False, "after": 3}

    def _close(self, number):
        before = len(self.tunnels)
        self.tunnels = [one for one in self.tunnels if one["id"] != number]
        return {"closed": before - len(self.tunnels)}


@pytest.fixture
def daemon(workdir):
    made = Daemon(workdir / "admin.sock")
    yield made
    made.stop()


@pytest.fixture
def screen(workdir):
    made = Screen(workdir)
    yield made
    made.end()


def start(screen, daemon, *args):
    screen.type(shlex.join([str(CULVERTCTL), "--admin", daemon.admin, "top", "--interval", "200ms", *args]) + "; echo code=$?")
    screen.keys("Enter")
    screen.wait("q quit")


def ids(text):
    """The ids of the rows, from above; the selected row begins with >."""
    return [int(match[1]) for match in re.finditer(r"^[> ] +(\d+) +web ", text, re.MULTILINE)]


def selected(text):
    return int(re.search(r"^> +(\d+) ", text, re.MULTILINE)[1])


def test_head_rates_and_orders(screen, daemon):
    start(screen, daemon)
    text = screen.wait(lambda now: "KiB/s" in now and ids(now) == [2, 1, 3])
    assert text.startswith("culvert 0.1.0 ready  up 3h12m\n")
    assert "3 of 100 tunnels" in text and re.search(r"in [45]\.\d KiB/s", text), text
    assert "sorted by rate, 3 tunnels" in text and "last 60s, most 86.9 KiB/s  ▃" in text and "█\n" in text, text
    screen.keys("b")
    screen.wait(lambda now: "sorted by bytes" in now and ids(now)[0] == 1)
    screen.keys("a")
    screen.wait(lambda now: "sorted by age" in now and ids(now) == [3, 1, 2])
    screen.keys("w")
    screen.wait(lambda now: "sorted by blocked" in now and ids(now)[0] == 3 and "client 1m05s" in now)
    daemon.problems = [{"severity": "error", "service": "web", "text": "no backend is up"}, {"severity": "warning", "text": "x"}]
    screen.wait("error: web: no backend is up (and 1 more)")


def test_filter_by_typing(screen, daemon):
    start(screen, daemon)
    screen.type("/MAIL")
    text = screen.wait("filter: MAIL_, 1 of 3 tunnels")
    assert ids(text) == [2] and "Enter keeps it" in text
    screen.keys("BSpace", "BSpace", "BSpace", "BSpace")
    screen.type("exampleq")  # q is a letter here
    screen.wait("filter: exampleq_, 0 of 3")
    screen.keys("BSpace", "Enter")
    screen.wait("filter: example, 3 of 3")
    screen.keys("Escape")
    screen.wait("sorted by rate, 3 tunnels")
    screen.type("/blocked client")
    assert ids(screen.wait("1 of 3 tunnels")) == [3]
    screen.keys("C-u")
    screen.wait("filter: _, 3 of 3")


def test_select_and_close(screen, daemon):
    start(screen, daemon)
    screen.keys("a")
    screen.wait(lambda now: ids(now) == [3, 1, 2] and selected(now) == 3)
    screen.keys("Down")
    screen.wait(lambda now: selected(now) == 1)
    screen.keys("k")
    screen.wait("Close tunnel 1 of 192.0.2.1:40001? y/n")
    screen.keys("n")
    screen.wait("nothing is closed")
    assert len(daemon.tunnels) == 3
    screen.keys("k")
    screen.wait("Close tunnel 1 ")
    screen.keys("y")
    screen.wait(lambda now: ids(now) == [3, 2])
    assert ("POST", "/tunnels/1/close") in {one[:2] for one in daemon.requests}
    screen.keys("End")
    screen.wait(lambda now: selected(now) == 2)
    screen.keys("Up", "Up", "Up")
    screen.wait(lambda now: selected(now) == 3)


def test_small_terminals_and_resizing(screen, daemon):
    daemon.tunnels += [tunnel(number, service="web") for number in range(10, 60)]
    start(screen, daemon)
    screen.resize(40, 10)
    text = screen.wait(lambda now: len(now.splitlines()) == 10 and max(map(len, now.splitlines())) <= 40 and "RATE" in now and "AGE" in now)
    assert "CLIENT" in text and "RATE" in text and "BACKEND" not in text
    assert text.splitlines()[0] == "culvert 0.1.0 ready  up 3h12m"
    screen.keys("End")
    screen.wait(lambda now: re.search(r"^> ", now, re.MULTILINE) and len(now.splitlines()) == 10)
    screen.resize(20, 3)
    screen.wait(lambda now: len(now.splitlines()) == 3 and now.startswith("culvert"))
    screen.resize(150, 40)
    text = screen.wait(lambda now: "RATE OUT" in now and "BACKEND" in now and "q quit" in now)
    assert len(ids(text)) > 20
    screen.keys("Home")
    screen.wait(lambda now: selected(now) == ids(now)[0])


def test_a_daemon_that_starts_again(screen, daemon):
    start(screen, daemon)
    screen.wait(lambda now: len(ids(now)) == 3)
    daemon.stop()
    text = screen.wait("not reachable, trying again: cannot reach culvert at unix:")
    assert ids(text), "the last answer stays"
    daemon.started, daemon.begin = "2026-12-01T11:00:00Z", time.monotonic()
    daemon.tunnels = [tunnel(4)]
    daemon.start()
    text = screen.wait(lambda now: "ready  up" in now and ids(now) == [4])
    assert "in -  " in text or "in 4." in text or "in 5." in text


@pytest.mark.parametrize("how", ["q", "C-c", signal.SIGTERM, signal.SIGHUP, signal.SIGABRT])
def test_the_terminal_is_restored(screen, daemon, how):
    screen.type("stty -g | tr -d '\\n'; echo ' before'")
    screen.keys("Enter")
    before = re.search(r"^(\S+) before$", screen.wait(lambda now: re.search(r"^\S+ before$", now, re.MULTILINE)), re.MULTILINE)[1]
    start(screen, daemon)
    if isinstance(how, signal.Signals):
        os.kill(program_in(screen), how)
    else:
        screen.keys(how)
    text = screen.wait("code=")
    expected = 128 + how if isinstance(how, signal.Signals) else 0
    assert re.search(rf"^code={expected}$", screen.wait(lambda now: re.search(r"^code=\d+$", now, re.MULTILINE)), re.MULTILINE), text
    assert "q quit" not in text, "the alternate screen is left"
    assert screen.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on} #{wrap_flag}").split() == ["1", "0", "1"]
    screen.type("stty -g | tr -d '\\n'; echo ' after'")
    screen.keys("Enter")
    assert f"{before} after" in screen.wait(lambda now: re.search(r"^\S+ after$", now, re.MULTILINE))


def program_in(screen):
    shell = int(screen.tmux("display-message", "-p", "#{pane_pid}"))
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(shell)], capture_output=True, text=True, timeout=slack(20), check=True)
    return int(re.search(r"(\d+) culvertctl", out.stdout)[1])


def test_stop_and_continue(screen, daemon):
    start(screen, daemon)
    screen.keys("C-z")
    screen.wait("Stopped")
    screen.type("fg; echo end=$?")
    screen.keys("Enter")
    screen.wait("q quit")
    screen.keys("q")
    screen.wait(lambda now: re.search(r"^end=0$", now, re.MULTILINE))


def test_keys_work_while_the_daemon_does_not_answer(screen, daemon):
    start(screen, daemon)
    daemon.answers[("GET", "/status")] = lambda _: time.sleep(slack(30)) or status()
    seen = len(daemon.requests)
    eventually(lambda: len(daemon.requests) > seen + 1 or daemon.requests[-1][1] == "/status", 10, "a request")
    screen.type("/web")
    screen.wait("filter: web_, ")
    screen.keys("C-c")
    screen.wait("code=0")


def test_one_frame_without_a_terminal(daemon):
    done = run_ctl("top", "--service", "web", "--sort", "age", admin=daemon.admin)
    assert done.returncode == 0 and "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("culvert 0.1.0 ready") and "sorted by age, 3 tunnels" in lines
    assert [line.split()[0] for line in lines[-3:]] == ["3", "1", "2"]
    assert daemon.requests[1][2] == {"service": "web", "limit": "1000", "sort": "age"}


def test_errors_come_before_the_screen(screen, daemon, workdir):
    assert run_ctl("top", admin=workdir / "no.sock").returncode == 3
    daemon.answers[("GET", "/tunnels")] = (400, {"error": "client: not a network"})
    screen.type(shlex.join([str(CULVERTCTL), "--admin", daemon.admin, "top", "--client", "x"]) + "; echo code=$?")
    screen.keys("Enter")
    text = screen.wait("code=1")
    assert "culvertctl: culvert refused: client: not a network" in text
