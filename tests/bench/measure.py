# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the works: servers side by side, rounds interleaved, every trouble of a single server told and left out."""
import json
import os
import subprocess
import sys
import time

import machine
import programs
import servers
import works
from server import Certificates, tree

SERVICES = 1000
ROUND_LIMIT_S = 150
BURST_WAIT_S = 60


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Backend:
    """The plaintext backend; with several CPUs, a process on each."""

    def __init__(self, cpus):
        self.process = subprocess.Popen(["taskset", "-c", machine.cpuList(cpus), programs.BUILD / "backend",
                                         "--processes", str(len(set(cpus)))], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=machine.dieWithParent())
        self.ports = dict(self.process.stdout.readline().split() for _ in range(4))

    def pids(self):
        return tree(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Holder:
    """A load client that holds connections open from `with` to its end."""

    def __init__(self, command, count):
        self.process = subprocess.Popen([*command, "--conns", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=machine.dieWithParent())
        self.count = count

    def __enter__(self):
        if not self.process.stdout.readline().startswith("ready"):
            raise RuntimeError(f"{self.count} connections could not be set up: {self.process.communicate()[1].strip()}")
        return self

    def __exit__(self, *_):
        self.process.communicate()


class Bench:
    def __init__(self, options, directory, backend, budget):
        self.options = options
        self.directory = directory
        self.backend = backend
        self.budget = budget
        self.layout = machine.usual()
        self.certificates = Certificates(directory)
        self.notes = []
        self.classes = [c for c in servers.ALL if c.find() and (not options.servers or c.name in options.servers)]
        for missing in [c.name for c in servers.ALL if not c.find()]:
            self.leaveOut(f"{missing} is not installed: left out")

    def leaveOut(self, text):
        self.notes.append(text)
        note(text)

    def fitting(self, work):
        return [c for c in self.classes if work.fits(c)]

    def whyNot(self, work):
        """What keeps this machine from doing the work at all; empty = nothing does."""
        if work.group and not programs.knowsGroup(work.group):
            return f"the client's OpenSSL does not know {work.group}"
        return "" if self.fitting(work) else "no server for it"

    @staticmethod
    def sharedCpus(work):
        return work.kind == "scale" and machine.scaled(work.workers).shared

    def run(self, work):
        return getattr(self, work.method)(work)

    # --- one server ----------------------------------------------------------------------------------------

    def server(self, cls, work, layout=None, backend=None, services=1):
        place = self.directory / f"{work.key}-{cls.name.replace(' ', '-')}"
        certificates = self.certificates.many(services) if services > 1 else [self.certificates.one(work.certificate)]
        return cls(place, (layout or self.layout).server, certificates, (backend or self.backend).ports[work.backend],
                   echoes=work.backend == "echo", workers=work.workers, groups=work.groups())

    def startAll(self, work, **where):
        """Those that start; of the others it is told why."""
        running = []
        for cls in self.fitting(work):
            server = self.server(cls, work, **where)
            try:
                running.append(server.start())
            except RuntimeError as error:
                self.leaveOut(f"{work.key}: {server.name} left out: {error}")
            except BaseException:
                for started in (*running, server):
                    started.stop()
                raise
        return running

    def loadCommand(self, server, work, layout=None, backend=None):
        layout = layout or self.layout
        processes = max(1, min(layout.loads, work.conns))
        several = ["--processes", str(processes), "--pin", "1"] if processes > 1 else []
        return ["taskset", "-c", machine.cpuList(layout.load), str(programs.BUILD / "load"), "--port", str(server.port),
                "--tls", "plain" if server.plain else work.tls, "--pids", ",".join(map(str, server.pids())),
                "--backend-pids", ",".join(map(str, (backend or self.backend).pids())), *several, *work.loadArguments()]

    # --- CPU, rate and latency -----------------------------------------------------------------------------

    def timed(self, work):
        """{server: [result of each round]}, the rounds interleaved."""
        if work.kind != "scale":
            return self.rounds(work, self.startAll(work), {})
        layout = machine.scaled(work.workers)
        with Backend(layout.backend) as backend:
            where = {"layout": layout, "backend": backend}
            return self.rounds(work, self.startAll(work, **where), where)

    def rounds(self, work, running, where):
        results = {s.name: [] for s in running}
        rounds, seconds = self.options.effort(work)
        try:
            for number in range(rounds):
                if number >= self.options.fewest and self.budget.late():
                    self.leaveOut(f"{work.key}: {number} rounds instead of {rounds}, the time is up")
                    break
                turn = number % max(1, len(running))
                for server in running[turn:] + running[:turn]:
                    result = self.oneRound(server, work, seconds, where)
                    if result:
                        results[server.name].append(result)
                self.budget.advance(work, 1 / rounds)
        finally:
            for server in running:
                server.stop()
        return results

    def oneRound(self, server, work, seconds, where):
        command = [*self.loadCommand(server, work, **where), "--seconds", str(seconds), "--warmup", str(self.options.warmup)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=machine.dieWithParent())
        try:
            out, err = process.communicate(timeout=ROUND_LIMIT_S)
        except BaseException as error:
            process.kill()
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                note(f"{work.key} {server.name}: a round takes more than {ROUND_LIMIT_S} s")
                return None
            raise
        if process.returncode != 0:
            note(f"{work.key} {server.name}: {err.strip()} {server.output()}")
            return None
        return json.loads(out)

    # --- memory --------------------------------------------------------------------------------------------

    def memory(self, work):
        """Idle tunnels of one server after the other; what is left when they have gone."""
        results = {}
        for cls in self.fitting(work):
            server = self.server(cls, work)
            try:
                server.start()
                results[server.name] = [self.memoryOf(server, work)]
            except RuntimeError as error:
                self.leaveOut(f"{work.key}: {server.name} left out: {error} {server.output()[-300:]}")
            finally:
                server.stop()
        return results

    def warmUp(self, server, work):
        """First-use memory is not a tunnel's."""
        with Holder(self.loadCommand(server, work), 20):
            pass
        time.sleep(0.5)

    def memoryOf(self, server, work):
        self.warmUp(server, work)
        before, kernel = server.memoryKiB(), machine.kernelMemoryKiB()
        with Holder(self.loadCommand(server, work), work.conns):
            time.sleep(2)
            held, kernelHeld = server.memoryKiB(), machine.kernelMemoryKiB()
        time.sleep(2)
        return {"kib_per_tunnel": (held - before) / work.conns, "kernel_kib_per_tunnel": (kernelHeld - kernel) / work.conns,
                "pss_before_kib": before, "pss_held_kib": held, "pss_after_kib": server.memoryKiB()}

    def burst(self, work):
        """Resident memory before, with, and a minute after many tunnels at once; the minute is shared by all servers."""
        running = self.startAll(work)
        results = {}
        try:
            for server in running:
                try:
                    self.warmUp(server, work)
                    before = server.memoryKiB("Rss")
                    with Holder(self.loadCommand(server, work), work.conns):
                        held = server.memoryKiB("Rss")
                except RuntimeError as error:
                    self.leaveOut(f"{work.key}: {server.name} left out: {error}")
                    continue
                results[server.name] = [{"rss_before_kib": before, "rss_held_kib": held, "ended": time.monotonic()}]
            for server in running:
                for result in results.get(server.name, []):
                    time.sleep(max(0, result.pop("ended") + BURST_WAIT_S - time.monotonic()))
                    result["rss_after_kib"] = server.memoryKiB("Rss")
        finally:
            for server in running:
                server.stop()
        return results

    # --- start-up ------------------------------------------------------------------------------------------

    def startUp(self, work, services=1):
        """Milliseconds from exec to the first byte that came back, and the memory then; interleaved."""
        results = {}
        broken = set()
        for _ in range(self.options.effort(work)[0]):
            for cls in self.fitting(work):
                if cls.name in broken:
                    continue
                server = self.server(cls, work, services=services)
                try:
                    results.setdefault(server.name, []).append(self.startOf(server))
                except RuntimeError as error:
                    broken.add(cls.name)
                    self.leaveOut(f"{work.key}: {server.name} left out: {error}")
        return {name: rounds for name, rounds in results.items() if rounds}

    def manyServices(self, work):
        """The same with 1,000 services in one file, each with a port and a certificate of its own."""
        results = self.startUp(work, SERVICES)
        single = self.startUp(works.Work(work.key, "", "ms", kind="start", rounds=1, only=tuple(results)))
        for name, rounds in results.items():
            for result in rounds:
                result["kib_per_service"] = (result["pss_kib"] - single[name][0]["pss_kib"]) / (SERVICES - 1)
        return results

    @staticmethod
    def startOf(server):
        try:
            begin = time.monotonic()
            server.start()
            return {"start_ms": (time.monotonic() - begin) * 1000, "pss_kib": server.memoryKiB()}
        finally:
            server.stop()

    # --- what needs no run ---------------------------------------------------------------------------------

    def crypto(self):
        return programs.bareCrypto(self.directory, self.certificates.one("rsa").key, self.layout.server[0])

    def sizes(self):
        """KiB of the program, and of the libraries it loads besides libc's own."""
        common = ("libc.so", "libm.so", "ld-linux", "linux-vdso", "libpthread", "libdl", "libgcc_s", "librt")
        results = {}
        for cls in self.classes:
            listing = subprocess.run(["ldd", cls.find()], capture_output=True, text=True).stdout
            paths = [word for line in listing.splitlines() for word in line.split() if word.startswith("/")]
            extra = [p for p in paths if not any(part in p for part in common)]
            results[cls.name] = {"program_kib": os.stat(cls.find()).st_size / 1024,
                                 "libraries_kib": sum(os.stat(p).st_size for p in extra) / 1024}
        return results
