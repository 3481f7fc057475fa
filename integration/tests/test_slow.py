"""Slow statements: all of them are told, with the times that Postgres and the clients say themselves."""

import asyncio
import re
import threading
import time

import psycopg
import pytest

from support.children import eventually
from support.postgres import Postgres, create_roles
from support.wire import ServerError, Wire, message, query
from tests.conftest import dsn, file, run

# What a test calls slow sleeps longer, and what it does not call slow does not sleep.
THRESHOLD = "50ms"

# Of `query_ms` against what Postgres says: so many milliseconds or such a part of it.
MILLISECOND = 1.0
PART = 0.05

# So long that the part is more than what the system may take the processor from us for.
LONG = 0.5


@pytest.fixture(scope="module")
def loud():
    """A Postgres that logs how long everything took."""
    with Postgres(settings={"log_min_duration_statement": "0", "log_line_prefix": "%m [%p] "}) as server:
        create_roles(server)
        yield server


@pytest.fixture
def start(run_pgweir, loud):
    """pgweirs in front of it."""

    def one(pool_size: int = 5, **env):
        env = {"PGWEIR_POOL_POOL_SIZE": pool_size, "PGWEIR_OBSERVE_SLOW_QUERY": THRESHOLD} | env
        return run_pgweir(database_url=loud.url("app", "secret"), env=env)

    return one


def told(pooler, mark: str, count: int = 1, path: str = "slow") -> list[dict]:
    """The rows whose SQL has `mark`, once there are so many."""

    def enough() -> list[dict] | None:
        rows = [row for row in pooler.rows(path) if re.search(rf"\b{mark}\b", row["sql"])]
        return rows if len(rows) >= count else None

    return eventually(enough, f"{count} rows of `{mark}`")


def logged(postgres, mark: str) -> float:
    """Milliseconds that Postgres took for the statement with `mark`: to parse, to bind and to execute it."""
    line = re.compile(rf"duration: ([0-9.]+) ms  (?:statement|parse|bind|execute)\b.*\b{mark}\b")
    return sum(float(duration) for duration in line.findall(postgres.log()))


def agrees(ours: float, theirs: float) -> bool:
    """Within what is allowed."""
    return abs(ours - theirs) <= max(MILLISECOND, PART * theirs)


def simple(client: psycopg.Connection) -> None:
    """As psycopg sends what has no parameters."""
    client.execute(f"select pg_sleep({LONG}) as m_simple")


def extended(client: psycopg.Connection) -> None:
    """And what has."""
    client.execute("select pg_sleep(%s) as m_extended", [LONG])


def prepared(client: psycopg.Connection) -> None:
    """By name, from the second time on."""
    for _ in range(2):
        client.execute("select pg_sleep(%s) as m_prepared", [LONG / 2], prepare=True)


def pipeline(client: psycopg.Connection) -> None:
    """Three in one go, of which the one in the middle is quick."""
    with client.pipeline():
        client.execute("select pg_sleep(%s) as m_pipeline_a", [LONG])
        client.execute("select 1 as m_pipeline_quick")
        client.execute("select pg_sleep(%s) as m_pipeline_b", [LONG / 2])


def copy_out(client: psycopg.Connection) -> None:
    """Rows that come slowly."""
    with client.cursor().copy(f"copy (select pg_sleep({LONG}) as m_copy_out) to stdout") as copy:
        list(copy)


def copy_in(client: psycopg.Connection) -> None:
    """A table that takes its time."""
    with client.cursor().copy("copy m_copy_in from stdin") as copy:
        copy.write(b"1\n")


ENDS_WELL = {
    simple: ["m_simple"],
    extended: ["m_extended"],
    prepared: ["m_prepared"],
    pipeline: ["m_pipeline_a", "m_pipeline_b"],
    copy_out: ["m_copy_out"],
    copy_in: ["m_copy_in"],
}


