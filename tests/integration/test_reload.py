# SPDX-License-Identifier: GPL-3.0-or-later
"""HUP is a transaction: everything of the new file comes into force, or nothing does and the log says why."""

import os
import re
import signal
import socket
import threading

import pytest

from harness import Config, Echo, HalfCloser, Source, TlsClient, eventually, scaled, sha256
from harness.bulk import Bulk
from harness.daemon import MSG_RELOADED
from harness.util import chunks, free_port


@pytest.fixture
def two(backend):
    """Two backends that tell themselves apart by their greeting."""
    return backend(HalfCloser, b"one"), backend(HalfCloser, b"two")


def greeting(connect, daemon, service="main", **options):
    return connect(daemon, service, **options).recv_to_end()


# -- what a reload brings ------------------------------------------------------------------------------------------

def test_a_new_backend_serves_new_tunnels_and_old_ones_keep_theirs(culvert, backend, connect, two):
    echo = backend(Echo)
    port = free_port()
    config = Config({"main": {"listen": f"127.0.0.1:{port}", "backend": echo.address}})
    daemon = culvert(config)
    old = connect(daemon)
    old.echo()
    config.services["main"]["backend"] = two[1].address
    daemon.reload(config)
    assert greeting(connect, daemon) == b"two"
    old.echo(b"still the old backend")
    assert daemon.counters()["reloads_ok"] == 1


def test_a_renewed_certificate_is_served(culvert, backend, connect, pki, workdir):
    """Same file names, new content: also without any change in the configuration."""
    leaf = pki.issue("leaf", directory=workdir)
    daemon = culvert(backend=backend(Echo).address, service={"cert": leaf.chain, "key": leaf.key})
    old = connect(daemon)
    assert old.tls.getpeercert(True) == leaf.der
    renewed = pki.issue("leaf", directory=workdir)
    daemon.reload()
    assert connect(daemon).tls.getpeercert(True) == renewed.der
    old.echo()


def test_a_session_survives_a_reload_or_begins_anew_without_error(culvert, backend, connect):
    daemon = culvert(backend=backend(Echo).address)
    first = connect(daemon)
    first.echo()
    context, session = first.tls.context, first.tls.session
    first.close()
    daemon.reload()
    again = connect(daemon, context=context, session=session)
    again.echo()
    assert again.tls.session_reused


def test_services_are_added_and_removed(culvert, backend, connect, two):
    """A removed service's listener closes, its tunnels end in their own time; an added one serves at once."""
    echo = backend(Echo)
    config = Config({"main": {"backend": echo.address, "listen": f"127.0.0.1:{free_port()}"},
                     "old": {"backend": echo.address}})
    daemon = culvert(config)
    staying, leaving = connect(daemon), connect(daemon, "old")
    old_address = daemon.address("old")
    del config.services["old"]
    config.services["new"] = {"backend": two[0].address}
    daemon.reload(config)
    assert greeting(connect, daemon, "new") == b"one"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(old_address)
    gone = daemon.wait_log("no longer listening")
    assert gone["service"] == "old" and gone["address"].endswith(f":{old_address[1]}")
    staying.echo()
    leaving.echo()


def test_an_unchanged_address_keeps_its_socket(culvert, backend, connect):
    """The listening socket is the same one before and after: no moment in which a connection is refused."""
    daemon = culvert(backend=backend(Echo).address, service={"listen": f"127.0.0.1:{free_port()}"})

    def inode():
        wanted = f":{daemon.port():04X} "
        lines = [line.split() for line in open("/proc/net/tcp") if " 0A " in line and wanted in line]
        return [fields[9] for fields in lines]

    before = inode()
    assert len(before) == 1
    for _ in range(3):
        daemon.reload()
    assert inode() == before
    connect(daemon).echo()


