# SPDX-License-Identifier: GPL-3.0-or-later
"""A share of the CPU for a server's whole process tree: control groups with a quota, made by the run and removed at its end.

cgroup v1 (cpu.cfs_quota_us) or v2 (cpu.max), whichever the machine has. A run that is killed leaves empty groups. The next
run removes them."""
import os
import pathlib
import time

PERIOD_US = 10000
PREFIX = "culvert-bench-"
REMOVE_LIMIT_S = 3  # how long the last process may take to leave its group


class Unavailable(Exception):
    """Why this machine gives no quota."""


def _mounts(kind):
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == kind:
            yield pathlib.Path(fields[1]), fields[3].split(",")


def _ownPath(controllers):
    """This process's group in the hierarchy with this list of controllers ("" for v2), as a relative path."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == "" if controllers == "" else controllers in names.split(","):
            return path.lstrip("/")
    return ""


def _parents():
    """(version, directory) of each group that may hold ours: the own one first, then those above it."""
    for version, kind, controllers in ((1, "cgroup", "cpu"), (2, "cgroup2", "")):
        for mount, options in _mounts(kind):
            if version == 1 and "cpu" not in options:
                continue
            own = mount / _ownPath(controllers)
            above = [own, *own.parents]
            yield from ((version, p) for p in above if p.is_relative_to(mount) and p.is_dir())


def _hasCpu(version, directory):
    """v2: whether groups in this one may have a quota, enabling it where this is allowed."""
    if version == 1:
        return True
    control = directory / "cgroup.subtree_control"
    try:
        if "cpu" not in control.read_text().split():
            control.write_text("+cpu")  # refused where the group has processes of its own
        return True
    except OSError:
        return False


class Quotas:
    """The groups of a run. `join` is for a child between fork and exec: it enters the group with all that it starts."""

    def __init__(self, share, nice=0):
        self.share = share
        self.nice = nice  # among groups, a process's own priority does not count
        self.made = []
        self.version, self.parent = self._place()

    def _place(self):
        why = "no cgroup hierarchy with the cpu controller"
        for version, directory in _parents():
            if not _hasCpu(version, directory):
                continue
            self._removeOld(directory)
            try:
                self._remove(self._make(version, directory, "try"))
                return version, directory
            except OSError as error:
                self.close()
                why = f"no cgroup can be made: {error.strerror}"
        raise Unavailable(why)

    def _make(self, version, parent, name):
        group = parent / f"{PREFIX}{os.getpid()}-{name}"
        group.mkdir()
        self.made.append(group)
        quota = int(PERIOD_US * self.share)
        if version == 1:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
            (group / "cpu.shares").write_text(str(int(1024 * 1.25 ** -self.nice)))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
            (group / "cpu.weight.nice").write_text(str(self.nice))
        return group

    def join(self, name):
        """A function for the child; the group is made now."""
        entry = self._make(self.version, self.parent, name) / "cgroup.procs"
        return lambda: entry.write_text(str(os.getpid()))

    def _remove(self, group):
        """Waits until the last process, which was ended before, has left the group."""
        limit = time.monotonic() + REMOVE_LIMIT_S
        while group.exists():
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() > limit:
                    return
                time.sleep(0.01)
        self.made.remove(group)

    @staticmethod
    def _removeOld(parent):
        """Groups of runs that were killed."""
        for group in parent.glob(PREFIX + "*"):
            pid = group.name[len(PREFIX):].partition("-")[0]
            if not pathlib.Path("/proc", pid).exists():
                try:
                    group.rmdir()
                except OSError:
                    pass  # not empty yet

    def close(self):
        for group in list(self.made):
            self._remove(group)
