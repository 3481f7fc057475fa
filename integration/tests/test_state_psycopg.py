"""What sessions remember beyond transactions, as psycopg2, psycopg 3 and asyncpg make use of it; twenty-four over two servers."""

import asyncio
import contextlib
import select
import ssl

import asyncpg
import psycopg
import psycopg2
import pytest

from support.crowd import at_once
from tests.conftest import run, secure_dsn

CONNECTIONS = 24


@pytest.fixture
def connect(two_servers, certificates):
    """Connections in autocommit, of the driver named."""
    opened = []

    def one(driver=psycopg2):
        opened.append(driver.connect(secure_dsn(two_servers, certificates)))
        opened[-1].autocommit = True
        return opened[-1]

    yield one
    for connection in opened:
        connection.close()


def rows(connection, sql: str) -> list:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def value(connection, sql: str):
    """The one value of a query."""
    return rows(connection, sql)[0][0]


def test_psycopg2_characteristics_in_autocommit(connect):
    """In autocommit psycopg2 sets default_transaction_isolation and its kin, which Postgres reports in part."""
    connections = [connect() for _ in range(CONNECTIONS)]
    levels = ["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"]

    def work(number: int) -> None:
        connection, level = connections[number], levels[number % 3]
        connection.set_session(isolation_level=level, readonly=number % 2 == 0, deferrable=number % 4 == 0, autocommit=True)
        for _ in range(5):
            assert value(connection, "show transaction_isolation") == level.lower()
            assert value(connection, "show transaction_read_only") == ("on" if number % 2 == 0 else "off")
            assert value(connection, "show transaction_deferrable") == ("on" if number % 4 == 0 else "off")

    at_once(CONNECTIONS, work)


def test_psycopg2_reset_forgets(connect):
    one, two = connect(), connect()
    rows(one, "set statement_timeout = 1234")
    assert [value(one, "show statement_timeout"), value(two, "show statement_timeout")] == ["1234ms", "0"]
    one.reset()
    assert value(one, "show statement_timeout") == "0"


@pytest.mark.parametrize("driver", [psycopg2, psycopg], ids=["psycopg2", "psycopg"])
def test_cursors_with_hold(connect, driver):
    connections = [connect(driver) for _ in range(CONNECTIONS)]

    def read(number: int) -> None:
        # Closed at the end, so that one that fails in a transaction does not keep a server from the others.
        with contextlib.closing(connections[number]) as connection:
            connection.autocommit = False
            with connection.cursor(name="held", withhold=True) as cursor:
                cursor.itersize = 50
                cursor.execute(f"select x + {number} from generate_series(1, 300) x")
                assert cursor.fetchone() == (number + 1,)
                connection.commit()
                assert [row[0] for row in cursor] == list(range(number + 2, number + 301))
                connection.commit()
            connection.commit()

    at_once(CONNECTIONS, read)


@pytest.mark.parametrize("driver", [psycopg2, psycopg], ids=["psycopg2", "psycopg"])
def test_statements_prepared_by_sql(connect, driver):
    connections = [connect(driver) for _ in range(CONNECTIONS)]

    def work(number: int) -> None:
        connection = connections[number]
        rows(connection, f"prepare mine (int) as select $1 + {number}")
        for turn in range(5):
            assert value(connection, f"execute mine ({turn})") == number + turn
        rows(connection, "deallocate mine")
        with pytest.raises(driver.Error, match="does not exist"):
            rows(connection, "execute mine (1)")

    at_once(CONNECTIONS, work)


def test_psycopg2_notifications(connect):
    listener, others = connect(), [connect() for _ in range(CONNECTIONS)]
    rows(listener, "listen news")
    at_once(CONNECTIONS, lambda number: rows(others[number], f"notify news, '{number}'"))
    heard = set()
    while len(heard) < CONNECTIONS:
        assert select.select([listener], [], [], 10)[0], f"heard only {heard}"
        listener.poll()
        heard |= {int(one.payload) for one in listener.notifies}
    rows(listener, "unlisten news")


def test_psycopg_notifications(connect):
    listener, others = connect(psycopg), [connect(psycopg) for _ in range(CONNECTIONS)]
    rows(listener, "listen news")
    at_once(CONNECTIONS, lambda number: rows(others[number], f"select pg_notify('news', '{number}')"))
    heard = {int(one.payload) for one in listener.notifies(timeout=10, stop_after=CONNECTIONS)}
    assert heard == set(range(CONNECTIONS))
    rows(listener, "unlisten *")


@pytest.fixture
def with_pool(two_servers, certificates):
    """Runs a story with a full pool of asyncpg."""
    trust = ssl.create_default_context(cafile=str(certificates.ca))
    place = {"host": "localhost", "port": two_servers.port, "user": "app", "password": "secret", "database": "app"}

    def tell(story):
        async def whole():
            async with asyncpg.create_pool(**place, ssl=trust, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
                await story(pool)

        run(whole())

    return tell


def test_asyncpg_settings_last_until_the_pool_resets_them(with_pool):
    async def work(pool, number: int) -> None:
        async with pool.acquire() as connection:
            await connection.execute(f"set statement_timeout = {1001 + number}")
            await connection.fetchval("select set_config('my.own', $1, false)", str(number))
            for _ in range(5):
                assert await connection.fetchval("show statement_timeout") == f"{1001 + number}ms"
                assert await connection.fetchval("select current_setting('my.own')") == str(number)

    async def story(pool):
        await asyncio.gather(*(work(pool, number) for number in range(CONNECTIONS)))
        for _ in range(CONNECTIONS):
            assert await pool.fetchval("show statement_timeout") == "0"
            assert await pool.fetchval("select current_setting('my.own', true)") in (None, "")

    with_pool(story)


def test_asyncpg_locks_last_until_the_pool_resets_them(with_pool):
    async def work(pool, number: int) -> None:
        async with pool.acquire() as connection:
            await connection.fetchval("select pg_advisory_lock($1)", 4711)
            holders.append(number)
            mine = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            for _ in range(3):
                assert await connection.fetchval(mine) == 1
            assert holders == [number]
            holders.clear()

    async def story(pool):
        await asyncio.gather(*(work(pool, number) for number in range(CONNECTIONS)))
        assert await pool.fetchval("select pg_try_advisory_lock(4711)")
        assert await pool.fetchval("select count(*) from pg_locks where locktype = 'advisory'") == 0

    holders = []
    with_pool(story)


def test_asyncpg_temporary_tables(with_pool):
    async def work(pool, number: int) -> None:
        async with pool.acquire() as connection:
            await connection.execute("create temp table scratch (x int)")
            await connection.copy_records_to_table("scratch", records=[(x,) for x in range(number)])
            assert await connection.fetchval("select count(*) from scratch") == number
            await connection.execute("discard temp")

    async def story(pool):
        await asyncio.gather(*(work(pool, number) for number in range(CONNECTIONS)))

    with_pool(story)


def test_asyncpg_listeners(with_pool):
    async def story(pool):
        heard = asyncio.Queue()

        def hear(_connection, _pid, _channel, payload) -> None:
            heard.put_nowait(int(payload))

        async with pool.acquire() as listener:
            await listener.add_listener("news", hear)
            await asyncio.gather(*(pool.execute("select pg_notify('news', $1)", str(n)) for n in range(CONNECTIONS)))
            assert {await heard.get() for _ in range(CONNECTIONS)} == set(range(CONNECTIONS))
            await listener.remove_listener("news", hear)

    with_pool(story)
