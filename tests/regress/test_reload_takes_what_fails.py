# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads that fail in words that mislead, or that should fail and do not.

Done: a reload with a typo in a backend's name. Seen: "reload done", and each client waited for connect-timeout and got an RST.
Right: a new name that does not resolve is an error; at a start it stays a warning, since the name server may come later.

Done: a reload from `listen = PORT` to `127.0.0.1:PORT`. Seen: a bare "Address already in use". Right: words that say that culvert
itself holds the address, and that a restart makes the change.
"""

import pytest

from harness import Config
from harness.util import free_port

NAME = "no-such-name.invalid"


def errors(lines):
    return [line for line in lines if " err " in line.text]


def test_a_new_name_that_does_not_resolve_fails_the_reload(culvert, echo, connect):
    good = Config({"main": {"backend": echo.address}})
    daemon = culvert(good)
    lines = daemon.reload(Config({"main": {"backend": [echo.address, f"{NAME}:1"]}}), expect=False)
    assert [line for line in errors(lines) if f"[service main] backend: cannot resolve {NAME}: " in line.text]
    connect(daemon).echo()
    daemon.reload(Config({"main": {"backend": [echo.address, "localhost:1"]}}))
    connect(daemon).echo()


def test_a_start_takes_it_and_a_reload_keeps_it(culvert, echo, connect):
    """What was there before is no typo of this reload's."""
    config = Config({"main": {"backend": [echo.address, f"{NAME}:1"]}})
    daemon = culvert(config)
    assert " warning " in daemon.wait_log(f"cannot resolve {NAME}").text
    config.services["main"]["idle-timeout"] = "5m"
    daemon.reload(config)
    connect(daemon).echo()


@pytest.mark.parametrize("before,after", [("*:{}", "127.0.0.1:{}"), ("127.0.0.1:{}", "*:{}"), ("0.0.0.0:{}", "127.0.0.1:{}")])
def test_who_holds_the_address_is_said(culvert, echo, connect, before, after):
    port = free_port()
    before, after = before.format(port), after.format(port)
    daemon = culvert(Config({"main": {"backend": echo.address, "listen": before}}))
    lines = daemon.reload(Config({"main": {"backend": echo.address, "listen": after}}), expect=False)
    (line,) = errors(lines)[:1]
    assert f"cannot listen on {after}: Address already in use: culvert itself listens on {before} for [service main]" in line.text
    assert "this change needs a restart" in line.text
    both = Config({name: {"backend": echo.address, "listen": address} for name, address in (("a", after), ("b", before))})
    (line,) = errors(daemon.reload(both, expect=False))[:1]
    assert f"this file also listens on {before}" in line.text and "restart" not in line.text
    connect(daemon).echo()
