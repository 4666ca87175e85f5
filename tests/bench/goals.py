# SPDX-License-Identifier: GPL-3.0-or-later
"""culvert held against the goals of works.py."""
from dataclasses import dataclass

import figures
import works


@dataclass(frozen=True)
class Outcome:
    goal: works.Goal
    value: float
    said: str  # the two figures behind it

    @property
    def verdict(self):
        if self.goal.moonshot is not None and self.value <= self.goal.moonshot:
            return "moonshot"
        if self.value <= self.goal.must:
            return "met"
        return f"missed by {figures.number(self.value - self.goal.must)}"


def _p99(work, name):
    return figures.middleOf(work, name, "p99_us")


def costOf(goal):
    """What a goal compares with the best peer, as a function of work and name; None where it compares with none."""
    return {"ratio": figures.middle, "p99": _p99}.get(goal.measure)


def _against(work, of, unit):
    ours, (name, peer) = of(work, "culvert"), figures.best(work, of)
    value = figures.ratio(ours, peer)
    return value, f"{figures.number(ours)} to {name}'s {figures.number(peer)} {unit}"


def _ratio(goal, data):
    work = data["works"][goal.work]
    return _against(work, figures.middle, work["unit"])


def _p99Ratio(goal, data):
    return _against(data["works"][goal.work], _p99, "us")


def _value(goal, data):
    work = data["works"][goal.work]
    value = figures.middle(work, "culvert")
    if work["kind"] != "burst":
        return value, f"{figures.number(value)} {work['unit']}"
    before, after = (figures.middleOf(work, "culvert", key) for key in ("rss_before_kib", "rss_after_kib"))
    return value, f"{figures.number(after)} to {figures.number(before)} KiB"


def _growth(goal, data):
    if goal.against not in data["works"]:
        return None, ""
    many, few = (figures.middle(data["works"][key], "culvert") for key in (goal.work, goal.against))
    return figures.ratio(many, few), f"{figures.number(many)} to {figures.number(few)} {data['works'][goal.work]['unit']}"


MEASURES = {"ratio": _ratio, "p99": _p99Ratio, "value": _value, "growth": _growth}


def outcomes(data):
    """Of every goal whose rows were run, by culvert and, for a ratio, by a peer."""
    for goal in works.GOALS:
        if goal.work not in data["works"]:
            continue
        value, said = MEASURES[goal.measure](goal, data)
        if value is not None:
            yield Outcome(goal, value, said)


def table(data):
    kinds = {"ratio": "x best peer", "p99": "x best peer", "value": "", "growth": "x"}
    rows = [["goal", "measured", "", "must", "moonshot", "verdict", "from"]]
    for o in outcomes(data):
        limit = "-" if o.goal.moonshot is None else f"{o.goal.moonshot:.2f}"
        rows.append([o.goal.words, f"{o.value:.3f}", kinds[o.goal.measure], f"{o.goal.must:.2f}", limit, o.verdict, o.said])
    return figures.aligned(rows) if len(rows) > 1 else ""