@pytest.fixture(scope="module")
def slow_table(loud):
    """Its trigger sleeps."""
    loud.run(
        "create table m_copy_in (x int)",
        "alter table m_copy_in owner to app",
        f"create function lazily() returns trigger language plpgsql as 'begin perform pg_sleep({LONG}); return null; end'",
        "create trigger lazily after insert on m_copy_in for each statement execute function lazily()",
        dbname="app",
    )


@pytest.mark.parametrize("story", ENDS_WELL, ids=lambda story: story.__name__)
def test_query_ms_is_what_postgres_says(start, loud, slow_table, story):
    pooler = start()
    with psycopg.connect(dsn(pooler, application_name="teller"), autocommit=True) as client:
        story(client)
    for mark in ENDS_WELL[story]:
        count = 2 if story is prepared else 1
        rows = told(pooler, mark, count)
        assert len(rows) == count
        theirs = logged(loud, mark)
        assert agrees(sum(row["query_ms"] for row in rows), theirs), (rows, theirs)
        for row in rows:
            assert row["reason"] == ["query"] and row["sqlstate"] is None
            assert (row["database"], row["user"], row["client"]["application_name"]) == ("app", "app", "teller")
            assert row["total_ms"] == pytest.approx(row["wait_ms"] + row["query_ms"] + row["drain_ms"], abs=0.002)
    assert not [row for row in pooler.rows("slow") if "quick" in row["sql"]]


def test_several_statements_in_a_query_take_what_postgres_says_together(start, loud):
    """It tells of the first when all are done, so their times cannot be told apart."""
    pooler = start()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select pg_sleep(0.2) as m_together_a; select pg_sleep(0.4) as m_together_b; select 1 as m_together_c")
    rows = [row for mark in "abc" for row in told(pooler, f"m_together_{mark}", path="statements")]
    assert [row["calls"] for row in rows] == [1, 1, 1]
    assert agrees(sum(row["query_ms"]["max"] for row in rows), logged(loud, "m_together_b"))


def fails(client: psycopg.Connection, sql: str, parameters=None) -> float:
    """Milliseconds until the failure."""
    began = time.monotonic()
    with pytest.raises(psycopg.Error):
        client.execute(sql, parameters)
    return (time.monotonic() - began) * 1e3


def cancelled(client: psycopg.Connection, loud) -> float:
    """Stopped by a cancel request while it runs."""
    running = "select count(*) from pg_stat_activity where state = 'active' and query like '%m_cancel%' and usename = 'app'"

    def cancel():
        eventually(lambda: loud.run(running)[0][0] == 1, "it runs")
        eventually(lambda: time.monotonic() > began + 0.1, "and is slow")
        client.cancel_safe()

    began = time.monotonic()
    thread = threading.Thread(target=cancel)
    thread.start()
    took = fails(client, "select pg_sleep(60) as m_cancel")
    thread.join()
    return took


ENDS_BADLY = [
    ("m_error", "22012", lambda c, _: fails(c, "select pg_sleep(0.2) as m_error, 1 / (random() * 0)::int")),
    ("m_extended", "22012", lambda c, _: fails(c, "select pg_sleep(%s) as m_extended, 1 / (random() * 0)::int", [0.2])),
    ("m_cancel", "57014", cancelled),
    ("m_timeout", "57014", lambda c, _: c.execute("set statement_timeout = '200ms'") and fails(c, "select pg_sleep(60) as m_timeout")),
]


@pytest.mark.parametrize("mark, sqlstate, story", ENDS_BADLY, ids=[case[0] for case in ENDS_BADLY])
def test_what_fails_slowly_is_told(start, loud, mark, sqlstate, story):
    pooler = start()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        took = story(client, loud)
    [row] = told(pooler, mark)
    assert row["reason"] == ["query", "error"]
    assert row["sqlstate"] == sqlstate
    assert 100 < row["query_ms"] <= took


CROWD = 1000


