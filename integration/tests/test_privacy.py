"""No value of a client's is told to anybody, unless `[observe] parameters` says so. Marked values go by every path, then
everything that pgweir tells is searched for them."""

import asyncio
import json
import re
import signal
from contextlib import suppress

import asyncpg
import psycopg
import pytest

from support.children import eventually
from support.marks import Marks
from support.pgweir import Pgweir
from support.wire import ServerError, Wire, message, query
from tests.conftest import dsn, run

PAGES = [
    "/",
    "/pools",
    "/pool?database=app&user=app",
    "/statements",
    "/slow",
    "/findings",
    "/clients",
    "/addresses",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/pools",
    "/api/clients",
    "/api/statements",
    "/api/slow",
    "/api/slow?reason=all",
    "/api/findings",
    "/api/history",
    "/api/history?digest=all",
]

# Everything is slow, no line is left out, and whatever can be logged is.
OPEN = {
    "PGWEIR_OBSERVE_SLOW_QUERY": "1us",
    "PGWEIR_LOG_MAX_LINES_PER_SECOND": "1000000",
    "PGWEIR_LOG_LEVEL": "trace",
    "PGWEIR_POOL_POOL_SIZE": "3",
}

# A literal in any way in which one can be written. `{}` is the mark.
LITERALS = {
    "plain": "select '{}' as x",
    "doubled quotes": "select 'it''s {}' as x",
    "escapes": r"select E'it\'s {}' as x",
    "unicode": "select U&'d\\0061t\\+000061{}' as x",
    "unicode with another escape": "select U&'d!0061{}' uescape '!' as x",
    "national": "select N'{}' as x",
    "dollars": "select $${}$$ as x",
    "tagged dollars": "select $q$it's $$ {}$q$ as x",
    "continued": "select 'a'\n  '{}' as x",
    "cast": "select '{}'::text as x",
    "cast by CAST": "select cast('{}' as varchar(80)) as x",
    "typed": "select text '{}' as x",
    "array": "select '{{{}}}'::text[] as x",
    "array of literals": "select array['{}', 'b'] as x",
    "list": "select 1 where 'a' in ('{}', 'b')",
    "rows": "select * from (values ('{}', 1), ('b', 2)) as v (x, y)",
    "json": "select '{{\"k\": \"{}\"}}'::jsonb -> 'k' as x",
    "like": "select 1 where 'a' like '%{}%'",
    "comment": "select 1 as x /* {} */",
    "comment first": "/* {} */ select 2 as x",
    "nested comment": "select 3 as x /* a /* {} */ b */",
    "line comment": "select 4 as x -- {}",
    "row": "select row('{}', 1) as x",
    "interval": "select interval '1 day' as x, '{}' as y",
    "alias by literal": "select concat('{}', 'b') as x order by 1",
    "several statements": "select 1 as x; select '{}' as x; select 3 as x",
    "do": "do $$ begin perform '{}'; end $$",
    "prepare": "prepare of_mine as select '{}' as x; deallocate of_mine",
    "execute": "prepare of_mine (text) as select $1 as x; execute of_mine('{}'); deallocate of_mine",
    "insert": "insert into marked (k) values ('{}')",
    "update": "update marked set note = '{}' where k = 'nobody'",
    "delete": "delete from marked where k = '{}'",
    "set": "set my.setting = '{}'; reset my.setting",
    "set to a word": "set my.setting to {}; reset my.setting",
    "set local": "begin; set local my.setting to '{}'; commit",
    "set_config": "select set_config('my.setting', '{}', false)",
    "set and keep": "set my.other = '{}'",
    "search_path": "set search_path to '{}', public; reset search_path",
    "role's password": "begin; create role of_mine password '{}'; rollback",
    "notify": "notify mine, '{}'",
    "pg_notify": "select pg_notify('mine', '{}')",
    "raise": "do $$ begin raise notice 'note %', '{}'; end $$",
    "copy options": "copy (select 1) to stdout with (format csv, null '{}')",
    "set and pinned": "set my.setting to {}; create temp table of_mine (x int); reset my.setting; drop table of_mine",
    "temporary table": "create temp table of_mine as select '{}'::text as x; drop table of_mine",
    "default": "begin; create table of_mine (x text default '{}'); rollback",
    "comment on": "comment on table marked is '{}'",
    "cursor": "begin; declare c cursor with hold for select '{}' as x; close c; commit",
    "deep": "select " + "(" * 60 + "'{}'" + ")" * 60 + " as x",
    "behind much": "select " + ", ".join(f"c{n}" for n in range(3000)) + ", '{}' from nowhere",
    "long": "select length('" + "x" * 200_000 + "{}') as x",
    "much behind": "select '{}' as x, '" + "x" * 3_000_000 + "' as y",
}

