# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server of the test's own, in a network namespace of its own, so that it can have port 53 (root only)."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

_CLONE_NEWNET = 0x40000000
A, CNAME, SRV = 1, 5, 33
NXDOMAIN = 3


class OwnNetwork:
    """A network and mount namespace with loopback alone, whose resolver is 127.0.0.1.

    `prefix` runs a command inside. `inside()` makes the sockets of this thread there; they stay there.
    """

    _SETUP = ("set -e; mount --make-rprivate / 2>/dev/null || true; ip link set lo up; "
              "mount --bind $1/resolv.conf /etc/resolv.conf; mount --bind $1/nsswitch.conf /etc/nsswitch.conf; "
              "echo up; exec sleep 86400")

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="culvert-net-"))
        os.chmod(self.dir, 0o755)
        (self.dir / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (self.dir / "nsswitch.conf").write_text("hosts: files dns\n")
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "/bin/sh", "-c", self._SETUP, "sh", str(self.dir)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.holder.stdout.readline() == "up\n"
        self.why = "" if self.ready else self.holder.stderr.read().strip()
        self.prefix = ("nsenter", "--net", "--mount", "--wd", "--target", str(self.holder.pid))

    @contextlib.contextmanager
    def inside(self):
        libc = ctypes.CDLL(None, use_errno=True)
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        other = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(other, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            libc.setns(own, _CLONE_NEWNET)
            os.close(own)
            os.close(other)

    def stop(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


class NameServer:
    """Answers from `records`: {(name, type): [data, ...]}. A missing name is NXDOMAIN, a missing type an empty answer.

    `srv(name, (priority, weight, port, target), ...)` and `a(name, address, ...)` write records; `mute` makes it silent.
    """

    def __init__(self, network, ttl=1):
        self.records, self.ttl, self.mute = {}, ttl, False
        self.asked = []
        with network.inside():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind(("127.0.0.1", 53))
        self.sock.settimeout(0.1)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def srv(self, name, *records):
        self.records[name, SRV] = [struct.pack(">HHH", *record[:3]) + _name(record[3]) for record in records]

    def a(self, name, *addresses):
        self.records[name, A] = [socket.inet_aton(address) for address in addresses]

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        data = self.records.get((name, kind), [])
        known = any(owner == name for owner, _ in self.records)
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else NXDOMAIN), 1, len(data), 0, 0)
        answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(one)) + one for one in data)
        return head + query[12:at + 5] + answers

    def _serve(self):
        while not self.stopping.is_set():
            try:
                query, peer = self.sock.recvfrom(4096)
            except socket.timeout:
                continue
            if not self.mute:
                self.sock.sendto(self._answer(query), peer)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.sock.close()
