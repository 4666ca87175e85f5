# SPDX-License-Identifier: GPL-3.0-or-later
"""The works that are measured, one line each."""
from dataclasses import dataclass, field


@dataclass
class Work:
    key: str
    title: str
    unit: str               # us/connection, us/message, ns/byte, KiB/tunnel, ms
    mode: str
    backend: str = "echo"
    conns: int = 1
    size: int = 64
    tls: str = "1.3"
    certificate: str = "p256"
    resume: bool = False
    slow: bool = False      # left out of a quick run
    kind: str = "cpu"       # cpu, memory, burst, start, services
    crypto: tuple = ()      # what of bare cryptography one unit holds: names of the crypto program's figures, in the unit's scale
    only: tuple = ()        # names of servers; empty = all
    tuning: dict = field(default_factory=dict)

    @property
    def method(self):
        return {"cpu": "timed", "memory": "memory", "burst": "burst", "start": "startUp", "services": "manyServices"}[self.kind]

    def fits(self, server):
        """The floor has no TLS to measure in a second kind of handshake."""
        if self.only and server.name not in self.only:
            return False
        return not server.plain or (self.certificate == "p256" and not self.resume and self.tls == "1.3")

    def loadArguments(self):
        return ["--mode", self.mode, "--conns", str(self.conns), "--size", str(self.size), "--resume", str(int(self.resume))]


CONNECTION, MESSAGE, BYTE, TUNNEL = "us/connection", "us/message", "ns/byte", "KiB/tunnel"
# Handshakes in flight at once: enough that the proxy never waits for the client.
BUSY = 16

HANDSHAKE, RESUMED, RSA = ("p256_sign_us", "x25519_us"), ("x25519_us",), ("rsa2048_sign_us", "x25519_us")
SEAL, OPEN = "encrypt_ns_per_byte", "decrypt_ns_per_byte"

WORKS = [
    Work("handshake", "full handshake + 1 echo + close, P-256", CONNECTION, "connect", conns=BUSY, crypto=HANDSHAKE),
    Work("resumed", "resumed handshake + 1 echo + close, TLS 1.3", CONNECTION, "connect", conns=BUSY, resume=True, crypto=RESUMED),
    Work("rsa", "full handshake + 1 echo + close, RSA-2048", CONNECTION, "connect", conns=BUSY, certificate="rsa", crypto=RSA),
    Work("handshake12", "full handshake + 1 echo + close, TLS 1.2", CONNECTION, "connect", conns=BUSY, tls="1.2", slow=True),
    Work("resumed12", "resumed handshake + 1 echo + close, TLS 1.2", CONNECTION, "connect", conns=BUSY, resume=True, tls="1.2",
         slow=True),
    Work("ping64", "ping-pong 64 B, 64 connections", MESSAGE, "pingpong", conns=64, crypto=("both_ways_64_us",)),
    Work("ping16k", "ping-pong 16 KiB, 64 connections", MESSAGE, "pingpong", conns=64, size=16384, crypto=(SEAL, OPEN)),
    Work("ping64x1", "ping-pong 64 B, 1 connection", MESSAGE, "pingpong", slow=True, crypto=("both_ways_64_us",)),
    Work("ping16kx1", "ping-pong 16 KiB, 1 connection", MESSAGE, "pingpong", size=16384, slow=True, crypto=(SEAL, OPEN)),
    Work("ping64x1000", "ping-pong 64 B, 1,000 connections", MESSAGE, "pingpong", conns=1000, slow=True,
         crypto=("both_ways_64_us",)),
    Work("ping64x4000", "ping-pong 64 B, 4,000 connections", MESSAGE, "pingpong", conns=4000, slow=True,
         crypto=("both_ways_64_us",)),
    Work("pull1", "bulk to client, 1 connection", BYTE, "pull", "source", crypto=(SEAL,)),
    Work("pull8", "bulk to client, 8 connections", BYTE, "pull", "source", conns=8, crypto=(SEAL,)),
    Work("push1", "bulk from client, 1 connection", BYTE, "push", "sink", crypto=(OPEN,)),
    Work("push8", "bulk from client, 8 connections", BYTE, "push", "sink", conns=8, crypto=(OPEN,)),
    Work("duplex1", "bulk both ways, 1 connection", BYTE, "duplex", "duplex"),
    Work("duplex8", "bulk both ways, 8 connections", BYTE, "duplex", "duplex", conns=8, slow=True),
    Work("workers2", "ping-pong 64 B, 64 connections, 2 workers on 1 core", MESSAGE, "pingpong", conns=64, slow=True,
         only=("culvert",), tuning={"workers": 2}),
    Work("idle", "memory of an idle tunnel, 1,000 connections", TUNNEL, "idle", conns=1000, kind="memory"),
    Work("idle4000", "memory of an idle tunnel, 4,000 connections", TUNNEL, "idle", conns=4000, kind="memory", slow=True),
    Work("burst", "RSS a minute after 5,000 tunnels, against before", "x", "idle", conns=5000, kind="burst", slow=True),
    Work("start", "start-up until the first connection", "ms", "", kind="start"),
    Work("services", "start-up with 1,000 services in one file", "ms", "", kind="services", only=("culvert",), slow=True),
]
