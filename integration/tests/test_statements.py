"""`/api/statements`: one row a shape, whoever sends it and however; numbers that agree with Postgres' own."""

import asyncio
import json
import os
import subprocess
from contextlib import closing

import asyncpg
import psycopg
import psycopg2
import pytest

from support import proc
from support.children import eventually
from support.places import ROOT, postgres_program
from support.postgres import Postgres, create_roles
from support.wire import Wire
from tests.conftest import dsn, run


@pytest.fixture(scope="module")
def counting():
    """A Postgres that counts statements itself, with some books."""
    with Postgres(settings={"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "on"}) as server:
        create_roles(server)
        server.run(
            "create extension pg_stat_statements",
            "create table books (id serial primary key, author int not null, title text not null, pages int not null)",
            "insert into books (author, title, pages) select n % 10, 'title ' || n, n % 100 from generate_series(1, 1000) n",
            "alter table books owner to app",
            dbname="app",
        )
        yield server


@pytest.fixture
def pooler(run_pgweir, counting):
    """In front of it, both having counted nothing yet."""
    counting.run("select pg_stat_statements_reset()", dbname="app")
    return run_pgweir(database_url=counting.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 5})


TURNS = 7


def test_rows_that_come_in_portions(pooler):
    """One row a call, and a cursor's: each counts, whether or not there are more behind it."""

    async def story():
        place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}
        client = await asyncpg.connect(**place, server_settings={"application_name": "portions"})
        for _ in range(20):
            assert (await client.fetchrow("select id from books order by id"))["id"] == 1
        async with client.transaction():
            rows = [row async for row in client.cursor("select title from books where id <= 95", prefetch=10)]
        await client.close()
        return len(rows)

    assert run(story()) == 95

    def counted():
        rows = json.loads(pooler.get("/api/statements?application_name=portions")[1])
        return {row["sql"]: row["rows"] for row in rows}

    expected = {"select id from books order by id": 20, "select title from books where id <= $1": 95}
    eventually(lambda: expected.items() <= counted().items(), f"rows {expected}")


def by_psycopg2(pooler) -> None:
    """Literals in a Query."""
    with psycopg2.connect(dsn(pooler, application_name="psycopg2")) as client, client.cursor() as cursor:
        for turn in range(TURNS):
            cursor.execute("SELECT title, pages FROM books WHERE author = %s AND pages > %s ORDER BY id", [turn, 10])


def by_psycopg(pooler) -> None:
    """Parameters; from the sixth time on, a statement with a name."""
    with psycopg.connect(dsn(pooler, application_name="psycopg")) as client:
        for turn in range(TURNS):
            client.execute("select title, pages from books where author = %s and pages > %s order by id", [turn, 10])


def by_asyncpg(pooler) -> None:
    """Statements with names, parameters in binary."""

    async def story():
        where = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}
        client = await asyncpg.connect(**where, server_settings={"application_name": "asyncpg"})
        for turn in range(TURNS):
            await client.fetch("select title, pages from books\nwhere author = $1 and pages > $2 order by id", turn, 10)
        await client.close()

    run(story())


NODE = {
    "node-postgres": """
        import pg from "pg";
        const client = new pg.Client({ application_name: "node-postgres" });
        await client.connect();
        for (let turn = 0; turn < TURNS; turn++)
          await client.query("select title, pages from books where author = $1 and pages > $2 order by id", [turn, 10]);
        await client.end();""",
    "postgres.js": """
        import postgres from "postgres";
        const sql = postgres({ connection: { application_name: "postgres.js" }, max: 1 });
        for (let turn = 0; turn < TURNS; turn++)
          await sql`select title, pages from books where author = ${turn} and pages > ${10} order by id`;
        await sql.end();""",
}


