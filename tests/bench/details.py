# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables behind the overview: one for each work, by its kind."""
import works
from figures import aligned, figure, figures, median, middle, middleOf, number, ratio, spread, times


def done(work):
    """(name, results) of the servers that did the work."""
    return [(name, results) for name, results in work["servers"].items() if results]


def rate(work, results):
    if work["unit"] == "ns/byte":
        return f"{median([r['bytes'] / r['seconds'] / 1e6 for r in results]):.0f} MB/s"
    return f"{median([r['units'] / r['seconds'] for r in results]):.0f}/s"


def busy(work, results):
    """How much of the CPU that it may use the server used, in percent."""
    return median([r["cpu_ms"] / r["seconds"] / 10 for r in results]) / (works.SHARE if work.get("capacity") else 1)


def cpu(work):
    """At capacity, to have no quota left counts as waiting: the figure would say nothing."""
    rows = [[work["title"], "figure", "spread", "rate", "p50 us", "p99 us", "p99.9 us", "waited",
             "of its share" if work.get("capacity") else "proxy busy", "load busy", "failed"]]
    for name, results in work["servers"].items():
        if not results:
            rows.append([name] + ["-"] * 10)
            continue
        share = lambda key: f"{median([r[key] / r['seconds'] / 10 for r in results]):.0f}%"  # noqa: E731
        latencies = [number(middleOf(work, name, k)) if work["unit"] != "ns/byte" else "" for k in ("p50_us", "p99_us", "p999_us")]
        rows.append([name, number(middle(work, name)), spread(figures(work, name)), rate(work, results), *latencies,
                     "-" if work.get("capacity") else share("wait_ms"), f"{busy(work, results):.0f}%", share("load_cpu_ms"), str(sum(r["failed"] for r in results))])
    return aligned(rows)


def memory(work):
    rows = [[f"{work['title']} ({work['conns']:,})", "KiB/tunnel", "kernel KiB/tunnel", "PSS before", "with tunnels", "after"]]
    for name, results in done(work):
        r = results[0]
        rows.append([name, number(r["kib_per_tunnel"]), number(r["kernel_kib_per_tunnel"]), *(f"{r[k]} KiB" for k in
                     ("pss_before_kib", "pss_held_kib", "pss_after_kib"))])
    return aligned(rows)


def most(work):
    rows = [[work["title"], "tunnels", "KiB/tunnel", "kernel KiB/tunnel", "PSS before", "with tunnels", "after", "stopped by"]]
    for name, results in done(work):
        r = results[0]
        rows.append([name, f"{r['tunnels']:,}", number(r["kib_per_tunnel"]), number(r["kernel_kib_per_tunnel"]),
                     *(f"{r[k]} KiB" for k in ("pss_before_kib", "pss_held_kib", "pss_after_kib")), r["stopped_by"]])
    return aligned(rows)


def hellos(work):
    rows = [[work["title"], "worst echo, ms", "spread", "echoes meanwhile", "answered", "all answered after, ms"]]
    for name, results in done(work):
        rows.append([name, number(middle(work, name)), spread(figures(work, name)),
                     *(number(median([r[key] for r in results])) for key in ("echoes", "answered", "all_ms"))])
    return aligned(rows)


def burst(work):
    rows = [[work["title"], "before", f"with {work['conns']:,}", "a minute after", "x"]]
    for name, results in done(work):
        r = results[0]
        rows.append([name, *(f"{r[k]} KiB" for k in ("rss_before_kib", "rss_held_kib", "rss_after_kib")),
                     times(figure(work, r))])
    return aligned(rows)


def start(work):
    rows = [[work["title"], "ms", "spread", "PSS then"]]
    for name, results in done(work):
        rows.append([name, number(middle(work, name)), spread(figures(work, name)),
                     f"{median([r['pss_kib'] for r in results]):.0f} KiB"])
    return aligned(rows)


def services(work):
    rows = [[work["title"], "ms", "PSS then", "KiB/service"]]
    for name, results in done(work):
        rows.append([name, number(middle(work, name)), f"{median([r['pss_kib'] for r in results]):.0f} KiB",
                     number(median([r["kib_per_service"] for r in results]))])
    return aligned(rows)


OF_KIND = {"cpu": cpu, "hellos": hellos, "memory": memory, "most": most, "burst": burst, "start": start, "services": services}


def scaling(data, unit):
    """One table for the works of one unit with 1, 2, ... workers: rate and cost against one worker."""
    steps = sorted((w for w in data["works"].values() if w["kind"] == "scale" and w["unit"] == unit), key=lambda w: w["workers"])
    if not steps:
        return ""
    shared = " (load and backend on the same CPUs)" if any(w["shared"] for w in steps) else ""
    rows = [[steps[0]["title"].rsplit(",", 1)[0] + ", by workers" + shared, "workers", unit, "x 1 worker", "rate", "x 1 worker", "p99 us"]]
    for name in steps[0]["servers"]:
        alone = None
        for work in steps:
            results = work["servers"].get(name, [])
            if not results:
                continue
            now = middle(work, name), median([r["units"] / r["seconds"] for r in results])
            alone = alone or (work["workers"], now)
            more = [times(ratio(a, b)) if alone[0] == 1 else "-" for a, b in zip(now, alone[1])]
            rows.append([name, str(work["workers"]), number(now[0]), more[0], f"{now[1]:.0f}/s", more[1],
                         number(middleOf(work, name, "p99_us"))])
    return aligned(rows)
