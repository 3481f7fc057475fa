"""What sessions start with, changed through pgweir: whoever comes then has it, and nobody goes back and forth."""

import psycopg
import pytest

from tests.conftest import dsn, file

CHANGES = [
    ("alter role app set {}", "alter role app reset all"),
    ("alter user app in database app set {}", "alter role app in database app reset all"),
    ("alter database app set {}", "alter database app reset all"),
    ("begin; alter role app set {}; commit", "alter role app reset all"),
    ("do $$ begin alter role app set {}; end $$", "alter role app reset all"),
]


@pytest.fixture(params=["transaction", "session"])
def pooler(request, postgres, run_pgweir):
    """pgweir before the database `app`, which `app` owns."""
    postgres.run("alter database app owner to app")
    yield run_pgweir(config=file(postgres, pool={"pool_mode": request.param, "pool_size": 6}))
    postgres.run("alter database app owner to postgres", "alter role app reset all", "alter database app reset all")
    postgres.run("alter role app in database app reset all")


def connect(pooler) -> psycopg.Connection:
    """A client in autocommit."""
    return psycopg.connect(dsn(pooler), autocommit=True)


def both(connection) -> tuple:
    """One that servers report, and one that they do not."""
    return connection.execute("select current_setting('DateStyle'), current_setting('work_mem')").fetchone()


@pytest.mark.parametrize("change, undo", CHANGES, ids=["role", "both", "database", "transaction", "do"])
def test_whoever_comes_then_has_it(pooler, change, undo):
    with connect(pooler) as owner:
        for clients in [[connect(pooler) for _ in range(3)] for _ in range(2)]:
            for client in clients:
                assert both(client) == ("ISO, MDY", "4MB")
                client.close()
        owner.execute(change.format("DateStyle = 'German, DMY'"))
        owner.execute(change.format("work_mem = '9MB'"))
        for _ in range(3):
            with connect(pooler) as client:
                assert client.info.parameter_status("DateStyle") == "German, DMY"
                assert both(client) == ("German, DMY", "9MB")
        owner.execute(undo)
        with connect(pooler) as client:
            assert client.info.parameter_status("DateStyle") == "ISO, MDY"
            assert both(client) == ("ISO, MDY", "4MB")


@pytest.mark.parametrize("pooler", ["transaction"], indirect=True)
def test_a_session_does_not_go_back_and_forth(pooler):
    with connect(pooler) as owner, connect(pooler) as session, connect(pooler) as other:
        with other.transaction():
            assert both(other) == both(session) == ("ISO, MDY", "4MB")
            owner.execute("alter role app set work_mem = '9MB'; alter role app set DateStyle = 'German, DMY'")
            assert both(other) == ("ISO, MDY", "4MB")
            seen = [both(session)]
        for _ in range(4):
            seen.append(both(session))
            with other.transaction():
                other.execute("select 1")
                seen.append(both(session))
        assert set(seen) == {("ISO, MDY", "9MB")}


@pytest.mark.parametrize("pooler", ["transaction"], indirect=True)
@pytest.mark.parametrize("statement", ["alter role app set no.such = 1; select 1/0", "alter role app connection limit 50"])
def test_servers_stay_where_nothing_has_changed(pooler, postgres, statement):
    with connect(pooler) as owner:
        server = owner.execute("select pg_backend_pid()").fetchone()
        try:
            owner.execute(statement)
        except psycopg.Error:
            pass
        assert owner.execute("select pg_backend_pid()").fetchone() == server
