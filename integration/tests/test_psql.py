"""psql, as a person or a script would use it."""

import subprocess

import pytest

from support.places import postgres_program
from tests.conftest import dsn


def psql(pooler, script: str, *flags: str) -> str:
    """What psql prints for a script, one statement a line."""
    args = [postgres_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *flags, dsn(pooler)]
    done = subprocess.run(args, input=script, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CASES = [
    ("one value", "select 1", "1"),
    ("several statements in one message", r"select 1\; select 2\; select 3", "1\n2\n3"),
    ("a transaction", "begin;\ncreate table p1 (x int);\ninsert into p1 values (1), (2);\ncommit;\nselect sum(x) from p1", "3"),
    ("a rollback", "begin;\ncreate table p2 (x int);\nrollback;\nselect to_regclass('p2') is null", "t"),
    ("a savepoint", "begin;\nselect 1;\nsavepoint s;\nselect 2;\nrollback to s;\ncommit;\nselect 3", "1\n2\n3"),
    ("an empty query", ";\nselect 1", "1"),
    ("a notice", "do $$ begin raise notice 'look'; end $$;\nselect 1", "1"),
    ("copy out", r"\copy (select * from generate_series(1, 3)) to stdout", "1\n2\n3"),
    ("copy in", "create table p3 (x int);\n\\copy p3 from stdin\n1\n2\n\\.\nselect sum(x) from p3", "3"),
    ("a description", r"\d pg_catalog.pg_am", "oid|oid||not null|"),
    ("gdesc", r"select 1::int as x \gdesc", "x|integer"),
    ("a large value", "select length(repeat('x', 10000000))", "10000000"),
    ("fetch count", "\\set FETCH_COUNT 100\nselect max(x) from (select * from generate_series(1, 1000) x) y", "1000"),
]


@pytest.mark.parametrize("script, expected", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_script(sidecar, postgres, script, expected):
    postgres.run("drop table if exists p1, p2, p3", dbname="app")
    assert psql(sidecar(), script).startswith(expected)


def test_an_error_leaves_the_session_usable(sidecar):
    script = "select 1/0;\nselect 'still here'"
    done = subprocess.run(
        [postgres_program("psql"), "-X", "-q", "-A", "-t", dsn(sidecar())], input=script, capture_output=True, text=True
    )
    assert "division by zero" in done.stderr
    assert done.stdout.strip() == "still here"


def test_single_transaction(sidecar):
    assert psql(sidecar(), "select 1;\nselect 2", "--single-transaction") == "1\n2"
