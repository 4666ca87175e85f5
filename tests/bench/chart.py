# SPDX-License-Identifier: GPL-3.0-or-later
"""The overview as a chart (SVG): for each work a group of bars, the best peer's figure being 1."""
from xml.sax.saxutils import escape

import report
import servers

COLOURS = {"culvert": "#0a7d4f", "stunnel": "#b8bec6", "hitch": "#98a1ad", "haproxy": "#788494", "nginx": "#5a6778"}
LEFT, WIDTH, BAR, GAP, TOP = 330, 520, 9, 16, 64
LONGEST = 2.5  # bars above this are cut and say so


def rows(data):
    """(title, {server: ratio to the best peer}) of every work that peers did too."""
    for work in data["works"].values():
        _, best = report.best(work)
        ours = report.median(report.figures(work, "culvert"))
        if not best or not ours:
            continue
        values = {name: report.median(report.figures(work, name)) for name in ("culvert", *servers.PEERS)}
        yield work["title"], {name: value / best for name, value in values.items() if value}


def bar(y, name, ratio):
    length = min(ratio, LONGEST) / LONGEST * WIDTH
    weight = "bold" if name == "culvert" else "normal"
    mark = f"{ratio:.2f}" + (" (cut)" if ratio > LONGEST else "")
    return (f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{COLOURS[name]}"/>'
            f'<text x="{LEFT + length + 5:.1f}" y="{y + BAR - 2}" font-size="9" font-weight="{weight}">{mark}</text>')


def svg(data):
    parts, y = [], TOP
    for title, ratios in rows(data):
        middle = y + len(ratios) * BAR / 2 + 4
        parts.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(title)}</text>')
        for name, ratio in ratios.items():
            parts.append(bar(y, name, ratio))
            y += BAR
        y += GAP
    one = LEFT + WIDTH / LONGEST
    legend, x = [], LEFT
    for name, colour in COLOURS.items():
        legend.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/><text x="{x + 17}" y="44">{name}</text>')
        x += 85
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{y + 8}" '
            f'viewBox="0 0 {LEFT + WIDTH + 80} {y + 8}" font-family="sans-serif" font-size="12" fill="#222">'
            f'<rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="{LEFT}" y="22" font-size="14" font-weight="bold">Cost per unit of work, the best peer = 1 (less is better)</text>'
            + "".join(legend) + f'<line x1="{one}" y1="{TOP - 6}" x2="{one}" y2="{y - GAP + 6}" stroke="#c0392b" stroke-dasharray="3 3"/>'
            + "".join(parts) + "</svg>\n")
