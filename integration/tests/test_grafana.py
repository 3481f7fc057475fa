"""docker/'s dashboard and alert rules, by a real Prometheus that looks at a pgweir with clients: no name is wrong, no query
fails, no panel is empty."""

import json
import re
from pathlib import Path

import psycopg
import pytest
import yaml

from support.children import eventually
from support.crowd import at_once
from support.places import ROOT
from support.prometheus import Prometheus, promtool
from tests.conftest import dsn

CONFIG = ROOT / "docker" / "prometheus" / "prometheus.yml"
ALERTS = ROOT / "docker" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "docker" / "grafana" / "dashboards" / "pgweir.json"

ROWS = ["Pool wait", "Where time goes", "Statements", "Findings"]
FOR = {"PgweirPoolWait", "PgweirPoolSaturated", "PgweirNewNPlusOne", "PgweirErrors", "PgweirDrops"}

# What Grafana puts in before it asks.
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$database": ".*", "$user": ".*"}


def dashboard() -> dict:
    """As Grafana reads it."""
    return json.loads(DASHBOARD.read_text())


def panels() -> list[dict]:
    """Those that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Each panel's: whose, and what is asked."""
    asked = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    asked += [(note["name"], note["expr"]) for note in dashboard()["annotations"]["list"]]
    return [(title, filled(expression)) for title, expression in asked]


def filled(expression: str) -> str:
    """With the variables' values."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def rules() -> list[dict]:
    """The alert rules."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@pytest.fixture
def busy(sidecar, table):
    """A pgweir that has had an N+1, errors, waits, slow statements, a client that was turned away, and has one that is tied."""
    pooler = sidecar(pool_size=2, PGWEIR_OBSERVE_SLOW_QUERY="20ms")
    table("authors", "id int primary key, name text")
    table("books", "author_id int, title text")
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("insert into authors select id, 'a' || id from generate_series(1000, 1024) id")
        client.execute("insert into books select id, 'b' from authors")
        work(client)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn(pooler, password="wrong"))
        client.execute("select pg_advisory_lock(1)")
        yield pooler, client


def work(client: psycopg.Connection) -> None:
    """What pgweir complains of."""
    for _ in range(3):
        for author, _ in client.execute("select id, name from authors order by name").fetchall():
            client.execute("select title from books where author_id = %s", [author]).fetchall()
    with pytest.raises(psycopg.errors.DivisionByZero):
        client.execute("select 1/0")
    client.execute("select pg_sleep(0.03)")


def crowd(pooler) -> None:
    """More clients than servers, at once: some of them wait."""

    def sleep(_) -> None:
        with psycopg.connect(dsn(pooler), autocommit=True) as client:
            client.execute("select pg_sleep(0.2)")

    at_once(4, sleep)


def test_promtool_is_content():
    promtool("check", "config", str(CONFIG))
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))


def test_each_alert_fires_when_it_should():
    story = Path(__file__).with_name("alerts_test.yml")
    promtool("test", "rules", str(story))
    told = {case["alertname"] for test in yaml.safe_load(story.read_text())["tests"] for case in test["alert_rule_test"]}
    assert told == {rule["alert"] for rule in rules()}


def test_each_metric_exists(busy):
    pooler, _ = busy
    crowd(pooler)
    used = {name for _, text in queries() + [("", rule["expr"]) for rule in rules()] for name in names(text)}
    used |= {name for variable in dashboard()["templating"]["list"] for name in names(variable.get("definition", ""))}
    live = lambda: used - set(re.findall(r"^(pgweir_\w+)[{ ]", pooler.get("/metrics")[1], re.MULTILINE))
    assert len(used) > 25
    eventually(lambda: not live(), f"{sorted(used)} are in /metrics")


def names(expression: str) -> list[str]:
    """Metrics of ours that it names."""
    return re.findall(r"\bpgweir_\w+", expression)


def test_each_panel_has_an_answer(busy):
    pooler, client = busy
    with Prometheus(CONFIG, pooler.http) as prometheus:
        prometheus.wait_for_looks(2)
        crowd(pooler)
        work(client)
        eventually(lambda: pooler.metric("pgweir_findings_total", kind="n_plus_one") > 0, "the N+1 is found")
        prometheus.wait_for_looks(int(prometheus.query("count_over_time(up[5m])")[0]["value"][1]) + 3)
        for title, expression in queries():
            if "restart" not in title.lower():
                assert numbers(prometheus.query(expression)), f"{title}: no number for {expression}"
        check_values(prometheus)
        check_rules(prometheus)


def check_values(prometheus: Prometheus) -> None:
    """What was done is seen: the dashboard does not just draw lines."""
    answers = {(title, expression): numbers(prometheus.query(expression)) for title, expression in queries()}
    most = lambda title, part: max(max(values) for (name, text), values in answers.items() if name == title and part in text)
    assert most("Wait for a server", "0.99") > 0.05
    assert most("Servers and who waits for them", "pool_size") == 2
    assert most("Seconds spent in each second", "pool_wait") > 0
    assert most("Errors and slow ones", "errors") > 0 and most("Errors and slow ones", "slow") > 0
    assert most("Heaviest statements", "statement_seconds") > 0
    assert most("Findings", "findings") > 0
    assert most("Clients", "pinned") == 1


def numbers(series: list[dict]) -> list[float]:
    """Their values; NaN, as of quantiles of nothing, is none."""
    values = [float(one["value"][1]) for one in series]
    return [value for value in values if value == value]


def check_rules(prometheus: Prometheus) -> None:
    """All of them can be evaluated, and those for what we promise are there."""
    evaluated = lambda: [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    eventually(lambda: all(rule["health"] != "unknown" for rule in evaluated()), "all rules were evaluated")
    assert [rule["name"] for rule in evaluated() if rule["health"] != "ok"] == []
    assert FOR <= {rule["name"] for rule in evaluated()}
    assert "PgweirNewNPlusOne" in {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]}


def test_the_dashboard_is_whole():
    board = dashboard()
    assert [panel["title"] for panel in board["panels"] if panel["type"] == "row"] == ROWS
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["description"] and panel["targets"] for panel in panels())
    taken = [cell for panel in board["panels"] for cell in cells(panel["gridPos"])]
    assert len(set(taken)) == len(taken) and all(x < 24 for x, _ in taken)


def cells(place: dict) -> list[tuple[int, int]]:
    """What it covers of the page."""
    xs, ys = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return [(x, y) for x in xs for y in ys]


def test_each_alert_says_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule
        assert {"summary", "description"} <= rule["annotations"].keys(), rule
