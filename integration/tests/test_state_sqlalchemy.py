"""What sessions remember beyond transactions, as SQLAlchemy's users make use of it: settings made once for each connection of
the pool, temporary tables, locks; twenty-four over two servers."""

import pytest
import sqlalchemy as sa

from support.crowd import at_once

DRIVERS = ["psycopg2", "psycopg"]
CONNECTIONS = 24


@pytest.fixture(params=DRIVERS)
def engine(request, two_servers, certificates):
    """An engine with a pool of all the connections that a test needs at once."""
    query = {"sslmode": "verify-full", "sslrootcert": str(certificates.ca)}
    place = {"host": "localhost", "port": two_servers.port, "database": "app", "username": "app", "password": "secret"}
    url = sa.URL.create(f"postgresql+{request.param}", **place, query=query)
    # Who waits for a lock that will not come says so, rather than have the whole test wait.
    engine = sa.create_engine(url, pool_size=CONNECTIONS, connect_args={"options": "-c lock_timeout=20s"})
    yield engine
    engine.dispose()


def value(connection, sql: str, **parameters):
    """The one value of a query."""
    return connection.execute(sa.text(sql), parameters).scalar_one()


# A setting, made by a listener when the pool connects, as the manual recommends; what `show` says of the pool's connection n.
SETTINGS = [
    ("statement_timeout", "set statement_timeout = {}", lambda number: f"{1001 + number}ms"),
    ("search_path", "set search_path = s{}, public", lambda number: f"s{1001 + number}, public"),
    ("work_mem", "set session work_mem to '3{}kB'", lambda number: f"3{1001 + number}kB"),
    ("my.tenant", "select set_config('my.tenant', '{}', false)", lambda number: str(1001 + number)),
]


@pytest.mark.parametrize("name, sql, expected", SETTINGS, ids=[case[0] for case in SETTINGS])
def test_settings_made_at_connect(engine, name, sql, expected):
    made = []

    @sa.event.listens_for(engine, "connect")
    def prepare(connection, record):
        record.info["number"] = len(made)
        made.append(record)
        before, connection.autocommit = connection.autocommit, True
        connection.cursor().execute(sql.format(1001 + record.info["number"]))
        connection.autocommit = before

    held = [engine.connect() for _ in range(CONNECTIONS)]

    def look(number: int) -> None:
        with held[number] as connection:
            for _ in range(5):
                assert value(connection, f"show {name}") == expected(connection.info["number"])
                connection.commit()

    at_once(CONNECTIONS, look)
    assert len(made) == CONNECTIONS


def test_roles(engine, postgres):
    postgres.run("drop role if exists sa_role", "create role sa_role", "grant sa_role to app")

    def work(number: int) -> None:
        with engine.connect() as connection:
            if number % 2 == 0:
                connection.execute(sa.text("set role sa_role"))
                connection.commit()
            for _ in range(5):
                assert value(connection, "select current_user") == ("sa_role" if number % 2 == 0 else "app")
                connection.commit()
            connection.execute(sa.text("reset role"))
            connection.commit()

    at_once(CONNECTIONS, work)


def test_a_setting_that_is_rolled_back(engine):
    with engine.connect() as one, engine.connect() as two:
        one.execute(sa.text("set statement_timeout = 1111"))
        one.commit()
        one.execute(sa.text("set statement_timeout = 2222"))
        one.rollback()
        for _ in range(3):
            assert value(one, "show statement_timeout") == "1111ms"
            one.commit()
            assert value(two, "show statement_timeout") == "0"
            two.commit()


def test_temporary_tables(engine):
    scratch = sa.Table("sa_scratch", sa.MetaData(), sa.Column("x", sa.Integer), prefixes=["TEMPORARY"])

    def work(number: int) -> None:
        with engine.connect() as connection:
            scratch.create(connection)
            connection.commit()
            connection.execute(sa.insert(scratch), [{"x": x} for x in range(number + 1)])
            connection.commit()
            assert connection.scalar(sa.select(sa.func.count()).select_from(scratch)) == number + 1
            connection.commit()
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text("discard temp" if number % 2 else "discard all"))

    at_once(CONNECTIONS, work)


def test_advisory_locks(engine):
    holders = []

    def work(number: int) -> None:
        with engine.connect() as connection:
            connection.execute(sa.text("select pg_advisory_lock(4712)"))
            connection.commit()
            holders.append(number)
            for _ in range(3):
                assert value(connection, "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") == 1
                connection.commit()
            assert holders == [number]
            holders.clear()
            assert value(connection, "select pg_advisory_unlock(4712)") is True
            connection.commit()

    at_once(CONNECTIONS, work)
