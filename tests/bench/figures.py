# SPDX-License-Identifier: GPL-3.0-or-later
"""What the results say in numbers: the figure of a round, medians, the best peer, the floors."""
import statistics

import servers

PER_UNIT = {"us/connection": ("units", 1e3), "us/message": ("units", 1e3), "ns/byte": ("bytes", 1e6)}
RELAY = "plain relay"


def isPeer(name):
    """`haproxy (trixie)` is a peer as haproxy is; another build of culvert is none."""
    return name.partition(" (")[0] in servers.PEERS


def peers(names):
    """Those of `names`, in the order of servers.PEERS."""
    return sorted(filter(isPeer, names), key=lambda name: servers.PEERS.index(name.partition(" (")[0]))


def builds(names):
    """Other builds of culvert, measured beside it."""
    return [name for name in names if name not in ("culvert", RELAY) and not isPeer(name)]


def ordered(names):
    first, last = ([n] if n in names else [] for n in ("culvert", RELAY))
    return [*first, *builds(names), *peers(names), *last]


def median(values):
    return statistics.median(values) if values else None


def ratio(a, b):
    return a / b if a is not None and b else None


def figure(work, result):
    """The one number of a round: lower is better."""
    if work["kind"] in ("memory", "most"):
        return result["kib_per_tunnel"]
    if work["kind"] in ("start", "services"):
        return result["start_ms"]
    if work["kind"] == "hellos":
        return result["worst_ms"]
    if work["kind"] == "burst":
        return ratio(result["rss_after_kib"], result["rss_before_kib"])
    counted, scale = PER_UNIT[work["unit"]]
    return result["cpu_ms"] * scale / result[counted] if result[counted] else None


def figures(work, name):
    values = [figure(work, r) for r in work["servers"].get(name, [])]
    return [v for v in values if v is not None]


def middle(work, name):
    return median(figures(work, name))


def middleOf(work, name, key):
    """The median of one field over the rounds in which something was done."""
    return median([r[key] for r in work["servers"].get(name, []) if r.get("units", 1)])


def best(work, of=middle):
    """(name, figure) of the best peer, (None, None) where no peer did the work."""
    known = [(of(work, name), name) for name in peers(work["servers"]) if of(work, name) is not None]
    return (min(known)[1], min(known)[0]) if known else (None, None)


def spread(values):
    """Half the distance of the quartiles in percent of the median."""
    if len(values) < 4 or not median(values):
        return ""
    q = statistics.quantiles(values, n=4)
    return f"{(q[2] - q[0]) / 2 / median(values) * 100:.0f}%"


def atSamePace(work, key):
    """The key of another work, at capacity if this one is."""
    return key + "cap" if work.get("capacity") else key


def relay(data, work):
    """The plain relay's figure for the same work: of connections it knows one kind only."""
    own, usual = middle(work, RELAY), atSamePace(work, "handshake")
    if own is None and work["unit"] == "us/connection" and work["kind"] == "cpu" and usual in data["works"]:
        return middle(data["works"][usual], RELAY)
    return own


def timesRelay(work):
    """culvert's figure against the plain relay's, None where the relay does not do this work."""
    return ratio(middle(work, "culvert"), middle(work, RELAY))


def bareCrypto(data, work):
    """The cryptography of one unit, in the unit's scale."""
    if not work["crypto"] or not data["crypto"]:
        return None
    scale = work["size"] / 1000 if work["unit"] == "us/message" else 1
    return work["cryptoShare"] * sum(data["crypto"][name] * (scale if name.endswith("per_byte") else 1) for name in work["crypto"])


def floor(data, work):
    """The plain relay of the same work, and the bare cryptography of one unit added to it."""
    parts = relay(data, work), bareCrypto(data, work)
    return None if None in parts else sum(parts)


def messageFloor(data, work):
    """For connections: the relay carries as many messages as a TLS connection has, and then the same cryptography."""
    crypto = bareCrypto(data, work)
    messages = atSamePace(work, "messages")
    if work["unit"] != "us/connection" or crypto is None or messages not in data["works"]:
        return None
    carried = middle(data["works"][messages], RELAY)
    return None if carried is None else carried + crypto


def number(value):
    if value is None:
        return "-"
    digits = 3 if value < 2 else 2 if value < 20 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"


def times(value):
    return "-" if value is None else f"{value:.2f}"


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)
