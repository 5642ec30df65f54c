"""The files of docs/operations hold together: rules, alerts, dashboard, and what they say of the metrics."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from wyoming_server.control.meter_families import FAMILIES, Kind
from wyoming_server.strain import STRAINS

from .prometheus import LACKS, OPERATIONS, promtool

TESTS = tuple(Path(__file__).parent.glob("*_test.yml"))
README = (OPERATIONS / "README.md").read_text()
DASHBOARD = json.loads((OPERATIONS / "grafana" / "edge-voice.json").read_text())
needs_promtool = pytest.mark.skipif(bool(LACKS), reason=LACKS)


def rules(name: str) -> list[dict[str, str]]:
    (group,) = yaml.safe_load((OPERATIONS / name).read_text())["groups"]
    return list(group["rules"])


@needs_promtool
def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    for path in OPERATIONS.glob("*.yml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "control-token").touch()
    promtool("check", "config", tmp_path / "prometheus.yml")
    (tmp_path / "kitchen.token").touch()
    (tmp_path / "kitchen-certificate.pem").write_text("")
    config = (tmp_path / "prometheus.yml").read_text()
    elsewhere = config.replace("  # - job_name: edge-voice\n", "  # - job_name: elsewhere\n")
    (tmp_path / "elsewhere.yml").write_text(re.sub(r"(?m)^  # ( *(?:-|\w+:))", r"  \1", elsewhere))
    promtool("check", "config", "--syntax-only", tmp_path / "elsewhere.yml")


@needs_promtool
@pytest.mark.parametrize("name", [one.name for one in TESTS])
def test_each_rule_does_what_it_is_for(tmp_path: Path, name: str) -> None:
    for path in (OPERATIONS / "rules.yml", OPERATIONS / "alerts.yml", Path(__file__).parent / name):
        shutil.copy(path, tmp_path)
    promtool("test", "rules", tmp_path / name)


def test_every_rule_and_alert_is_tested_and_explained() -> None:
    tests = "".join(one.read_text() for one in TESTS)
    for alert in rules("alerts.yml"):
        assert f"alertname: {alert['alert']}\n" in tests, alert["alert"]
        assert f"`{alert['alert']}`" in README, alert["alert"]
        annotations = alert["annotations"]
        assert isinstance(annotations, dict)
        assert set(annotations) == {"summary", "description"}
    for rule in rules("rules.yml"):
        assert rule["record"] in tests or rule["record"] in (OPERATIONS / "alerts.yml").read_text(), rule["record"]
        assert f"`{rule['record']}`" in README, rule["record"]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return [*panels, *(one["expr"] for one in (*rules("rules.yml"), *rules("alerts.yml")))]


def test_rules_and_dashboard_ask_for_what_there_is() -> None:
    histograms = {one.name for one in FAMILIES if one.kind is Kind.HISTOGRAM}
    known = {one.name for one in FAMILIES} - histograms
    known |= {f"{name}_{end}" for name in histograms for end in ("bucket", "sum", "count")}
    labels = {one.name: {*one.labels, "job", "instance", "le"} for one in FAMILIES}
    for expression in expressions():
        for name in re.findall(r"\bedge_voice_\w+", expression):
            assert name in known, (name, expression)
        for name, matchers in re.findall(r"\b(edge_voice_\w+)\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            of = labels.get(name) or labels[re.sub(r"_(bucket|sum|count)$", "", name)]
            assert used <= of, (name, used)


def test_every_metric_is_in_the_handbook_as_it_is() -> None:
    assert [one for one in README.splitlines() if one.startswith("| `edge_voice_")] == [
        f"| `{one.name}` | {one.kind.value} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |"
        for one in FAMILIES
    ]


def test_every_strain_is_in_the_handbook() -> None:
    assert all(f"| `{one.code}` |" in README for one in STRAINS)


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= 24 for one in panels)
    ours = {one["name"] for one in DASHBOARD["templating"]["list"]}
    for panel in panels:
        for target in panel.get("targets", ()):
            used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval", "__range"}
            assert used <= ours, (panel["title"], used)
            assert target["datasource"]["uid"] == "${datasource}"
