# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own processes beside a measured server: the plaintext backend and a load client that holds connections."""
import subprocess
import sys

import crowd
import machine
import programs
from server import tree


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def entry(files):
    """For Popen(preexec_fn=): ends with the run, and may have a limit of descriptors of its own."""
    steps = [machine.dieWithParent(), *([crowd.withFiles(files)] if files else [])]
    return lambda: [step() for step in steps]


class Backend:
    """The plaintext backend; with several CPUs, a process on each. `addresses`: on so many of 127.0.0.0/8 it echoes."""

    def __init__(self, cpus, addresses=1, files=0):
        command = ["taskset", "-c", machine.cpuList(cpus), programs.BUILD / "backend", "--processes", str(len(set(cpus))),
                   "--addresses", str(addresses)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=entry(files))
        self.ports = dict(self.process.stdout.readline().split() for _ in range(4))

    def pids(self):
        return tree(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Holder:
    """A load client that holds connections open from `with` to its end. Then `count` is their number and `why` what kept it
    from more."""

    def __init__(self, command, count, files=0):
        self.process = subprocess.Popen([*command, "--conns", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=entry(files))
        self.count, self.why = count, ""

    def __enter__(self):
        words = self.process.stdout.readline().strip().split(" ", 2)
        if words[0] != "ready":
            raise RuntimeError(f"{self.count} connections could not be set up: {self.process.communicate()[1].strip()}")
        self.count, self.why = int(words[1]), "".join(words[2:])
        return self

    def __exit__(self, *_):
        self.process.communicate()
