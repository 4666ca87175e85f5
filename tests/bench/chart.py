# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals that compare with peers as a chart (SVG), for light and dark pages: a bar is culvert's cost, the best peer's
being 1; the dots are the other peers."""
from xml.sax.saxutils import escape

import figures
import goals
import servers

LEFT, PLOT, RIGHT, ROW, TOP, BOTTOM = 300, 380, 330, 30, 74, 34
LONGEST = 2.0  # costs above this are drawn at the edge
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 } .dim { fill: #59636e; font-size: 12px }
  .bar { fill: #0a7d4f } .dot { fill: #8c959f } .one { stroke: #59636e; stroke-dasharray: 4 3 } .grid { stroke: #d1d9e0 }
  .title { font-size: 15px; font-weight: 600 } .ratio { font-weight: 600 } .must { stroke: #bf5b00; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .dim { fill: #9198a1 } .bar { fill: #3fb27f } .dot { fill: #7d8590 } .one { stroke: #9198a1 }
    .grid { stroke: #3d444d } .must { stroke: #f0a04b }
  }
"""


def x(ratio):
    return LEFT + min(ratio, LONGEST) / LONGEST * PLOT


def others(data, outcome):
    """Ratios of the peers that are not the best one."""
    work = data["works"][outcome.goal.work]
    of = goals.costOf(outcome.goal)
    bestName, best = figures.best(work, of)
    for name in servers.PEERS:
        if name != bestName and of(work, name) is not None:
            yield name, of(work, name) / best


def row(data, outcome, y):
    middle = y + ROW / 2
    end = x(outcome.value)
    parts = [f'<text x="{LEFT - 12}" y="{middle + 4:.0f}" text-anchor="end">{escape(outcome.goal.words)}</text>',
             f'<rect class="bar" x="{LEFT}" y="{y + 6}" width="{end - LEFT:.1f}" height="{ROW - 14}" rx="2"/>']
    for name, ratio in others(data, outcome):
        parts.append(f'<circle class="dot" cx="{x(ratio):.1f}" cy="{middle - 1:.0f}" r="4"><title>{name} {ratio:.2f}</title></circle>')
    must = x(outcome.goal.must)
    parts.append(f'<line class="must" x1="{must:.1f}" x2="{must:.1f}" y1="{y + 3}" y2="{y + ROW - 5}"/>')
    parts.append(f'<text x="{LEFT + PLOT + 16}" y="{middle + 4:.0f}"><tspan class="ratio">{outcome.value:.2f}</tspan>'
                 f'<tspan class="dim" dx="10">{escape(outcome.said)}</tspan></text>')
    return "".join(parts)


def axis(bottom):
    parts = []
    for tick in (0, 0.5, 1.0, 1.5, 2.0):
        kind = "one" if tick == 1.0 else "grid"
        label = "best peer = 1" if tick == 1.0 else f"{tick:g}" + (" +" if tick == LONGEST else "")
        parts.append(f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
                     f'<text class="dim" x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    return "".join(parts)


def legend():
    return (f'<text class="title" x="{LEFT}" y="24">Cost of one unit of work, the best of four peers = 1 (less is better)</text>'
            f'<rect class="bar" x="{LEFT}" y="40" width="14" height="12" rx="2"/><text class="dim" x="{LEFT + 20}" y="51">culvert</text>'
            f'<circle class="dot" cx="{LEFT + 90}" cy="46" r="4"/><text class="dim" x="{LEFT + 100}" y="51">the other peers</text>'
            f'<line class="must" x1="{LEFT + 215}" x2="{LEFT + 215}" y1="39" y2="53"/>'
            f'<text class="dim" x="{LEFT + 222}" y="51">what culvert must reach</text>')


def svg(data):
    shown = [o for o in goals.outcomes(data) if goals.costOf(o.goal)]
    bottom = TOP + len(shown) * ROW
    width, height = LEFT + PLOT + RIGHT, bottom + BOTTOM
    rows = "".join(row(data, outcome, TOP + i * ROW) for i, outcome in enumerate(shown))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
            f'<style>{STYLE}</style>{legend()}{axis(bottom)}{rows}</svg>\n')
