"""What a session remembers beyond its transactions, on one server that all clients share: carried, tied, given back, found."""

import json

import psycopg
import pytest

from support.children import eventually
from tests.conftest import file


@pytest.fixture
def one_server(sidecar):
    """One server for everybody, which is looked at whenever it comes back."""
    return sidecar(pool_size=1, PGWEIR_POOL_SERVER_AUDIT_INTERVAL="1ms")


def connect(pooler, **more) -> psycopg.Connection:
    """A client in autocommit."""
    return psycopg.connect(f"postgres://app:secret@{pooler.host}:{pooler.port}/app", autocommit=True, **more)


def value(connection, query: str):
    """The one value of a query."""
    return connection.execute(query).fetchone()[0]


def pinned(pooler) -> list:
    """Why clients are tied to servers."""
    return [row["pinned"] for row in json.loads(pooler.get("/api/clients")[1]) if row["pinned"]]


def test_what_one_sets_no_other_has(one_server):
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("set statement_timeout = '7s'")
        one.execute("select set_config('app.tenant', 'one', false)")
        one.execute("set search_path to public, \"$user\"")
        assert value(other, "show statement_timeout") == "0"
        assert value(other, "select nullif(current_setting('app.tenant', true), '')") is None
        other.execute("set app.tenant to 'other'; set work_mem = '7MB'")
        assert value(one, "show app.tenant") == "one"
        assert value(one, "show statement_timeout") == "7s"
        assert value(one, "show search_path") == 'public, "$user"'
        assert value(one, "show work_mem") == "4MB"
        assert value(other, "show app.tenant") == "other"


# Values as clients write them, and as Postgres shows them.
SPELLED = {
    "statement_timeout": ("3000", "3s"),
    "lock_timeout": ("1000ms", "1s"),
    "work_mem": ("8192", "8MB"),
    "random_page_cost": ("1.10", "1.1"),
    "jit": ("false", "off"),
    "enable_seqscan": ("1", "on"),
    "synchronous_commit": ("FALSE", "off"),
    "bytea_output": ("ESCAPE", "escape"),
    "client_min_messages": ("debug", "debug2"),
    "default_text_search_config": ("german", "pg_catalog.german"),
    "search_path": ("public,pg_catalog", "public,pg_catalog"),
    "app.tenant": ("1000ms", "1000ms"),
}


@pytest.mark.parametrize("how", ["options", "set", "set_config"])
def test_a_value_in_another_form_is_no_leak(one_server, how):
    options = " ".join(f"-c {name}={written}" for name, (written, _) in SPELLED.items())
    with connect(one_server, options=options if how == "options" else "") as one, connect(one_server) as other:
        for name, (written, _) in SPELLED.items():
            if how == "set_config":
                one.execute(f"select set_config('{name}', '{written}', false)")
            elif how == "set":
                one.execute(f"set {name} = {written if name == 'search_path' else repr(written)}")
        for _ in range(20):
            one.execute("select 'mine'")
            other.execute("select 'theirs'")
        shown = {name: value(one, f"show {name}").replace(", ", ",") for name in SPELLED}
        assert shown == {name: shows for name, (_, shows) in SPELLED.items()}
        assert value(other, "show statement_timeout") == "0"
        # Whatever is found by then, is this.
        body = "select set_config('work_mem', '9MB', false)"
        other.execute(f"create or replace function sets_memory() returns text language sql as $$ {body} $$")
        other.execute("select sets_memory()")
        [first, *_] = eventually(lambda: other.execute("select 1") and one_server.events("session_leak"), "a leak")
        assert first["left"] == "work_mem"


@pytest.mark.parametrize(
    "script, expected",
    [
        ("begin; set work_mem = '9MB'; commit", "9MB"),
        ("begin; set work_mem = '9MB'; rollback", "4MB"),
        ("begin; set work_mem = '9MB'; savepoint a; set work_mem = '8MB'; rollback to a; commit", "9MB"),
        ("begin; savepoint a; set work_mem = '8MB'; release a; commit", "8MB"),
        ("begin; set local work_mem = '8MB'; commit", "4MB"),
        ("set work_mem = '9MB'; set work_mem from current", "9MB"),
        ("set work_mem = '9MB'; reset work_mem", "4MB"),
        ("set work_mem = '9MB'; reset all", "4MB"),
        ("do $$ begin perform set_config('work_mem', '9MB', false); end $$", "9MB"),
        ("do $$ begin execute 'set work_mem = ''9MB'''; end $$", "9MB"),
    ],
)
def test_as_transactions_have_it(one_server, script, expected):
    with connect(one_server) as one, connect(one_server) as other:
        one.execute(script)
        assert value(other, "show work_mem") == "4MB"
        assert value(one, "show work_mem") == expected


