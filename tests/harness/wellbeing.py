# SPDX-License-Identifier: GPL-3.0-or-later
"""What "survived" means for every hostile test: the process runs, a new connection is served within a second, the number
of descriptors is as before, no tunnel is left, and no thread spins."""

import time

import pytest

from raw_tls import ContentType, Tls13Client

from .backends import Echo
from .config import Config
from .util import eventually, is_root, slack


def fresh_connection(daemon, service="fresh", limit=1.0):
    """A whole new connection, one echo and a clean end, within `limit` seconds."""
    start = time.monotonic()
    with Tls13Client(daemon.address(service)) as client:
        client.handshake().send(b"fresh")
        assert client.read(5) == b"fresh"
        assert client.finish().clean
    took = time.monotonic() - start
    assert took < slack(limit), f"a fresh connection took {took:.2f} s"
    return took


def ended(daemon, count=1, timeout=5, service="main", since=0):
    """The log line of the end of a tunnel of `service` (a list when count > 1)."""
    return daemon.wait_log(lambda line: "cause" in line.fields and line.get("service") == service, timeout, since,
                           count)


def cause(daemon, **options):
    return ended(daemon, **options)["cause"]


def counted(daemon, **expected):
    """Waits until the counters have exactly these values: a worker publishes them at the end of its turn, which may be
    after the log line of the same event."""
    eventually(lambda: {name: daemon.counters()[name] for name in expected} == expected, 3, f"counters {expected}",
               every=0.05)


def wait_causes(daemon, count, *names, timeout=5):
    """Waits until `count` tunnels have ended with one of the causes `names`. It uses the counters, which count every tunnel;
    the log collapses repeats."""
    eventually(lambda: (lambda now: sum(now.get(f"closed_by_cause.{name}", 0) for name in names))(daemon.counters())
               >= count, timeout, f"{count} ends with cause {' or '.join(names)}", every=0.05)


def fill(client, daemon, limit=10):
    """Sends until culvert has stopped reading and the kernel accepts no more bytes: the other end does not read."""
    stop, pending = time.monotonic() + slack(limit), b""
    while time.monotonic() < stop:
        pending = pending or client.sealed(ContentType.APPLICATION_DATA, bytes(1 << 14))
        taken = client.link.send_some(pending)
        pending = pending[taken:]
        if not taken:
            if daemon.counters()["inbound_reads_paused"]:
                return
            time.sleep(0.01)
    raise AssertionError("culvert never stopped reading")


def check(daemon, baseline):
    """Checks all of the above after a test. `baseline`: the descriptors before, or None if this user may not count them."""
    assert daemon.running(), f"culvert died with status {daemon.process.returncode}"
    fresh_connection(daemon)
    daemon.wait_idle()
    try:
        eventually(lambda: baseline is None or daemon.fds() <= baseline, 3)
    except AssertionError:
        raise AssertionError(f"{daemon.fds()} descriptors, {baseline} before: {daemon.proc.fd_targets()}") from None
    share = daemon.proc.cpu_share(0.2)
    if share > 0.2:  # once more: a log burst or a deletion may have been under way
        share = daemon.proc.cpu_share(0.5)
    assert share <= 0.2, f"idle culvert uses {share:.0%} of a core"


@pytest.fixture
def steady(request, culvert, backend):
    """A factory of daemons that must be unharmed in the end: steady(echo.address, {"idle-timeout": "1s"}).

    Beside the service `main` under test, each has a service `fresh` with an echo of its own. It stays usable even if the
    test breaks the backend of `main`. `services` adds more services, `globals_` are [global] keys.
    """
    daemons = []
    failed = request.session.testsfailed
    echo = backend(Echo)

    def start(main, service=None, services=None, globals_=None, **options):
        config = Config({"main": {"backend": main, **(service or {})}, "fresh": {"backend": echo.address},
                         **(services or {})}, globals_={"workers": 2, **(globals_ or {})})
        daemon = culvert(config, **options)
        daemon.config = config
        fresh_connection(daemon, limit=5)
        daemon.wait_idle()
        daemons.append((daemon, daemon.fds() if is_root() else None))
        return daemon

    yield start
    if request.session.testsfailed == failed:
        for daemon, baseline in daemons:
            check(daemon, baseline)
