# SPDX-License-Identifier: GPL-3.0-or-later
"""The works that are measured, one line each, and the goals that culvert is held to."""
from dataclasses import dataclass

import machine

CONNECTION, MESSAGE, BYTE, TUNNEL = "us/connection", "us/message", "ns/byte", "KiB/tunnel"
USUAL_GROUPS = "X25519:P-256"  # TLS 1.2 wants the curve of the certificate in the list too
POST_QUANTUM = "X25519MLKEM768"


@dataclass
class Work:
    key: str
    title: str
    unit: str               # one of the four above, ms, or x (a ratio by itself)
    mode: str = ""          # of the load client
    backend: str = "echo"
    conns: int = 1          # 0: as many as descriptors and ports allow
    size: int = 64
    tls: str = "1.3"
    certificate: str = "p256"
    group: str = ""         # offered by the client as its only one; empty = the usual ones
    resume: bool = False
    extraEcho: int = 0      # bytes that go there and back before the usual echo of a connection
    slow: bool = False      # left out of a quick run
    kind: str = "cpu"       # cpu, scale, hellos, memory, burst, start, services
    crypto: tuple = ()      # what of bare cryptography one unit holds: names of the crypto program's figures
    cryptoShare: float = 1  # of each of them
    only: tuple = ()        # names of servers; empty = all
    workers: int = 1
    rounds: int = 7         # of a full run
    seconds: float = 1.2    # of one round of a full run

    def __post_init__(self):
        self.conns = self.conns or machine.mostTunnels()

    @property
    def method(self):
        return {"cpu": "timed", "scale": "timed", "hellos": "timed", "memory": "memory", "burst": "burst", "start": "startUp",
                "services": "manyServices"}[self.kind]

    def fits(self, server):
        """The floor knows a single kind of connection, has no TLS and no need of several workers."""
        if self.only:
            return server.name in self.only
        return not server.plain or not (self.certificate != "p256" or self.resume or self.group or self.tls != "1.3"
                                        or self.kind in ("scale", "services", "hellos"))

    def groups(self):
        """What the servers are told: the work's group before the usual ones."""
        return f"{self.group}:{USUAL_GROUPS}" if self.group else USUAL_GROUPS

    def loadArguments(self):
        return ["--mode", self.mode, "--conns", str(self.conns), "--size", str(self.size), "--resume", str(int(self.resume)),
                "--group", self.group or USUAL_GROUPS, "--extra-echo", str(self.extraEcho)]


# Handshakes in flight at once: enough that the proxy never waits for the client.
BUSY = 16
HANDSHAKE, RESUMED = ("p256_sign_us", "x25519_us", "key_schedule_us"), ("x25519_us", "key_schedule_us")
RSA = ("rsa2048_sign_us", "x25519_us", "key_schedule_us")
SEAL, OPEN, SMALL = "encrypt_ns_per_byte", "decrypt_ns_per_byte", "both_ways_64_us"
HELLOS = 3000
LONG = {"slow": True, "rounds": 3, "seconds": 1.0}


def connection(key, title, crypto=(), **more):
    return Work(key, title, CONNECTION, "connect", conns=BUSY, crypto=crypto, **more)


def pingPong(key, title, conns, crypto, **more):
    return Work(key, title, MESSAGE, "pingpong", conns=conns, crypto=crypto, **more)


def scaling():
    """Ping-pong and handshakes with 1, 2, 4, 8 workers, as far as there are CPUs."""
    for workers in [n for n in machine.WORKERS if machine.scaled(n)]:
        plural = f"{workers} worker" + ("s" if workers > 1 else "")
        conns = 64 * machine.mostWorkers()
        yield Work(f"ping64w{workers}", f"ping-pong 64 B, {plural}", MESSAGE, "pingpong", conns=conns, kind="scale",
                   workers=workers, **LONG)
        yield Work(f"handshakew{workers}", f"full handshake, {plural}", CONNECTION, "connect",
                   conns=BUSY * machine.mostWorkers(), kind="scale", workers=workers, **LONG)