def test_roles(one_server, postgres):
    postgres.run("drop role if exists played", "create role played", "grant played to app")
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("set role played")
        assert value(other, "select current_user") == "app"
        assert value(one, "select current_user") == "played"
        one.execute("set work_mem = '9MB'")
        other.execute("set work_mem = '8MB'")
        assert (value(one, "select current_user"), value(one, "show work_mem")) == ("played", "9MB")
        one.execute("reset role")
        assert value(one, "select current_user") == "app"


@pytest.mark.parametrize(
    "how", ["execute 'set role played'", "set role played", "perform set_config('role', 'played', false)"]
)
def test_a_role_that_a_block_takes_on_is_its_clients(one_server, postgres, how):
    postgres.run("drop role if exists played", "create role played", "grant played to app")
    with connect(one_server) as one, connect(one_server) as other:
        one.execute(f"do $$ begin {how}; end $$")
        assert value(other, "select current_user") == "app"
        assert value(one, "select current_user") == "played"


@pytest.mark.parametrize(
    "text",
    [
        "do $$ begin perform set_config('App.block', '7', false); end $$",
        "do $$ begin set app.block = 7; end $$",
        "do $$ begin execute format('set app.block = %L', 7); end $$",
        "do language plpgsql 'begin set app.block = 7; end'",
        "prepare p as select set_config('app.block', '7', false); execute p",
        f"select '{'long' * 70_000}'; set app.block = 7",
    ],
    ids=["set_config", "set", "execute", "quoted", "prepared", "long"],
)
def test_a_setting_of_the_application_that_a_text_hides_is_its_clients(one_server, text):
    block = "select nullif(current_setting('app.block', true), '')"
    with connect(one_server) as one:
        one.execute(text)
        assert value(one, block) == "7"
        if len(text) > 256 * 1024 or "prepare" in text:
            one.close()  # What can be read no more when it runs ties.
        with connect(one_server) as other:
            assert value(other, block) is None
        if not one.closed:
            assert value(one, block) == "7"


def test_nobody_runs_as_somebody_else_when_a_role_is_gone(one_server, postgres):
    postgres.run("drop role if exists gone", "create role gone", "grant gone to app")
    with connect(one_server) as one, connect(one_server) as other:
        other.execute("create table done (by name default current_user)")
        one.execute("set role gone")
        assert value(other, "select current_user") == "app"
        postgres.run("drop role gone")
        with pytest.raises(psycopg.Error, match='role "gone" does not exist'):
            one.execute("insert into done default values")
        assert value(other, "select count(*) from done") == 0
        other.execute("drop table done")


@pytest.mark.parametrize(
    "before, prepare",
    [("", False), ("", True), ("rollback; ", False)],
    ids=["simple", "prepared", "behind a rollback"],
)
def test_nothing_runs_with_the_settings_of_others_when_ours_are_refused(one_server, postgres, before, prepare):
    postgres.run("create text search configuration public.gone (copy = simple)", dbname="app")
    with connect(one_server) as one, connect(one_server) as other:
        other.execute("create table done (tenant text default current_setting('app.tenant'))")
        one.execute("set app.tenant = 'one'; set default_text_search_config = 'public.gone'")
        other.execute("set app.tenant = 'other'")
        postgres.run("drop text search configuration public.gone", dbname="app")
        with pytest.raises(psycopg.OperationalError, match="refused this session's parameters"):
            one.execute(f"{before}insert into done default values", prepare=prepare)
        assert value(other, "select count(*) from done") == 0
        other.execute("drop table done")


def test_what_cannot_be_taken_back_is_nobody_elses_trouble(one_server, postgres):
    postgres.run("drop role if exists may", "create role may superuser", "grant may to app")
    with connect(one_server) as one, connect(one_server) as other:
        assert value(other, "show log_statement") == "none"
        one.execute("set role may; set log_statement = 'all'; reset role")
        assert value(other, "show log_statement") == "none"
    postgres.run("drop role may")


@pytest.mark.parametrize("text", ["é", "日本"])
def test_values_are_read_in_the_encoding_that_they_were_written_in(one_server, text):
    with connect(one_server) as one, connect(one_server) as other:
        one.execute(f"set app.tenant = '{text}'")
        other.execute("set client_encoding = latin1")
        assert value(one, "select current_setting('app.tenant')") == text
        other.execute("set app.other = 'x'")
        assert value(one, "select current_setting('app.tenant')") == text


