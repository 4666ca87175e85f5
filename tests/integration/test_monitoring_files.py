# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules and the dashboard name metrics and labels that culvert has, and the documents explain each alert."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from harness import Echo, metrics_text
from harness.admin import BOTH, Door
from harness.util import ROOT

FILES = ROOT / "etc" / "monitoring"
# Words of PromQL, and the metrics that Prometheus itself makes.
PROMQL = {"sum", "rate", "increase", "changes", "count", "by", "on", "unless", "and", "or", "without", "histogram_quantile", "max", "min", "avg", "ignoring",
          "group_left", "group_right", "clamp_min", "label_replace", "topk", "time", "absent", "up", "le", "irate", "max_over_time", "delta", "scalar", "vector",
          "bool", "offset", "sort_desc", "label_values"}
OF_PROMETHEUS = {"job", "instance"}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """All metrics with the names of their labels: from the table that the documents have."""
    table = {}
    for line in (ROOT / "docs" / "monitoring.md").read_text().splitlines():
        row = re.match(r"\| `([a-z_]+)` \| (\w+) \| ([^|]*) \|", line)
        if not row:
            continue
        labels = set(re.findall(r"[a-z]+", row[3]))
        names = [row[1] + end for end in ("_bucket", "_sum", "_count")] if row[2] == "histogram" else [row[1]]
        table.update({name: labels for name in names})
    assert len(table) > 100
    return table


def rules():
    (group,) = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return group["rules"]


def panels(board):
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def check_expression(expression, known):
    """Each name is a metric of culvert, a label that a metric of the expression has, or a word of PromQL."""
    text = re.sub(r'"[^"]*"', "", expression)
    names = set(re.findall(r"(?<![\w$.\[])[a-z_][a-z0-9_]*(?![\w])", text))
    metrics = {name for name in names if name in known}
    labels = set().union(OF_PROMETHEUS, *(known[name] for name in metrics), {"le"})
    unknown = names - metrics - labels - PROMQL
    assert not unknown, f"{expression}: {sorted(unknown)}"
    assert metrics or "up" in names, f"{expression} has no metric"
    for metric, selector in re.findall(r"([a-z_]+)\{([^}]*)\}", expression):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            assert label in known.get(metric, set()) | OF_PROMETHEUS, f"{metric} has no label {label}"


def test_the_table_of_the_documents_is_what_a_daemon_serves(culvert, backend, connect, known):
    daemon = culvert(backend=backend(Echo).address, globals_=BOTH)
    connect(daemon).echo()
    served = metrics_text.parse(Door(daemon, "metrics").get("/metrics"))
    for name in served.names():
        histogram = name + "_bucket"
        assert name in known or histogram in known, f"{name} is not in docs/monitoring.md"
        assert served[name].labels() - {"le"} <= known.get(name, known.get(histogram)) | {"le"}, name


def test_alerts(known):
    page = (ROOT / "docs" / "monitoring.md").read_text()
    headings = {re.sub(r"[^a-z0-9-]", "", line[4:].strip().lower()) for line in page.splitlines() if line.startswith("### ")}
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 20
    for rule in rules():
        check_expression(rule["expr"], known)
        assert re.fullmatch(r"\d+[smhd]", rule["for"]) and rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"].endswith(".")
        file, anchor = rule["annotations"]["runbook"].split("#")
        assert file == "docs/monitoring.md" and anchor in headings, rule["alert"]
    assert headings >= {name.lower() for name in names}


def test_states_and_causes_in_expressions_exist(known):
    text = "".join(path.read_text() for path in FILES.iterdir())
    states = set(re.findall(r'culvert_service_state\{[^}]*state=\\?"(\w+)', text))
    assert states and states <= {"up", "degraded", "down", "draining"}
    causes = (ROOT / "src" / "net" / "close_cause.def").read_text()
    for cause in re.findall(r'cause=\\?"([\w-]+)\\?"', text):
        assert f'"{cause}"' in causes or f'"{cause}:"' in causes


def test_dashboard(known):
    board = json.loads((FILES / "grafana-dashboard.json").read_text())
    assert board["title"] and any(one["type"] == "datasource" for one in board["templating"]["list"])
    found = 0
    for panel in panels(board):
        assert panel["title"], panel["id"]
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}" and panel["fieldConfig"]["defaults"].get("unit"), panel["title"]
        for target in panel["targets"]:
            check_expression(re.sub(r"\$__rate_interval|\$__range|\$__interval", "5m", target["expr"]), known)
            found += 1
    assert found > 20
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))


def test_the_example_of_a_scrape_configuration():
    example = yaml.safe_load((FILES / "prometheus.yml").read_text())
    assert example["scrape_configs"][0]["job_name"] == "culvert" and example["rule_files"] == ["alerts.yml"]


def test_promtool_accepts_the_files():
    if not shutil.which("promtool"):
        pytest.skip("promtool (package prometheus) is not installed")
    for command in (["check", "rules", FILES / "alerts.yml"], ["check", "config", "--syntax-only", FILES / "prometheus.yml"]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
