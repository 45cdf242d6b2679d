"""Rules, dashboard and scrape configuration name metrics, labels and limits that exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from app.telemetry import Telemetry

_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Each series that the service exposes, with the names of its labels."""
    telemetry = Telemetry()
    series = {}
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            family = metric.describe()[0]
            for suffix in _SUFFIXES[family.type]:
                labels = set(metric._labelnames) | ({"le"} if suffix == "_bucket" else set())
                series[family.name + suffix] = labels
    assert "nordlyd_requests_total" in series
    return series


@pytest.fixture(scope="module")
def rules(repository: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load((repository / "deploy/prometheus/rules.yml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def dashboard(repository: Path) -> dict[str, Any]:
    return json.loads((repository / "deploy/grafana/dashboards/nordlyd.json").read_text("utf-8"))


def targets(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_every_metric_and_label_is_exposed(
    exposed: dict[str, set[str]], rules: list[dict[str, Any]], dashboard: dict[str, Any]
) -> None:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for expression in [*(rule["expr"] for rule in rules), *targets(dashboard)]:
        for name in re.findall(r"\bnordlyd[\w:]*", re.sub(r'"[^"]*"', "", expression)):
            assert name in exposed or name in recorded, expression
        for name, selector in re.findall(r"\b(nordlyd_\w+)\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)\s*[=!]~?", re.sub(r'"[^"]*"', '""', selector)))
            assert used <= exposed[name] | {"instance", "job"}, expression
        by = {
            label
            for group in re.findall(r"by \(([^)]*)\)", expression)
            for label in group.replace(" ", "").split(",")
        }
        names = re.findall(r"\bnordlyd_\w+", expression)
        for name in names:
            assert by <= exposed[name] | {"instance", "job"}, expression


def test_dashboard_shows_every_metric(
    exposed: dict[str, set[str]], dashboard: dict[str, Any]
) -> None:
    shown = " ".join(targets(dashboard))
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in exposed}
    assert {family for family in families if family not in shown} == set()


def test_every_alert_has_a_rules_test(repository: Path, rules: list[dict[str, Any]]) -> None:
    document = yaml.safe_load((repository / "deploy/prometheus/rules_test.yml").read_text("utf-8"))
    cases = [case for test in document["tests"] for case in test.get("alert_rule_test", [])]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    assert alerts == {case["alertname"] for case in cases if case["exp_alerts"]}


def test_queue_alert_uses_the_limit(rules: list[dict[str, Any]]) -> None:
    [alert] = [rule for rule in rules if rule.get("alert") == "NordlydQueueNearLimit"]
    assert alert["expr"].endswith("* nordlyd_queue_limit_audio_seconds")


def test_operating_page_explains_every_alert_and_metric(
    repository: Path, exposed: dict[str, set[str]], rules: list[dict[str, Any]]
) -> None:
    page = (repository / "docs/operating.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `(\w+)", page, re.MULTILINE))
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed}
    assert alerts <= explained
    assert families <= explained


def test_grafana_provisioning_names_files_that_exist(
    repository: Path, dashboard: dict[str, Any]
) -> None:
    folder = repository / "deploy/grafana/provisioning"
    [source] = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text("utf-8"))[
        "datasources"
    ]
    [provider] = yaml.safe_load((folder / "dashboards/nordlyd.yaml").read_text("utf-8"))[
        "providers"
    ]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == source["uid"]
    compose = yaml.safe_load((repository / "deploy/compose.yaml").read_text("utf-8"))
    mounted = [mount.split(":")[1] for mount in compose["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
    assert source["url"] == "http://prometheus:9090"


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(column for column, _ in cells) < 24
        taken |= cells


def test_scrape_target_is_the_service_of_the_compose_files(repository: Path) -> None:
    config = yaml.safe_load((repository / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    [job] = config["scrape_configs"]
    compose = yaml.safe_load((repository / "deploy/compose.yaml").read_text("utf-8"))
    [target] = job["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert compose["services"][name]["ports"][0].endswith(f":{port}")
    assert job["job_name"] == "nordlyd"
