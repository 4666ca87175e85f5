# SPDX-License-Identifier: GPL-3.0-or-later
"""A half-close that half-close-timeout cuts says so.

Done: the client ended its direction, and the backend never its own. Seen: `cause=client-fin`, the line of a clean end.
Right: the cause stays, `detail=` says what was cut, and the counter half_close_cuts counts it.
"""

import pytest

from harness import Hanger

pytestmark = pytest.mark.records


def test_the_line_and_the_counter_tell_of_the_cut(culvert, backend, connect):
    daemon = culvert(backend=backend(Hanger).address, service={"half-close-timeout": "1s"})
    client = connect(daemon)
    client.send(b"request")
    client.close_notify()
    closed = daemon.wait_closed()
    assert closed["cause"] == "client-fin"
    assert closed["detail"] == "half-close-timeout passed: the backend had not ended its direction"
    assert daemon.counters()["half_close_cuts"] == 1
