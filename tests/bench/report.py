# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as text: the goals first, then all works side by side, the floors, and what is behind them."""
import details
import goals
import works
from figures import (aligned, bareCrypto, best, builds, floor, messageFloor, middle, number, ordered, ratio, relay, times,
                     timesRelay)


def header(data):
    m = data["machine"]
    counts = sorted({len(r) for w in data["works"].values() if w["kind"] == "cpu" for r in w["servers"].values()})
    rounds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0]) if counts else "no"
    return (f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; {m['layout']}; load average at the start {m['load']:.1f}; "
            f"{rounds} interleaved rounds, medians; {data['took_s']:.0f} s in all")


def overview(data):
    names, others = ordered(data["versions"]), builds(data["versions"])
    rows = [["cost per unit of work", "unit", *names, "best peer", "culvert x best", "x plain relay", *(f"x {n}" for n in others)]]
    for key, work in data["works"].items():
        if work["kind"] == "scale" or key.startswith("messages"):
            continue
        name, peer = best(work)
        rows.append([work["title"], work["unit"], *(number(middle(work, n)) for n in names), name or "-",
                     times(ratio(middle(work, "culvert"), peer)), times(timesRelay(work)),
                     *(times(ratio(middle(work, "culvert"), middle(work, n))) for n in others)])
    return aligned(rows)


def floors(data):
    rows = [["culvert against the floors", "unit", "plain relay", "bare crypto", "floor", "culvert", "x floor",
             "with a handshake's messages", "x that", f"aim {works.FLOOR_AIM}"]]
    for work in data["works"].values():
        ours, limit, carried = middle(work, "culvert"), floor(data, work), messageFloor(data, work)
        if limit is None or ours is None:
            continue
        x, y = ratio(ours, limit), ratio(ours, carried)
        verdict = "reached" if x <= works.FLOOR_AIM else "with its messages" if y and y <= works.FLOOR_AIM else "missed"
        rows.append([work["title"], work["unit"], number(relay(data, work)), number(bareCrypto(data, work)), number(limit),
                     number(ours), times(x), number(carried), times(y), verdict])
    return aligned(rows) if len(rows) > 1 else ""


def notResumed(data):
    """Servers whose sessions were not all resumed where that was the work."""
    for key, work in data["works"].items():
        if not key.startswith("resumed"):
            continue
        for name, results in work["servers"].items():
            total = lambda field: sum(r.get(field, 0) for r in results)  # noqa: B023, E731
            done, resumed = total("units"), total("resumed")
            if work.get("clientTls", True) and done and resumed < 0.99 * done:
                yield f"{key}: {name} resumed {100 * resumed / done:.0f} % of its sessions"
            done, resumed = total("backend_handshakes"), total("backend_resumed")
            if done and resumed < 0.95 * done:  # the first connections have nothing to resume
                yield f"{key}: {name} resumed {100 * resumed / done:.0f} % of its sessions with the backend"


def notAtCapacity(data):
    """Servers that the load client could not keep busy: their figures are not those at the limit."""
    for key, work in data["works"].items():
        for name, results in work["servers"].items() if work.get("capacity") else ():
            if results and details.busy(work, results) < 90:
                yield f"{key}: {name} used {details.busy(work, results):.0f} % of its share: it was not at capacity"


def failures(data):
    for key, work in data["works"].items():
        for name, results in work["servers"].items():
            failed = sum(r.get("failed", 0) for r in results)
            if failed:
                why = next((r["why"] for r in results if r.get("why")), "")
                yield f"{key}: {name}: {failed} connections failed ({why})"


def sizes(data):
    rows = [["size on disk", "program", "libraries beside libc"]]
    rows += [[n, f"{s['program_kib']:.0f} KiB", f"{s['libraries_kib']:.0f} KiB"] for n, s in data["sizes"].items()]
    return aligned(rows)


LEGEND = """cost: CPU time of the server's whole process tree for one unit, or the unit's own measure; the best peer: of the same run
floor: the plain relay plus the bare cryptography of one unit; with a handshake's messages: see tests/bench/README.md
spread: half the interquartile range; waited: how long the server's threads were runnable while somebody else had the CPU
kernel: socket buffers and kernel objects, those of load client and backend included"""


def table(data):
    notes = [*data["notes"], *notResumed(data), *notAtCapacity(data), *failures(data)]
    parts = [header(data), goals.table(data), overview(data), floors(data), "\n".join(f"note: {line}" for line in notes)]
    parts += [details.OF_KIND[w["kind"]](w) for w in data["works"].values() if w["kind"] in details.OF_KIND]
    parts += [details.scaling(data, unit) for unit in (works.MESSAGE, works.CONNECTION)]
    if data["crypto"]:
        parts.append("bare wolfSSL: " + ", ".join(f"{name} {value}" for name, value in data["crypto"].items()))
    if "sizes" in data:
        parts.append(sizes(data))
    parts += ["\n".join(f"{name}: {version}" for name, version in data["versions"].items()), LEGEND]
    return "\n\n".join(part for part in parts if part) + "\n"
