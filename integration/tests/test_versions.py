"""pgweir in front of the oldest Postgres that is supported and of the newest; all other tests have Debian's. Two servers for
everybody, SCRAM on both sides."""

import asyncio
import json
import threading

import asyncpg
import psycopg
import pytest

from support import servers
from support.children import Scratch, eventually
from support.pgweir import Pgweir
from support.postgres import Postgres, create_roles
from support.wire import Wire
from tests.conftest import dsn, file, run

CLIENTS = 6


@pytest.fixture(scope="module", params=servers.majors())
def server(request):
    """A Postgres of each major version."""
    scratch = Scratch()
    with Postgres(programs=servers.copy_programs(request.param, scratch.path / "native")) as server:
        create_roles(server)
        yield server
        print(f"--- postgres' log ---\n{server.log()[-3000:]}")
    scratch.remove()


@pytest.fixture
def major(server) -> int:
    """Which it is, as it says itself."""
    return int(server.version().split(".")[0])


@pytest.fixture
def pooler(server):
    """pgweir in front of it."""
    with Pgweir(database_url=server.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 2}) as pooler:
        yield pooler
        assert server.sessions("app") <= 3, "two of the pool, one that listens"


@pytest.fixture
def connect(pooler):
    """Connections of psycopg in autocommit."""
    opened = []

    def one(**more) -> psycopg.Connection:
        opened.append(psycopg.connect(dsn(pooler, **more), autocommit=True))
        return opened[-1]

    yield one
    for connection in opened:
        connection.close()


def value(connection, sql: str):
    """The one value of a query."""
    return connection.execute(sql).fetchone()[0]


def expect_pinned(pooler, count: int) -> None:
    """Waits until so many clients are tied to a server; what ties one is known a moment after its answer."""
    pinned = lambda: [row["pinned"] for row in json.loads(pooler.get("/api/clients")[1]) if row["pinned"]]
    eventually(lambda: len(pinned()) == count, f"{count} clients pinned")


def test_a_client_is_told_what_its_server_is(connect, server, major):
    told, direct = connect().info, server.connect("app").info
    assert told.server_version == direct.server_version and told.server_version // 10000 == major
    reported = ("server_version", "search_path", "default_transaction_read_only", "in_hot_standby", "scram_iterations")
    names = reported + ("TimeZone", "DateStyle", "client_encoding", "integer_datetimes")
    same = lambda name: told.parameter_status(name) == direct.parameter_status(name)
    assert all(same(name) for name in names), [name for name in names if not same(name)]


def test_statements_and_errors(connect):
    connection = connect()
    assert connection.execute("select 1, 'x'").fetchall() == [(1, "x")]
    assert connection.execute("select %s::int + %s::int", [1, 2]).fetchone() == (3,)
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("select 1 / 0")
    with connection.transaction(), pytest.raises(psycopg.errors.UndefinedTable), connection.transaction():
        connection.execute("select * from nowhere")
    with connection.pipeline():
        cursors = [connection.execute("select %s::int", [number]) for number in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(50))


def test_prepared_statements_meet_any_server(connect):
    connections = [connect() for _ in range(CLIENTS)]
    for turn in range(3):
        for number, connection in enumerate(connections):
            row = connection.execute("select %s::int * %s::int", [number, turn], prepare=True).fetchone()
            assert row == (number * turn,)
    connections[0].close()
    assert connect().execute("select %s::int * %s::int", [6, 7], prepare=True).fetchone() == (42,)
    connections[1].execute("deallocate all")
    assert connections[2].execute("select %s::int * %s::int", [6, 8], prepare=True).fetchone() == (48,)


def test_asyncpg(pooler):
    async def story():
        address = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}
        connections = [await asyncpg.connect(**address) for _ in range(CLIENTS)]
        for number, connection in enumerate(connections * 2):
            statement = await connection.prepare("select $1::int + 1")
            assert await statement.fetchval(number) == number + 1
        sums = await asyncio.gather(*(connection.fetchval("select $1::int[]", [1, 2]) for connection in connections))
        assert sums == [[1, 2]] * CLIENTS
        async with connections[0].transaction():
            rows = [row[0] async for row in connections[0].cursor("select generate_series(1, 100)", prefetch=10)]
            assert rows == list(range(1, 101))
        await connections[0].reset()
        for connection in connections:
            await connection.close()

    run(story())


SETTINGS = [
    ("search_path", "pg_catalog", "public"),
    ("TimeZone", "Asia/Tokyo", "UTC"),
    ("DateStyle", "German, DMY", "SQL, MDY"),
    ("statement_timeout", "1234ms", "5s"),
    ("work_mem", "5MB", "6MB"),
    ("application_name", "one", "two"),
    ("default_transaction_read_only", "on", "off"),
    ("my.own", "a", "b"),
]


@pytest.mark.parametrize("name, of_one, of_two", SETTINGS, ids=[case[0] for case in SETTINGS])
def test_settings_are_carried(connect, name, of_one, of_two):
    clients = {connect(): of_one, connect(): of_two}
    stranger = connect()
    default = value(stranger, f"select current_setting('{name}', true)")
    for client, wanted in clients.items():
        client.execute("select set_config(%s, %s, false)", [name, wanted])
    for _ in range(3):
        for client, wanted in clients.items():
            assert value(client, f"show {name}") == wanted
        assert (value(stranger, f"select current_setting('{name}', true)") or None) == (default or None)
    for client in clients:
        client.execute("reset all")
        assert (value(client, f"select current_setting('{name}', true)") or None) == (default or None)