# Errors whose message, detail, context or statement holds the mark.
FAILURES = {
    "not a number": "select '{}'::int",
    "not a date": "select '{}'::date",
    "not unique": "insert into marked (k) values ('{0}'); insert into marked (k) values ('{0}')",
    "check": "insert into marked (k, n) values ('{}', -1)",
    "not null": "insert into marked (k, must) values ('{}', null)",
    "foreign key": "insert into marked (k, parent) values ('a', '{}')",
    "too long": "insert into marked (k, short) values ('a', '{}')",
    "raised": "do $$ begin raise exception 'no %', '{}' using detail = '{}', hint = '{}'; end $$",
    "open quote": "select 1 as x, '{}",
    "open escape": r"select 1 as x, E'a\'{}",
    "open dollars": "select 1 as x, $q${} $$",
    "open comment": "select 1 as x /* {}",
    "open name": 'select 1 as x, "{}',
    "syntax": "selec '{}'",
    "two literals": "select 1 frm 'a' '{}' where",
    "in a transaction": "begin; select '{}'::int",
}

NUMBERS = {
    "integer": "select {} as x",
    "negative": "select -{} as x",
    "fraction": "select 0.{} as x",
    "exponent": "select {}e-3 as x",
    "sum": "select 1+{} as x",
    "limit": "select 1 as x limit {}",
    "offset": "select 1 as x offset {}",
    "list of numbers": "select 1 where 5 in (1, {}, 3)",
    "any": "select 1 where 5 = any (array[1, {}])",
    "any of a text": "select 1 where 5 = any ('{{1,{}}}'::bigint[])",
    "between": "select 1 where 5 between {} and 7",
    "cast number": "select {}::text as x",
    "set number": "set my.number = {}; reset my.number",
    "out of range": "select {}00000::bigint::int as x",
    "division": "select {} / 0 as x",
    "series": "select * from generate_series({0}, {0}) as x",
}


@pytest.fixture(scope="module")
def tables(postgres):
    """Where marked values go."""
    postgres.run(
        "drop table if exists marked, marked_parent",
        "create table marked_parent (k text primary key)",
        "create table marked (k text primary key, n bigint check (n > 0), must int not null default 1,"
        " parent text references marked_parent, short varchar(3), note text)",
        "alter table marked owner to app",
        "alter table marked_parent owner to app",
        "alter role app createrole",
        dbname="app",
    )
    yield
    postgres.run("alter role app nocreaterole")


def simple(pooler: Pgweir, marks: Marks) -> None:
    """Every kind of literal in a Query, and with server-side binding in a Parse."""
    for kind, texts, mark in [("literal", LITERALS, marks.text), ("failure", FAILURES, marks.text), ("number", NUMBERS, marks.number)]:
        for name, text in texts.items():
            for way in ("simple", "extended"):
                sql = text.format(*[mark(f"{kind} {name}, {way}")] * 3)
                with suppress(psycopg.Error), psycopg.connect(dsn(pooler), autocommit=True) as client:
                    if way == "simple":
                        client.pgconn.exec_(sql.encode())
                    else:
                        client.pgconn.exec_params(sql.encode(), None)
    with suppress(psycopg.Error), psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("set standard_conforming_strings = off")
        client.execute(rf"select 'it\'s {marks.text('backslashes')}' as x")
        client.execute(rf"create temp table of_mine as select 'it\'s {marks.text('backslashes, pinned')}'::text as x")
        client.execute(rf"select 'it\'s {marks.text('backslashes')}")


def bound(pooler: Pgweir, marks: Marks) -> None:
    """Values in a Bind, of a statement with and without a name, those that fail too."""
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for prepare in (False, True):
            for binary in ("%s", "%b", "%t"):
                path = f"bound {binary}, {prepare}"
                client.execute(f"select {binary}::text as x", [marks.text(path)], prepare=prepare)
                client.execute(f"select {binary}::bigint as x", [marks.number(path)], prepare=prepare)
                for sql in ("select {}::text::int", "select {}::text::date"):
                    with suppress(psycopg.Error):
                        client.execute(sql.format(binary), [marks.text(path + " failing")], prepare=prepare)
        with suppress(psycopg.Error):
            client.execute("insert into marked (k, n) values (%s, %s)", [marks.text("bound, check"), -marks.number("bound, check")])
        client.execute("select %s::text[]", [[marks.text("bound array")]])
        client.execute("select %s::jsonb", [json.dumps({"k": marks.text("bound json")})])
        client.execute("select %s::text", [marks.text("bound long") + "x" * 3_000_000])
        with suppress(psycopg.Error), client.pipeline():
            client.execute("select %s::text", [marks.text("pipeline")])
            client.execute("select %s::text::int", [marks.text("pipeline failing")])

    async def by_asyncpg():
        client = await asyncpg.connect(host=pooler.host, port=pooler.port, user="app", password="secret", database="app")
        await client.fetch("select $1::text as x", marks.text("asyncpg"))
        await client.fetch("select $1::bigint as x", marks.number("asyncpg"))
        await client.executemany("insert into marked (k, n) values ($1, $2)", [(marks.text("many"), marks.number("many"))])
        with suppress(asyncpg.PostgresError):
            await client.execute("insert into marked (k, short) values ($1, $2)", "b", marks.text("asyncpg failing"))
        await client.close()

    run(by_asyncpg())


