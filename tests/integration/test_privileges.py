# SPDX-License-Identifier: GPL-3.0-or-later
"""Started as root with `user`: privileges are gone where bytes are handled, and a reload still can what it must."""

import os
import pwd
import signal

import pytest

from harness import Config, Echo, eventually
from harness.daemon import run_culvert
from harness.util import free_port

pytestmark = pytest.mark.root
LOW_ADDRESS = "127.83.4.43"  # a loopback address of the test's own, so that port 443 is free


def capabilities(daemon):
    """The non-empty capability sets of every task, by thread name."""
    found = {}
    for task, name in daemon.proc.threads().items():
        sets = {field: int(daemon.proc.status(field, task), 16) for field in ("CapPrm", "CapEff", "CapInh", "CapAmb")}
        found.setdefault(name, []).append({field: value for field, value in sets.items() if value})
    return found


@pytest.fixture
def dropped(culvert, backend, pki, workdir):
    """A daemon of user nobody whose key lies in a directory that only root can enter."""
    secret = workdir / "secret"
    secret.mkdir(mode=0o700)
    leaf = pki.issue("leaf", directory=secret)
    config = Config({"main": {"listen": f"127.0.0.1:{free_port()}", "backend": backend(Echo).address,
                              "cert": leaf.chain, "key": leaf.key}}, user="nobody", workers=2)
    return culvert(config), config, leaf, secret


def test_no_thread_is_root_and_workers_have_no_capability(dropped, connect):
    daemon, *_ = dropped
    connect(daemon).echo()
    nobody = pwd.getpwnam("nobody")
    for task in daemon.proc.threads():
        assert set(daemon.proc.status("Uid", task).split()) == {str(nobody.pw_uid)}
        assert set(daemon.proc.status("Gid", task).split()) == {str(nobody.pw_gid)}
        assert daemon.proc.status("NoNewPrivs", task) == "1"
    threads = capabilities(daemon)
    control = daemon.proc.threads()[daemon.pid]
    kept = threads.pop(control)
    assert sum(name.startswith("culvert-w") for name in threads) == 2, threads
    assert all(sets == {} for tasks in threads.values() for sets in tasks), threads
    bind, read = 1 << 10, 1 << 2  # CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH
    assert all(set(sets) <= {"CapPrm"} and sets.get("CapPrm", 0) & ~(bind | read) == 0 for sets in kept), kept


def test_a_reload_binds_port_443_and_reads_a_renewed_root_key(dropped, connect, pki):
    daemon, config, leaf, secret = dropped
    assert connect(daemon).tls.getpeercert(True) == leaf.der
    renewed = pki.issue("leaf", directory=secret)
    assert os.stat(renewed.key).st_mode & 0o777 == 0o600 and os.stat(renewed.key).st_uid == 0
    config.services["low"] = dict(config.services["main"], listen=f"{LOW_ADDRESS}:443")
    daemon.reload(config)
    for service in ("main", "low"):
        client = connect(daemon, service)
        assert client.tls.getpeercert(True) == renewed.der
        client.echo()
    assert daemon.address("low") == (LOW_ADDRESS, 443)
    for name, tasks in capabilities(daemon).items():
        assert all("CapEff" not in sets for sets in tasks), name  # raised for the reload alone


def test_the_log_can_be_reopened_after_the_drop(dropped, connect):
    """logrotate (with `create`) moves the file away, makes a new one for the user, and signals."""
    daemon, *_ = dropped
    moved = daemon.log_path.with_suffix(".1")
    daemon.log_path.rename(moved)
    daemon.log_path.touch()
    os.chown(daemon.log_path, os.stat(moved).st_uid, os.stat(moved).st_gid)
    assert os.stat(moved).st_uid == pwd.getpwnam("nobody").pw_uid
    daemon.signal(signal.SIGUSR1)
    eventually(lambda: connect(daemon).close() or daemon.log_closed(), 5, "lines in the new file")


def test_a_log_that_cannot_be_reopened_is_kept(dropped, connect):
    """logrotate without `create`, and a directory in which the user may not make files: the old file goes on, with a
    warning, rather than nothing."""
    daemon, *_ = dropped
    moved = daemon.log_path.with_suffix(".1")
    daemon.log_path.rename(moved)
    daemon.signal(signal.SIGUSR1)
    eventually(lambda: "reopen" in moved.read_text(), 5, "a word about the failure in the old file")
    connect(daemon).close()
    eventually(lambda: "cause=client-fin" in moved.read_text(), 5, "lines in the old file")


def test_a_reload_does_not_need_the_log_file(dropped, pki, connect):
    """A log file that belongs to root (logrotate's `create`, an earlier run) is no reason to refuse a renewed
    certificate: where the log goes cannot change in a reload."""
    daemon, _, _, *_ = dropped
    os.chown(daemon.log_path, 0, 0)
    os.chmod(daemon.log_path, 0o600)
    daemon.reload()
    connect(daemon).echo()


def test_root_without_user_warns_once(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address)
    connect(daemon).echo()
    assert len(daemon.find_log("running as root")) == 1


def test_an_unknown_user_is_an_error_of_the_configuration(pki, workdir):
    config = Config({"main": {"backend": "127.0.0.1:1"}}, user="no-such-user-here")
    (workdir / "c.ini").write_text(config.render(pki))
    result = run_culvert("-c", workdir / "c.ini")
    assert result.returncode == 3 and "[global] user" in result.stderr, result
