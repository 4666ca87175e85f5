# SPDX-License-Identifier: GPL-3.0-or-later
"""The works that are measured, one line each, and the goals that culvert is held to."""
import dataclasses
from dataclasses import dataclass

import crowd
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
    conns: int = 1          # 0: as many as the machine allows
    size: int = 64
    tls: str = "1.3"
    certificate: str = "p256"
    group: str = ""         # offered by the client as its only one; empty = the usual ones
    resume: bool = False
    extraEcho: int = 0      # bytes that go there and back before the usual echo of a connection
    slow: bool = False      # left out of a quick run
    kind: str = "cpu"       # cpu, scale, hellos, memory, most, burst, start, services
    crypto: tuple = ()      # what of bare cryptography one unit holds: names of the crypto program's figures
    cryptoShare: float = 1  # of each of them
    only: tuple = ()        # names of servers; empty = all
    workers: int = 1
    rounds: int = 5         # of a full run
    seconds: float = 1.0    # of one round of a full run
    capacity: bool = False  # the server has a share of its CPU only, so that it is busy all the time
    clientTls: bool = True    # clients speak TLS
    backendTls: bool = False  # the backend speaks TLS too, and the server verifies it

    def __post_init__(self):
        self.conns = self.conns or crowd.plan(crowd.FULL_RUN).tunnels

    @property
    def method(self):
        return {"cpu": "timed", "scale": "timed", "hellos": "timed", "memory": "memory", "most": "most", "burst": "burst", "start": "startUp",
                "services": "manyServices"}[self.kind]

    def fits(self, server):
        """The floor knows a single kind of connection, has no TLS and no need of several workers."""
        if self.backendTls:
            return server.backendTls and not server.plain
        if self.only:
            return server.name in self.only or server.family in self.only
        return not server.plain or not (self.certificate != "p256" or self.resume or self.group or self.tls != "1.3"
                                        or self.kind in ("scale", "services", "hellos"))

    @property
    def losers(self):
        """Peers that never have the least cost here: a quick run does without them."""
        if self.kind not in ("cpu", "memory"):
            return ()
        return ("stunnel",) if self.unit == CONNECTION else ("stunnel", "hitch")

    def groups(self):
        """What the servers are told: the work's group before the usual ones."""
        return f"{self.group}:{USUAL_GROUPS}" if self.group else USUAL_GROUPS

    def loadArguments(self):
        return ["--mode", self.mode, "--conns", str(self.conns), "--size", str(self.size), "--resume", str(int(self.resume and self.clientTls)),
                "--group", self.group or USUAL_GROUPS, "--extra-echo", str(self.extraEcho)]


# Handshakes in flight at once: enough that the proxy never waits for the client. At capacity, all of them wait while the
# server has no CPU, and then they have to last as long as it has.
BUSY, CAPACITY_BUSY = 16, 64
SHARE = 0.25  # of a CPU, at capacity: so little that the load client is the faster side with two CPUs too
HANDSHAKE, RESUMED = ("p256_sign_us", "x25519_us", "key_schedule_us"), ("x25519_us", "key_schedule_us")
RSA = ("rsa2048_sign_us", "x25519_us", "key_schedule_us")
SEAL, OPEN, SMALL = "encrypt_ns_per_byte", "decrypt_ns_per_byte", "both_ways_64_us"
HELLOS = 3000
AT_CAPACITY = ", at capacity"
CAPACITY = ("handshake", "resumed", "rsa", "messages", "ping64", "ping16k", "pull1", "pull8", "push1", "push8")
LONG = {"slow": True, "rounds": 3, "seconds": 1.0}


def connection(key, title, crypto=(), **more):
    return Work(key, title, CONNECTION, "connect", conns=BUSY, crypto=crypto, **more)


def pingPong(key, title, conns, crypto, **more):
    return Work(key, title, MESSAGE, "pingpong", conns=conns, crypto=crypto, **more)


def atCapacity(work):
    """The same work with a server that is busy all the time."""
    conns = CAPACITY_BUSY if work.mode == "connect" else work.conns
    return dataclasses.replace(work, key=work.key + "cap", title=work.title + AT_CAPACITY, conns=conns, capacity=True,
                               rounds=4, seconds=0.7)


def withCapacity(works, keys):
    """All works, and behind them those with these keys at capacity."""
    return [*works, *(atCapacity(w) for w in works if w.key in keys)]


def scaling():
    """Ping-pong and handshakes with 1, 2, 4, 8 workers, as far as there are CPUs."""
    for workers in [n for n in machine.WORKERS if machine.scaled(n)]:
        plural = f"{workers} worker" + ("s" if workers > 1 else "")
        conns = 64 * machine.mostWorkers()
        yield Work(f"ping64w{workers}", f"ping-pong 64 B, {plural}", MESSAGE, "pingpong", conns=conns, kind="scale",
                   workers=workers, **LONG)
        yield Work(f"handshakew{workers}", f"full handshake, {plural}", CONNECTION, "connect",
                   conns=BUSY * machine.mostWorkers(), kind="scale", workers=workers, **LONG)


# Rows with TLS towards the backend: key, words, whether the clients speak TLS too.
TOWARDS_BACKEND = (("client", "client mode", False), ("reencrypt", "re-encrypt", True))
# With two CPUs, the load client's TLS and the TLS backend are slower than the server when it encrypts again.
TOWARDS_BACKEND_CAPACITY = ("handshakereencrypt", "ping64reencrypt")
TOWARDS_BACKEND_ROWS = ("handshake", "resumed", "ping64", "pull1", "pull8", "push1", "push8")


