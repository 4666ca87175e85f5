# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader of the Prometheus text exposition format 0.0.4, as culvert writes it.

parse() raises MetricsError for everything that the format forbids, and for what culvert must not do:
metrics that are not sorted, series without HELP and TYPE, timestamps, counters without _total.
"""

import math
import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN")
ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}


class MetricsError(Exception):
    """The text is not in the format."""


@dataclass
class Metric:
    """One metric: its TYPE and HELP, and its samples as {(name, ((label, value), ...)): number}."""

    name: str
    help: str
    type: str = ""
    samples: dict = field(default_factory=dict)

    def labels(self):
        """The names of all labels that occur."""
        return {label for _, labels in self.samples for label, _ in labels}


class Metrics:
    """What parse() returns."""

    def __init__(self):
        self.metrics = {}

    def __getitem__(self, name):
        return self.metrics[name]

    def __contains__(self, name):
        return name in self.metrics

    def names(self):
        return set(self.metrics)

    def value(self, name, /, **labels):
        """The value of one series; None if it is not there."""
        for metric in self.metrics.values():
            found = metric.samples.get((name, tuple(sorted(labels.items()))))
            if found is not None:
                return found
        return None

    def total(self, name, /, **labels):
        """The sum of all series of the name that have at least these labels."""
        wanted = set(labels.items())
        return sum(
            value
            for metric in self.metrics.values()
            for (sample, found), value in metric.samples.items()
            if sample == name and wanted <= set(found)
        )

    def series(self):
        return [key for metric in self.metrics.values() for key in metric.samples]


def _number(text):
    if not NUMBER.fullmatch(text):
        raise MetricsError(f"not a number: {text!r}")
    return float(text)


def _labels(line, at):
    """Reads labels from the brace at `at`. Returns them and the place behind the closing brace."""
    labels = {}
    at += 1
    while line[at : at + 1] != "}":
        name = LABEL.match(line, at)
        if name is None or not line.startswith('="', name.end()):
            raise MetricsError(f"bad label: {line!r}")
        at, value = name.end() + 2, []
        while line[at : at + 1] != '"':
            char = line[at : at + 1]
            if char == "\\":
                at += 1
                char = ESCAPES.get(line[at : at + 1], "")
            if not char:
                raise MetricsError(f"bad escape or end in a label: {line!r}")
            value.append(char)
            at += 1
        if name.group() in labels or name.group().startswith("__"):
            raise MetricsError(f"label twice or reserved: {line!r}")
        labels[name.group()] = "".join(value)
        at += 1
        if line[at : at + 1] == ",":
            at += 1
        elif line[at : at + 1] != "}":
            raise MetricsError(f"no comma between labels: {line!r}")
    return labels, at + 1


def _sample(line, metric):
    name = NAME.match(line)
    if name is None:
        raise MetricsError(f"no name: {line!r}")
    at, labels = name.end(), {}
    if line[at : at + 1] == "{":
        labels, at = _labels(line, at)
    if line[at : at + 1] != " ":
        raise MetricsError(f"no space before the value: {line!r}")
    suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
    if name.group() not in {metric.name + suffix for suffix in suffixes}:
        raise MetricsError(f"sample outside its metric {metric.name}: {line!r}")
    key = (name.group(), tuple(sorted(labels.items())))
    if key in metric.samples:
        raise MetricsError(f"second sample of a series: {line!r}")
    metric.samples[key] = _number(line[at + 1 :])


def _check_histogram(metric):
    groups = {}
    for (name, labels), value in metric.samples.items():
        plain = tuple(pair for pair in labels if pair[0] != "le")
        group = groups.setdefault(plain, {"buckets": []})
        if name.endswith("_bucket"):
            group["buckets"].append((_number(dict(labels)["le"]), value))
        else:
            group[name[len(metric.name) :]] = value
    for group in groups.values():
        limits = [limit for limit, _ in group["buckets"]]
        counts = [count for _, count in group["buckets"]]
        if limits != sorted(set(limits)) or counts != sorted(counts):
            raise MetricsError(f"{metric.name}: buckets are not in order and cumulative")
        if not limits or limits[-1] != math.inf or counts[-1] != group.get("_count"):
            raise MetricsError(f"{metric.name}: the bucket +Inf is not the count")
        if "_sum" not in group:
            raise MetricsError(f"{metric.name}: no sum")


def _check(metric):
    if metric.type not in ("counter", "gauge", "histogram"):
        raise MetricsError(f"{metric.name}: no TYPE, or an unknown one")
    if (metric.type == "counter") != metric.name.endswith("_total"):
        raise MetricsError(f"{metric.name}: a counter ends in _total, and nothing else does")
    if metric.type == "histogram":
        _check_histogram(metric)
    if metric.type == "counter" and any(value < 0 for value in metric.samples.values()):
        raise MetricsError(f"{metric.name}: a counter is negative")


def parse(text):
    """Reads a text. Returns Metrics, or raises MetricsError."""
    if not text.endswith("\n"):
        raise MetricsError("no newline at the end")
    result, metric = Metrics(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, words = line[len("# HELP ") :].partition(" ")
            if not NAME.fullmatch(name) or not words:
                raise MetricsError(f"bad HELP: {line!r}")
            if result.metrics and name <= max(result.metrics):
                raise MetricsError(f"not sorted, or a second HELP: {line!r}")
            metric = result.metrics[name] = Metric(name, words)
        elif line.startswith("# TYPE "):
            name, _, kind = line[len("# TYPE ") :].partition(" ")
            if metric is None or name != metric.name or metric.type or metric.samples:
                raise MetricsError(f"TYPE does not follow its HELP: {line!r}")
            metric.type = kind
        elif metric is None or not metric.type:
            raise MetricsError(f"sample without HELP and TYPE: {line!r}")
        else:
            _sample(line, metric)
    for one in result.metrics.values():
        _check(one)
    return result
