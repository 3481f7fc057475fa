"""Functions that change the session of whoever calls them, which no statement's text tells."""

import psycopg
import pytest

from support.children import eventually
from tests.conftest import file
from tests.test_state import connect, one_server, value  # noqa: F401

TENANT = "select nullif(current_setting('app.tenant', true), '')"


def create(postgres, function: str) -> None:
    postgres.run(f"create or replace function {function}", dbname="app")


def named(pooler) -> list:
    """What was found out."""
    return [event for event in pooler.events("session_leak") if "statement" in event]


@pytest.mark.parametrize("quiet", ["select enter_first('7')", "select 1, x from enter_first($$7$$) as x"])
def test_what_a_function_sets_follows_its_client_from_the_first_call_on(sidecar, postgres, quiet):
    create(postgres, "enter_first(text) returns text language plpgsql as $$begin return set_config('app.tenant', $1, false); end$$")
    pooler = sidecar(pool_size=1, PGWEIR_POOL_SERVER_AUDIT_INTERVAL="1h")
    with connect(pooler) as one, connect(pooler) as other:
        one.execute(quiet)
        assert (value(other, TENANT), value(one, TENANT)) == (None, "7")
        other.execute(quiet.replace("7", "8"))
        assert (value(one, TENANT), value(other, TENANT)) == ("7", "8")
        create(postgres, "enter_first(text) returns text language plpgsql as $$begin set work_mem = '9MB'; return ''; end$$")
        other.execute(quiet.replace("7", "9"))
        assert (value(one, "show work_mem"), value(other, "show work_mem")) == ("4MB", "9MB")


@pytest.mark.parametrize(
    "body", ["begin atomic; select set_config('app.tenant', $1, false); end", "return set_config('app.tenant', $1, false)"]
)
def test_a_body_that_is_parsed_already_is_read(one_server, postgres, body):  # noqa: F811
    create(postgres, f"enter_parsed(text) returns text language sql {body}")
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("select enter_parsed('7')")
        assert eventually(lambda: one_server.events("session_leak"), "the leak to be found")[0]["left"] == "app.tenant"
        one.execute("select enter_parsed('8')")
        eventually(lambda: named(one_server), "its cause")
        assert (value(other, TENANT), value(one, TENANT)) == (None, "8")


@pytest.mark.parametrize("more, show, theirs, ours", [
    ("set role sly_boss", "select current_user", "app", "sly_boss"),
    ("set search_path = sly_schema", "show search_path", '"$user", public', "sly_schema"),
    ("set statement_timeout = '7min'", "show statement_timeout", "0", "7min"),
])
def test_what_a_function_does_now_and_then_is_seen_too(one_server, postgres, more, show, theirs, ours):  # noqa: F811
    """It is known for a setting of the application when it changes something else for the first time."""
    role = "do $$ begin create role sly_boss; exception when duplicate_object then null; end $$"
    postgres.run(role, "grant sly_boss to app", dbname="app")
    body = f"begin perform set_config('app.tenant', $1, false); if $2 then {more}; end if; end"
    log_in = "select log_in(%s, %s)"
    create(postgres, f"log_in(text, bool) returns void language plpgsql as $${body}$$")
    with connect(one_server) as one, connect(one_server) as other:
        one.execute(log_in, ("7", False))
        eventually(lambda: one_server.events("session_leak"), "the leak to be found")
        one.execute(log_in, ("7", False))
        eventually(lambda: named(one_server), "its cause")
        for _ in range(3):
            one.execute(log_in, ("7", False))
        one.execute(log_in, ("8", True))
        for _ in range(3):
            assert (value(other, show), value(other, TENANT)) == (theirs, None)
            assert (value(one, show), value(one, TENANT)) == (ours, "8")


def test_a_function_that_another_user_replaces_is_looked_at_again(run_pgweir, postgres):
    """One that has done nothing is looked at no more, until there is another of its name."""
    owner = "do $$ begin create role sly_owner superuser login password 'secret'; exception when duplicate_object then null; end $$"
    postgres.run(owner)
    url = postgres.url("app", "secret").replace("app:secret@", "").replace("app@", "")
    databases = {"app": {"url": url}}
    users = {name: {"password": "secret"} for name in ("app", "sly_owner")}
    pooler = run_pgweir(config=file(postgres, databases=databases, users=users, pool={"pool_size": 1, "server_audit_interval": "1h"}))
    replace = "create or replace function replaced() returns text language plpgsql as $$begin {}; return ''; end$$"
    with psycopg.connect(f"postgres://sly_owner:secret@{pooler.host}:{pooler.port}/app", autocommit=True) as owner:
        owner.execute(replace.format("perform 1"))
        with connect(pooler) as one, connect(pooler) as other:
            for _ in range(5):
                one.execute("select replaced()")
            owner.execute(replace.format("set work_mem = '9MB'"))
            one.execute("select replaced()")
            assert (value(other, "show work_mem"), value(one, "show work_mem")) == ("4MB", "9MB")