def test_a_removed_listener_is_accepted_until_its_queue_is_empty(culvert, backend, connect, pki):
    """Connections that completed TCP's handshake before the reload are served, not reset. The daemon is stopped while
    they queue up, so that they are certainly still in the kernel when the reload comes."""
    echo = backend(Echo)
    config = Config({"main": {"backend": echo.address, "listen": f"127.0.0.1:{free_port()}"},
                     "old": {"backend": echo.address}})
    daemon = culvert(config)
    address = daemon.address("old")
    daemon.signal(signal.SIGSTOP)
    waiting = [TlsClient(address, pki.context(), handshake=False) for _ in range(30)]
    del config.services["old"]
    daemon.write(config)
    mark = daemon.mark()
    daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGCONT)
    for client in waiting:
        client.handshake()
        client.echo()
        client.close()
    daemon.wait_log(MSG_RELOADED, since=mark)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_listeners_move_between_services(culvert, pki, two):
    """An address that changes hands is neither closed nor bound twice."""
    ports = [free_port(), free_port()]
    config = Config({"a": {"listen": f"127.0.0.1:{ports[0]}", "backend": two[0].address},
                     "b": {"listen": f"127.0.0.1:{ports[1]}", "backend": two[1].address}})
    daemon = culvert(config)

    def said(port):
        with TlsClient(("127.0.0.1", port), pki.context()) as client:
            return client.recv_to_end()

    assert [said(port) for port in ports] == [b"one", b"two"]
    config.services["a"]["listen"], config.services["b"]["listen"] = (f"127.0.0.1:{port}" for port in ports[::-1])
    daemon.reload(config)
    assert [said(port) for port in ports] == [b"two", b"one"]


def test_the_log_level_changes_in_flight(culvert, backend, connect):
    config = Config({"main": {"backend": backend(Echo).address}}, log_level="err")
    daemon = culvert(config)
    connect(daemon).close()
    config.globals["log-level"] = "debug"
    daemon.write(config)
    daemon.signal(signal.SIGHUP)

    def logged():
        connect(daemon).close()
        return daemon.log_closed()

    eventually(logged, 5, "lines of finished tunnels")


# -- what a reload refuses -----------------------------------------------------------------------------------------

def refused(daemon, connect, config, *words):
    """The reload fails, says `words`, and the old service goes on; then a good reload works."""
    good = daemon.config_path.read_text()
    lines = daemon.reload(config, expect=False)
    text = "\n".join(line.text for line in lines)
    for word in words:
        assert re.search(word, text), f"{word!r} not in:\n{text}"
    connect(daemon).echo()
    daemon.reload(good)
    connect(daemon).echo()
    counters = daemon.counters()
    assert (counters["reloads_failed"], counters["reloads_ok"]) == (1, 1)


@pytest.fixture
def running(culvert, backend):
    config = Config({"main": {"listen": f"127.0.0.1:{free_port()}", "backend": backend(Echo).address}})
    return culvert(config), config


def test_a_broken_file_changes_nothing(running, connect):
    daemon, _ = running
    text = daemon.config_path.read_text() + "idle-timeout = soon\n"
    line = text.count("\n")
    refused(daemon, connect, text, rf"culvert\.ini:{line}: error: \[service main\] idle-timeout")


def test_a_missing_file_changes_nothing(running, connect):
    daemon, _ = running
    good = daemon.config_path.read_text()
    daemon.config_path.unlink()
    lines = daemon.reload(expect=False)
    assert any(str(daemon.config_path) in line.text for line in lines)
    connect(daemon).echo()
    daemon.reload(good)


