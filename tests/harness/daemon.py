# SPDX-License-Identifier: GPL-3.0-or-later
"""Culvert is one daemon under test: started with --ready-fd, observed through its log, controlled by signals, ended by pid."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

from .config import Config
from .util import BINARY, SANITIZED, Proc, eventually, slack, split_address

# The daemon's texts that tests wait for: the one place to change when a text changes.
MSG_RELOADED = re.compile(r"\breload done\b")
MSG_RELOAD_FAILED = re.compile(r"\breload failed\b")
MSG_RELOAD_ENDED = re.compile(r"\breload (done|failed)\b")
MSG_RELOAD_IGNORED = re.compile(r"\breload ignored\b")
MSG_COUNTERS = re.compile(r"\bcounters\b")
MSG_DRAINING = re.compile(r"\bdraining\b")

_FIELD = re.compile(r"([A-Za-z_][\w.-]*)=(\"(?:[^\"\\]|\\.)*\"|\S*)")
_REPORT = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


class StartFailed(AssertionError):
    """The process ended before it was ready; `code` is its exit status, `stderr` its output."""

    def __init__(self, code, stderr):
        super().__init__(f"culvert did not become ready (exit status {code}):\n{stderr}")
        self.code = code
        self.stderr = stderr


class LogLine:
    """One line of the log: the text, and its key=value fields."""

    def __init__(self, text):
        self.text = text
        self.fields = {}
        if text.startswith("{"):
            try:
                self.fields = {key: str(value) for key, value in json.loads(text).items()}
            except ValueError:
                pass
        else:
            for key, value in _FIELD.findall(text):
                if value.startswith('"'):
                    value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
                self.fields.setdefault(key, value)

    def __getitem__(self, key):
        return self.fields[key]

    def get(self, key, default=None):
        return self.fields.get(key, default)

    def __contains__(self, words):
        return words in self.text

    def __repr__(self):
        return f"<{self.text}>"


def clean_environment(extra=None):
    """The test's environment without CULVERT_* names, plus `extra`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CULVERT")}
    environment.update(extra or {})
    return environment


def run_culvert(*args, env=None, cwd=None, timeout=20, stdin=None, **options):
    """Runs culvert to its end (--check, --help ...): a CompletedProcess with text output."""
    return subprocess.run([str(BINARY), *map(str, args)], env=clean_environment(env), cwd=cwd, text=True,
                          stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=slack(timeout), check=False, **options)


