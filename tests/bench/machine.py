# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine a run has: which CPU serves whom, how many descriptors and ports there are, priority, and ends in order."""
import ctypes
import os
import pathlib
import platform
import resource
import signal
import sys
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
MOST_FILES = 60000       # more would only make servers reserve memory for descriptors that no work opens
WORKERS = (1, 2, 4, 8)   # of the scaling rows
LOADS = 4                # load processes in front of a server with one worker: more would only wait


@dataclass(frozen=True)
class Layout:
    """CPUs by number: of the server, the load client's processes, the backend."""
    server: tuple
    load: tuple
    backend: tuple
    shared: bool = False  # load and backend run on the server's CPUs

    @property
    def loads(self):
        return 1 if self.shared else len(self.load)

    def words(self):
        lists = [",".join(map(str, cpus)) for cpus in (self.server, self.load, self.backend)]
        return f"server on CPU {lists[0]}, load on {lists[1]}, backend on {lists[2]}"


def cpuList(cpus):
    return ",".join(map(str, cpus))


def usual(allowed=None):
    """One worker on the first CPU. With two CPUs load and backend share the other one."""
    cpus = tuple(sorted(allowed or os.sched_getaffinity(0)))
    if len(cpus) < 3:
        return Layout(cpus[:1], cpus[-1:], cpus[-1:])
    return Layout(cpus[:1], cpus[1:-1][:LOADS], cpus[-1:])


def mostWorkers(allowed=None):
    count = len(allowed or os.sched_getaffinity(0))
    return max([n for n in WORKERS if n <= (2 if count in (2, 3) else count // 2)], default=1)


def scaled(workers, allowed=None):
    """`workers` CPUs for the server; the load's are the same for every number of workers. None where there are too few."""
    cpus = tuple(sorted(allowed or os.sched_getaffinity(0)))
    most = mostWorkers(cpus)
    if workers > most or most == 1:
        return None
    if len(cpus) == 2:
        return Layout(cpus, cpus, cpus, shared=True)
    rest = cpus[most:]
    backends = max(1, len(rest) // 4)
    return Layout(cpus[:workers], rest[:-backends] or rest, rest[-backends:])


def raiseFileLimit():
    """For this process and all it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def fileLimit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def ephemeralPorts():
    try:
        low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except OSError:
        low, high = 32768, 60999
    return high - low + 1


def memoryAvailableKiB():
    return meminfo("MemAvailable")


def meminfo(field):
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def kernelMemoryKiB():
    """Of sockets and what belongs to them: full buffers, and the kernel's objects that it cannot give back."""
    pages = 0
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            pages = int(line.split()[-1])
    return pages * resource.getpagesize() // 1024 + meminfo("SUnreclaim")


def describe():
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(), "load": os.getloadavg()[0],
            "layout": usual().words()}


def dieWithParent(number=signal.SIGKILL):
    """For Popen(preexec_fn=): the child does not outlive the benchmark, however that ends."""
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, int(number))


def endInOrder():
    """TERM and HUP end a run the way Ctrl-C does: through every `finally`."""
    def stop(*_):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the tidying is not to be interrupted
        raise KeyboardInterrupt
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)


def setPriority(nice):
    """Of all that is measured. Where the kernel groups sessions, the group's share counts, not the process's: then a session
    of its own is needed, which the terminal's Ctrl-C does not reach, so this process stays behind and passes it on."""
    group = pathlib.Path("/proc/self/autogroup")
    if group.exists() and os.getsid(0) != os.getpid():
        child = os.fork()
        if child:
            sys.exit(_follow(child))
        dieWithParent(signal.SIGTERM)()
        os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    if group.exists():
        group.write_text(f"{nice}\n")


def _follow(child):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) & 0xff