def copied(pooler: Pgweir, marks: Marks) -> None:
    """Data of COPY, both ways; lines that cannot be read."""
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        with client.cursor().copy("copy marked (k) from stdin") as copy:
            copy.write(marks.text("copied in").encode() + b"\n")
        with suppress(psycopg.Error), client.cursor().copy("copy marked (k, n) from stdin") as copy:
            copy.write(f"{marks.text('copied key')}\t{marks.text('copied badly')}\n".encode())
        with suppress(psycopg.Error), client.cursor().copy("copy marked (k) from stdin") as copy:
            copy.write(marks.text("copied and broken off").encode())
            raise psycopg.DataError(marks.text("why it was broken off"))
        with client.cursor().copy("copy marked (k) to stdout") as copy:
            list(copy)
        with client.cursor().copy(f"copy (select '{marks.text('copied out')}') to stdout") as copy:
            list(copy)


async def on_the_wire(pooler: Pgweir, marks: Marks) -> None:
    """What no driver sends: wrong passwords, values at startup, wrong messages, a client that breaks off."""
    there = (pooler.host, pooler.port)
    with suppress(ServerError):
        await Wire.login(*there, "app", "app", marks.text("wrong password"))
    with suppress(ServerError):
        await Wire.login(*there, "app", "app", "secret", options=f"-c my.setting={marks.text('options')}")
    with suppress(ServerError):
        await Wire.login(*there, "app", "app", "secret", **{"my.setting": marks.text("own setting at startup")})
    client = await Wire.login(*there, "app", "app", "secret")
    mark = marks.text("function call").encode()
    call = b"\0\0\x05\x25" + b"\0\0" + b"\0\x01" + len(mark).to_bytes(4, "big") + mark + b"\0\0"
    client.send(message(b"F", call))
    with suppress(ServerError):
        await client.until_ready()
    client.send(query(f"select pg_sleep(60), '{marks.text('broken off')}'"))
    await client.writer.drain()
    client.abort()
    for tag in (b"Q", b"P", b"B", b"d", b"Y"):
        client = await Wire.login(*there, "app", "app", "secret")
        client.send(message(tag, f"select '{marks.text(f'wrong message {tag}')}'".encode()))
        with suppress(ServerError, EOFError, ConnectionError, TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(client.until_ready(), 1)
        client.abort()


ROWS = 25


def repeated(pooler: Pgweir, marks: Marks) -> None:
    """What findings are made of, over marked values."""
    with psycopg.connect(dsn(pooler, application_name="looper"), autocommit=True) as client:
        keys = [marks.text("key of a loop") for _ in range(ROWS)]
        client.cursor().executemany("insert into marked_parent values (%s)", [[key] for key in keys])
        kinds = lambda: {finding["kind"] for finding in pooler.rows("findings")}

        def loop() -> bool:
            for (key,) in client.execute("select k from marked_parent").fetchall():
                literal = f"'{marks.text('in the list of a loop')}' as y" if key == keys[0] else "'same' as y"
                client.execute(f"select n, {literal} from marked where parent = %s", [key])
                client.execute(f"select k from marked where parent = '{key}'")
            for _ in range(12):
                client.execute("select n from marked where k = %s", [marks.text("suspected")])
            for _ in range(5):
                client.execute("select note from marked where k = %s", [keys[0]])
            return len(pooler.events("finding")) >= 2

        eventually(loop, "two findings are logged", 60)
    with psycopg.connect(dsn(pooler, application_name="filler"), autocommit=True) as client:
        for _ in range(20):
            client.execute("insert into marked (k) values (%s)", [marks.text("insert of a loop")])
    wanted = {"n_plus_one", "duplicate_read", "suspected_loop", "row_at_a_time_insert"}
    eventually(lambda: wanted <= kinds(), "findings of these kinds")


def play(pooler: Pgweir, marks: Marks) -> None:
    """All of it."""
    simple(pooler, marks)
    bound(pooler, marks)
    copied(pooler, marks)
    run(on_the_wire(pooler, marks))
    repeated(pooler, marks)
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1 as the_last_of_all")
    eventually(lambda: any("the_last_of_all" in row["sql"] for row in pooler.rows("slow")), "all of it is told")


def leaks(pooler: Pgweir, marks: Marks) -> list[tuple[str, str]]:
    """Where what came to light."""
    digests = {row["digest"] for row in pooler.rows("statements") + pooler.rows("slow")}
    every = PAGES + [f"/statement?digest={digest}&database=app&user=app" for digest in sorted(digests)]
    pages = {page: pooler.get(page)[1] for page in every}
    pages["the log"] = pooler.child.text()
    return sorted((page, path) for page, text in pages.items() for path in marks.within(text))


@pytest.fixture(params=["off", "hash"])
def secretive(request, sidecar, tables):
    """pgweir that must not tell, after everything was played; and the marks."""
    pooler, marks = sidecar(**OPEN, PGWEIR_OBSERVE_PARAMETERS=request.param), Marks()
    play(pooler, marks)
    return pooler, marks


def test_no_value_is_told(secretive):
    pooler, marks = secretive
    assert len(marks.paths) > 200
    assert len(pooler.events("slow_query")) > 200 and len(pooler.rows("slow")) > 200
    assert leaks(pooler, marks) == []
    parameters = [value for row in pooler.rows("slow") for value in row.get("parameters", [])]
    assert all(value is None or re.fullmatch("#[0-9a-f]{8}", value) for value in parameters)
    assert bool(parameters) == (pooler.env["PGWEIR_OBSERVE_PARAMETERS"] == "hash")
    assert len(in_memory(pooler, marks)) < len(LITERALS) / 5


def in_memory(pooler: Pgweir, marks: Marks) -> list[str]:
    """Literals of Queries that lie in its memory. The last of them may, in buffers that are lent to the next client; those
    that set something belong to the pool while it lasts; texts whose shapes were read must not."""
    found = marks.in_memory(pooler.pid)
    return [path for path in found if path.startswith("literal") and path.endswith("simple")]


def test_a_crash_tells_nothing(postgres, tables):
    pooler, marks = Pgweir(database_url=postgres.url("app", "secret"), env=OPEN), Marks()
    try:
        pooler.start()
        pooler.child.until(pooler.listens, "a listening event")
        simple(pooler, marks)
        pooler.child.stop(signal.SIGABRT)
        assert marks.within(pooler.child.text()) == set()
    finally:
        pooler.kill()


def test_plain_values_are_told_where_they_are_asked_for(sidecar):
    """Beside slow statements, in lists and in the log, and beside the slowest of a shape; nowhere else."""
    pooler, marks = sidecar(**OPEN, PGWEIR_OBSERVE_PARAMETERS="plain"), Marks()
    word, number, literal = marks.text("word"), marks.number("number"), marks.text("literal")
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select %s::text as bound, %b::bigint, %s::text", [word, number, None])
        client.execute(f"select '{literal}' as written, {number}")
    slow = lambda mark: [row["parameters"] for row in pooler.rows("slow") if mark in row["sql"]]
    eventually(lambda: slow("written"), "both are told")
    assert slow("bound") == [[word, str(number), None]] and slow("written") == [[literal, str(number)]]
    places = {re.sub("digest=.*|reason=.*", "", page) for page, _ in leaks(pooler, marks)}
    assert places == {"/", "/slow", "/statement?", "/api/slow", "/api/slow?", "/api/statements", "the log"}
    examples = [row.pop("example")["parameters"] for row in pooler.rows("statements") if "written" in row["sql"]]
    assert examples == [[literal, str(number)]]
    texts = [row["sql"] for row in pooler.rows("statements") + pooler.rows("slow")] + [e["sql"] for e in pooler.events("slow_query")]
    assert not any(marks.within(text) for text in texts)
    logged = [event.get("parameters") for event in pooler.events("slow_query")]
    assert [literal, str(number)] in logged


def test_hashes_tell_equal_values_from_others(sidecar):
    pooler = sidecar(**OPEN, PGWEIR_OBSERVE_PARAMETERS="hash")
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for value in ("one", "two", "one"):
            client.execute("select %s::text as hashed", [value])
    rows = lambda: [row["parameters"][0] for row in pooler.rows("slow") if "hashed" in row["sql"]]
    third, second, first = eventually(lambda: len(rows()) == 3 and rows(), "three are told")
    assert first == third != second and all(re.fullmatch("#[0-9a-f]{8}", value) for value in (first, second))