def test_a_setting_that_a_function_may_make_and_its_caller_may_not_ties(one_server, postgres):
    postgres.run(
        "create or replace function loud() returns text language sql security definer "
        "as $$ select set_config('log_duration', 'on', false) $$",
        dbname="app",
    )
    with connect(one_server) as one:
        one.execute("do $$ begin perform set_config('work_mem', '7MB', false); perform loud(); end $$")
        assert value(one, "show log_duration") == "on"
    with connect(one_server) as other:
        assert (value(other, "show log_duration"), value(other, "show work_mem")) == ("off", "4MB")
    postgres.run("drop function loud()", dbname="app")


def test_what_a_login_asked_for_is_what_reset_goes_back_to(one_server):
    with connect(one_server, options="-c work_mem=6MB -c TimeZone=Asia/Tokyo", application_name="mine") as one:
        with connect(one_server) as other:
            one.execute("set work_mem = '9MB'; set application_name to 'another'")
            one.execute("reset all")
            for _ in range(2):
                assert value(other, "show work_mem") == "4MB"
                assert value(one, "show work_mem") == "6MB"
                assert value(one, "show timezone") == "Asia/Tokyo"
                assert value(one, "show application_name") == "mine"
                one.execute("discard all")


@pytest.mark.parametrize(
    "take, reason, release",
    [
        ("select pg_advisory_lock(7)", "advisory_lock", "select pg_advisory_unlock(7)"),
        ("select pg_try_advisory_lock(7)", "advisory_lock", "select pg_advisory_unlock_all()"),
        ("create temp table mine (a int)", "temp", "drop table mine"),
        ("create temp table mine (a int)", "temp", "discard temp"),
        ("select 1 as a into temp mine", "temp", "drop table mine"),
        ("declare mine cursor with hold for select 1", "cursor", "close mine"),
        ("prepare mine as select 1", "prepare", "deallocate mine"),
        ("prepare mine as select 1", "prepare", "discard all"),
        ("select set_config(concat('app', '.x'), 'y', false)", "setting", "discard all"),
        ("set temp_buffers = '4MB'", "setting", "discard all"),
    ],
)
def test_what_cannot_be_carried_ties(sidecar, take, reason, release):
    pooler = sidecar(pool_size=2)
    with connect(pooler) as one, connect(pooler) as other:
        one.execute(take)
        eventually(lambda: pinned(pooler) == [[reason]], "tied")
        assert f'pgweir_pinned{{database="app",user="app",reason="{reason}"}} 1' in eventually(
            lambda: (text := pooler.get("/metrics")[1]) and f'reason="{reason}"}} 1' in text and text, "counted"
        )
        assert value(other, "select 1") == 1
        one.execute(release)
        eventually(lambda: pinned(pooler) == [], "free again")
    event = pooler.events("client_pinned")[0]
    assert event["reason"] == reason and "7" not in event["statement"]


@pytest.mark.parametrize(
    "script",
    [
        "select pg_advisory_xact_lock(7)",
        "create temp table mine (a int) on commit drop",
        "begin; create temp table mine (a int); rollback",
        "begin; select pg_advisory_lock(7); select pg_advisory_unlock(7); commit",
        "begin; declare mine cursor for select 1; fetch mine; commit",
        "create temp sequence mine; drop sequence mine",
        "select 'pg_advisory_lock(1)'",
    ],
)
def test_what_leaves_nothing_ties_nobody(one_server, script):
    with connect(one_server) as one, connect(one_server) as other:
        one.execute(script)
        assert value(other, "select 2") == 2
    assert one_server.events("client_pinned") == []


def test_a_client_that_goes_takes_what_it_had_with_it(one_server):
    with connect(one_server) as one:
        one.execute("create temp table mine (a int); select pg_advisory_lock(7); set work_mem = '9MB'")
        assert value(one, "select count(*) from mine") == 0
    with connect(one_server) as other:
        assert value(other, "select to_regclass('pg_temp.mine')") is None
        assert value(other, "select count(*) from pg_locks where locktype = 'advisory'") == 0
        assert value(other, "show work_mem") == "4MB"


