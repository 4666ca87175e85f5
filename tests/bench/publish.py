# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the results where readers look: the chart into docs/bench.svg, the table between the marks of docs/benchmarks.md."""
import sys

import chart
import goals
import works
from figures import best, middle, number, peers, ratio, times, timesRelay

PAGE, CHART = "docs/benchmarks.md", "docs/bench.svg"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
MORE = ("mlkem", "start")  # rows beside those with a goal
UNITS = {"us/connection": "µs", "us/message": "µs", "ns/byte": "ns/byte", "KiB/tunnel": "KiB", "ms": "ms", "x": ""}


def rows(data):
    names = peers(data["versions"])
    keys = [key for key in shownKeys() if key in data["works"] and middle(data["works"][key], "culvert") is not None]
    for key in keys:
        work = data["works"][key]
        unit = f", {UNITS[work['unit']]}" if UNITS[work["unit"]] else ""
        yield [work["title"] + unit, f"**{number(middle(work, 'culvert'))}**", *(number(middle(work, name)) for name in names),
               times(ratio(middle(work, "culvert"), best(work)[1])), times(timesRelay(work))]


def shownKeys():
    wanted = {goal.work for goal in works.GOALS} | set(MORE)
    return [w.key for w in works.WORKS if w.key in wanted]


def markdown(data):
    m, names = data["machine"], peers(data["versions"])
    lines = ["| CPU time for one, or what else is named | culvert | " + " | ".join(names) + " | culvert / best | culvert / plain relay |",
             "|---|" + "---:|" * (len(names) + 3)]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows(data)]
    reached = [o.verdict.split()[0] for o in goals.outcomes(data)]
    lines += ["", f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; Debian's packages of the others; of {len(reached)} goals "
                  f"{reached.count('moonshot') + reached.count('met')} are met, {reached.count('moonshot')} of them by far."]
    most = data["works"].get("idlemost", {"servers": {}})["servers"].get("culvert")
    if most:
        lines += ["", f"One culvert process held {most[0]['tunnels']:,} idle tunnels; the limit was: {most[0]['stopped_by']}."]
    return "\n".join(lines)


def replaced(text, content):
    """`text` with what stands between the marks exchanged."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{PAGE} has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def publish(data, root):
    if data.get("quick"):
        print("bench: note: these are the results of a quick run", file=sys.stderr)
    (root / CHART).parent.mkdir(exist_ok=True)
    (root / CHART).write_text(chart.svg(data))
    picture = "![culvert's cost per unit of work against the best of four peers](bench.svg)"
    page = root / PAGE
    page.write_text(replaced(page.read_text(), f"{picture}\n\n{markdown(data)}"))
    print(f"bench: {CHART} and {PAGE} are written", file=sys.stderr)
