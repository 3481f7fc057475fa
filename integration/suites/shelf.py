"""The suites: which there are, what each needs in the database, how each is run. What they mean by a test is theirs."""

import sys
from pathlib import Path
from typing import Callable

from suites import sqlx, tokio_postgres
from suites.sources import stage
from suites.suite import LONGEST_TEST, Run, Suite


def pytest(place: Path, report: Path, *args: str) -> list[str]:
    """pytest without a cache, each test with a limit."""
    flags = ["-q", "-p", "no:cacheprovider", "--maxfail=10000", f"--timeout={LONGEST_TEST}", f"--junitxml={report}"]
    return [sys.executable, "-m", "pytest", *args, *flags, f"--rootdir={place}"]


def asyncpg(port: int, report: Path) -> Run:
    """All of it. What starts a Postgres of its own is left out: it is not ours to try."""
    place = stage("asyncpg", "tests")
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "suite"}
    return Run(place, pytest(place, report, "tests", "-k", "not TestConnectionAttributes"), env)


def psycopg2(port: int, report: Path) -> Run:
    """All of it, with two-phase commit and replication."""
    place = stage("psycopg2", "tests")
    where = {"": "suite", "_HOST": "127.0.0.1", "_PORT": str(port), "_USER": "postgres"}
    env = {f"PSYCOPG2_TESTDB{key}": value for key, value in where.items()} | {"PSYCOPG2_TEST_REPL_DSN": ""}
    return Run(place, pytest(place, report, "tests"), env)


# Not the 40,000 that compile SQL, reflect tables and convert types: what they ask of a connection, these do too.
SQLALCHEMY = [
    *("dialect/postgresql/test_dialect.py", "dialect/postgresql/test_query.py", "dialect/postgresql/test_on_conflict.py"),
    *("dialect/postgresql/test_async_pg.py", "engine/test_transaction.py", "engine/test_reconnect.py"),
]


def sqlalchemy(driver: str) -> Callable[[int, Path], Run]:
    """What it tries of a dialect and of connections, with one of its drivers."""

    def run(port: int, report: Path) -> Run:
        place = stage("SQLAlchemy", "lib", "test", "setup.cfg", "pyproject.toml")
        where = f"--dburi=postgresql+{driver}://postgres@127.0.0.1:{port}/suite"
        return Run(place, pytest(place, report, *(f"test/{part}" for part in SQLALCHEMY), where), {})

    return run


DJANGO = "backends bulk_create constraints db_functions introspection migrations postgres_tests queries schema select_for_update \
          transactions transaction_hooks"

DJANGO_SETTINGS = """
from test_sqlite import *

def database(name):
    where = {{"HOST": "127.0.0.1", "PORT": "{port}", "USER": "postgres", "NAME": name}}
    return {{"ENGINE": "django.db.backends.postgresql", "OPTIONS": {options}}} | where

DATABASES = {{"default": database("suite"), "other": database("suite_other")}}
TEST_RUNNER = "suites.django_runner.Runner"
"""


def django(options: dict) -> Callable[[int, Path], Run]:
    """What it tries of Postgres, with OPTIONS."""

    def run(port: int, report: Path) -> Run:
        place = stage("Django", "tests")
        (place / "tests" / "suite_settings.py").write_text(DJANGO_SETTINGS.format(port=port, options=options))
        flags = ["--settings=suite_settings", "--parallel=1", "--noinput", "--verbosity=0"]
        command = [sys.executable, "runtests.py", *flags, *DJANGO.split()]
        return Run(place / "tests", command, {"PGWEIR_JUNIT": str(report)})

    return run


def for_sqlalchemy() -> list[str]:
    """What its tests expect to be there."""
    return ["create schema test_schema", "create schema test_schema_2", "create extension hstore", "create extension citext"]


SUITES = [
    Suite("asyncpg", asyncpg),
    Suite("psycopg2", psycopg2),
    Suite("sqlalchemy-psycopg", sqlalchemy("psycopg"), for_sqlalchemy),
    Suite("sqlalchemy-asyncpg", sqlalchemy("asyncpg"), for_sqlalchemy),
    Suite("sqlalchemy-psycopg2", sqlalchemy("psycopg2"), for_sqlalchemy),
    Suite("django", django({})),
    Suite("django-server-binding", django({"server_side_binding": True})),
    tokio_postgres.SUITE,
    sqlx.SUITE,
]
