# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates are renewed again and again under a stream of new connections: none fails, each new one is served within
two seconds, a bad one never, and what was replaced leaves no memory behind.

CULVERT_SWAPS=100 makes it the long run; the usual one is a fifth of that.
"""

import os
import shutil
import socket
import ssl
import threading
import time

import pytest

from harness import Config
from harness.renewal import HOUR, Pair, served
from test_certificate_watch import in_place

SWAPS = int(os.environ.get("CULVERT_SWAPS", "21"))
SERVED_WITHIN = 2.0
pytestmark = [pytest.mark.slow, pytest.mark.nosan]


class Handshakes:
    """Threads that connect all the time; what they are served and what goes wrong is kept."""

    def __init__(self, address, pki, threads=4):
        self.address, self.pki = address, pki
        self.failures, self.seen, self.count = [], set(), 0
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        self.begin = time.monotonic()
        for thread in self.threads:
            thread.start()

    def _run(self):
        context = self.pki.context()
        while not self.ending.is_set():
            try:
                with socket.create_connection(self.address, 10) as raw, \
                        context.wrap_socket(raw, server_hostname="localhost") as tls:
                    seen = tls.getpeercert(True)
                with self.lock:
                    self.count += 1
                    self.seen.add(seen)
            except (OSError, ssl.SSLError) as error:
                with self.lock:
                    self.failures.append(error)

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        return self.count / (time.monotonic() - self.begin)


class Links(Pair):
    """A pair behind a symbolic link to a directory, as Kubernetes lays out a secret; it swaps in all three ways."""

    def __init__(self, pki, directory):
        self.directory = directory
        self.version = 0
        (directory / "live").mkdir()
        super().__init__(pki, directory, names=("localhost", "127.0.0.1"))

    def by_link(self, made):
        self.version += 1
        target = self.directory / "live" / f"..{self.version}"
        target.mkdir()
        shutil.copy(made.chain, target / "tls.crt")
        shutil.copy(made.key, target / "tls.key")
        os.symlink(target.name, self.directory / "live" / "..tmp")
        os.rename(self.directory / "live" / "..tmp", self.directory / "live" / "..data")
        for name, path in (("tls.crt", self.cert), ("tls.key", self.key)):
            if not os.path.islink(path):
                os.symlink(self.directory / "live" / "..data" / name, path + ".link")
                os.rename(path + ".link", path)


def test_certificates_are_swapped_under_load_and_no_handshake_fails(culvert, echo, pki, workdir):
    pairs = {}
    for how in ("rename", "link", "in-place"):
        (workdir / how).mkdir()
        pairs[how] = Links(pki, workdir / how)
    pairs["link"].by_link(pairs["link"].make())
    ways = {"rename": pairs["rename"].put, "link": pairs["link"].by_link,
            "in-place": lambda made: in_place(made, pairs["in-place"], 0.02)}
    daemon = culvert(Config({how: {"backend": echo.address, "cert": pair.cert, "key": pair.key}
                             for how, pair in pairs.items()}))
    load = [Handshakes(daemon.address(how), pki, threads=2) for how in pairs]
    tunnels, bad, slowest = [], set(), 0.0
    before = None
    for number in range(SWAPS):
        how = list(pairs)[number % 3]
        pair, swap = pairs[how], ways[how]
        if number % 5 == 2:  # it must never be seen
            expired = pair.make(start=-48 * HOUR, end=-24 * HOUR)
            bad.add(expired.der)
            swap(expired)
            time.sleep(0.6)
        new = pair.make()
        swap(new)
        begin = time.monotonic()
        while served(daemon, pki, "localhost", service=how) != new.der:
            assert time.monotonic() < begin + 10, f"swap {number} ({how}) is not served"
            time.sleep(0.02)
        slowest = max(slowest, time.monotonic() - begin)
        raw = socket.create_connection(daemon.address(how), 10)
        tunnels.append(pki.context().wrap_socket(raw, server_hostname="localhost"))
        if number == 5:
            before = daemon.rss()
    after = daemon.rss()
    rate = sum(one.stop() for one in load)
    failures = [failure for one in load for failure in one.failures]
    print(f"\n{SWAPS} swaps under {rate:.0f} handshakes/s: {sum(one.count for one in load)} handshakes, "
          f"{len(failures)} failed, new certificate served after {slowest:.2f} s at most, "
          f"RSS {before // 1024} -> {after // 1024} KiB with {len(tunnels)} tunnels")
    assert not failures, failures[:3]
    assert bad and not any(one.seen & bad for one in load)
    assert slowest <= SERVED_WITHIN
    assert after <= before * 1.2
    for tunnel in tunnels:
        tunnel.close()
