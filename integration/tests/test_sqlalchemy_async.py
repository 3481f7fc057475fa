"""SQLAlchemy over asyncpg and over psycopg 3's async side, through TLS and SCRAM: twenty-four over two servers."""

import asyncio
import ssl

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import selectinload

from support.books import Author, Base, Book
from tests.conftest import run

DRIVERS = ["asyncpg", "psycopg"]
CONNECTIONS = 24


@pytest.fixture(params=DRIVERS)
def tell(request, two_servers, certificates):
    """Runs a story with an engine of one driver that has a full pool, and with new tables."""
    address = {"username": "app", "password": "secret", "host": "localhost", "port": two_servers.port, "database": "app"}
    trust = {"sslmode": "verify-full", "sslrootcert": str(certificates.ca)}
    if request.param == "asyncpg":
        trust = {"ssl": ssl.create_default_context(cafile=str(certificates.ca))}

    async def whole(story):
        url = sa.URL.create(f"postgresql+{request.param}", **address)
        settings = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_pre_ping": True, "connect_args": trust}
        engine = create_async_engine(url, **settings)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)
                await connection.run_sync(Base.metadata.create_all)
            await story(engine)
        finally:
            await engine.dispose()

    return lambda story: run(whole(story))


async def value(connection, sql: str, **parameters):
    """The one value of a query."""
    return (await connection.execute(sa.text(sql), parameters)).scalar_one()


def test_units_of_work_and_savepoints(tell):
    async def story(engine):
        async with AsyncSession(engine) as session, session.begin():
            session.add(Author(name="Ada", books=[Book(title="One", tags=["a"], facts={"pages": 3})]))
            await session.flush()
            with pytest.raises(sa.exc.IntegrityError):
                async with session.begin_nested():
                    session.add(Author(name="Ada"))
                    await session.flush()
            async with session.begin_nested():
                session.add(Author(name="Bob"))
        async with AsyncSession(engine) as session:
            authors = await session.scalars(sa.select(Author).options(selectinload(Author.books)).order_by(Author.id))
            seen = [(author.name, [(book.title, book.tags, book.facts) for book in author.books]) for author in authors]
            assert seen == [("Ada", [("One", ["a"], {"pages": 3})]), ("Bob", [])]

    tell(story)


def test_insert_many_values(tell):
    async def story(engine):
        async with AsyncSession(engine) as session, session.begin():
            authors = [Author(name=f"author {number}") for number in range(2000)]
            session.add_all(authors)
            await session.flush()
            ids = [author.id for author in authors]
            assert ids == sorted(set(ids))
        async with engine.begin() as connection:
            await connection.execute(sa.update(Author).where(Author.id == sa.bindparam("one")).values(name=sa.bindparam("n")), [
                {"one": one, "n": f"renamed {one}"} for one in ids[:300]
            ])
            assert await value(connection, "select count(*) from sa_author where name like 'renamed %'") == 300

    tell(story)


def test_a_stream(tell):
    async def story(engine):
        async def read(number: int) -> int:
            async with engine.connect() as connection:
                sql = sa.text("select x + cast(:n as int) from generate_series(1, 1000) x")
                rows = await connection.stream(sql, {"n": number}, execution_options={"yield_per": 100})
                return sum([row[0] async for row in rows])

        sums = await asyncio.gather(*(read(number) for number in range(CONNECTIONS)))
        assert sums == [500_500 + 1000 * number for number in range(CONNECTIONS)]

    tell(story)


def test_isolation_levels(tell):
    async def story(engine):
        strict = engine.execution_options(isolation_level="SERIALIZABLE")
        for _ in range(3):
            async with strict.connect() as one, engine.connect() as two:
                assert await value(one, "show transaction_isolation") == "serializable"
                assert await value(two, "show transaction_isolation") == "read committed"

    tell(story)


def test_a_table_that_changes_under_prepared_statements(tell, postgres):
    """Every connection has a prepared statement of the old shape; each may fail once and then knows."""

    async def story(engine):
        sql = sa.text("select * from sa_author")
        async with engine.begin() as connection:
            await connection.execute(sa.insert(Author).values(name="Ada"))
        for _ in range(8):
            async with engine.connect() as connection:
                assert len((await connection.execute(sql)).one()) == 2
        postgres.run("alter table sa_author add column born int default 1815", dbname="app")
        failures = 0
        for _ in range(8):
            try:
                async with engine.connect() as connection:
                    assert (await connection.execute(sql)).one()[2] == 1815
            except (sa.exc.NotSupportedError, sa.exc.OperationalError) as failure:
                assert "cached" in str(failure), failure
                failures += 1
        assert failures <= 2

    tell(story)


def test_servers_that_die_are_not_noticed_by_a_pool_that_pings(tell, postgres):
    async def story(engine):
        for _ in range(3):
            postgres.run("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'app'")
            async with engine.connect() as connection:
                assert await value(connection, "select cast(:x as int) + 1", x=1) == 2

    tell(story)


def test_an_error_and_a_cancelled_task_return_usable_connections(tell):
    async def story(engine):
        for _ in range(3):
            with pytest.raises(sa.exc.ProgrammingError, match="nowhere"):
                async with engine.connect() as connection:
                    await connection.execute(sa.text("select * from nowhere"))
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(0.2), engine.connect() as connection:
                    await connection.execute(sa.text("select pg_sleep(30)"))
            async with engine.connect() as connection:
                assert await value(connection, "select 1") == 1

    tell(story)


def test_the_whole_pool_at_once(tell):
    async def story(engine):
        everyone = asyncio.Barrier(CONNECTIONS)

        async def work(number: int) -> None:
            async with engine.connect():
                await everyone.wait()
            for turn in range(10):
                async with AsyncSession(engine) as session, session.begin():
                    session.add(Author(name=f"{number}/{turn}", books=[Book(title=str(turn), facts={"by": number})]))
                async with AsyncSession(engine) as session:
                    mine = sa.select(sa.func.count()).select_from(Book).where(Book.facts["by"].as_integer() == number)
                    assert await session.scalar(mine) == turn + 1

        await asyncio.gather(*(work(number) for number in range(CONNECTIONS)))
        async with engine.connect() as connection:
            assert await value(connection, "select count(*) from sa_book") == CONNECTIONS * 10

    tell(story)