def towardsBackend(works):
    """The main rows once more, with TLS towards the backend. A handshake is one for each side that has TLS."""
    for suffix, words, clientTls in TOWARDS_BACKEND:
        for work in (w for w in works if w.key in TOWARDS_BACKEND_ROWS):
            yield dataclasses.replace(work, key=work.key + suffix, title=f"{words}: {work.title}", crypto=(), clientTls=clientTls,
                                      backendTls=True, slow=True, rounds=3, seconds=0.5)


WORKS = withCapacity([
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
    Work("idlemost", "memory of an idle tunnel, as many as descriptors allow", TUNNEL, "idle", conns=0, kind="most", slow=True,
         only=("culvert",)),
    Work("burst", "RSS a minute after 5,000 tunnels, against before", "x", "idle", conns=5000, kind="burst", slow=True),
    Work("start", "start-up until the first byte came back", "ms", kind="start", rounds=9),
    Work("services", "start-up with 1,000 services in one file", "ms", kind="services", rounds=3, slow=True),
], CAPACITY)
# With 64 connections a server answers all messages within its quota and sleeps in between. 256 keep it busy to the end.
WORKS.append(atCapacity(pingPong("ping64x256", "ping-pong 64 B, 256 connections", 256, (SMALL,), slow=True)))
WORKS += withCapacity([*towardsBackend(WORKS)], TOWARDS_BACKEND_CAPACITY)


@dataclass(frozen=True)
class Goal:
    """`must` is reached at or below; so is `moonshot`, where there is one."""
    work: str
    measure: str            # ratio, relay, p99, value, growth: see goals.py
    must: float
    moonshot: float | None
    words: str
    against: str = ""       # growth: the work that the cost is compared with


ROW_WORDS = {"handshake": "full handshake", "resumed": "resumed handshake", "ping64": "ping-pong 64 B x 64", "pull1": "bulk to client x 1",
             "pull8": "bulk to client x 8", "push1": "bulk from client x 1", "push8": "bulk from client x 8"}


def towardsBackendGoals():
    for suffix, words, _ in TOWARDS_BACKEND:
        for row in TOWARDS_BACKEND_ROWS:
            must = 0.65 if row in ("handshake", "resumed") else 0.75
            yield Goal(row + suffix, "ratio", must, None, f"{words}: {ROW_WORDS[row]}")
            if row + suffix in TOWARDS_BACKEND_CAPACITY:
                yield Goal(row + suffix + "cap", "ratio", must, None, f"{words}: {ROW_WORDS[row]}{AT_CAPACITY}")


GOALS = [
    Goal("handshake", "ratio", 0.60, 0.48, "full handshake, CPU"),
    Goal("resumed", "ratio", 0.60, 0.48, "resumed handshake, CPU"),
    Goal("rsa", "ratio", 1.35, 1.0, "RSA-2048 full handshake, CPU"),
    Goal("ping64", "ratio", 0.78, 0.70, "ping-pong 64 B x 64, CPU"),
    Goal("ping16k", "ratio", 0.70, 0.55, "ping-pong 16 KiB x 64, CPU"),
    Goal("pull1", "ratio", 0.65, 0.50, "bulk to client x 1, CPU per byte"),
    Goal("pull8", "ratio", 0.65, 0.50, "bulk to client x 8, CPU per byte"),
    Goal("push1", "ratio", 0.65, 0.50, "bulk from client x 1, CPU per byte"),
    Goal("push8", "ratio", 0.70, 0.50, "bulk from client x 8, CPU per byte"),
    Goal("handshakecap", "ratio", 0.50, 0.45, "at capacity: full handshake"),
    Goal("resumedcap", "ratio", 0.52, 0.45, "at capacity: resumed handshake"),
    Goal("rsacap", "ratio", 0.90, None, "at capacity: RSA-2048 full handshake"),
    Goal("ping64cap", "ratio", 0.70, 0.60, "at capacity: ping-pong 64 B x 64"),
    Goal("ping16kcap", "ratio", 0.70, 0.55, "at capacity: ping-pong 16 KiB x 64"),
    Goal("pull1cap", "ratio", 0.75, 0.45, "at capacity: bulk to client x 1"),
    Goal("pull8cap", "ratio", 0.60, 0.45, "at capacity: bulk to client x 8"),
    Goal("push1cap", "ratio", 0.60, 0.45, "at capacity: bulk from client x 1"),
    Goal("push8cap", "ratio", 0.60, 0.45, "at capacity: bulk from client x 8"),
    Goal("pull1cap", "relay", 0.80, 0.65, "at capacity: bulk to client x 1, against the plain relay"),
    Goal("pull8cap", "relay", 0.80, 0.65, "at capacity: bulk to client x 8, against the plain relay"),
    Goal("push1cap", "relay", 0.80, 0.65, "at capacity: bulk from client x 1, against the plain relay"),
    Goal("push8cap", "relay", 0.80, 0.65, "at capacity: bulk from client x 8, against the plain relay"),
    *towardsBackendGoals(),
    Goal("ping64", "p99", 1.0, 0.8, "p99 latency, ping-pong 64 B x 64"),
    Goal("hellos", "ratio", 1.0, 0.2, "worst echo while 3,000 hellos arrive, P-256"),
    Goal("hellosrsa", "ratio", 1.0, 0.2, "worst echo while 3,000 hellos arrive, RSA-2048"),
    Goal("idle", "value", 2.2, 1.6, "memory per idle tunnel (PSS), KiB"),
    Goal("idle", "ratio", 0.35, None, "memory per idle tunnel (PSS)"),
    Goal("burst", "value", 1.5, 1.1, "RSS a minute after 5,000 tunnels, against before"),
    Goal("ping64x4000", "growth", 1.5, 1.2, "cost per ping-pong at 4,000 connections against 64", against="ping64"),
]
FLOOR_AIM = 1.25  # culvert's cost against the plain relay plus the bare cryptography, on every row that has such a floor
