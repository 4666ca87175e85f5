# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of a finished tunnel did not tell when it began.

Done: a tunnel was opened and closed. Seen: the time of its end, and a duration. Right: `start=`, in the form of the log's own times.
"""

import datetime

from harness.renewal import served


def test_the_line_of_a_tunnel_has_its_start(culvert, echo, pki):
    daemon = culvert(backend=echo.address, level="info")
    before = datetime.datetime.now(datetime.timezone.utc)
    assert served(daemon, pki, "localhost")
    line = daemon.wait_closed()
    start = datetime.datetime.fromisoformat(line["start"].replace("Z", "+00:00"))
    assert before - datetime.timedelta(seconds=1) < start < datetime.datetime.now(datetime.timezone.utc)
    assert start <= datetime.datetime.fromisoformat(line.text.split()[0].replace("Z", "+00:00"))