class Culvert:
    """One running daemon.

    `config` is a Config, the text of an INI file, or None for a run by arguments alone. `log` is 'file' (the default:
    a file in the work directory, which needs `config`), or None to leave the log to the test. `prefix` is a command
    that ends in exec (setpriv, unshare), so that the pid stays the one started here.
    """

    def __init__(self, workdir, config=None, pki=None, args=(), env=None, prefix=(), log="file", level="debug",
                 pass_fds=(), stderr=None, stdout=None, preexec=None, wait=True, timeout=15, binary=BINARY):
        self.workdir = pathlib.Path(workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.pki = pki
        self.log_path = self.workdir / "culvert.log"
        self.config_path = self.workdir / "culvert.ini"
        self.stderr_path = self.workdir / "stderr"
        self._base = {"log-level": level, "drain-timeout": "2s"}
        if log == "file":
            self._base["log"] = f"file:{self.log_path}"
        else:
            self.log_path = self.stderr_path
        self._mark = 0
        self.allowed_exits = (0, 8)
        self.ports = {}
        self.process = None
        command = [*prefix, str(binary)]
        if config is not None:
            self.write(config)
            command += ["-c", str(self.config_path)]
        self._start(command + [str(arg) for arg in args], env, pass_fds, stderr, stdout, preexec)
        if wait:
            self.wait_ready(timeout)

    # -- start and end ---------------------------------------------------------------------------------------------

    def _start(self, command, env, pass_fds, stderr, stdout, preexec):
        reading, writing = os.pipe()
        command += ["--ready-fd", str(writing)]
        report = self.workdir / "sanitizer"
        environment = clean_environment(env)
        for name, options in (("ASAN_OPTIONS", "exitcode=99"), ("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1"),
                              ("TSAN_OPTIONS", "exitcode=99")):
            environment[name] = f"{environment.get(name, '')}:log_path={report}:{options}".lstrip(":")
        stderr_file = stderr if stderr is not None else open(self.stderr_path, "ab")
        try:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, pass_fds=(writing, *pass_fds),
                stdout=stdout if stdout is not None else stderr_file, stderr=stderr_file, preexec_fn=preexec,
                cwd=self.workdir)
        finally:
            os.close(writing)
            if stderr is None:
                stderr_file.close()
        self._ready_pipe = reading
        self.command = command

    @property
    def pid(self):
        return self.process.pid

    @property
    def proc(self):
        return Proc(self.process.pid)

    def wait_ready(self, timeout=15):
        """Reads the ready descriptor to its `ready` line and learns the ports from the lines before it."""
        deadline = time.monotonic() + slack(timeout)
        text = b""
        while b"\nready\n" not in b"\n" + text:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not ready after {slack(timeout):.0f} s: {text!r}\n{self.stderr()}")
            if not select.select([self._ready_pipe], [], [], left)[0]:
                continue
            piece = os.read(self._ready_pipe, 65536)
            if not piece:
                code = self.process.wait(slack(timeout))
                raise StartFailed(code, self.stderr())
            text += piece
        self.ready_lines = [LogLine(line) for line in text.decode().splitlines()]
        self._learn(self.ready_lines)
        if select.select([self._ready_pipe], [], [], slack(2))[0]:
            os.read(self._ready_pipe, 1)  # end of file: culvert has closed the descriptor, so their number is stable
        return self

    def _learn(self, lines):
        for line in lines:
            if "listening service=" in line and "address" in line.fields:
                addresses = self.ports.setdefault(line["service"], [])
                if line["address"] not in addresses:
                    addresses.append(line["address"])

    def _learn_from_dump(self):
        """The listeners now: culvert does not report listeners of a reload through the ready descriptor."""
        mark = self.mark()
        self.signal(signal.SIGUSR2)
        self.wait_log(MSG_COUNTERS, 5, since=mark)
        self.ports = {}
        for line in self.log_lines(mark):
            if "listening" in line.fields:
                self.ports.setdefault(line["service"], []).append(line["listening"])

    def addresses(self, service="main"):
        """Every address text the service listens on, in the order reported."""
        return self.ports[service]

    def address(self, service="main", index=0):
        """(host, port), or the path of a UNIX socket."""
        host_port = split_address(self.ports[service][index])
        if isinstance(host_port, tuple) and host_port[0] in ("*", "0.0.0.0", "::"):
            return ("127.0.0.1" if host_port[0] != "::" else "::1"), host_port[1]
        return host_port

    def port(self, service="main", index=0):
        return self.address(service, index)[1]

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=10):
        """Waits for the end and returns the exit status."""
        return self.process.wait(slack(timeout))

    def terminate(self, expect=0, timeout=10):
        """TERM, then waits for the end: the drain must finish with status `expect`."""
        self.signal(signal.SIGTERM)
        code = self.wait(timeout)
        assert code == expect, f"exit status {code}, expected {expect}"
        return code

    def cleanup(self):
        """Ends the process in any state, and checks its exit status and the sanitizer's reports."""
        try:
            if self.process is None:
                return
            clean = True
            if self.running():
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGTERM)
                try:
                    self.process.wait(0.5 if not SANITIZED else 3)
                except subprocess.TimeoutExpired:
                    self.signal(signal.SIGTERM)
                try:
                    self.process.wait(slack(5))
                except subprocess.TimeoutExpired:
                    clean = False
                    self.process.kill()
                    self.process.wait()
            assert clean, "culvert did not stop on a second SIGTERM"
            code = self.process.returncode
            reports = self.sanitizer_reports()
            assert not reports, f"a sanitizer reported:\n{reports}"
            assert code in self.allowed_exits, f"exit status {code}\n{self.stderr()[-4000:]}"
        finally:
            os.close(self._ready_pipe)

    def sanitizer_reports(self):
        text = "".join(path.read_text(errors="replace") for path in sorted(self.workdir.glob("sanitizer.*")))
        if _REPORT.search(self.stderr()):
            text += self.stderr()
        return text

    # -- configuration ---------------------------------------------------------------------------------------------

    def write(self, config):
        """Writes the configuration file; a reload is a separate step."""
        text = config.render(self.pki, self._base) if isinstance(config, Config) else config
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(self.config_path)

    def reload(self, config=None, expect=True, timeout=10):
        """HUP; waits for the line with the result and returns the lines logged since. `expect` is the outcome
        wanted: True committed, False refused, None either."""
        if config is not None:
            self.write(config)
        mark = self.mark()
        self.signal(signal.SIGHUP)
        end = self.wait_log(MSG_RELOAD_ENDED, timeout, since=mark)
        lines = self.log_lines(mark)
        if expect is not None:
            committed = not MSG_RELOAD_FAILED.search(end.text)
            assert committed == expect, f"reload ended with: {end.text}"
            if committed:
                self._learn_from_dump()
        return lines

    # -- log -------------------------------------------------------------------------------------------------------

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def mark(self):
        """The end of the log now: pass it as `since` to look only at later lines."""
        try:
            return self.log_path.stat().st_size
        except FileNotFoundError:
            return 0

    def log_text(self, since=0):
        try:
            with open(self.log_path, "rb") as file:
                file.seek(since)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def log_lines(self, since=0):
        """Whole lines only, without a line that is still being written."""
        text = self.log_text(since)
        return [LogLine(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def find_log(self, what, since=0):
        """The lines that match: `what` is a predicate on LogLine, a compiled regular expression, or words."""
        if isinstance(what, str):
            words = what
            matches = lambda line: words in line.text
        elif isinstance(what, re.Pattern):
            matches = lambda line: what.search(line.text)
        else:
            matches = what
        return [line for line in self.log_lines(since) if matches(line)]

    def wait_log(self, what, timeout=5, since=0, count=1):
        """Waits until `count` lines match and returns the first (a list when count > 1)."""
        def enough():
            found = self.find_log(what, since)
            return found if len(found) >= count else None
        found = eventually(enough, timeout, f"{count} log line(s) {what!r}; log ends:\n" + self.log_text()[-2000:])
        return found[0] if count == 1 else found

    def log_closed(self, since=0):
        """The end-of-tunnel lines."""
        return [line for line in self.log_lines(since) if "cause" in line.fields]

    def wait_closed(self, count=1, timeout=5, since=0):
        """Waits for end-of-tunnel lines: the first, or a list when count > 1."""
        return self.wait_log(lambda line: "cause" in line.fields, timeout, since, count)

    # -- state -----------------------------------------------------------------------------------------------------

    def counters(self):
        """The counters by name, from a SIGUSR2 dump."""
        mark = self.mark()
        self.signal(signal.SIGUSR2)
        line = self.wait_log(MSG_COUNTERS, 5, since=mark)
        return {key: int(value) for key, value in line.fields.items() if re.fullmatch(r"-?\d+", value)}

    def wait_counter(self, name, reached, timeout=5):
        """Waits until a counter satisfies `reached` (a number: at least that many)."""
        good = reached if callable(reached) else lambda value: value >= reached
        return eventually(lambda: (lambda value: value is not None and good(value) and (value or True))(
            self.counters().get(name)), timeout, f"counter {name}", every=0.05)

    def open_tunnels(self):
        """Tunnels alive now, whatever their state."""
        return self.counters()["tunnels_active"]

    def wait_idle(self, timeout=10):
        """Waits until no tunnel is open."""
        eventually(lambda: self.open_tunnels() == 0, timeout, "all tunnels closed", every=0.05)

    def fds(self):
        return self.proc.fds()

    def rss(self):
        return self.proc.rss()

    def pss(self):
        return self.proc.pss()

    def cpu_seconds(self):
        return self.proc.cpu_seconds()
