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
    """What a goal compares with others' figures, as a function of work and name; None where it compares with none."""
    return {"ratio": figures.middle, "relay": figures.middle, "p99": _p99}.get(goal.measure)


def rival(goal, work):
    """(name, figure) of what a goal compares with: the best peer, or the plain relay."""
    of = costOf(goal)
    return (figures.RELAY, of(work, figures.RELAY)) if goal.measure == "relay" else figures.best(work, of)


def _against(goal, data):
    work = data["works"][goal.work]
    ours, (name, theirs) = costOf(goal)(work, "culvert"), rival(goal, work)
    unit = "us" if goal.measure == "p99" else work["unit"]
    return figures.ratio(ours, theirs), f"{figures.number(ours)} to {name}'s {figures.number(theirs)} {unit}"


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


MEASURES = {"ratio": _against, "relay": _against, "p99": _against, "value": _value, "growth": _growth}


def outcomes(data, wanted=tuple(works.GOALS)):
    """Of every goal whose rows were run, by culvert and, for a ratio, by what it is compared with."""
    for goal in wanted:
        if goal.work not in data["works"]:
            continue
        value, said = MEASURES[goal.measure](goal, data)
        if value is not None:
            yield Outcome(goal, value, said)


def table(data):
    kinds = {"ratio": "x best peer", "relay": "x plain relay", "p99": "x best peer", "value": "", "growth": "x"}
    rows = [["goal", "measured", "", "must", "moonshot", "verdict", "from"]]
    for o in outcomes(data):
        limit = "-" if o.goal.moonshot is None else f"{o.goal.moonshot:.2f}"
        rows.append([o.goal.words, f"{o.value:.3f}", kinds[o.goal.measure], f"{o.goal.must:.2f}", limit, o.verdict, o.said])
    return figures.aligned(rows) if len(rows) > 1 else ""
