# SPDX-License-Identifier: GPL-3.0-or-later
"""The works of memory: idle tunnels, a usual number and the most that a process can hold, and what a burst of them leaves."""
import time

import crowd
import machine
from helpers import Backend, Holder

BURST_WAIT_S = 60


class MemoryWorks:
    """Methods of measure.Bench."""

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

    def most(self, work):
        """As many idle tunnels of one process as this machine allows."""
        results = {}
        plan = crowd.plan(self.mostAllowed())
        cpus = {*self.layout.server, *self.layout.load, *self.layout.backend}
        layout = self.layout if len(cpus) > 2 else machine.Layout(self.layout.server, tuple(cpus), tuple(cpus), shared=True)
        for cls in self.fitting(work):
            with Backend(layout.backend, plan.services, plan.files) as backend:
                where = {"layout": layout, "backend": backend}
                server = self.server(cls, work, crowd=plan, **where)
                try:
                    server.start()
                    results[server.name] = [self.crowdOf(server, work, plan, where)]
                except RuntimeError as error:
                    self.leaveOut(f"{work.key}: {server.name} left out: {error} {server.output()[-300:]}")
                finally:
                    server.stop()
        return results

    def crowdOf(self, server, work, plan, where):
        self.warmUp(server, work)
        before, kernel = server.memoryKiB(), machine.kernelMemoryKiB()
        command = [*self.loadCommand(server, work, **where), "--most", "1"]
        with Holder(command, plan.tunnels, plan.files) as holder:
            time.sleep(2)
            held, kernelHeld, count = server.memoryKiB(), machine.kernelMemoryKiB(), holder.count
        if not count:
            raise RuntimeError(f"no tunnel: {holder.why}")
        time.sleep(2)
        return {"kib_per_tunnel": (held - before) / count, "kernel_kib_per_tunnel": (kernelHeld - kernel) / count,
                "pss_before_kib": before, "pss_held_kib": held, "pss_after_kib": server.memoryKiB(), "tunnels": count,
                "stopped_by": plan.stopped(count, holder.why)}

    def mostAllowed(self):
        """A full run does not take the time for more; 0: no limit but the machine's."""
        return self.options.tunnels or (0 if self.options.only else crowd.FULL_RUN)

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
