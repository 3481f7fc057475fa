"""Texts that come to mean something else: tables that change, tenants with tables of their own. Whoever prepares anew gets what
Postgres makes of the text now, though a server has it prepared from before."""

import asyncio

import asyncpg
import pytest

from tests.conftest import run


@pytest.fixture
def connect(sidecar):
    """Connections over one server, with what they set at their start."""
    pooler = sidecar(pool_size=1)

    async def one(**settings):
        place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}
        return await asyncpg.connect(**place, server_settings=settings)

    return one


def test_a_table_of_another_shape(connect, table):
    """What was prepared before the change is refused, as Postgres does; what is prepared after it is right."""

    async def story():
        owner, before = await connect(), await connect()
        for kind, value in [("date", "2026-01-02"), ("int", "7"), ("text", "seven")]:
            await owner.execute(f"drop table if exists shaped; create table shaped (v {kind})")
            await owner.execute(f"insert into shaped values ('{value}')")
            for _ in range(2):
                client = await connect()
                found = await client.fetchval("select v from shaped")
                assert str(found) == value
                assert await client.fetchval("insert into shaped values ($1) returning v", found) == found
                await client.close()
        statement = await before.prepare("select v from shaped")
        assert await statement.fetchval() == "seven"
        await owner.execute("alter table shaped alter v type bytea using v::bytea")
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            async with before.transaction():
                await statement.fetchval()

    run(story())


def test_what_means_nothing_any_more_is_dropped(sidecar, table):
    """On a server that never had it, too, where it can no longer be prepared."""
    table("passing", "v int")
    pooler = sidecar(pool_size=2)
    place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}

    async def story():
        client, other = [await asyncpg.connect(**place) for _ in range(2)]
        statement = await client.prepare("select v from passing", name="mine")
        assert await statement.fetch() == []
        async with other.transaction():
            await other.execute("select 'on the server that has it'")
            await client.execute("drop table passing")
            assert await client.execute("deallocate mine") == "DEALLOCATE"
        with pytest.raises(asyncpg.InvalidSQLStatementNameError):
            await statement.fetch()

    run(story())


def test_everybody_is_told_before_columns_are_others(connect, table):
    """Whoever still takes a column for an integer must not be sent a float in its place, although others have been told."""
    table("shifting", "v int")

    async def story():
        owner, *others = [await connect() for _ in range(4)]
        await owner.execute("insert into shifting values (1)")
        statements = []
        for other in others:
            statements.append(await other.prepare("select v from shifting"))
            assert await statements[-1].fetchval() == 1
        await owner.execute("alter table shifting alter v type float4")
        for other, statement in zip(others, statements):
            with pytest.raises(asyncpg.FeatureNotSupportedError):
                await statement.fetchval()
            assert await other.fetchval("select v from shifting") == 1.0

    run(story())


def test_a_table_that_changes_where_nobody_sees_it(sidecar, table, postgres):
    """A migration made on Postgres itself: on a server that has the statement and on one that lacks it, whoever was told of an
    integer is not sent a float in its place."""
    table("behind", "v int")
    pooler = sidecar(pool_size=2)
    place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}

    async def story():
        client, other = [await asyncpg.connect(**place) for _ in range(2)]
        await client.execute("insert into behind values (41)")
        assert await client.fetchval("select v from behind") == 41
        postgres.run("alter table behind alter v type float4", dbname="app")
        async with other.transaction():
            await other.execute("select 'on the server that has it'")
            assert await client.fetchval("select v from behind") == 41.0
            assert isinstance(await client.fetchval("select v from behind"), float)

    run(story())


def test_parameters_are_what_each_was_told_where_a_table_changes_past_us(sidecar, table, postgres):
    """One sends integers and the other floats for what is one text: on each server it is what the client was told."""
    table("passed", "v bigint")
    pooler = sidecar(pool_size=2)
    place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}

    async def story():
        before, holding, after = [await asyncpg.connect(**place) for _ in range(3)]
        text = "insert into passed values ($1)"
        old = await before.prepare(text)
        await old.fetch(5)
        postgres.run("alter table passed alter v type double precision", dbname="app")
        async with holding.transaction():
            # On one of the two servers, and the other two clients on the other, whichever has it.
            await holding.execute("select 'held'")
            new = await after.prepare(text)
            await new.fetch(6.5 if new.get_parameters()[0].name == "float8" else 6)
            await old.fetch(7)
        await asyncio.gather(*(statement.fetch(8) for statement in (old, new)))
        values = [row["v"] for row in await after.fetch("select v from passed order by v")]
        assert values in ([5, 6, 7, 8, 8], [5, 6.5, 7, 8, 8])

    for _ in range(4):
        postgres.run("delete from passed", "alter table passed alter v type bigint", dbname="app")
        run(story())


def test_who_prepares_after_a_change_past_us_gets_what_is_so_now(sidecar, table, postgres):
    """Soon after: servers are looked at so often."""
    table("widened", "v int")
    pooler = sidecar(pool_size=1, PGWEIR_POOL_SERVER_AUDIT_INTERVAL="50ms")
    place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}

    async def story():
        before = await asyncpg.connect(**place)
        text = "insert into widened values ($1)"
        old = await before.prepare(text)
        for number in range(20):
            await old.fetch(number)
            await asyncio.sleep(0.01)
        postgres.run("alter table widened alter v type bigint", dbname="app")
        deadline = asyncio.get_running_loop().time() + 10
        while True:
            after = await asyncpg.connect(**place)
            kind = (await after.prepare(text)).get_parameters()[0].name
            if kind == "int8" or asyncio.get_running_loop().time() > deadline:
                break
            await after.close()
        await after.execute(text, 3_000_000_000)
        await old.fetch(21)

    run(story())


def test_a_table_that_changes_in_a_transaction(connect, table):
    """One's own changes hold at once, everybody's at commit, and none after a rollback."""
    table("turning", "v int")
    text = "select * from turning"

    async def story():
        client = await connect()

        async def columns():
            return [column.name for column in (await client.prepare(text)).get_attributes()]

        assert await columns() == ["v"]
        await client.execute("begin; alter table turning add w int")
        assert await columns() == ["v", "w"]
        await client.execute("savepoint s; alter table turning add x int")
        assert await columns() == ["v", "w", "x"]
        await client.execute("rollback to s")
        assert await columns() == ["v", "w"]
        await client.execute("rollback")
        assert await columns() == ["v"]
        await client.execute("begin; create temp table turning (other text) on commit drop")
        assert await columns() == ["other"]
        await client.execute("commit")
        assert await columns() == ["v"]

    run(story())


def test_tenants(connect, postgres):
    """Two schemas with tables of the same name and other types, and enums of the same name."""
    for tenant, kind in [("north", "int"), ("south", "text")]:
        postgres.run(
            f"drop schema if exists {tenant} cascade",
            f"create schema {tenant} authorization app",
            f"create type {tenant}.mood as enum ('{tenant}')",
            f"create table {tenant}.things (v {kind}, mood {tenant}.mood)",
            f"alter table {tenant}.things owner to app",
            dbname="app",
        )

    async def story():
        north, south = await connect(search_path="north"), await connect()
        await south.execute("set search_path to south")
        for client, tenant, value in [(north, "north", 1), (south, "south", "one")] * 2:
            async with client.transaction():
                await client.execute("insert into things values ($1, $2)", value, tenant)
                assert await client.fetchval("select v from things limit 1") == value
                assert await client.fetchval("select count(*) from things where mood = $1", tenant) > 0

    run(story())
