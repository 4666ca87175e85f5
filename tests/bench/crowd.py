# SPDX-License-Identifier: GPL-3.0-or-later
"""How many idle tunnels one process can hold on this machine, and which limit comes first."""
import os
import pathlib
import resource
from dataclasses import dataclass

import machine

CAP_SYS_RESOURCE = 24
SPARE_FILES = 200      # of each process, for all that is not a tunnel
SPARE_PORTS = 3000
SERVICES = 64          # each has a port, and its backend an address, so that each has ephemeral ports of its own
TUNNEL_KIB = 48        # of server, load client, backend and kernel together
WATCHES, FILES = 4, 4  # of a tunnel in all processes
FULL_RUN = 100000      # so many take about two minutes
WORDS = {"Too many open files": "descriptors of a process", "Too many open files in system": "descriptors of the machine",
         "Cannot assign requested address": "ports", "Cannot allocate memory": "memory"}


@dataclass(frozen=True)
class Crowd:
    tunnels: int
    stoppedBy: str
    services: int
    files: int     # RLIMIT_NOFILE of server, load client and backend

    def stopped(self, count, why):
        """What stopped the run at so many tunnels: the load client's reason, or the limit known before."""
        return WORDS.get(why, why or "the load client") if count < self.tunnels else self.stoppedBy


def _system(name, otherwise):
    try:
        return int(pathlib.Path("/proc/sys", name).read_text())
    except (OSError, ValueError):
        return otherwise


def mayRaise():
    """Whether this process may raise the hard limit of its descriptors."""
    line = next(li for li in pathlib.Path("/proc/self/status").read_text().splitlines() if li.startswith("CapEff:"))
    return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)


def mostFiles():
    ceiling = _system("fs/nr_open", 1 << 20)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ceiling if mayRaise() or hard == resource.RLIM_INFINITY else min(hard, ceiling)


def limits():
    """{what limits: tunnels}"""
    files, ports = mostFiles(), machine.ephemeralPorts() - SPARE_PORTS
    found = {f"descriptors of a process ({files:,})": (files - SPARE_FILES) // 2,
             f"ports ({SERVICES} addresses)": SERVICES * ports,
             "memory": machine.memoryAvailableKiB() // TUNNEL_KIB,
             "watches of epoll": _system("fs/epoll/max_user_watches", 1 << 40) // WATCHES}
    if os.geteuid() != 0:  # root may open more
        found["descriptors of the machine"] = _system("fs/file-max", 1 << 40) // FILES
    return found


def plan(most=0):
    """The crowd of this machine; with `most`, of no more tunnels."""
    known = {**limits(), **({"--tunnels, or a full run's time": most} if most else {})}
    stoppedBy = min(known, key=known.get)
    tunnels = max(100, known[stoppedBy])
    each = max(1, (machine.ephemeralPorts() - SPARE_PORTS) // 2)  # a port is found quickly among half of them
    return Crowd(tunnels, stoppedBy, min(SERVICES, -(-tunnels // each)), mostFiles())


def withFiles(count):
    """For Popen(preexec_fn=): so many descriptors."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