@pytest.mark.parametrize("how", ["simple", "extended", "prepared"])
def test_what_a_sequence_gave_another_is_told_nobody(one_server, postgres, how):
    postgres.run("drop table if exists numbered", "create table numbered (id serial)", dbname="app")
    postgres.run("grant all on numbered, numbered_id_seq to app", dbname="app")

    def last(connection):
        if how == "simple":
            return value(psycopg.ClientCursor(connection), "select lastval()")
        return connection.execute("select lastval()", prepare=how == "prepared").fetchone()[0]

    with connect(one_server) as one, connect(one_server) as other:
        for client in (one, other):
            client.execute("insert into numbered default values")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            last(one)
        # From now on it has a server of its own.
        assert pinned(one_server) == [["sequence"]]
        mine = value(one, "insert into numbered default values returning id")
        assert last(one) == mine
    # Who has had the server last asks for what is its own: PHP's lastInsertId() behind an INSERT.
    with connect(one_server) as one:
        mine = value(one, "insert into numbered default values returning id")
        assert last(one) == mine
    # Nor in a transaction, now that it is known that somebody asks.
    with connect(one_server) as one, connect(one_server) as other:
        other.execute("insert into numbered default values")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState), one.transaction():
            last(one)
    # In one text, and in a transaction that draws it, it is its own anyway.
    with connect(one_server) as one, connect(one_server) as other:
        other.execute("insert into numbered default values")
        mine = value(other, "select max(id) from numbered")
        assert value(one, "with own as (select nextval('numbered_id_seq') as id) select id - lastval() from own") == 0
        with one.transaction():
            one.execute("insert into numbered default values")
            assert value(one, "select lastval()") == mine + 2


def test_what_a_sequence_gave_is_the_last(sidecar, postgres):
    """Drawn on two servers: the one that comes back has what it gave first."""
    postgres.run("drop table if exists numbered", "create table numbered (id serial)", dbname="app")
    postgres.run("grant all on numbered, numbered_id_seq to app", dbname="app")
    pooler = sidecar(pool_size=2)
    with connect(pooler) as one, connect(pooler) as second, connect(pooler) as third:
        one.execute("insert into numbered default values")
        pid = value(one, "select pg_backend_pid()")
        second.execute("begin")
        assert value(second, "select pg_backend_pid()") == pid
        one.execute("insert into numbered default values")
        third.execute("begin")
        second.execute("commit")
        assert value(one, "select pg_backend_pid()") == pid
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            one.execute("select lastval()")


def test_max_pinned(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 3, "max_pinned": 1}))
    with connect(pooler) as one, connect(pooler) as other:
        one.execute("select pg_advisory_lock(1)")
        eventually(lambda: pinned(pooler) == [["advisory_lock"]], "tied")
        # libpq may see the end of the connection before it looks at what came before that.
        with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.OperationalError)) as told:
            for _ in range(100):
                other.execute("select pg_advisory_lock(2)")
        assert "advisory_lock is in use" in str(told.value) or isinstance(told.value, psycopg.OperationalError)
        gone = eventually(lambda: pooler.events("client_gone"), "its end in the log")
        assert [event["reason"] for event in gone] == ["0A000"]
        assert value(one, "select 1") == 1


def test_pinned_idle_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 2, "pinned_idle_timeout": "200ms"}))
    with connect(pooler) as idle:
        idle.execute("select pg_advisory_lock(1)")
        eventually(lambda: pooler.events("client_pinned") and pinned(pooler) == [], "closed")
        with pytest.raises(psycopg.OperationalError, match="pinned_idle_timeout|on a server of its own"):
            idle.execute("select 1")


def test_what_no_statement_tells_of_is_found_and_named(one_server, postgres):
    postgres.run(
        "create or replace function sly() returns int language plpgsql as $$ begin "
        "perform set_config('work_mem', '9MB', false); return 1; end $$",
        dbname="app",
    )
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("select sly()")
        first = eventually(lambda: one_server.events("session_leak"), "the leak to be found")[0]
        assert first["left"] == "work_mem"
        assert value(other, "show work_mem") == "4MB"
        one.execute("select sly(), 'secret'")
        named = eventually(lambda: [e for e in one_server.events("session_leak") if "statement" in e], "its cause")[0]
        assert "sly" in named["statement"] and "secret" not in named["statement"]
        assert value(other, "show work_mem") == "4MB"
        assert value(one, "show work_mem") == "9MB"


