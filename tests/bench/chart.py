# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that compare with others as a chart (SVG) on a background of its own, for light and dark pages. A bar is culvert's
cost; 1 is the best peer, or the plain relay where the section says so. Dots are the peers, diamonds other builds of culvert."""
import itertools
import math
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

import figures
import goals
import works

LEFT, PLOT, RIGHT, MARGIN = 300, 440, 300, 16
ROW, HEAD, TOP, BOTTOM = 38, 34, 92, 58
BAR, DOT, LETTER = 14, 4.5, 5.6  # height of a bar, radius of a dot, width of a letter of a name
LONGEST = 2.0  # costs above this are drawn at the edge, with their value
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .page { fill: #ffffff; stroke: #d1d9e0 } .band { fill: #f3f5f7 }
  .dim { fill: #59636e; font-size: 12px }
  .name { fill: #59636e; font-size: 10.5px; stroke: #ffffff; stroke-width: 3px; paint-order: stroke } .name.build { fill: #0a5cc2 }
  .title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .ratio { font-weight: 700 }
  .less { fill: #0a7d4f } .more { fill: #b3541e } .dot { fill: #6e7781; stroke: #ffffff } .diamond { fill: #0a5cc2; stroke: #ffffff }
  .one { stroke: #59636e; stroke-dasharray: 4 3 } .grid { stroke: #e1e5e9 } .lead { stroke: #b6bec6 }
  .must { stroke: #8250df; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117; stroke: #3d444d } .band { fill: #171c24 }
    .dim, .name { fill: #9198a1 } .name { stroke: #0d1117 } .name.build { fill: #6cb0ff } .less { fill: #3fb27f } .more { fill: #e08a52 }
    .dot { fill: #9da5ae; stroke: #0d1117 } .diamond { fill: #6cb0ff; stroke: #0d1117 }
    .one { stroke: #9198a1 } .grid { stroke: #262c35 } .lead { stroke: #4a525c } .must { stroke: #bc8cff }
  }
"""
START = works.Goal("start", "ratio", math.inf, None, "start-up until the first byte")  # has no goal
CAPACITY = "at capacity: "
BACKEND = tuple(f"{words}: " for _, words, _ in works.TOWARDS_BACKEND)


@dataclass(frozen=True)
class Section:
    title: str
    one: str  # what costs 1
    holds: object


def _isCapacity(goal):
    return goal.words.startswith(CAPACITY)


SECTIONS = (
    Section("CPU", "best peer", lambda g: g.words.endswith((", CPU", ", CPU per byte"))),
    Section("CPU at capacity (server always busy)", "best peer", lambda g: _isCapacity(g) and g.measure == "ratio"),
    Section("CPU at capacity, against plain TCP", "plain relay", lambda g: g.measure == "relay"),
    *(Section(f"CPU, TLS with the backend: {start[:-2]}", "best peer", lambda g, start=start: g.words.startswith(start)) for start in BACKEND),
    Section("Latency, memory, start-up", "best peer", lambda g: True))


def x(ratio):
    return LEFT + min(ratio, LONGEST) / LONGEST * PLOT


def label(goal):
    words = goal.words
    for start in (CAPACITY, *BACKEND):
        words = words.removeprefix(start)
    return words.removesuffix(", against the plain relay").removesuffix(" per byte").removesuffix(", CPU")


def sections(data):
    """(section, its outcomes); each outcome in the first section that holds it."""
    left = [o for o in goals.outcomes(data, (*works.GOALS, START)) if goals.costOf(o.goal)]
    for section in SECTIONS:
        own = [o for o in left if section.holds(o.goal)]
        left = [o for o in left if o not in own]
        if own:
            yield section, own


def others(data, outcome):
    """(name, ratio) of all that stand beside culvert: peers and other builds."""
    work, of = data["works"][outcome.goal.work], goals.costOf(outcome.goal)
    reference = goals.rival(outcome.goal, work)[1]
    for name in (*figures.builds(work["servers"]), *figures.peers(work["servers"])):
        if of(work, name) is not None:
            yield name, of(work, name) / reference


