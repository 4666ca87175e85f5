# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS backend: culvert as a TLS server in front of the plain backend, on the same CPU. Its CPU time is in no figure."""
import os
import re
import signal
import time

import servers

ANSWER_LIMIT_S = 5
COUNTERS = ("handshakes_ok", "handshakes_resumed")


class _Terminator(servers.Culvert):
    level = "notice"  # the counters are logged

    def __init__(self, *arguments, tickets, **more):
        super().__init__(*arguments, **more)
        self.more = [f"session-tickets = {'on' if tickets else 'off'}"]


class TlsBackend:
    """As helpers.Backend, of one work. Without tickets every handshake is a full one, whatever the measured server offers."""

    def __init__(self, directory, cpus, certificate, plain, work):
        self.plain = plain
        self.server = _Terminator(directory, cpus, [certificate], plain.ports[work.backend], echoes=work.backend == "echo",
                                  tickets=work.resume)
        self.ports = {work.backend: self.server.ports}

    def pids(self):
        return [*self.server.pids(), *self.plain.pids()]

    def handshakes(self):
        """(all, resumed) since its start."""
        known = len(self._counted())
        os.kill(self.server.process.pid, signal.SIGUSR2)
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while len(self._counted()) == known:
            if time.monotonic() > deadline:
                raise RuntimeError("does not log its counters")
            time.sleep(0.001)
        return self._counted()[-1]

    def _counted(self):
        text = (self.server.directory / "output").read_text(errors="replace")
        lines = [line for line in text.splitlines(keepends=True) if " handshakes_ok=" in line and line.endswith("\n")]
        return [tuple(int(re.search(rf" {name}=(\d+)", line)[1]) for name in COUNTERS) for line in lines]

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