@pytest.mark.parametrize("body", ["perform set_config('App.tenant', '7', false)", "set app.tenant = 7", "execute 'set app.tenant = 7'"])
def test_a_setting_of_the_application_that_a_function_makes_is_found_too(one_server, postgres, body):
    """A server does not list such settings: they are known by the text of the function."""
    postgres.run(
        "create or replace function enter() returns int language plpgsql as $$ begin " + body + "; return 1; end $$", dbname="app"
    )
    tenant = "select nullif(current_setting('app.tenant', true), '')"
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("select enter()")
        first = eventually(lambda: one_server.events("session_leak"), "the leak to be found")[0]
        assert first["left"] == "app.tenant"
        assert value(other, tenant) is None
        one.execute("select enter()")
        named = eventually(lambda: [e for e in one_server.events("session_leak") if "statement" in e], "its cause")[0]
        assert "enter" in named["statement"]
        assert (value(other, tenant), value(one, tenant)) == (None, "7")
        one.execute("set app.tenant = '8'")
        assert (value(other, tenant), value(one, tenant)) == (None, "8")


def test_what_leaves_something_behind_in_a_transaction_is_named(one_server, postgres):
    """By a trigger: no statement names it, so that it is found by looking at servers now and then."""
    postgres.run(
        "create table if not exists deep (x int)",
        "grant all on deep to app",
        "create or replace function dive() returns trigger language plpgsql as $$ begin "
        "perform set_config('work_mem', '9MB', false); return new; end $$",
        "create or replace trigger dives before insert on deep for each row execute function dive()",
        dbname="app",
    )
    with connect(one_server) as one, connect(one_server) as other:
        one.execute("insert into deep values (1)")
        first = eventually(lambda: one_server.events("session_leak"), "the leak to be found")[0]
        assert first["left"] == "work_mem" and "statement" not in first
        assert (value(one, "show work_mem"), value(other, "show work_mem")) == ("4MB", "4MB")
        with one.transaction():
            one.execute("insert into deep values (2)")
            one.execute("select 1")
        named = eventually(lambda: [e for e in one_server.events("session_leak") if "statement" in e], "its cause")[0]
        assert named["statement"] == "insert into deep values(?); select ?"
        assert (value(one, "show work_mem"), value(other, "show work_mem")) == ("9MB", "4MB")


def test_a_library_that_was_loaded_goes_with_its_client(sidecar, postgres):
    """What LOAD has brought in cannot be taken out of a process: the server ends with its client's stay."""
    postgres.run("drop role if exists loader", "create role loader superuser login password 'secret'")
    pooler = sidecar(pool_size=1, user="loader")
    place = f"postgres://loader:secret@{pooler.host}:{pooler.port}/app"
    with psycopg.connect(place, autocommit=True) as one:
        before = value(one, "select pg_backend_pid()")
        one.execute("load 'auto_explain'")
        eventually(lambda: pinned(pooler) == [["load"]], "tied")
        assert value(one, "select pg_backend_pid()") == before
        assert value(one, "show auto_explain.log_min_duration") == "-1"
    with psycopg.connect(place, autocommit=True) as other:
        assert value(other, "select pg_backend_pid()") != before
        assert value(other, "select current_setting('auto_explain.log_min_duration', true)") is None
        other.execute("load 'auto_explain'")
        eventually(lambda: pinned(pooler) == [["load"]], "tied")
        other.execute("discard all")
        eventually(lambda: pinned(pooler) == [], "free again")


@pytest.mark.parametrize(
    "begin, end",
    [
        ("pg_backup_start('tied', true)", "(pg_backup_stop()).lsn is not null"),
        ("pg_replication_origin_session_setup('tied')", "pg_replication_origin_session_is_setup()"),
    ],
    ids=["backup", "origin"],
)
@pytest.mark.parametrize("undone", [False, True], ids=["", "rolled back"])
def test_what_ends_with_the_session_only_goes_with_its_client(sidecar, postgres, begin, end, undone):
    """No rollback ends it."""
    origin = "from pg_replication_origin where roname = 'tied'"
    postgres.run("drop role if exists opener", "create role opener superuser login password 'secret'")
    postgres.run(f"select pg_replication_origin_drop(roname) {origin}", "select pg_replication_origin_create('tied')")
    pooler = sidecar(pool_size=1, user="opener")
    place = f"postgres://opener:secret@{pooler.host}:{pooler.port}/app"
    with psycopg.connect(place, autocommit=True) as one:
        before = value(one, "select pg_backend_pid()")
        one.execute(f"begin; select {begin}; rollback" if undone else f"select {begin}")
        eventually(lambda: pinned(pooler) == [["load"]], "tied")
        assert value(one, f"select {end}") is True
    with psycopg.connect(place, autocommit=True) as other:
        assert value(other, "select pg_backend_pid()") != before
        other.execute(f"select {begin}")
