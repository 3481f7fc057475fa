"""Databases that come and go through pgweir: Postgres makes, drops and moves none that somebody else is connected to, and a server
that rests is somebody."""

import subprocess

import psycopg
import pytest

from support.children import eventually
from support.places import postgres_program
from tests.conftest import dsn, file


@pytest.fixture(params=["transaction", "session"])
def pooler(request, postgres, run_pgweir):
    """pgweir before every database, for an `app` that may make some."""
    postgres.run("drop database if exists one", "drop database if exists \"The Other\"", "alter role app createdb")
    everything = {"host": postgres.host, "port": postgres.port}
    yield run_pgweir(config=file(postgres, databases={"*": everything}, pool={"pool_mode": request.param}))
    postgres.run("alter role app nocreatedb")
    for name in ["one", "The Other"]:
        postgres.run(f'drop database if exists "{name}" (force)')


def connect(pooler, dbname: str = "app") -> psycopg.Connection:
    """A client in autocommit."""
    return psycopg.connect(dsn(pooler, dbname=dbname), autocommit=True)


def use(pooler, *names: str):
    """Servers rest in these databases."""
    for name in names:
        with connect(pooler, name) as client:
            client.execute("select 1")


def names(postgres) -> list:
    """The databases that there are."""
    return [name for name, in postgres.run("select datname from pg_database where datname in ('one', 'The Other') order by 1")]


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "prepared"])
def test_a_database_in_which_servers_rest(pooler, postgres, prepare):
    use(pooler, "template1")
    with connect(pooler) as client:

        def run(sql: str):
            client.execute(sql, prepare=prepare)

        run("create database one")
        use(pooler, "one")
        run("/* a */ alter database One rename to \"The Other\"")
        use(pooler, "The Other")
        run("create database one -- a copy\n with owner app template = \"The Other\"")
        assert names(postgres) == ["The Other", "one"]
        use(pooler, "one", "The Other")
        run("drop database if exists one")
        run("drop database \"The Other\"")
        assert names(postgres) == []


def test_createdb_and_dropdb(pooler, postgres):
    def program(name: str, *args: str):
        place = ["-h", pooler.host, "-p", str(pooler.port), "-U", "app"]
        env = {"PGPASSWORD": "secret", "PATH": "/usr/bin:/bin"}
        subprocess.run([postgres_program(name), *place, *args], env=env, check=True, timeout=60)

    use(pooler, "template1", "postgres")
    program("createdb", "one")
    use(pooler, "one")
    program("createdb", "-T", "one", "The Other")
    use(pooler, "one", "The Other")
    program("dropdb", "one")
    program("dropdb", "The Other")
    assert names(postgres) == []


@pytest.mark.parametrize("pooler", ["transaction"], indirect=True)
def test_whoever_is_there_stays(pooler):
    with connect(pooler) as client:
        client.execute("create database one")
        with connect(pooler, "one") as other, other.transaction():
            other.execute("create table t as select 1 as x")
            with pytest.raises(psycopg.errors.ObjectInUse):
                client.execute("drop database one")
            assert other.execute("select x from t").fetchone() == (1,)


def test_who_has_listened_goes_too(pooler):
    with connect(pooler) as client:
        client.execute("create database one")
        with connect(pooler, "one") as listener:
            listener.execute("listen news")
        client.execute("drop database one")


def test_no_server_rests_where_databases_are_made_from(run_pgweir, postgres):
    everything = {"host": postgres.host, "port": postgres.port}
    pooler = run_pgweir(config=file(postgres, databases={"*": everything}, pool={"min_pool_size": 1}))
    use(pooler, "template1")
    with connect(pooler, "template1"):
        pass
    there = "select count(*) from pg_stat_activity where datname = 'template1'"
    eventually(lambda: postgres.run(there)[0][0] == 0, "nobody in template1")
    postgres.run("drop database if exists one", "create database one", "drop database one")


def test_who_came_too_early_need_not_wait(pooler):
    with connect(pooler) as client:
        for made in ["create database one", 'alter database one rename to "The Other"']:
            name = "The Other" if "rename" in made else "one"
            with pytest.raises(psycopg.OperationalError, match="does not exist"):
                connect(pooler, name)
            client.execute(made)
            use(pooler, name)
