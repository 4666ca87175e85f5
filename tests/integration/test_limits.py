# SPDX-License-Identifier: GPL-3.0-or-later
"""Scarce descriptors: culvert accepts no more than it can serve, waits without spinning, and serves all in the end."""

import os
import resource
import shutil
import threading

import pytest

from harness import BINARY, SANITIZED, Config, Echo, TlsClient, is_root, scaled, slack

NOBODY = 65534


def as_nobody(descriptors):
    """preexec: no root, which could raise its hard limit again, and few descriptors."""
    def become():
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    return become


class Crowd:
    """Clients in threads: each connects, has one echo, holds its tunnel until told, has another echo, and closes."""

    def __init__(self, address, context, count):
        self.served = threading.Semaphore(0)
        self.errors = []
        self.release = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(address, context), daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, address, context):
        try:
            with TlsClient(address, context, timeout=slack(60)) as client:
                client.echo()
                self.served.release()
                self.release.wait(slack(60))
                client.echo()
                client.close()
        except Exception as error:  # shown by the test
            self.errors.append(repr(error))

    def finish(self):
        self.release.set()
        for thread in self.threads:
            thread.join(slack(60))
        assert not any(thread.is_alive() for thread in self.threads), "some clients were never served"
        assert not self.errors, self.errors


def test_64_descriptors_and_200_clients(culvert, backend, pki, workdir):
    """The hard limit too, and without root: accepting pauses at what the limit carries, nothing is lost."""
    for needed in (pki.ecdsa.chain, pki.ecdsa.key, BINARY):  # where anybody may get at them
        shutil.copy(needed, workdir)
    (workdir / "culvert-0").mkdir()
    if is_root():
        for path in [workdir, *workdir.iterdir()]:
            os.chown(path, NOBODY, NOBODY)
    config = Config({"main": {"backend": backend(Echo).address, "cert": workdir / os.path.basename(pki.ecdsa.chain),
                              "key": workdir / os.path.basename(pki.ecdsa.key)}}, workers=1)
    daemon = culvert(config, preexec=as_nobody(64), binary=workdir / BINARY.name)
    count = scaled(200, least=60)
    crowd = Crowd(daemon.address(), pki.context(), count)
    for _ in range(8):
        assert crowd.served.acquire(timeout=slack(20))
    daemon.wait_counter("accept_paused", 1)
    if not SANITIZED:
        share = daemon.proc.cpu_share(2)
        print(f"CPU while {count} clients wait: {share:.2%}, tunnels open: {daemon.open_tunnels()}")
        assert share <= 0.05
    assert daemon.open_tunnels() < count
    crowd.finish()
    daemon.wait_idle()
    counters = daemon.counters()
    assert counters["handshakes_ok"] == count
    assert counters["accept_fd_exhausted"] == 0 and counters["rejected_limit"] == 0
    assert daemon.log_closed() and {line["cause"] for line in daemon.log_closed()} == {"client-fin"}


@pytest.mark.nosan  # the sanitizers' runtimes need descriptors of their own
def test_descriptors_that_vanish_at_run_time_pause_accepting(culvert, backend, connect, pki):
    """The limit is lowered under the running process (prlimit), so that accept() meets EMFILE all the same: one
    warning however often it is tried, no spinning, the listener lives, and everybody is served once there is room."""
    # Those that are in without a descriptor for their backend wait for it: longer than the test looks on.
    daemon = culvert(backend=backend(Echo).address, globals_={"workers": 1}, service={"connect-timeout": "60s"})
    connect(daemon).echo()
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (daemon.fds() + 4, hard))
    crowd = Crowd(daemon.address(), pki.context(), 20)
    daemon.wait_counter("accept_fd_exhausted", 1)
    assert daemon.proc.cpu_share(2) <= 0.05
    daemon.wait_counter("accept_fd_exhausted", 2)
    assert len(daemon.find_log("accept() failed")) == 1
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    crowd.finish()
    assert len(daemon.find_log("accept() failed")) == 1
    connect(daemon).echo()


def test_the_start_line_tells_what_max_tunnels_came_to(culvert, backend):
    """More than the descriptors allow is cut down, with a warning that names both numbers."""
    daemon = culvert(backend=backend(Echo).address, globals_={"max-tunnels": 5000000})
    start = daemon.wait_log("culvert starts")
    assert 0 < int(start["max_tunnels"]) < 5000000
    assert daemon.wait_log("configured=5000000")["effective"] == start["max_tunnels"]
