# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead first address cost every tunnel five seconds.

Done: two backends, the first of which answers no SYN (its host is gone), the second is well. Seen: every tunnel waited
for half of connect-timeout before the second address was tried. Right: the second address is started after 250 ms, the
first to answer is taken (RFC 8305), and the address that did not answer is tried last for some seconds."""

from harness import Blackhole, Echo, Refuser, slack


def served(daemon, connect):
    """One tunnel's way to the backend: its last line in the log."""
    mark = daemon.mark()
    client = connect(daemon, timeout=slack(20))
    client.echo()
    client.close()
    return daemon.wait_closed(since=mark)


def test_the_second_address_is_started_soon_and_the_next_tunnel_knows(culvert, backend, connect):
    dead, echo = backend(Blackhole), backend(Echo)
    daemon = culvert(backend=[dead.address, echo.address])
    first = served(daemon, connect)
    assert first["backend"] == echo.address
    assert 250 <= float(first["connect_ms"]) < 250 + slack(1000)
    later = [served(daemon, connect) for _ in range(5)]
    assert {line["backend"] for line in later} == {echo.address}
    assert sorted(float(line["connect_ms"]) for line in later)[2] < 200, "the silent address is tried last"
    assert daemon.counters()["backend_connects_failed"] == 1, "and none of these has tried it"


def test_all_workers_know(culvert, backend, connect):
    """What one tunnel has learnt is known to the tunnels of all workers."""
    dead, echo = backend(Blackhole), backend(Echo)
    daemon = culvert(backend=[dead.address, echo.address], globals_={"workers": 4})
    served(daemon, connect)
    clients = [connect(daemon) for _ in range(8)]  # held open: each worker has some
    for client in clients:
        client.echo()
    assert daemon.counters()["backend_connects_failed"] == 1


def test_a_backend_behind_a_dead_one_may_restart(culvert, backend, connect):
    """While the silent address is being waited for, the one that refuses is tried again."""
    dead, refuser = backend(Blackhole), backend(Refuser)
    daemon = culvert(backend=[dead.address, refuser.address], service={"connect-timeout": "30s"})
    client = connect(daemon, timeout=slack(20))
    daemon.wait_counter("backend_connects_retried", 2)
    refuser.open()
    client.echo()
    client.close()
    assert daemon.wait_closed()["backend"] == refuser.address
