"""Replication through pgweir, with Postgres' own programs, each compared with what it does directly."""

import subprocess
import threading

import psycopg
import pytest
from psycopg import errors

from support.children import eventually
from support.places import postgres_program
from support.postgres import HBA, Postgres, create_roles
from tests.conftest import dsn, file

REPLICATES = "local replication all trust\nhost replication all all scram-sha-256\n"


@pytest.fixture(scope="module")
def primary():
    """A Postgres that may be replicated, by `app` and not by `other`."""
    with Postgres(hba=HBA + REPLICATES, settings={"wal_level": "logical", "max_wal_senders": 20, "wal_keep_size": "256MB"}) as server:
        create_roles(server)
        server.run("alter role app replication")
        yield server


@pytest.fixture
def pooler(run_pgweir, primary):
    """pgweir before it, with one place in its pool."""
    users = {"app": {"password": "secret"}, "other": {"password": "secret"}}
    databases = {"app": {"host": primary.host, "port": primary.port}}
    return run_pgweir(config=file(primary, pool={"pool_size": 1}, databases=databases, users=users))


def program(name: str, *args, where) -> str:
    """What a program of Postgres' prints, connected to `where`."""
    words = {} if name == "psql" else {"PGPASSWORD": "secret"}
    done = subprocess.run(
        [postgres_program(name), *args], env={"PATH": "/usr/bin:/bin", **words}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{name} at {where.port}: {done.stderr}"
    return done.stdout


def place(where) -> list[str]:
    """Host, port and user, as these programs take them."""
    return ["-h", where.host, "-p", str(where.port), "-U", "app", "-w"]


@pytest.mark.parametrize("kind", ["database", "true"])
@pytest.mark.parametrize("command", ["IDENTIFY_SYSTEM", "SHOW wal_level", "TIMELINE_HISTORY 1"])
def test_commands(primary, pooler, kind, command):
    def told(where) -> list:
        args = ["-XAtc", command, dsn(where, replication=kind)]
        done = subprocess.run([postgres_program("psql"), *args], capture_output=True, text=True, timeout=60)
        fields = done.stdout.strip().split("|")
        # Where the log ends is another place each time.
        return [done.returncode, fields[:2] + fields[3:] if command == "IDENTIFY_SYSTEM" else done.stdout, done.stderr]

    assert told(pooler) == told(primary)
    assert pooler.wait_for_event("server_closed")["purpose"] == "replication"


def test_a_logical_slot(primary, pooler):
    """Two slots made at one point give the same changes, one by way of pgweir."""
    primary.run("create table if not exists told (x int, y text)", dbname="app")
    base = ["-d", "app", "--no-loop"]
    for where, slot in ((primary, "directly"), (pooler, "through")):
        program("pg_recvlogical", *place(where), *base, "--slot", slot, "--create-slot", "-P", "test_decoding", where=where)
    rows = "insert into told select n, repeat('x', 500) from generate_series(1, 5000) n"
    primary.run(rows, "update told set y = 'z' where x < 9", "delete from told", dbname="app")
    end = primary.run("select pg_current_wal_insert_lsn()")[0][0]

    def changes(where, slot: str) -> str:
        args = ["--slot", slot, "--start", "--endpos", end, "-f", "-", "-o", "include-xids=0"]
        return program("pg_recvlogical", *place(where), *base, *args, where=where)

    through = changes(pooler, "through")
    assert through.count("INSERT") == 5000 and through == changes(primary, "directly")
    for where, slot in ((primary, "directly"), (pooler, "through")):
        program("pg_recvlogical", *place(where), *base, "--slot", slot, "--drop-slot", where=where)


def test_the_log_itself(primary, pooler, tmp_path):
    """A whole segment: 16 MiB, byte for byte."""
    primary.run("select pg_switch_wal()")
    end = primary.run("select pg_current_wal_lsn() + 20 * 1024 * 1024")[0][0]
    received = {}
    for where, name in ((primary, "directly"), (pooler, "through")):
        received[name] = tmp_path / name
        received[name].mkdir()
        args = ["-D", str(received[name]), "--no-loop", "--endpos", end]
        command = [postgres_program("pg_receivewal"), *place(where), *args]
        received[name, "child"] = subprocess.Popen(command, env={"PGPASSWORD": "secret"}, stderr=subprocess.PIPE, text=True)
    replicating = "select count(*) from pg_stat_replication where state = 'streaming'"
    eventually(lambda: primary.run(replicating)[0][0] == 2, "two that replicate")
    bulk = "insert into filled select repeat(md5(n::text), 20) from generate_series(1, 40000) n"
    primary.run("create table if not exists filled (y text)", bulk, "select pg_switch_wal()", "checkpoint", dbname="app")
    for name in ("directly", "through"):
        _, said = received[name, "child"].communicate(timeout=60)
        assert received[name, "child"].returncode == 0, said
    through, directly = ({file.name: file.read_bytes() for file in received[name].iterdir()} for name in ("through", "directly"))
    whole = [name for name in through if not name.endswith(".partial")]
    assert whole and all(through[name] == directly[name] for name in whole)
    eventually(lambda: primary.run("select count(*) from pg_stat_replication")[0][0] == 0, "nobody replicates any more")


def test_a_base_backup(primary, pooler, tmp_path):
    """Files by COPY on one connection, the log on another."""
    args = ["-D", str(tmp_path / "copy"), "-X", "stream", "-c", "fast", "--no-sync"]
    program("pg_basebackup", *place(pooler), *args, where=pooler)
    program("pg_verifybackup", str(tmp_path / "copy"), where=pooler)


def test_without_the_right(primary, pooler):
    """Postgres' own refusal, in Postgres' own words."""

    def told(where) -> str:
        with pytest.raises(psycopg.OperationalError) as refusal:
            psycopg.connect(dsn(where, user="other", replication="database"))
        return str(refusal.value).split("FATAL:")[1].splitlines()[0]

    assert told(pooler) == told(primary)
    # Nobody else suffers for it.
    with psycopg.connect(dsn(pooler, user="other")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_cancel_and_company(primary, pooler):
    """SQL by a connection that replicates can be cancelled; others use the pool meanwhile."""
    with psycopg.connect(dsn(pooler, replication="database"), autocommit=True) as replicating:
        cursor = psycopg.ClientCursor(replicating)
        running = "select count(*) from pg_stat_activity where query like '%pg_sleep(31)%' and pid <> pg_backend_pid()"

        def stop():
            eventually(lambda: primary.run(running)[0][0] == 1, "the query runs")
            with psycopg.connect(dsn(pooler)) as other:
                assert other.execute("select 1").fetchone() == (1,)
            replicating.cancel()

        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(errors.QueryCanceled):
            cursor.execute("select pg_sleep(31)")
        thread.join()
        assert cursor.execute("select 2").fetchone()[0] == 2


def test_a_subscription(primary, pooler):
    """Another Postgres subscribes by way of pgweir: the first copy of a table, then its changes."""
    primary.run(
        "create table if not exists news (x int primary key)",
        "alter table news owner to app",
        "insert into news select generate_series(1, 1000)",
        "create publication news for table news",
        dbname="app",
    )
    with Postgres() as subscriber:
        subscriber.run("create table news (x int primary key)")
        with subscriber.connect() as connection:
            # It copies the table on a second connection, and makes its slots by itself.
            connection.execute(f"create subscription news connection '{dsn(pooler)}' publication news")

        def rows(count: int) -> None:
            eventually(lambda: subscriber.run("select count(*) from news")[0][0] == count, f"{count} rows")

        rows(1000)
        primary.run("insert into news select generate_series(1001, 3000)", dbname="app")
        rows(3000)
        subscriber.run("drop subscription news")
    slots = "select count(*) from pg_replication_slots"
    eventually(lambda: primary.run(slots)[0][0] == 0, "no slot is left")