def test_none_is_lost_among_a_thousand_clients(start):
    """As many as the list holds: each client has a slow one of its own and a quick one that has to wait."""
    pooler = start(20)

    async def one(number: int, all_there: asyncio.Barrier) -> None:
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        await all_there.wait()
        await client.query(f"select pg_sleep(0.06) as m_crowd /*n='{number}'*/")
        await client.query("select 1 as m_quick")
        await client.close()

    async def story():
        all_there = asyncio.Barrier(CROWD)
        await asyncio.gather(*(one(number, all_there) for number in range(CROWD)))

    run(story(), 100)
    rows = told(pooler, "m_crowd", CROWD)
    assert sorted(int(row["tags"]["n"]) for row in rows) == list(range(CROWD))
    assert all("query" in row["reason"] and row["query_ms"] > 60 for row in rows)
    assert len({row["client"]["id"] for row in rows}) == CROWD
    assert pooler.metric("pgweir_insight_dropped_total") == 0
    assert pooler.metric("pgweir_slow_queries_total") == len(pooler.rows("slow"))


TRIES = 8


def test_wait_ms_in_a_full_pool(start, loud):
    """What Postgres says of when a statement began, less when its client sent it. The system may keep either of them from
    the processor, so the best of some tries tells whether we count rightly."""
    pooler = start(1)

    async def once(holder: Wire, waiter: Wire) -> float:
        held = asyncio.create_task(holder.query("select pg_sleep(0.3) as m_holder"))
        await asyncio.to_thread(eventually, lambda: pooler.metric("pgweir_servers", state="active") == 1, "it is held")
        asked = time.time()
        [[began]] = await waiter.query("select extract(epoch from statement_timestamp()) as m_waiter")
        await held
        return (float(began) - asked) * 1e3

    async def story() -> list[float]:
        clients = [await Wire.login(pooler.host, pooler.port, "app", "app", "secret") for _ in range(2)]
        return [await once(*clients) for _ in range(TRIES)]

    waited = run(story(), 60)
    rows = told(pooler, "m_waiter", len([ms for ms in waited if ms > 50]))
    assert all(row["reason"] == ["wait"] and row["query_ms"] < 50 for row in rows)
    theirs = [ms for ms in reversed(waited) if ms > 50]
    off = [abs(row["wait_ms"] - ms) for row, ms in zip(rows, theirs, strict=True)]
    print(f"off by {off} ms")
    assert len(off) >= TRIES / 2 and min(off) <= MILLISECOND, off
    assert all(row["wait_ms"] < MILLISECOND for row in told(pooler, "m_holder", TRIES))


def parse_bind_execute(sql: str) -> bytes:
    """The unnamed statement, without parameters."""
    parse = message(b"P", b"\0" + sql.encode() + b"\0\0\0")
    return parse + message(b"B", b"\0\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0")


SYNC = message(b"S")


async def pipelined(pooler, *statements: str) -> None:
    """In one write, with one Sync."""
    client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
    client.send(b"".join(map(parse_bind_execute, statements)) + SYNC)
    await client.until_ready()
    await client.close()


def test_each_of_a_pipeline_has_its_own_time(start, loud):
    pooler, sleeps = start(), [0.2, 0.5, 0.3]
    run(pipelined(pooler, *(f"select pg_sleep({sleep}) as m_own_{place}" for place, sleep in enumerate(sleeps))))
    for place in range(len(sleeps)):
        [row] = told(pooler, f"m_own_{place}")
        theirs = logged(loud, f"m_own_{place}")
        assert agrees(row["query_ms"], theirs), (row, theirs)


def test_begin_has_none_of_the_time_of_what_follows_it(start, loud):
    """As pgjdbc begins a transaction: together with its first statement."""
    pooler = start()
    run(pipelined(pooler, "begin", f"select pg_sleep({LONG}) as m_begun", "commit"))
    [row] = told(pooler, "m_begun")
    assert agrees(row["query_ms"], logged(loud, "m_begun"))
    assert [row["sql"] for row in pooler.rows("slow")] == [row["sql"]]
    begin = next(row for row in pooler.rows("statements") if row["sql"].lower() == "begin")
    assert begin["calls"] == 1 and begin["query_ms"]["max"] < 50


