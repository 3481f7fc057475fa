"""psycopg2 through TLS and SCRAM: it speaks the simple protocol alone, and its large objects are FunctionCalls."""

import io
import threading

import psycopg2
import psycopg2.extensions as extensions
import psycopg2.extras as extras
import psycopg2.pool
import pytest
from psycopg2 import errors

from support.children import eventually
from support.crowd import at_once
from tests.conftest import secure_dsn

CONNECTIONS = 30


@pytest.fixture
def connect(two_servers, certificates):
    """Connections to pgweir, in autocommit if wanted."""
    opened = []

    def one(autocommit: bool = False, **more):
        opened.append(psycopg2.connect(secure_dsn(two_servers, certificates), **more))
        opened[-1].autocommit = autocommit
        return opened[-1]

    yield one
    for connection in opened:
        connection.close()


def rows(connection, sql: str, parameters=None) -> list:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def value(connection, sql: str, parameters=None):
    """The one value of a query."""
    return rows(connection, sql, parameters)[0][0]


def test_tls_and_scram(connect):
    connection = connect()
    assert connection.info.ssl_in_use and connection.info.used_password
    assert value(connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()") is True
    connection.commit()


def test_transactions_with_savepoints(connect, table):
    table("p2_tx", "x int")
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into p2_tx values (1)")
        cursor.execute("savepoint s")
        cursor.execute("insert into p2_tx values (2)")
        with pytest.raises(errors.DivisionByZero):
            cursor.execute("select 1/0")
        assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_INERROR
        cursor.execute("rollback to s")
        cursor.execute("insert into p2_tx values (3)")
    with pytest.raises(errors.UndefinedTable), connection:
        rows(connection, "insert into p2_tx values (4)")
        rows(connection, "select * from nowhere")
    assert rows(connect(autocommit=True), "select x from p2_tx order by x") == [(1,), (3,)]


LEVELS = [("READ COMMITTED", "read committed"), ("REPEATABLE READ", "repeatable read"), ("SERIALIZABLE", "serializable")]


@pytest.mark.parametrize("level, shown", LEVELS, ids=[shown for _, shown in LEVELS])
def test_isolation_levels_of_transactions(connect, level, shown):
    """Outside autocommit psycopg2 says them with each BEGIN."""
    strict, plain = connect(), connect()
    strict.set_session(isolation_level=level, readonly=True, deferrable=True)
    for _ in range(3):
        assert value(strict, "show transaction_isolation") == shown
        assert value(strict, "show transaction_read_only") == "on"
        assert value(plain, "show transaction_isolation") == "read committed"
        assert value(plain, "show transaction_read_only") == "off"
        strict.commit()
        plain.commit()


def test_a_named_cursor(connect):
    with connect() as connection:
        with connection.cursor(name="n", scrollable=True) as cursor:
            cursor.itersize = 100
            cursor.execute("select * from generate_series(1, 1000) x")
            assert [row[0] for row in cursor] == list(range(1, 1001))
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchmany(2) == [(1,), (2,)]
    # The same name in every connection.
    def read(number: int) -> list:
        with connections[number] as connection, connection.cursor(name="same") as cursor:
            cursor.execute("select %s + x from generate_series(1, 50) x", [number])
            return [row[0] for row in cursor]

    connections = [connect() for _ in range(CONNECTIONS)]
    expected = [[number + x for x in range(1, 51)] for number in range(CONNECTIONS)]
    assert at_once(CONNECTIONS, read) == expected


def test_many_rows_in_few_statements(connect, table):
    table("p2_many", "x int, y text")
    connection = connect()
    with connection, connection.cursor() as cursor:
        extras.execute_values(cursor, "insert into p2_many values %s", [(x, f"'{x}'\\") for x in range(3000)])
        extras.execute_batch(cursor, "update p2_many set x = x + 1 where y = %s", [(f"'{x}'\\",) for x in range(300)])
        cursor.executemany("delete from p2_many where x = %s", [(x,) for x in range(2990, 3000)])
    assert value(connection, "select sum(x) from p2_many") == sum(range(2990)) + 300
    connection.commit()


def test_copy(connect, table):
    table("p2_copy", "x int, y text")
    text = "".join(f"{x}\trow {x}\n" for x in range(20_000))
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.copy_expert("copy p2_copy from stdin", io.StringIO(text))
        out = io.StringIO()
        cursor.copy_expert("copy (select * from p2_copy order by x) to stdout", out)
    assert out.getvalue() == text
    with pytest.raises(errors.InvalidTextRepresentation), connection, connection.cursor() as cursor:
        cursor.copy_expert("copy p2_copy from stdin", io.StringIO("no number\tx\n" * 10_000))
    assert value(connection, "select count(*) from p2_copy") == 20_000
    connection.commit()


def test_large_objects(connect):
    """lo_read and lo_write are the protocol's FunctionCall, and belong to a transaction."""
    content = bytes(range(256)) * 4000
    connections = [connect() for _ in range(20)]

    def keep(number: int) -> None:
        with connections[number] as connection:
            written = connection.lobject(0, "wb")
            written.write(content + bytes([number]))
        with connections[number] as connection:
            read = connection.lobject(written.oid, "rb")
            assert read.read() == content + bytes([number])
            assert read.seek(-1, 2) == len(content)
            assert read.read() == bytes([number])
            read.unlink()

    at_once(len(connections), keep)


def test_a_cancel(connect):
    connection = connect(autocommit=True)
    pid = connection.info.backend_pid
    running = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and query = 'select pg_sleep(30) as mine'"

    def cancel() -> None:
        eventually(lambda: value(watcher, running) == 1, "the query runs")
        connection.cancel()

    watcher = connect(autocommit=True)
    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(errors.QueryCanceled):
        rows(connection, "select pg_sleep(30) as mine")
    canceller.join()
    assert value(connection, "select 1") == 1 and connection.info.backend_pid == pid


def test_notices_and_several_statements(connect):
    connection = connect(autocommit=True)
    rows(connection, "do $$ begin raise notice 'one'; raise notice 'two'; end $$")
    assert [notice.strip() for notice in connection.notices] == ["NOTICE:  one", "NOTICE:  two"]
    assert rows(connection, "select 1; select 2; select 3") == [(3,)]


def test_reset(connect):
    """Sends ABORT, RESET ALL and SET SESSION AUTHORIZATION DEFAULT."""
    connection = connect()
    rows(connection, "set application_name = 'before'")
    connection.commit()
    rows(connection, "select 1")
    connection.reset()
    assert value(connection, "show application_name") == ""
    connection.commit()


def test_many_connections(connect, table):
    table("p2_crowd", "who int, turn int")
    connections = [connect() for _ in range(CONNECTIONS)]

    def work(number: int) -> None:
        connection = connections[number]
        for turn in range(20):
            with connection:
                first = value(connection, "select pg_backend_pid()")
                rows(connection, "insert into p2_crowd values (%s, %s)", [number, turn])
                assert value(connection, "select count(*) from p2_crowd where who = %s", [number]) == turn + 1
                assert value(connection, "select pg_backend_pid()") == first

    at_once(CONNECTIONS, work)
    assert value(connections[0], "select count(*) from p2_crowd") == CONNECTIONS * 20
    connections[0].commit()


def test_its_pool(two_servers, certificates):
    pool = psycopg2.pool.ThreadedConnectionPool(20, 20, secure_dsn(two_servers, certificates))

    def work(number: int) -> None:
        for turn in range(20):
            connection = pool.getconn(key=number)
            assert value(connection, "select %s * 1000 + %s", [number, turn]) == number * 1000 + turn
            # A transaction left open is rolled back by the pool.
            pool.putconn(connection, key=number)

    at_once(20, work)
    pool.closeall()