def test_what_a_client_logged_in_with_outlasts_reset_all(connect):
    one, two = connect(options="-c search_path=pg_catalog -c work_mem=7MB"), connect()
    for _ in range(2):
        assert (value(one, "show search_path"), value(one, "show work_mem")) == ("pg_catalog", "7MB")
        assert (value(two, "show search_path"), value(two, "show work_mem")) == ('"$user", public', "4MB")
        one.execute("reset all")


def test_roles(connect, server):
    server.run("drop role if exists carried", "create role carried", "grant carried to app")
    one, two = connect(), connect()
    one.execute("set role carried")
    for _ in range(3):
        assert (value(one, "select current_user"), value(two, "select current_user")) == ("carried", "app")
    one.execute("reset role")
    assert value(one, "select current_user") == "app"


PINS = [
    ("select pg_advisory_lock(1)", "select pg_advisory_unlock(1)"),
    ("select pg_advisory_lock(2)", "select pg_advisory_unlock_all()"),
    ("create temp table own (x int)", "drop table own"),
    ("create temp table own (x int)", "discard all"),
    ("declare own cursor with hold for select 1", "close own"),
    ("prepare own as select 1", "deallocate own"),
]


@pytest.mark.parametrize("tie, undo", PINS, ids=[f"{tie} until {undo}" for tie, undo in PINS])
def test_pins_and_releases(pooler, connect, tie, undo):
    client, others = connect(), [connect() for _ in range(3)]
    client.execute(tie)
    expect_pinned(pooler, 1)
    server = value(client, "select pg_backend_pid()")
    assert all(value(other, "select pg_backend_pid()") != server for other in others)
    client.execute(undo)
    expect_pinned(pooler, 0)
    assert value(client, "select 1") == 1


def test_listen_and_notify(pooler, connect):
    listeners, speaker = [connect() for _ in range(CLIENTS)], connect()
    for listener in listeners:
        listener.execute("listen everybody")
    expect_pinned(pooler, 0)
    speaker.execute("notify everybody, 'all'")
    for listener in listeners:
        assert [note.payload for note in listener.notifies(timeout=20, stop_after=1)] == ["all"]


def test_copy(connect, server):
    server.run("drop table if exists lines", "create table lines (x text)", "grant all on lines to app", dbname="app")
    one, two = connect(), connect()
    with one.cursor().copy("copy lines from stdin") as copy:
        for number in range(10_000):
            copy.write_row([f"line {number}"])
    with two.cursor().copy("copy (select x from lines) to stdout") as copy:
        assert sum(1 for _ in copy.rows()) == 10_000
    with pytest.raises(psycopg.errors.UndefinedTable), one.cursor().copy("copy nowhere from stdin") as copy:
        copy.write_row(["x"])
    assert value(one, "select count(*) from lines") == 10_000


def asleep(server) -> int:
    """How many sleeps of `app` run."""
    return server.run("select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'")[0][0]


@pytest.mark.parametrize("protocol, key", [("3.0", 4), ("3.2", 32)])
def test_cancel(connect, server, protocol, key):
    """libpq as new as psycopg's own can ask for protocol 3.2, whose keys are longer, whatever the server speaks."""
    client, outcome = connect(max_protocol_version=protocol), []
    assert client.pgconn.full_protocol_version == (30000 if protocol == "3.0" else 30002)

    def sleep():
        try:
            client.execute("select pg_sleep(60)")
        except psycopg.Error as failure:
            outcome.append(failure.sqlstate)

    thread = threading.Thread(target=sleep)
    thread.start()
    eventually(lambda: asleep(server) == 1, "a sleep")
    client.cancel_safe()
    thread.join()
    assert outcome == ["57014"] and value(client, "select 1") == 1


def test_md5_on_both_sides(server):
    databases = {"app": {"url": server.url("app_md5", "secret")}}
    config = file(server, databases=databases, auth={"auth_type": "md5"})
    with Pgweir(config=config) as pooler:
        with psycopg.connect(dsn(pooler)) as client:
            assert value(client, "select session_user") == "app_md5"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(dsn(pooler, password="wrong"))


def test_a_wrong_password_towards_the_server(server):
    with Pgweir(database_url=server.url("app", "wrong")) as pooler:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(dsn(pooler, password="wrong"))


def test_restart(pooler, server):
    """All servers rest when Postgres goes: nobody needs to know."""
    at_the_door = lambda: sum(row["servers"]["login"] for row in json.loads(pooler.get("/api/pools")[1]))

    async def story():
        clients = [await Wire.login(pooler.host, pooler.port, "app", "app", "secret") for _ in range(CLIENTS)]
        await asyncio.gather(*(client.query("set work_mem = '9MB'") for client in clients))
        await asyncio.to_thread(eventually, lambda: at_the_door() == 0, "no server in its login")
        server.stop()
        server.start()
        for client in clients:
            assert await client.query("show work_mem") == [["9MB"]]

    run(story())


def test_what_a_function_leaves_is_found(server):
    """A setting that the server lists and one that it does not."""
    body = "perform set_config('work_mem', '9MB', false), set_config('app.tenant', '7', false)"
    server.run(f"create function leave() returns int language plpgsql as $$ begin {body}; return 1; end $$", dbname="app")
    env = {"PGWEIR_POOL_POOL_SIZE": 1, "PGWEIR_POOL_SERVER_AUDIT_INTERVAL": "1ms"}
    with Pgweir(database_url=server.url("app", "secret"), env=env) as pooler, psycopg.connect(dsn(pooler), autocommit=True) as one:
        one.execute("select leave()")
        found = eventually(lambda: pooler.events("session_leak"), "the leak to be found")[0]
        assert sorted(found["left"].split(", ")) == ["app.tenant", "work_mem"]