def test_a_slow_reader_is_no_slow_query(start, loud):
    """The server waits for the client, for longer than the threshold."""
    pooler = start(PGWEIR_OBSERVE_SLOW_QUERY="1s")

    async def story():
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        client.writer.transport.pause_reading()
        client.send(query("select repeat('x', 100000) as m_large from generate_series(1, 300)"))
        waits = "select count(*) from pg_stat_activity where usename = 'app' and wait_event = 'ClientWrite'"
        await asyncio.to_thread(eventually, lambda: loud.run(waits)[0][0] == 1, "Postgres waits for the reader")
        await asyncio.sleep(1.5)
        client.writer.transport.resume_reading()
        assert len([tag for tag, _ in await client.until_ready() if tag == b"D"]) == 300

    run(story())
    [row] = told(pooler, "m_large", path="slow?reason=all")
    assert row["drain_ms"] > 1500 and row["query_ms"] < 1000, row
    assert "query" not in row["reason"] and row["bytes"] > 30_000_000 and row["rows"] == 300
    assert pooler.rows("slow") == []


FIELDS = ["time", "digest", "sql", "database", "user", "wait_ms", "query_ms", "drain_ms", "total_ms", "rows", "bytes"]


def test_log_events_have_the_fields_of_the_api(start):
    pooler = start()
    with psycopg.connect(dsn(pooler, application_name="teller"), autocommit=True) as client:
        with client.transaction():
            client.execute("select 1 as m_quick")
            fails(client, "select pg_sleep(0.1) as m_logged, 1 / (random() * 0)::int /*route='%2Fusers'*/")
    [row] = told(pooler, "m_logged")
    event = pooler.wait_for_event("slow_query")
    assert {name: event[name] for name in FIELDS} == {name: row[name] for name in FIELDS}
    assert event["client"] == row["client"] and row["client"]["application_name"] == "teller"
    assert (event["sqlstate"], event["in_transaction"]) == (row["sqlstate"], row["in_transaction"]) == ("22012", True)
    assert (event["reason"], event["tags"]) == (row["reason"], row["tags"]) == (["query", "error"], {"route": "/users"})
    assert "parameters" not in event and "parameters" not in row
    assert pooler.metric("pgweir_slow_queries_total", database="app", user="app") == 1


def test_a_line_has_the_text_also_the_first_time(start):
    pooler = start(PGWEIR_OBSERVE_SLOW_QUERY="5ms")
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for n in range(20):
            client.execute(f"select pg_sleep(0.01) as m_first_{n}")
    pooler.wait_for_event("slow_query", 20)
    texts = [event["sql"] for event in pooler.events("slow_query")]
    assert texts == [f"select pg_sleep($1) as m_first_{n}" for n in range(20)]


def test_lines_are_limited_and_the_others_counted(start):
    pooler = start(PGWEIR_OBSERVE_SLOW_QUERY="1ms", PGWEIR_LOG_MAX_LINES_PER_SECOND=3)
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for _ in range(100):
            client.execute("select pg_sleep(0.005) as m_many")
    told(pooler, "m_many", 100)
    slow = lambda: len(pooler.events("slow_query"))
    suppressed = lambda: sum(event["count"] for event in pooler.events("suppressed") if event["of"] == "slow_query")
    eventually(lambda: slow() + suppressed() == 100, "100 lines, written or counted")
    seconds = [event["ts"][:19] for event in pooler.events("slow_query")]
    assert max(map(seconds.count, seconds)) <= 3 and suppressed() > 50


TAGS = "/*controller='users',route='%2Fusers%2F%3Aid',traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/"


@pytest.mark.parametrize("parameters", [None, [0.1]], ids=["simple", "extended"])
def test_tags_of_a_comment_stand_beside_it(start, parameters):
    pooler = start()
    sleep = "%s" if parameters else "0.1"
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute(f"select pg_sleep({sleep}) as m_tagged {TAGS.replace('%', '%%') if parameters else TAGS}", parameters)
        client.execute("select pg_sleep(0.1) as m_untagged")
    [row] = told(pooler, "m_tagged")
    assert row["tags"] == {
        "controller": "users",
        "route": "/users/:id",
        "traceparent": "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01",
    }
    assert "/*" not in row["sql"]
    assert told(pooler, "m_untagged")[0]["tags"] == {}


