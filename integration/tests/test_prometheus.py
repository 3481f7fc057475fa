"""Debian's Prometheus scrapes pgweir under load, and answers what an operator asks."""

import subprocess

import psycopg
import pytest

from support.children import eventually
from support.crowd import at_once
from support.places import ROOT, postgres_program
from support.prometheus import Prometheus, lint
from tests.conftest import dsn

CONFIG = ROOT / "docker" / "prometheus" / "prometheus.yml"
CLIENTS = 20
SLOW = 8
ROWS = 27
POOL = '{database="app",user="app"}'


@pytest.fixture
def pooler(sidecar, postgres):
    """With a pool that is too small for its clients."""
    postgres.run(
        "drop table if exists leaf, branch",
        "create table branch (id int primary key)",
        "create table leaf (branch_id int)",
        f"insert into branch select n * n * 3 + 500 from generate_series(1, {ROWS}) n",
        "grant select on leaf, branch to app",
        dbname="app",
    )
    return sidecar(2, PGWEIR_OBSERVE_SLOW_QUERY="150ms")


def burden(pooler) -> None:
    """pgbench's clients, slow statements, and a loop."""
    address = [f"--host={pooler.host}", f"--port={pooler.port}", "--username=app", "app"]
    options = ["--no-vacuum", "--jobs=2", f"--client={CLIENTS}", "--time=3", "--file=/dev/stdin"]
    subprocess.run(
        [postgres_program("pgbench"), *options, *address],
        input="select 1 as loaded;\n",
        env={"PGPASSWORD": "secret"},
        check=True,
        capture_output=True,
        text=True,
    )
    at_once(2, lambda _: slowly(pooler))
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for (branch,) in client.execute("select id from branch").fetchall():
            client.execute("select * from leaf where branch_id = %s", [branch])


def slowly(pooler) -> None:
    """Half of the slow ones."""
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for _ in range(SLOW // 2):
            client.execute("select pg_sleep(0.2)")


def test_prometheus_answers(pooler):
    with Prometheus(CONFIG, pooler.http) as prometheus:
        eventually(lambda: prometheus.value("up") == 1, "it scrapes", 20)
        burden(pooler)
        told = lambda: prometheus.value('pgweir_findings_total{kind="n_plus_one"}') == 1
        eventually(told, "the finding is known", 20)
        check = lambda question, holds: eventually(
            lambda: (found := prometheus.value(question)) is not None and holds(found), question, 20
        )
        queries = pooler.metric("pgweir_queries_total", database="app", user="app")
        assert queries > 1000
        check(f"pgweir_queries_total{POOL}", lambda found: found == queries)
        check(f"rate(pgweir_queries_total{POOL}[30s])", lambda found: found > 10)
        check(f"pgweir_slow_queries_total{POOL}", lambda found: SLOW <= found <= SLOW + queries / 10)
        check("sum(pgweir_findings_total)", lambda found: found >= 1)
        check("sum(pgweir_statement_seconds_total)", lambda found: found > SLOW * 0.2)
        check("max(pgweir_statement_calls_total)", lambda found: 1000 < found < queries)
        check("max by (user) (pgweir_statement_seconds_total / pgweir_statement_calls_total) > 0.2", lambda found: found < 0.3)
        quantile = f"histogram_quantile(0.5, rate(pgweir_pool_wait_seconds_bucket{POOL}[1m]))"
        check(quantile, lambda found: 0 < found < 0.2)
        check(f"histogram_quantile(0.99, rate(pgweir_query_seconds_bucket{POOL}[1m]))", lambda found: 0 < found < 1)
        heaviest = prometheus.ask("topk(1, pgweir_statement_seconds_total)")[0][0]
        [row] = pooler.rows(f"statements?digest={heaviest['digest']}")
        assert (row["database"], row["user"]) == (heaviest["database"], heaviest["user"])
        assert not [labels for labels, _ in prometheus.ask('{__name__=~"pgweir_.+"}') if "select" in str(labels)]


def test_promtool_has_nothing_to_say(pooler):
    burden(pooler)
    eventually(lambda: pooler.metric("pgweir_findings_total") == 1, "the finding is known")
    status, complaints = lint(pooler.get("/metrics")[1])
    assert (status, complaints.strip()) == (0, "")
