"""asyncpg through TLS and SCRAM: fifty connections over two servers."""

import asyncio
import io
import ssl

import asyncpg
import pytest

from tests.conftest import run

CONNECTIONS = 50


@pytest.fixture
def address(secure, certificates):
    """What asyncpg needs to reach pgweir, our certificate checked."""
    return {
        "host": "localhost",
        "port": secure.port,
        "user": "app",
        "password": "secret",
        "database": "app",
        "ssl": ssl.create_default_context(cafile=str(certificates.ca)),
    }


@pytest.fixture
def with_connection(address):
    """Runs a story with one connection."""

    def tell(story):
        async def whole():
            connection = await asyncpg.connect(**address)
            try:
                return await story(connection)
            finally:
                await connection.close()

        return run(whole())

    return tell


def test_tls_and_scram_on_both_sides(with_connection):
    async def story(connection):
        assert await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")

    with_connection(story)


def test_prepare(with_connection):
    """asyncpg parses and describes in one round trip and binds in the next, perhaps on the other server."""

    async def story(connection):
        statement = await connection.prepare("select $1::int + $2::int as sum")
        assert [attribute.name for attribute in statement.get_attributes()] == ["sum"]
        for number in range(10):
            assert await statement.fetchval(number, 1) == number + 1

    with_connection(story)


def test_statements_that_are_kept(address):
    """Between prepare() and the first execution asyncpg says no Sync: that keeps no server from the others."""

    async def story():
        connections = [await asyncpg.connect(**address) for _ in range(3)]
        try:
            for turn in range(3):
                texts = [f"select {number} * 10 + {turn} + $1::int" for number in range(3)]
                statements = [await c.prepare(text) for c, text in zip(connections, texts, strict=True)]
                asked = [statement.fetchval(100) for statement in statements]
                assert await asyncio.gather(*asked) == [100 + number * 10 + turn for number in range(3)]
        finally:
            for connection in connections:
                await connection.close()

    run(story())


def test_types_that_are_looked_up(with_connection, postgres):
    postgres.run("drop type if exists mood", "create type mood as enum ('sad', 'happy')", dbname="app")

    async def story(connection):
        assert await connection.fetchval("select $1::mood[]", ["happy", "sad"]) == ["happy", "sad"]
        assert await connection.fetchval("select row(1, 'x'::text)") == (1, "x")
        assert await connection.fetchval("select $1::jsonb", '{"a": 1}') == '{"a": 1}'

    with_connection(story)


def test_transactions(with_connection, postgres):
    postgres.run("drop table if exists a_tx", "create table a_tx (x int)", "grant all on a_tx to app", dbname="app")

    async def story(connection):
        async with connection.transaction():
            await connection.execute("insert into a_tx values (1)")
            with pytest.raises(asyncpg.DivisionByZeroError):
                async with connection.transaction():
                    await connection.execute("insert into a_tx values (2)")
                    await connection.execute("select 1/0")
        assert await connection.fetchval("select array_agg(x) from a_tx") == [1]

    with_connection(story)


def test_a_cursor(with_connection):
    async def story(connection):
        async with connection.transaction():
            rows = [row["x"] async for row in connection.cursor("select * from generate_series(1, 500) x", prefetch=50)]
        assert rows == list(range(1, 501))

    with_connection(story)


def test_execute_many(with_connection, postgres):
    postgres.run("drop table if exists a_many", "create table a_many (x int)", "grant all on a_many to app", dbname="app")

    async def story(connection):
        await connection.executemany("insert into a_many values ($1)", [(x,) for x in range(5000)])
        assert await connection.fetchval("select sum(x) from a_many") == sum(range(5000))

    with_connection(story)


def test_copy(with_connection, postgres):
    postgres.run("drop table if exists a_copy", "create table a_copy (x int, y text)", dbname="app")
    postgres.run("grant all on a_copy to app", dbname="app")
    rows = [(x, str(x)) for x in range(20_000)]

    async def story(connection):
        await connection.copy_records_to_table("a_copy", records=rows)
        out = io.BytesIO()
        await connection.copy_from_query("select * from a_copy order by x", output=out)
        assert out.getvalue() == "".join(f"{x}\t{y}\n" for x, y in rows).encode()

    with_connection(story)


def test_reset(with_connection):
    """What asyncpg's pool sends when a connection is given back."""

    async def story(connection):
        await connection.execute("set application_name = 'before'")
        await connection.reset()
        assert await connection.fetchval("select current_setting('application_name')") != "before"

    with_connection(story)


def test_a_timeout_cancels(with_connection):
    async def story(connection):
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await connection.fetchval("select pg_sleep(30)", timeout=0.2)
            assert await connection.fetchval("select 1") == 1

    with_connection(story)


def test_50_connections_on_two_servers(address, postgres):
    async def work(connection, number: int) -> None:
        for turn in range(20):
            assert await connection.fetchval("select $1::int", number * 1000 + turn) == number * 1000 + turn
            async with connection.transaction():
                first = await connection.fetchval("select pg_backend_pid()")
                assert await connection.fetchval("select pg_backend_pid()") == first
        # Statements of the same name and another text in every connection.
        assert await connection.fetchval(f"select {number} + $1::int", 1) == number + 1

    async def story():
        async with asyncpg.create_pool(**address, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
            held = [await pool.acquire() for _ in range(CONNECTIONS)]
            await asyncio.gather(*(work(connection, number) for number, connection in enumerate(held)))
            for connection in held:
                await pool.release(connection)
            assert 1 <= await pool.fetchval("select count(*) from pg_stat_activity where usename = 'app'") <= 2

    run(story())


def test_a_pool_that_acquires_and_releases(address):
    async def story():
        async with asyncpg.create_pool(**address, min_size=5, max_size=10) as pool:
            asked = [pool.fetchval("select $1::int", number) for number in range(500)]
            assert await asyncio.gather(*asked) == list(range(500))

    run(story())


def test_errors_keep_the_connection(with_connection):
    async def story(connection):
        for _ in range(3):
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch("select * from nowhere")
            with pytest.raises(asyncpg.UniqueViolationError):
                await connection.execute("do $$ begin raise unique_violation; end $$")
            assert await connection.fetchval("select 1") == 1

    with_connection(story)


def test_rollback_and_reset_in_one_text_lose_no_settings(address):
    """What a pool of asyncpg before 0.30 sends when it is given a connection back in a transaction."""
    wanted = {"timezone": "Asia/Tokyo", "statement_timeout": "77s"}
    reset = "ROLLBACK;\nSELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"

    async def open_both_servers():
        async with asyncpg.create_pool(**address, min_size=2, max_size=2) as pool:
            await asyncio.gather(*(pool.fetchval("select pg_sleep(0.1)") for _ in range(2)))

    async def story():
        await open_both_servers()
        connection = await asyncpg.connect(**address, server_settings=wanted)
        await connection.execute("begin")
        await connection.execute("set timezone = 'Europe/Rome'; set my.own = 'x'")
        await connection.execute(reset)
        for _ in range(3):
            assert [await connection.fetchval(f"show {name}") for name in wanted] == ["Asia/Tokyo", "77s"]
            assert not await connection.fetchval("select current_setting('my.own', true)")
        await connection.close()

    run(story())