def apart(wanted, room):
    """Positions as near as can be to the wanted ones (rising), with `room` on both sides of each: overlapping ones share their
    distances."""
    steps = list(itertools.accumulate([0, *(a + b for a, b in itertools.pairwise(room))]))
    blocks = []  # [sum, number] of wanted positions less the steps before them; their means rise
    for at, step in zip(wanted, steps):
        blocks.append([at - step, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    free = [total / count for total, count in blocks for _ in range(count)]
    last = LEFT + PLOT + 36 - room[-1] - steps[-1]
    return [min(position, last) + step for position, step in zip(free, steps)]


def placed(names):
    """[(text, x of its dot, x of its name)]: no name covers another one."""
    texts = sorted((ratio, name.partition(" (")[0] + (f" {ratio:.1f}" if ratio > LONGEST else "")) for name, ratio in names)
    if not texts:
        return []
    spots = apart([x(ratio) for ratio, _ in texts], [len(text) * LETTER / 2 + 3 for _, text in texts])
    return [(text, x(ratio), spot) for (ratio, text), spot in zip(texts, spots)]


def mark(kind, at, y):
    if kind == "dot":
        return f'<circle class="dot" cx="{at:.1f}" cy="{y}" r="{DOT}"/>'
    return f'<path class="diamond" d="M{at:.1f} {y - 6}l6 6l-6 6l-6 -6z"/>'


def dots(data, outcome, y):
    found = list(others(data, outcome))
    builds = {name for name in figures.builds(name for name, _ in found)}
    parts = []
    for text, at, where in placed(found):
        kind = "diamond" if text.partition(" ")[0] in builds else "dot"
        parts.append(f'<path class="lead" fill="none" d="M{at:.1f} {y}L{where:.1f} {y + 11}"/>{mark(kind, at, y)}'
                     f'<text class="name{" build" if kind == "diamond" else ""}" x="{where:.1f}" y="{y + 21}" '
                     f'text-anchor="middle">{escape(text)}</text>')
    return "".join(parts)


def row(data, outcome, y):
    middle, must = y + 13, outcome.goal.must
    kind = "less" if outcome.value <= 1 else "more"
    parts = [f'<text x="{LEFT - 12}" y="{middle + 4}" text-anchor="end">{escape(label(outcome.goal))}</text>',
             f'<rect class="{kind}" x="{LEFT}" y="{middle - BAR // 2}" width="{x(outcome.value) - LEFT:.1f}" height="{BAR}" rx="2"/>',
             dots(data, outcome, middle)]
    said = re.sub(r" \(\w+\)'s ", "'s ", outcome.said)  # the footer names the release
    if must <= LONGEST:
        parts.append(f'<path class="must" d="M{x(must):.1f} {middle - 11}v22"/>')
    parts.append(f'<text x="{LEFT + PLOT + 26}" y="{middle + 4}"><tspan class="ratio">{outcome.value:.2f}</tspan>'
                 f'<tspan class="dim" dx="10">{escape(said)}</tspan></text>')
    return "".join(parts)


def grid(section, top, bottom):
    """A section's heading and the lines behind its rows, from `top` to `bottom`."""
    width = LEFT + PLOT + RIGHT - 2 * MARGIN
    parts = [f'<rect class="band" x="{MARGIN}" y="{top + 4}" width="{width}" height="22" rx="4"/>'
             f'<text class="head" x="{MARGIN + 10}" y="{top + 19}">{escape(section.title)}</text>']
    for tick in (0, 0.5, 1.0, 1.5, 2.0):
        text = f"{section.one} = 1" if tick == 1.0 else f"{tick:g}" if tick else ""
        parts.append(f'<path class="{"one" if tick == 1.0 else "grid"}" d="M{x(tick):.1f} {top + 28}V{bottom - 2}"/>'
                     f'<text class="dim" x="{x(tick):.1f}" y="{top + 19}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def legend(data):
    parts, at = [], LEFT
    for shape, text in (('<rect class="less" x="{x}" y="58" width="16" height="12" rx="2"/>', "culvert costs less"),
                        ('<rect class="more" x="{x}" y="58" width="16" height="12" rx="2"/>', "culvert costs more"),
                        ('<path class="must" d="M{x} 54v20"/>', "goal"), (mark("dot", 0, 64).replace('cx="0.0"', 'cx="{x}"'), "peer"),
                        *([('<path class="diamond" d="M{x} 58l6 6l-6 6l-6 -6z"/>', "another build")]
                          if figures.builds(data["versions"]) else [])):
        parts.append(shape.format(x=at) + f'<text class="dim" x="{at + 22}" y="68">{text}</text>')
        at += 46 + len(text) * 6.2
    return (f'<text class="title" x="{LEFT}" y="36">Cost of one unit of work: less is better</text>' + "".join(parts))


def footer(data, y):
    m = data["machine"]
    suites = sorted({name.partition("(")[2].rstrip(")") for name in figures.peers(data["versions"]) if "(" in name})
    peers = f"haproxy and nginx of {suites[0]}" if suites else "the distribution's packages"
    text = f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; {peers}; medians of interleaved rounds"
    return f'<text class="dim" x="{MARGIN + 10}" y="{y}">{escape(text)}</text>'


def svg(data):
    y, parts = TOP, []
    for section, own in sections(data):
        bottom = y + HEAD + len(own) * ROW
        parts.append(grid(section, y, bottom))
        parts += [row(data, outcome, y + HEAD + i * ROW) for i, outcome in enumerate(own)]
        y = bottom + 10
    width, height = LEFT + PLOT + RIGHT, y + BOTTOM - 20
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="culvert\'s cost per unit of work beside its peers\'"><style>{STYLE}</style>'
            f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>'
            f'{legend(data)}{"".join(parts)}{footer(data, height - 16)}</svg>\n')
