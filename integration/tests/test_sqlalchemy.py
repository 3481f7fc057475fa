"""SQLAlchemy over psycopg2 and psycopg 3, through TLS and SCRAM: a pool of twenty-four over two servers."""

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from support.books import Author, Base, Book
from support.crowd import at_once

DRIVERS = ["psycopg2", "psycopg"]
CONNECTIONS = 24


@pytest.fixture(params=DRIVERS)
def make_engine(request, two_servers, certificates):
    """Makes engines of one driver; their pools are disposed of at the end."""
    made = []
    address = sa.URL.create(
        f"postgresql+{request.param}",
        username="app",
        password="secret",
        host="localhost",
        port=two_servers.port,
        database="app",
        query={"sslmode": "verify-full", "sslrootcert": str(certificates.ca)},
    )

    def make(**settings) -> sa.Engine:
        settings = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_pre_ping": True} | settings
        made.append(sa.create_engine(address, **settings))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


@pytest.fixture
def engine(make_engine):
    """An engine with a full pool and with new tables, which it makes itself."""
    engine = make_engine()
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    return engine


def value(connection, sql: str, **parameters):
    """The one value of a query."""
    return connection.execute(sa.text(sql), parameters).scalar_one()


def test_units_of_work(engine):
    with Session(engine) as session, session.begin():
        author = Author(name="Ada", books=[Book(title="One", tags=["a", "b"], facts={"pages": 3}), Book(title="Two")])
        session.add(author)
    with Session(engine) as session:
        ada = session.scalars(sa.select(Author).options(selectinload(Author.books))).one()
        assert [(book.title, book.tags, book.facts) for book in ada.books] == [("One", ["a", "b"], {"pages": 3}), ("Two", [], {})]
        ada.books.pop()
        session.commit()
        found = session.scalars(sa.select(Book.title).where(Book.facts["pages"].as_integer() == 3, sa.literal("b") == sa.any_(Book.tags)))
        assert found.all() == ["One"]


def test_tables_are_made_and_reflected(engine):
    seen = sa.inspect(engine)
    assert {"sa_author", "sa_book"} <= set(seen.get_table_names())
    assert [column["name"] for column in seen.get_columns("sa_book")] == ["id", "title", "tags", "facts", "author_id"]
    reflected = sa.Table("sa_book", sa.MetaData(), autoload_with=engine)
    assert [key.target_fullname for key in reflected.foreign_keys] == ["sa_author.id"]


def test_savepoints(engine):
    with Session(engine) as session, session.begin():
        session.add(Author(name="kept"))
        session.flush()
        with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
            session.add(Author(name="kept"))
            session.flush()
        with session.begin_nested():
            session.add(Author(name="kept too"))
        with session.begin_nested() as nested:
            session.add(Author(name="not kept"))
            session.flush()
            nested.rollback()
    with Session(engine) as session:
        assert session.scalars(sa.select(Author.name).order_by(Author.id)).all() == ["kept", "kept too"]


def test_insert_many_values(engine):
    """Thousands of rows with RETURNING, in batches whose order SQLAlchemy depends on."""
    with Session(engine) as session, session.begin():
        authors = [Author(name=f"author {number}") for number in range(3000)]
        session.add_all(authors)
        session.flush()
        ids = [author.id for author in authors]
        assert ids == sorted(set(ids))
        session.execute(sa.update(Author), [{"id": author.id, "name": author.name.upper()} for author in authors[:200]])
    with engine.begin() as connection:
        returning = sa.insert(Book).returning(Book.title, sort_by_parameter_order=True)
        rows = [{"title": f"book {number}", "author_id": ids[number]} for number in range(2500)]
        assert connection.scalars(returning, rows).all() == [row["title"] for row in rows]
        assert value(connection, "select count(*) from sa_author where name = upper(name)") == 200


def test_server_side_cursors(engine):
    def read(number: int) -> int:
        with engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, max_row_buffer=100)
            rows = streamed.execute(sa.text("select x + :n from generate_series(1, 1000) x"), {"n": number})
            return sum(len(part) * part[0][0] for part in rows.partitions(100))

    expected = [sum(100 * (first + number) for first in range(1, 1001, 100)) for number in range(CONNECTIONS)]
    assert at_once(CONNECTIONS, read) == expected


LEVELS = [("SERIALIZABLE", "serializable"), ("REPEATABLE READ", "repeatable read"), ("READ COMMITTED", "read committed")]


@pytest.mark.parametrize("level, shown", LEVELS, ids=[shown for _, shown in LEVELS])
def test_isolation_levels(engine, level, shown):
    strict = engine.execution_options(isolation_level=level)
    for _ in range(3):
        with strict.connect() as one, engine.connect() as two:
            assert value(one, "show transaction_isolation") == shown
            assert value(two, "show transaction_isolation") == "read committed"


def test_autocommit(engine):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.insert(Author).values(name="at once"))
        with engine.connect() as other:
            assert value(other, "select count(*) from sa_author") == 1
        connection.execute(sa.text("vacuum sa_author"))


def test_an_error_returns_a_usable_connection(make_engine):
    engine = make_engine(pool_size=1)
    for _ in range(3):
        with pytest.raises(sa.exc.ProgrammingError, match="nowhere"), engine.connect() as connection:
            connection.execute(sa.text("select * from nowhere"))
        with pytest.raises(sa.exc.DataError, match="division by zero"), engine.begin() as connection:
            connection.execute(sa.text("select 1/0"))
        with engine.connect() as connection:
            assert value(connection, "select 1") == 1


def test_what_is_given_back_is_rolled_back(engine):
    with engine.connect() as connection:
        connection.execute(sa.insert(Author).values(name="forgotten"))
    with engine.connect() as connection:
        assert value(connection, "select count(*) from sa_author") == 0


def test_servers_that_die_are_not_noticed_by_a_pool_that_pings(engine, postgres):
    for _ in range(3):
        postgres.run("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'app'")
        with engine.connect() as connection:
            assert value(connection, "select :x + 1", x=1) == 2


def test_temporary_tables_of_one_transaction(engine):
    scratch = sa.Table("sa_brief", sa.MetaData(), sa.Column("x", sa.Integer), prefixes=["TEMP"], postgresql_on_commit="DROP")

    def work(number: int) -> None:
        for _ in range(3):
            with engine.begin() as connection:
                scratch.create(connection)
                connection.execute(sa.insert(scratch), [{"x": x} for x in range(number + 1)])
                assert connection.scalar(sa.select(sa.func.count()).select_from(scratch)) == number + 1

    at_once(CONNECTIONS, work)


def test_the_whole_pool_at_once(engine):
    everyone = threading.Barrier(CONNECTIONS)

    def work(number: int) -> None:
        with engine.connect():
            everyone.wait()
        for turn in range(10):
            with Session(engine) as session, session.begin():
                author = Author(name=f"{number}/{turn}", books=[Book(title=str(turn), facts={"by": number})])
                session.add(author)
                session.flush()
                own = author.id
                with session.begin_nested() as nested:
                    author.name = "lost"
                    session.flush()
                    nested.rollback()
            with Session(engine) as session:
                mine = sa.select(sa.func.count()).select_from(Book).where(Book.facts["by"].as_integer() == number)
                assert session.scalar(mine) == turn + 1
                assert session.scalars(sa.select(Author.name).where(Author.id == own)).all() == [f"{number}/{turn}"]

    at_once(CONNECTIONS, work)
    assert engine.pool.checkedin() == CONNECTIONS
    with engine.connect() as connection:
        assert value(connection, "select count(*) from sa_book") == CONNECTIONS * 10