@pytest.mark.parametrize("damage", ["missing", "cut", "not-pem", "other-key", "other-key-type"])
def test_a_certificate_or_key_that_does_not_do_changes_nothing(running, connect, pki, workdir, damage):
    """The message names the file; a key of another type is no exception (nginx and hitch load it)."""
    daemon, config = running
    leaf = pki.issue("leaf", directory=workdir)
    service = config.services["main"]
    service["cert"], service["key"] = leaf.chain, leaf.key
    guilty = leaf.key
    if damage == "missing":
        os.unlink(leaf.key)
    elif damage == "cut":
        text = open(leaf.key).read()
        open(leaf.key, "w").write(text[:len(text) // 2])
    elif damage == "not-pem":
        guilty = leaf.chain
        open(leaf.chain, "w").write("hello\n")
    elif damage == "other-key":
        service["key"] = guilty = pki.ecdsa.key
    else:
        service["key"] = guilty = pki.rsa.key
    refused(daemon, connect, config, re.escape(os.path.basename(guilty)))


def test_a_taken_port_keeps_the_old_listener(running, connect):
    """haproxy and stunnel lose the old listener here."""
    daemon, config = running
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.services["main"]["listen"] = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(daemon, connect, config, rf"{taken.getsockname()[1]}", r"(?i)in use")


@pytest.mark.parametrize("key, value", [("workers", "3"), ("user", "nobody"), ("log", "stderr"),
                                        ("log-format", "json"), ("pid-file", "other.pid")])
def test_a_changed_restart_only_key_fails_by_name(running, connect, key, value):
    daemon, config = running
    changed = config.copy()
    changed.globals[key] = value
    refused(daemon, connect, changed, rf"\[global\] {key}")


def test_all_errors_of_a_failed_reload_are_told(running, connect):
    daemon, config = running
    changed = config.copy()
    changed.services["main"].update({"idle-timeout": "soon", "fifo-size": "huge"})
    refused(daemon, connect, changed, r"idle-timeout", r"fifo-size")


# -- reloads under load --------------------------------------------------------------------------------------------

@pytest.mark.slow
def test_fifty_reloads_under_the_load_of_200_tunnels(culvert, pki, workdir):
    """Certificates, options and services change fifty times: no tunnel breaks, no connection is refused, no byte is
    wrong, and nothing of the old configurations stays behind."""
    backend = Bulk("stream-backend")
    config = Config({"main": {"listen": f"127.0.0.1:{free_port()}", "backend": f"127.0.0.1:{backend.line()['port']}"}})
    leaf = pki.issue("leaf", directory=workdir)
    config.services["main"].update({"cert": leaf.chain, "key": leaf.key})
    daemon = culvert(config, level="info")
    fds = daemon.fds()
    clients = Bulk("stream-client", port=daemon.port(), ca=pki.ca_file, count=scaled(200, least=40), size=16384,
                   turns=5, pause=0.1)
    try:
        assert clients.line(120)["errors"] == []
        for number in range(50):
            if number % 5 == 0:
                pki.issue("leaf", directory=workdir)
            config.services["main"]["idle-timeout"] = f"{60 + number}s"
            if number % 2:
                config.services["extra"] = {"backend": config.services["main"]["backend"]}
            else:
                config.services.pop("extra", None)
            daemon.reload(config, timeout=20)
            accepted = daemon.counters()["accepted"]
            daemon.wait_counter("accepted", accepted + 1)  # each configuration gets tunnels of its own
            if number == 10:
                warm = daemon.rss()
        clients.tell()
        said = clients.line(120)
    finally:
        clients.stop()
        backend.stop()
    print(said, f"RSS after ten reloads {warm >> 20} MiB, after fifty {daemon.rss() >> 20} MiB")
    assert said["errors"] == [] and said["stuck"] == 0
    assert said["connections"] >= scaled(200, least=40) + 50
    daemon.wait_idle()
    counters = daemon.counters()
    assert counters["reloads_ok"] == 50 and counters["reloads_failed"] == 0
    del config.services["main"]["idle-timeout"]
    config.services.pop("extra", None)
    daemon.reload(config)
    eventually(lambda: daemon.fds() == fds, 5, lambda: f"{fds} before: {daemon.proc.fd_targets()}")


def test_a_storm_of_signals_ends_in_the_last_configuration(running, connect, two):
    """HUPs that arrive faster than they are worked off may be merged, but the last file counts."""
    daemon, config = running
    for number in range(100):
        config.services["main"]["backend"] = two[number % 2].address
        daemon.write(config)
        daemon.signal(signal.SIGHUP)
    eventually(lambda: greeting(connect, daemon) == b"two", 10, "the last file to be in force", every=0.1)
    assert daemon.running()


def test_a_transfer_goes_on_through_reloads(culvert, backend, connect):
    size = scaled(64 << 20, least=4 << 20)
    daemon = culvert(backend=backend(Source, size, seed=9).address)
    client = connect(daemon)
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            daemon.signal(signal.SIGHUP)
            stop.wait(0.02)

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        assert sha256(iter(lambda: client.recv(1 << 18), b"")) == sha256(chunks(size, seed=9))
    finally:
        stop.set()
        thread.join()
    assert daemon.running()
