# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a run will take, computed from works, servers and rounds; and whether it keeps to that."""
import time

LIMIT_S = {"full": 32 * 60, "quick": 145}
SET_UP_S = 0.15              # of a round: starting the load client, resuming sessions
CONNECT_S = 0.0011           # of a connection, on average over the servers
HELLO_S = 0.0008             # of a hello in a burst of them, on average over servers and keys
MEMORY_S = 5.5               # the pauses of a memory row
START_S = 0.12               # start-up and end of a server
SERVICE_S = 0.003            # of a service more in the file, its certificate included
COMPILE_S, CRYPTO_S = 25, 7


def estimate(work, names, options):
    """Seconds of one work with so many servers."""
    count = len(names)
    rounds, seconds = options.effort(work)
    connecting = CONNECT_S * work.conns if work.mode != "connect" else 0
    if work.kind in ("cpu", "scale"):
        return (START_S if work.backendTls else 0) + count * (START_S + rounds * (seconds + options.warmUp(work) + SET_UP_S + connecting))
    if work.kind == "hellos":
        return count * (START_S + rounds * (SET_UP_S + HELLO_S * work.conns))
    if work.kind in ("memory", "most"):
        return count * (START_S + MEMORY_S + 1.5 * connecting)
    if work.kind == "burst":
        return 60 + count * (1 + 2 * connecting)
    return count * rounds * (START_S + (1000 * SERVICE_S if work.kind == "services" else 0))


class Budget:
    """`late()` says that the run is so far behind its plan that it would pass the limit."""

    def __init__(self, plan, limit, clock=time.monotonic):
        self.plan = plan  # {work's key: seconds}
        self.limit = limit
        self.clock = clock
        self.began = clock()
        self.done = 0.0

    @property
    def total(self):
        return sum(self.plan.values())

    def advance(self, work, part):
        self.done += self.plan.get(work.key, 0) * part

    def finish(self, work, before):
        """A work is over, `before` being what was done when it began."""
        self.done = before + self.plan.get(work.key, 0)

    def late(self):
        left = self.total - self.done
        return self.limit > 0 and self.clock() - self.began + left > self.limit