def test_a_reload_changes_what_is_slow(run_pgweir, postgres):
    config = lambda slow: file(postgres, observe={"slow_query": slow})
    pooler = run_pgweir(config=config("10s"))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        sleep = lambda mark: client.execute(f"select pg_sleep(0.1) as {mark}")
        sleep("m_before")
        told(pooler, "m_before", path="statements")
        pooler.reload(config("50ms"))
        sleep("m_between")
        told(pooler, "m_between")
        pooler.reload(config("10s"))
        sleep("m_after")
    told(pooler, "m_after", path="statements")
    assert ["m_between" in row["sql"] for row in pooler.rows("slow")] == [True]


def test_what_follows_a_begin_in_its_pipeline_is_in_a_transaction(start):
    pooler = start()
    run(pipelined(pooler, "begin", "select pg_sleep(0.1) as m_inside", "commit"))
    [row] = told(pooler, "m_inside")
    assert row["in_transaction"]


async def wait_in_vain(pooler, before: str = "") -> None:
    """A client asks while another has the only server, for longer than it may wait."""
    busy, client = [await Wire.login(pooler.host, pooler.port, "app", "app", "secret") for _ in range(2)]
    if before:
        await client.query(before)
    await busy.query("begin")
    with pytest.raises(ServerError):
        await client.query("select 1 as m_vain")
    await busy.close()
    await client.close()


@pytest.fixture
def impatient(run_pgweir, postgres):
    """One server, and nobody waits long for it."""
    limits = {"pool_size": 1, "query_wait_timeout": "200ms"}
    return run_pgweir(config=file(postgres, pool=limits, observe={"slow_query": THRESHOLD}))


def test_a_wait_in_vain_is_told(impatient):
    run(wait_in_vain(impatient, before="select 2 as m_vain"))
    [row] = told(impatient, "m_vain")
    assert row["reason"] == ["wait", "error"] and row["sqlstate"] == "53300"
    assert row["wait_ms"] > 150 and row["query_ms"] < 50


def test_a_wait_in_vain_is_told_with_a_text_that_never_ran(impatient):
    run(wait_in_vain(impatient))
    [row] = told(impatient, "m_vain")
    assert row["sqlstate"] == "53300"


def test_a_text_of_several_statements_is_slow_as_a_whole(start):
    """Postgres tells their ends together, so that none of them is known to be slow by itself."""
    pooler = start()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1 as one; select 2 as two; select 3 as three from pg_sleep(0.08)")
    (row,) = told(pooler, "three")
    assert row["reason"] == ["text"] and row["query_ms"] < 80 <= row["text_ms"]
    assert not [row for row in pooler.rows("slow") if re.search(r"\b(one|two)\b", row["sql"])]
    assert "text_ms" not in told(pooler, "three", path="statements")[0]
    event = pooler.wait_for_event("slow_query")
    assert event["text_ms"] == row["text_ms"]


def test_in_a_pipeline_nobody_takes_the_time_of_what_looks_small(start):
    """A SELECT of what the server knows of itself may take long, and COMMIT too; only BEGIN and its kin do not."""
    pooler = start()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for _ in range(3):
            with client.pipeline():
                client.execute("select current_user as busy from pg_sleep(%s)", [0.08])
                client.execute("select %s::int as innocent", [1])
    busy, innocent = (told(pooler, mark, path="statements")[0]["query_ms"]["max"] for mark in ("busy", "innocent"))
    assert innocent < 50 < 80 <= busy
    assert not [row for row in pooler.rows("slow") if "innocent" in row["sql"]]


def test_a_mistake_in_a_text_is_not_its_first_statement_s(start):
    pooler = start()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1 as good")
        with pytest.raises(psycopg.errors.SyntaxError):
            client.execute("select 1 as good; selec 2")
    eventually(lambda: any(row["errors"] for row in pooler.rows("statements")), "the error is told")
    (good,) = told(pooler, "good", path="statements")
    assert (good["calls"], good["errors"]) == (1, 0)