WORKS = [
    connection("handshake", "full handshake + 1 echo + close, P-256", HANDSHAKE),
    connection("resumed", "resumed handshake + 1 echo + close, TLS 1.3", RESUMED, resume=True),
    connection("rsa", "full handshake + 1 echo + close, RSA-2048", RSA, certificate="rsa"),
    connection("mlkem", "full handshake + 1 echo + close, X25519MLKEM768", (*HANDSHAKE, "mlkem768_us"), group=POST_QUANTUM,
               **LONG),
    connection("handshake12", "full handshake + 1 echo + close, TLS 1.2", ("p256_sign_us", "x25519_us"), tls="1.2", **LONG),
    connection("resumed12", "resumed handshake + 1 echo + close, TLS 1.2", tls="1.2", resume=True, **LONG),
    connection("messages", "plain connection with the messages of a handshake", extraEcho=512, only=("plain relay",)),
    pingPong("ping64", "ping-pong 64 B, 64 connections", 64, (SMALL,)),
    pingPong("ping16k", "ping-pong 16 KiB, 64 connections", 64, (SEAL, OPEN), size=16384),
    pingPong("ping64x1", "ping-pong 64 B, 1 connection", 1, (SMALL,), **LONG),
    pingPong("ping16kx1", "ping-pong 16 KiB, 1 connection", 1, (SEAL, OPEN), size=16384, **LONG),
    pingPong("ping64x1000", "ping-pong 64 B, 1,000 connections", 1000, (SMALL,), **LONG),
    pingPong("ping16kx1000", "ping-pong 16 KiB, 1,000 connections", 1000, (SEAL, OPEN), size=16384, **LONG),
    pingPong("ping64x4000", "ping-pong 64 B, 4,000 connections", 4000, (SMALL,), **LONG),
    Work("hellos", "worst echo of a tunnel while 3,000 hellos arrive, P-256", "ms", "hellos", conns=HELLOS, kind="hellos", slow=True,
         rounds=5),
    Work("hellosrsa", "worst echo of a tunnel while 3,000 hellos arrive, RSA-2048", "ms", "hellos", conns=HELLOS, kind="hellos",
         slow=True, rounds=5, certificate="rsa"),
    Work("pull1", "bulk to client, 1 connection", BYTE, "pull", "source", crypto=(SEAL,)),
    Work("pull8", "bulk to client, 8 connections", BYTE, "pull", "source", conns=8, crypto=(SEAL,)),
    Work("push1", "bulk from client, 1 connection", BYTE, "push", "sink", crypto=(OPEN,)),
    Work("push8", "bulk from client, 8 connections", BYTE, "push", "sink", conns=8, crypto=(OPEN,)),
    Work("duplex1", "bulk both ways, 1 connection", BYTE, "duplex", "duplex", crypto=(SEAL, OPEN), cryptoShare=0.5,
         rounds=5, slow=True),
    Work("duplex8", "bulk both ways, 8 connections", BYTE, "duplex", "duplex", conns=8, crypto=(SEAL, OPEN),
         cryptoShare=0.5, **LONG),
    *scaling(),
    Work("idle", "memory of an idle tunnel, 1,000 tunnels", TUNNEL, "idle", conns=1000, kind="memory"),
    Work("idlemost", "memory of an idle tunnel, as many as descriptors allow", TUNNEL, "idle", conns=0, kind="memory", slow=True),
    Work("burst", "RSS a minute after 5,000 tunnels, against before", "x", "idle", conns=5000, kind="burst", slow=True),
    Work("start", "start-up until the first byte came back", "ms", kind="start", rounds=9),
    Work("services", "start-up with 1,000 services in one file", "ms", kind="services", rounds=3, slow=True),
]


@dataclass(frozen=True)
class Goal:
    """`must` is reached at or below; so is `moonshot`, where there is one."""
    work: str
    measure: str            # ratio, p99, value, growth: see goals.py
    must: float
    moonshot: float | None
    words: str
    against: str = ""       # growth: the work that the cost is compared with


GOALS = [
    Goal("handshake", "ratio", 0.60, 0.48, "full handshake, CPU"),
    Goal("resumed", "ratio", 0.60, 0.48, "resumed handshake, CPU"),
    Goal("rsa", "ratio", 1.35, 1.0, "RSA-2048 full handshake, CPU"),
    Goal("ping64", "ratio", 0.88, 0.80, "ping-pong 64 B x 64, CPU"),
    Goal("ping16k", "ratio", 0.88, 0.75, "ping-pong 16 KiB x 64, CPU"),
    Goal("pull1", "ratio", 0.85, 0.65, "bulk to client x 1, CPU per byte"),
    Goal("pull8", "ratio", 0.85, 0.65, "bulk to client x 8, CPU per byte"),
    Goal("push1", "ratio", 0.92, 0.75, "bulk from client x 1, CPU per byte"),
    Goal("push8", "ratio", 0.92, 0.75, "bulk from client x 8, CPU per byte"),
    Goal("ping64", "p99", 1.0, 0.8, "p99 latency, ping-pong 64 B x 64"),
    Goal("hellos", "ratio", 1.0, 0.2, "worst echo while 3,000 hellos arrive, P-256"),
    Goal("hellosrsa", "ratio", 1.0, 0.2, "worst echo while 3,000 hellos arrive, RSA-2048"),
    Goal("idle", "value", 6.0, 4.0, "memory per idle tunnel (PSS), KiB"),
    Goal("idle", "ratio", 0.35, None, "memory per idle tunnel (PSS)"),
    Goal("burst", "value", 1.5, 1.1, "RSS a minute after 5,000 tunnels, against before"),
    Goal("ping64x4000", "growth", 1.5, 1.2, "cost per ping-pong at 4,000 connections against 64", against="ping64"),
]
FLOOR_AIM = 1.25  # culvert's cost against the plain relay plus the bare cryptography, on every row that has such a floor