def program(pooler, name: str, command: list, text: str = "", cwd=None) -> None:
    """Runs one that reads its text from standard input and libpq's variables."""
    where = {"PGHOST": pooler.host, "PGPORT": str(pooler.port), "PGUSER": "app", "PGDATABASE": "app", "PGPASSWORD": "secret"}
    env = {"PATH": os.environ["PATH"], "PGAPPNAME": name, **where}
    done = subprocess.run(command, input=text, env=env, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def by_node(name: str):
    """A module."""
    command, folder = ["node", "--input-type=module"], ROOT / "integration" / "node"
    return lambda pooler: program(pooler, name, command, NODE[name].replace("TURNS", str(TURNS)), folder)


def by_psql(pooler) -> None:
    """As a person writes, with a comment."""
    text = "-- how long?\nSelect title,pages From \"books\" Where author={turn} And pages>10 /* few */ Order By id;\n"
    program(pooler, "psql", [postgres_program("psql"), "-q"], "".join(text.format(turn=turn) for turn in range(TURNS)))


def by_pgbench(mode: str):
    """In one of its three ways."""
    script = "\\set author random(0, 9)\nselect title, pages from books where author = :author and pages > 10 order by id;\n"
    command = [postgres_program("pgbench"), "-n", "-M", mode, "-t", str(TURNS), "-f", "-"]
    command[-1] = "/dev/stdin"
    return lambda pooler: program(pooler, f"pgbench {mode}", command, script)


DRIVERS = {
    "psycopg2": by_psycopg2,
    "psycopg": by_psycopg,
    "asyncpg": by_asyncpg,
    "node-postgres": by_node("node-postgres"),
    "postgres.js": by_node("postgres.js"),
    "psql": by_psql,
    "pgbench simple": by_pgbench("simple"),
    "pgbench extended": by_pgbench("extended"),
    "pgbench prepared": by_pgbench("prepared"),
}


def shown(pooler, part: str, path: str = "statements") -> list[dict]:
    """Rows whose SQL has `part`, in whatever case."""
    return [row for row in pooler.rows(path) if part in row["sql"].lower()]


def counted(pooler, part: str, calls: int) -> list[dict]:
    """The same, once they have been called so often together."""
    enough = lambda: sum(row["calls"] for row in shown(pooler, part)) >= calls
    eventually(enough, f"{calls} calls of {part}")
    return shown(pooler, part)


def theirs(postgres, part: str) -> tuple[int, int]:
    """Calls and rows of what has `part`, as Postgres counts them: one that fails is none."""
    sums = "select sum(calls)::int, sum(rows)::int from pg_stat_statements s join pg_roles r on r.oid = s.userid"
    return postgres.run(f"{sums} where rolname = 'app' and query ilike '%{part}%'", dbname="app")[0]


def test_one_shape_is_one_row_whatever_driver(pooler, counting):
    for send in DRIVERS.values():
        send(pooler)
    [row] = counted(pooler, "select title, pages", TURNS * len(DRIVERS))
    assert row["applications"] == sorted(DRIVERS)
    assert (row["calls"], row["errors"], row["errors_by_sqlstate"]) == (TURNS * len(DRIVERS), 0, {})
    assert (row["calls"], row["rows"]) == theirs(counting, "title,%pages")
    assert (row["kind"], row["tables"], row["database"], row["user"]) == ("select", ["books"], "app", "app")
    assert "$1" in row["sql"] and "$2" in row["sql"] and "/*" not in row["sql"] and "--" not in row["sql"]
    for name in DRIVERS:
        [own] = shown(pooler, "select title, pages", f"statements?application_name={name.replace(' ', '%20')}")
        assert (own["digest"], own["calls"], own["applications"]) == (row["digest"], TURNS, [name])


WRITES = {
    "insert into books": 'insert into books (author, title, pages) values (11, %s, 1), (11, %s, 2) returning id',
    "update books": "update books set pages = pages + 1 where author = 3 and title <> %s and title <> %s",
    "delete from books": "delete from books where author = 11 and title <> %s and title <> %s",
    "union all": "select id from books where title = %s union all select n from generate_series(1, 5) n where n::text <> %s",
}


def test_calls_and_rows_are_those_of_postgres(pooler, counting):
    with psycopg.connect(dsn(pooler), autocommit=True) as client, closing(psycopg2.connect(dsn(pooler))) as other:
        other.autocommit = True
        for turn in range(TURNS):
            for sql in WRITES.values():
                client.execute(sql, [f"a{turn}", f"b{turn}"])
                other.cursor().execute(sql, [f"a{turn}", f"b{turn}"])
            with client.cursor().copy("copy books (author, title, pages) from stdin") as copy:
                copy.write("12\tcopied\t1\n" * 20)
    for part in WRITES:
        [row] = counted(pooler, part, 2 * TURNS)
        assert (row["calls"], row["rows"]) == theirs(counting, part), part
    [row] = counted(pooler, "copy books", TURNS)
    assert (row["calls"], row["rows"], row["kind"]) == (TURNS, 20 * TURNS, "copy")
    assert (row["calls"], row["rows"]) == theirs(counting, "copy books")


def test_a_long_text_is_known_whichever_way_it_comes(pooler):
    """Rows by the hundred in one INSERT: by Parse of the unnamed statement, and by Query."""
    rows = 5_000
    text = "insert into books (author, title, pages) select * from (values {}) as long (a, b, c) where false"
    with psycopg.connect(dsn(pooler), autocommit=True, prepare_threshold=None) as client:
        for turn in range(TURNS):
            client.execute(text.format(", ".join(["(1, 'a title', 100)"] * (rows + turn)) + ", (%s::int, 'last', 1)"), [turn])
            client.execute(text.format(", ".join(["(1, 'a title', 100)"] * (rows + turn))))
    [row] = counted(pooler, "insert into books", 2 * TURNS)
    assert row["calls"] == 2 * TURNS
    assert not shown(pooler, "other")


def test_errors_by_sqlstate(pooler):
    failing = {
        "22012": "select 1 / (%s::int - 1) as fails",
        "23505": "insert into books (id, author, title, pages) values (%s, 1, 'fails', 1)",
        "42P01": "select fails from nowhere where x = %s",
    }
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for sqlstate, sql in failing.items():
            for _ in range(TURNS):
                with pytest.raises(psycopg.Error) as failure:
                    client.execute(sql, [1])
                assert failure.value.sqlstate == sqlstate
        client.execute(failing["22012"], [2])
    by_state = lambda: {tuple(row["errors_by_sqlstate"].items()): row for row in pooler.rows("statements")}
    total = lambda of: sum(row[of] for row in pooler.rows("statements"))
    eventually(lambda: (total("errors"), total("calls")) == (3 * TURNS, 3 * TURNS + 1), "all errors and the call that was none")
    calls = {state: by_state()[((state, TURNS),)]["calls"] for state in failing}
    assert calls == {"22012": TURNS + 1, "23505": TURNS, "42P01": TURNS}


def test_filters(pooler):
    for application in ("one", "two"):
        with psycopg.connect(dsn(pooler, application_name=application), autocommit=True) as client:
            client.execute("select pg_sleep(0.02) as heavy")
            client.execute(f"select 1 as only_{application}")
    counted(pooler, "only_two", 1)
    heavy = pooler.rows("statements")[0]
    assert "heavy" in heavy["sql"] and heavy["calls"] == 2 and heavy["share"] > 0.5

    def check(query: str, *parts: str) -> None:
        rows = pooler.rows(f"statements?{query}")
        assert [next(part for part in ("heavy", "only_one", "only_two") if part in row["sql"]) for row in rows] == list(parts), query

    check("limit=1", "heavy")
    check("limit=0")
    check("application_name=one", "heavy", "only_one")
    check("application_name=two&limit=1", "heavy")
    check("application_name=three")
    check("user=other")
    check("database=other")
    check("database=app&user=app&limit=1", "heavy")
    check(f"digest={heavy['digest']}", "heavy")
    for wrong in ("limit=many", "limit=-1", "digest=xyz"):
        status, body = pooler.get(f"/api/statements?{wrong}")
        assert status == 400 and json.loads(body)["error"].startswith(wrong.split("=")[0])


SHAPES = 100_000
FLOODS = 2
EACH = 500
SENDERS = 4
MOST = 1_000_000

# What is stated of them in the code: 5 MiB of numbers, 8 of histograms, 16 of texts and 4 of texts that wait, 2 of single
# executions, and 45 of batches on their way to the analyst.
BOUND = 80 * 1024 * 1024


def flood(pooler, name: str) -> None:
    """Statements of which no two have the same shape."""

    async def send(number: int) -> None:
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        for begin in range(number * EACH, SHAPES, SENDERS * EACH):
            await client.query(";".join(f"select {n} as {name}_{n}" for n in range(begin, begin + EACH)))
        await client.close()

    async def story():
        await asyncio.gather(*(send(number) for number in range(SENDERS)))

    run(story(), 60)


def test_a_flood_of_shapes(pooler):
    """Memory stays bounded, and no call is lost: what has no room of its own is counted under `other`."""
    sizes = [proc.resident(pooler.pid)]
    for turn in range(FLOODS):
        flood(pooler, f"flood_{turn}")
        calls = lambda: sum(row["calls"] for row in pooler.rows(f"statements?limit={MOST}"))
        eventually(lambda: calls() == SHAPES * (turn + 1), "all calls are counted", 20)
        sizes.append(proc.resident(pooler.pid))
    assert pooler.metric("pgweir_insight_dropped_total", what="reports") == 0
    [other] = shown(pooler, "other", f"statements?limit={MOST}")
    assert SHAPES * FLOODS * 0.9 < other["calls"] < SHAPES * FLOODS
    assert 1000 < pooler.metric("pgweir_insight_shapes") <= 10_000
    texts = pooler.metric("pgweir_insight_dropped_total", what="texts")
    print(f"memory: {[f'{size / 2**20:.1f} MiB' for size in sizes]}; texts left out: {texts:.0f}")
    assert sizes[-1] - sizes[0] < BOUND
