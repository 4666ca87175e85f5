# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the black-box tests: the session's certificates, daemons and backends that end with their test."""

import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from harness import conformance as conformance_table  # noqa: E402
from harness import (BINARY, SANITIZED, WOLFSSL, Backend, Config, Culvert, Echo, Pki, TlsClient, is_root,  # noqa: E402
                     slack, wellbeing)


def pytest_addoption(parser):
    parser.addoption("--nosan", choices=("without", "only"), help="run no test marked nosan, or only those; -m stays free")


def pytest_configure(config):
    for line in ("slow: takes more than about ten seconds",
                 "root: needs root (a privilege drop, a mount namespace, a low port)",
                 "records: about the records of an established session; what a build with another record layer must pass",
                 "full: takes minutes, runs only if -m names it (.ci/full does)",
                 "wolfssl(major, minor): needs this version of the library or a newer one",
                 "nosan: measures time or memory, or needs sizes, which a sanitizer changes"):
        config.addinivalue_line("markers", line)
    if not BINARY.exists():
        pytest.exit(f"no culvert at {BINARY}: build it, or name it in the environment variable CULVERT", 2)


def pytest_collection_modifyitems(config, items):
    _deselect(config, items)
    for item in items:
        if SANITIZED and item.get_closest_marker("nosan"):
            item.add_marker(pytest.mark.skip(reason=f"not meaningful under {SANITIZED}"))
        needed = item.get_closest_marker("wolfssl")
        if needed and WOLFSSL < needed.args:
            words = [".".join(map(str, version)) for version in (needed.args, WOLFSSL)]
            item.add_marker(pytest.mark.skip(reason=f"needs wolfSSL {words[0]}, this is {words[1]}"))
        if not is_root() and item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


def _deselect(config, items):
    nosan, full = config.getoption("--nosan"), "full" in config.option.markexpr
    chosen = [item for item in items if (full or not item.get_closest_marker("full")) and (
        not nosan or (nosan == "only") == bool(item.get_closest_marker("nosan")))]
    config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
    items[:] = chosen


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails by itself, with the log attached, and does not block the run."""
    def give_up(*_):
        raise TimeoutError("the test hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    limits = [seconds for mark, seconds in (("full", 400), ("slow", 200)) if item.get_closest_marker(mark)]
    signal.alarm(int(slack(limits[0] if limits else 45)))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Attaches the daemon's log to a failure."""
    report = (yield).get_result()
    if not report.failed:
        return
    for daemon in getattr(item, "culverts", []):
        report.sections.append((f"configuration {daemon.config_path}",
                                daemon.config_path.read_text() if daemon.config_path.exists() else "(none)"))
        report.sections.append((f"log {daemon.log_path}", daemon.log_text()[-8000:]))
        report.sections.append(("culvert's stderr", daemon.stderr()[-4000:]))


def pytest_terminal_summary(terminalreporter):
    conformance_table.summary(terminalreporter)


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pki")
    _let_others_pass(directory)
    return Pki(directory)


def _let_others_pass(directory):
    """pytest's directories have mode 0700: a daemon that has dropped its privileges must be able to reach its files."""
    for path in [directory, *directory.parents][:4]:
        if path.owner() != "root" or str(path) in ("/", "/tmp"):
            continue
        os.chmod(path, 0o755)


@pytest.fixture
def workdir(tmp_path):
    """A temporary directory that other users may enter, removed when the test has passed."""
    _let_others_pass(tmp_path)
    return tmp_path


@pytest.fixture
def culvert(request, workdir, pki):
    """A factory of running daemons.

        culvert(backend=echo.address)                          one service `main`
        culvert(backend=..., service={"idle-timeout": "1s"})   with options
        culvert(Config(...))                                   anything
        culvert(config=None, args=["--listen", ...])           without a file

    Further keyword arguments go to Culvert().
    """
    request.node.culverts = []
    numbers = itertools.count()

    def start(config="one", backend=None, service=None, globals_=None, **options):
        if isinstance(config, str) and config == "one":
            config = Config({"main": {"backend": backend, **(service or {})}}, globals_=globals_)
        directory = workdir / f"culvert-{next(numbers)}"
        wait, timeout = options.pop("wait", True), options.pop("timeout", 15)
        daemon = Culvert(directory, config, pki, wait=False, **options)
        request.node.culverts.append(daemon)
        return daemon.wait_ready(timeout) if wait else daemon

    yield start
    errors = []
    for daemon in request.node.culverts:
        try:
            daemon.cleanup()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


@pytest.fixture(scope="module")
def conformance(request, tmp_path_factory, pki):
    """One daemon for a whole table: after the last case it must work as before the first."""
    directory = tmp_path_factory.mktemp("conformance")
    _let_others_pass(directory)
    echo = Echo()
    services = {"main": {}, "fresh": {}, "alpn": {"alpn": "h2, http/1.1"}, "old": {"max-version": "1.2"},
                "new": {"min-version": "1.3"}, "rsa": {"cert": pki.rsa.chain, "key": pki.rsa.key}}
    for options in services.values():
        options["backend"] = echo.address
    daemon = Culvert(directory, Config(services, globals_={"workers": 1}), pki, wait=False)
    request.node.culverts = [daemon]
    try:
        daemon.wait_ready()
        wellbeing.fresh_connection(daemon, limit=5)
        baseline = daemon.fds() if is_root() else None
        yield daemon
        wellbeing.check(daemon, baseline)
    finally:
        daemon.cleanup()
        echo.stop()


@pytest.fixture
def backend():
    """A factory of backends: backend(Sink), backend(Source, 1 << 20, then='reset'). All are stopped in the end."""
    made = []

    def make(kind=Echo, *args, **options):
        made.append(kind(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def service():
    """A factory of programs: service(Redis, ...). All are stopped in the end, the last one first."""
    started = []

    def start(make, *args, **options):
        started.append(make(*args, **options))
        return started[-1]

    yield start
    for one in reversed(started):
        one.stop()


@pytest.fixture
def echo(backend):
    return backend(Echo)


@pytest.fixture
def one_line(backend):
    """A backend that answers one line and ends, so that s_client ends too."""

    def serve(connection):
        connection.note(connection.sock.recv(4096))
        connection.sock.sendall(b"answer\n")
        connection.end = "answered"

    return backend(Backend, serve)


@pytest.fixture
def connect(pki):
    """A factory of TLS clients that are closed in the end: connect(daemon) or connect(daemon, 'x', maximum='1.2').

    The options minimum, maximum, alpn, ciphers and verify go to the context, the others to TlsClient.
    """
    clients = []

    def open_client(daemon, service="main", index=0, context=None, **options):
        keys = ("minimum", "maximum", "alpn", "ciphers", "verify")
        context = context or pki.context(**{key: options.pop(key) for key in keys if key in options})
        clients.append(TlsClient(daemon.address(service, index), context, **options))
        return clients[-1]

    yield open_client
    for client in clients:
        client.sock.close()


@pytest.fixture
def need():
    """need('redis-server'): skips by name when a program is not installed."""
    def check(*programs):
        for program in programs:
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                pytest.skip(f"{program} is not installed")
    return check


@pytest.fixture
def spawn(workdir):
    """A factory of helper processes, ended by pid: spawn([...], name='x') logs to x.out in the work directory."""
    started = []

    def start(command, name=None, **options):
        name = name or os.path.basename(str(command[0]))
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", open(workdir / f"{name}.out", "ab"))
        options.setdefault("stderr", subprocess.STDOUT)
        started.append(subprocess.Popen([str(part) for part in command], **options))
        return started[-1]

    yield start
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(18)
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
