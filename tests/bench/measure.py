# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the works: servers side by side, rounds interleaved, every trouble of a single server told and left out."""
import contextlib
import json
import os
import re
import subprocess
import time

import machine
import memory
import programs
import quota
import servers
import works
from crowd import withFiles
from helpers import Backend, note
from server import Certificates, Trust
from tls_backend import TlsBackend

SERVICES = 1000
ROUND_LIMIT_S = 150


class Bench(memory.MemoryWorks):
    def __init__(self, options, directory, backend, budget):
        self.options = options
        self.directory = directory
        self.backend = backend
        self.budget = budget
        self.layout = machine.usual()
        self.certificates = Certificates(directory)
        self.notes = []
        self.quotas, self.noQuotas = None, ""
        self.unable = set()  # servers of which it was told that they cannot do TLS with a backend
        self.classes = [c for c in servers.ALL if c.find() and (not options.servers or {c.name, c.name.partition(" (")[0]} & {*options.servers})]
        for missing in [c.name for c in servers.ALL if not c.find()]:
            self.leaveOut(f"{missing} is not installed: left out")

    def leaveOut(self, text):
        self.notes.append(text)
        note(text)

    def fitting(self, work):
        """The servers of a work; in a quick run, unless they were named, without those that never win."""
        left = work.losers if self.options.quick and not self.options.servers else ()
        return [c for c in self.classes if work.fits(c) and c.name not in left]

    def whyNot(self, work):
        """What keeps this machine from doing the work at all; empty = nothing does."""
        if work.group and not programs.knowsGroup(work.group):
            return f"the client's OpenSSL does not know {work.group}"
        if work.capacity and not self.withQuotas():
            return self.noQuotas
        if work.backendTls and not servers.Culvert.find():
            return "without culvert there is no TLS backend"
        return "" if self.fitting(work) else "no server for it"

    def withQuotas(self):
        """Whether this machine limits a server's CPU; `noQuotas` says why it does not."""
        if not self.quotas and not self.noQuotas:
            try:
                self.quotas = quota.Quotas(works.SHARE, self.options.nice)
            except quota.Unavailable as reason:
                self.noQuotas = f"no CPU quota on this machine: {reason}"
        return self.quotas is not None

    def close(self):
        if self.quotas:
            self.quotas.close()

    @staticmethod
    def sharedCpus(work):
        return work.kind == "scale" and machine.scaled(work.workers).shared

    def run(self, work):
        return getattr(self, work.method)(work)

    # --- one server ----------------------------------------------------------------------------------------

    def server(self, cls, work, layout=None, backend=None, services=1, crowd=None):
        """`crowd`: a service for each of its addresses, all with the same certificate."""
        name = re.sub(r"[^\w.]+", "-", f"{work.key} {cls.name}")
        certificates = self.certificates.many(services) if services > 1 else [self.certificates.one(work.certificate)]
        certificates *= crowd.services if crowd else 1
        steps = [*([self.quotas.join(name)] if work.capacity else []), *([withFiles(crowd.files)] if crowd else [])]
        return cls(self.directory / name, (layout or self.layout).server, certificates, (backend or self.backend).ports[work.backend],
                   echoes=work.backend == "echo", workers=work.workers, groups=work.groups(), addresses=crowd.services if crowd else 1,
                   steps=steps, clientTls=work.clientTls, trust=Trust(self.certificates.authority().cert) if work.backendTls else None)

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
        return ["taskset", "-c", machine.cpuList(layout.load), str(programs.BUILD / "load"), "--port", server.ports,
                "--tls", work.tls if server.clientTls else "plain", "--pids", ",".join(map(str, server.pids())),
                "--backend-pids", ",".join(map(str, (backend or self.backend).pids())), *several, *work.loadArguments()]

    # --- CPU, rate and latency -----------------------------------------------------------------------------

    def timed(self, work):
        """{server: [result of each round]}, the rounds interleaved."""
        with contextlib.ExitStack() as stack:
            where = {}
            if work.kind == "scale":
                layout = machine.scaled(work.workers)
                where = {"layout": layout, "backend": stack.enter_context(Backend(layout.backend))}
            if work.backendTls:
                try:
                    where = {"backend": stack.enter_context(self.tlsBackend(work))}
                except RuntimeError as error:
                    self.leaveOut(f"{work.key}: left out: the TLS backend {error}")
                    return {}
            return self.rounds(work, self.startAll(work, **where), where)

    def tlsBackend(self, work):
        for cls in self.classes:
            if not cls.backendTls and cls.name not in self.unable:
                self.unable.add(cls.name)
                self.leaveOut(f"{cls.name} cannot be the TLS client of its backend: left out of client mode and re-encrypt")
        return TlsBackend(self.directory / f"{work.key}-TLS-backend", self.layout.backend, self.certificates.ofBackend(), self.backend, work)

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
        seen = where["backend"].handshakes() if work.backendTls else ()
        command = [*self.loadCommand(server, work, **where), "--seconds", str(seconds), "--warmup", str(self.options.warmUp(work))]
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
        result = json.loads(out)
        if work.backendTls:
            result["backend_handshakes"], result["backend_resumed"] = (b - a for a, b in zip(seen, where["backend"].handshakes()))
        return result

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
            listing = cls.ask(cls.find(), program="ldd")
            paths = [cls.root + word for line in listing.splitlines() for word in line.split() if word.startswith("/")]
            extra = [p for p in paths if not any(part in p for part in common)]
            results[cls.name] = {"program_kib": os.stat(cls.root + cls.find()).st_size / 1024,
                                 "libraries_kib": sum(os.stat(p).st_size for p in extra) / 1024}
        return results
