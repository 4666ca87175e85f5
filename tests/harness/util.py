# SPDX-License-Identifier: GPL-3.0-or-later
"""Small things every test needs: waiting for a condition, sizes by SCALE, deterministic data, /proc."""

import errno
import hashlib
import itertools
import os
import pathlib
import random
import re
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _binary():
    path = pathlib.Path(os.environ.get("CULVERT", "build/release/culvert"))
    return path if path.is_absolute() else ROOT / path


BINARY = _binary()


def _sanitizer(path):
    """The sanitizer compiled into a binary: 'asan', 'tsan' or ''."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    if b"__tsan_init" in data:
        return "tsan"
    return "asan" if b"__asan_init" in data else ""


def _version():
    try:
        return subprocess.run([BINARY, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "wolfSSL: 0.0.0"


VERSION = _version()
# The version of the wolfSSL inside culvert: (5, 9, 2).
WOLFSSL = tuple(map(int, re.search(r"wolfSSL:? (\d+)\.(\d+)\.(\d+)", VERSION).groups()))
# Whether culvert encrypts the records of established sessions itself. CBC suites are always wolfSSL's.
OWN_RECORDS = "records: culvert" in VERSION
SANITIZED = _sanitizer(BINARY)
SCALE = float(os.environ.get("SCALE") or (0.05 if SANITIZED else 1))
_SLACK = float(os.environ.get("TIMEOUT_FACTOR") or (5 if SANITIZED else 2))


def scaled(number, least=1):
    """`number` times SCALE (1 by default, 0.05 under the sanitizers), at most itself."""
    return max(least, int(number * min(SCALE, 1)))


def slack(seconds):
    """A time limit for a slow or busy machine. Use it only as an upper bound of waiting."""
    return seconds * _SLACK


def is_root():
    return os.geteuid() == 0


def eventually(condition, timeout=5, what=None, every=0.01):
    """Polls until `condition()` is truthy and returns that value; fails with `what` (words, or a function that
    gives them) after slack(timeout)."""
    deadline = time.monotonic() + slack(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            words = what() if callable(what) else what or condition
            raise AssertionError(f"did not happen within {slack(timeout):.0f} s: {words}")
        time.sleep(every)


_BLOCK = random.Random(42).randbytes(1 << 20)


def chunks(size, chunk=1 << 18, seed=0):
    """Yields `size` bytes as memoryviews of `chunk` bytes, each of them different, the same ones for the same seed.

    The next iteration overwrites the yielded view.
    """
    block = bytearray(_BLOCK[:chunk])
    view = memoryview(block)
    for number in itertools.count():
        if size <= 0:
            return
        block[:16] = number.to_bytes(8, "big") + seed.to_bytes(8, "big")
        step = min(size, chunk)
        yield view[:step]
        size -= step


def pattern(size, seed=0):
    """`size` deterministic bytes, for what is small enough to be held at once."""
    return b"".join(bytes(chunk) for chunk in chunks(size, seed=seed))


def sha256(data):
    """Hex digest of bytes or of an iterable of chunks."""
    digest = hashlib.sha256()
    for chunk in [data] if isinstance(data, (bytes, bytearray, memoryview)) else data:
        digest.update(chunk)
    return digest.hexdigest()


def free_port(host="127.0.0.1", kind=socket.SOCK_STREAM):
    """A port that is free now, and that the system does not give to connections: those would take it before its user binds."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.SystemRandom().randrange(min(10000, first - 2000), first)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise AssertionError(f"no free port of {host} below {first}")


def own_address():
    """HOST:PORT for several services to share: a loopback address of its own, and a port that the system does not choose."""
    host = [127] + [random.SystemRandom().randint(1, 254) for _ in range(3)]
    return ".".join(map(str, host)) + f":{random.SystemRandom().randint(20000, 29999)}"


def split_address(text):
    """'127.0.0.1:80', '[::1]:80', 'unix:/path' -> what socket.connect wants."""
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)


def connect(address, timeout=None):
    """A connected plain socket to an address text or an address tuple."""
    target = split_address(address) if isinstance(address, str) else address
    if isinstance(target, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout or slack(15))
        sock.connect(target)
        return sock
    return socket.create_connection(target, timeout or slack(15))


def exchange(address, data=b"", half_close=True):
    """Connects in plain text, sends `data` and a FIN, and returns what came and how the connection ended: "fin" or "reset".

    A refusal may come at any moment, even before connect() returns."""
    got = b""
    try:
        with connect(address) as sock:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(1 << 16):
                got += piece
    except OSError as error:  # ENOTCONN: the RST came before shutdown()
        assert error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN), error
        return got, "reset"
    return got, "fin"


def reset_on_close(sock):
    """Makes close() send an RST (SO_LINGER 0)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


class Proc:
    """What /proc shows about a process."""

    def __init__(self, pid):
        self.pid = pid
        self._dir = f"/proc/{pid}"

    def fds(self):
        return len(self._descriptors())

    def _descriptors(self):
        try:
            return os.listdir(f"{self._dir}/fd")
        except PermissionError:  # culvert is not dumpable, so only root sees them
            pytest.skip("needs root to see the descriptors of culvert")

    def fd_targets(self):
        """The targets of the descriptors, for a message when their number is wrong."""
        targets = []
        for fd in self._descriptors():
            try:
                targets.append(os.readlink(f"{self._dir}/fd/{fd}"))
            except OSError:
                pass
        return sorted(targets)

    def status(self, field, task=None):
        where = f"{self._dir}/task/{task}/status" if task else f"{self._dir}/status"
        for line in open(where):
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].strip()
        raise KeyError(field)

    def _rollup(self, field):
        try:
            rollup = open(f"{self._dir}/smaps_rollup")
        except PermissionError:  # only root may read that, too; this is the closest figure that every user can read
            return int(self.status("VmRSS").split()[0]) * 1024
        for line in rollup:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(field)

    def rss(self):
        """Resident bytes (exact: smaps_rollup, not the lazily updated counters of statm)."""
        return self._rollup("Rss")

    def pss(self):
        """Proportional resident bytes."""
        return self._rollup("Pss")

    def peak_rss(self):
        return int(self.status("VmHWM").split()[0]) * 1024

    def cpu_seconds(self):
        fields = open(f"{self._dir}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self):
        """Thread names by task id."""
        names = {}
        for task in os.listdir(f"{self._dir}/task"):
            names[int(task)] = open(f"{self._dir}/task/{task}/comm").read().strip()
        return names

    def cpu_share(self, seconds):
        """CPU used over the next `seconds` of wall time as a share of one core."""
        before, start = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu_seconds() - before) / (time.monotonic() - start)
