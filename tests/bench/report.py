# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a table: medians over the rounds, the ratio to the best peer, how far the rounds lie apart."""
import statistics

import servers

PER_UNIT = {"us/connection": ("units", 1e3), "us/message": ("units", 1e3), "ns/byte": ("bytes", 1e6)}


def median(values):
    return statistics.median(values) if values else None


def figure(work, result):
    """The one number of a round: lower is better."""
    if work["kind"] == "memory":
        return result["kib_per_tunnel"]
    if work["kind"] in ("start", "services"):
        return result["start_ms"]
    if work["kind"] == "burst":
        return result["rss_after_kib"] / result["rss_before_kib"]
    counted, scale = PER_UNIT[work["unit"]]
    return result["cpu_ms"] * scale / result[counted] if result[counted] else None


def figures(work, name):
    values = [figure(work, r) for r in work["servers"].get(name, [])]
    return [v for v in values if v is not None]


def best(work):
    """(name, figure) of the best peer."""
    known = [(median(figures(work, name)), name) for name in servers.PEERS if figures(work, name)]
    return (min(known)[1], min(known)[0]) if known else (None, None)


def spread(values):
    """Half the distance of the quartiles in percent of the median."""
    if len(values) < 4 or not median(values):
        return ""
    q = statistics.quantiles(values, n=4)
    return f"{(q[2] - q[0]) / 2 / median(values) * 100:.0f}%"


def floor(data, work):
    """The plain relay of the same work, and the bare cryptography of one unit added to it."""
    relay = median(figures(work, "plain relay"))
    if relay is None and work["unit"] == "us/connection" and "handshake" in data["works"]:
        relay = median(figures(data["works"]["handshake"], "plain relay"))  # a relay knows one kind of connection only
    if relay is None or not work["crypto"] or not data["crypto"]:
        return None
    scale = work["size"] / 1000 if work["unit"] == "us/message" else 1
    return relay + sum(data["crypto"][name] * (scale if name.endswith("per_byte") else 1) for name in work["crypto"])


def rate(work, results):
    if work["kind"] != "cpu" or not results:
        return ""
    if work["unit"] == "ns/byte":
        return f"{median([r['bytes'] / r['seconds'] / 1e6 for r in results]):.0f} MB/s"
    return f"{median([r['units'] / r['seconds'] for r in results]):.0f}/s"


def number(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 2 else f"{value:.2f}" if value < 20 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def overview(data):
    names = [n for n in ("culvert", *servers.PEERS, "plain relay") if n in data["versions"]]
    rows = [["CPU of the proxy per unit", "unit", *names, "floor", "best peer", "culvert x best", "culvert x floor"]]
    for work in data["works"].values():
        ours = median(figures(work, "culvert"))
        name, peer = best(work)
        limit = floor(data, work)
        rows.append([work["title"], work["unit"], *(number(median(figures(work, n))) for n in names), number(limit), name or "-",
                     f"{ours / peer:.2f}" if ours and peer else "-", f"{ours / limit:.2f}" if ours and limit else "-"])
    return aligned(rows)


def details(work):
    rows = [[work["title"], "figure", "spread", "rate", "p50 us", "p99 us", "p99.9 us", "waited", "proxy busy", "load busy", "failed"]]
    for name, results in work["servers"].items():
        if not results:
            rows.append([name] + ["-"] * 10)
            continue
        middle = lambda key: number(median([r[key] for r in results]))  # noqa: E731
        share = lambda key: f"{median([r[key] / r['seconds'] / 10 for r in results]):.0f}%"  # noqa: E731
        latencies = [middle(k) if work["unit"] != "ns/byte" else "" for k in ("p50_us", "p99_us", "p999_us")]
        rows.append([name, number(median(figures(work, name))), spread(figures(work, name)), rate(work, results), *latencies,
                     share("wait_ms"), share("cpu_ms"), share("load_cpu_ms"), str(sum(r["failed"] for r in results))])
    return aligned(rows)


def memoryDetails(work):
    rows = [[work["title"], "KiB/tunnel", "kernel KiB/tunnel", "PSS before", "with tunnels", "after"]]
    for name, results in work["servers"].items():
        r = results[0]
        rows.append([name, number(r["kib_per_tunnel"]), number(r["kernel_kib_per_tunnel"]), *(f"{r[k]} KiB" for k in
                     ("pss_before_kib", "pss_held_kib", "pss_after_kib"))])
    return aligned(rows)


def burstDetails(work):
    rows = [[work["title"], "before", "with 5,000", "a minute after", "x"]]
    for name, results in work["servers"].items():
        r = results[0]
        rows.append([name, *(f"{r[k]} KiB" for k in ("rss_before_kib", "rss_held_kib", "rss_after_kib")),
                     f"{figure(work, r):.2f}"])
    return aligned(rows)


def startDetails(work):
    rows = [[work["title"], "ms", "PSS then"]]
    for name, results in work["servers"].items():
        rows.append([name, number(median(figures(work, name))), f"{median([r['pss_kib'] for r in results]):.0f} KiB"])
    return aligned(rows)


DETAILS = {"cpu": details, "memory": memoryDetails, "burst": burstDetails, "start": startDetails, "services": startDetails}


def resumedShare(data):
    """Servers whose sessions were not all resumed where that was the work."""
    for key, work in data["works"].items():
        if not key.startswith("resumed"):
            continue
        for name, results in work["servers"].items():
            done, resumed = sum(r["units"] for r in results), sum(r["resumed"] for r in results)
            if done and resumed < 0.99 * done:
                yield f"note: {key}: {name} resumed {100 * resumed / done:.0f} % of its sessions"


def table(data):
    m = data["machine"]
    parts = [f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; load average at the start {m['load']:.1f}; "
             f"{data['rounds']} interleaved rounds of {data['seconds']} s, medians; {data['took_s']:.0f} s in all", "",
             overview(data), ""]
    parts += [f"{line}" for line in resumedShare(data)]
    for work in data["works"].values():
        parts += [DETAILS[work["kind"]](work), ""]
    if data["crypto"]:
        parts += ["bare wolfSSL: " + ", ".join(f"{name} {value}" for name, value in data["crypto"].items()), ""]
    if "sizes" in data:
        rows = [["size on disk", "program", "libraries beside libc"]]
        rows += [[n, f"{s['program_kib']:.0f} KiB", f"{s['libraries_kib']:.0f} KiB"] for n, s in data["sizes"].items()]
        parts += [aligned(rows), ""]
    parts += ["floor: the plain relay plus the bare cryptography of one unit"]
    parts += ["spread: half the interquartile range; waited: how long the proxy's threads were runnable while somebody else had the core"]
    return "\n".join(parts) + "\n"
