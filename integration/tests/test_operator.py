"""What the operator of Postgres changes while clients are connected: the whole server read-only, a standby promoted. Sessions
and new logins follow, as they would on Postgres itself."""

import psycopg
import pytest

from support.children import eventually
from support.wire import Wire
from tests.conftest import dsn, run

ACCESS = "default_transaction_read_only"


def turn(postgres, access: str) -> None:
    """Read-only for all, or no more."""
    postgres.run(f"alter system set {ACCESS} = {access}")
    postgres.run("select pg_reload_conf()")
    # A session of its own may be faster than the signal that tells Postgres of it.
    eventually(lambda: postgres.run(f"show {ACCESS}")[0][0] == access, "Postgres has read its file again")


def writes(client) -> bool:
    try:
        client.execute("insert into kept values (1)")
        return True
    except psycopg.errors.ReadOnlySqlTransaction:
        return False


@pytest.mark.parametrize("servers", [1, 2])
def test_a_server_that_is_made_read_only(run_pgweir, own_postgres, servers):
    own_postgres.run("create table kept (v int)", "grant all on kept to app", dbname="app")
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": servers})

    def connect(**more):
        return psycopg.connect(dsn(pooler, **more), autocommit=True)

    with connect() as one, connect() as two, connect() as own, connect(options=f"-c {ACCESS}=off") as asking:
        own.execute(f"set {ACCESS} = off")
        everybody = [one, two, own, asking]
        assert [writes(client) for client in everybody] == [True] * 4
        turn(own_postgres, "on")
        # Each server reads the file when it is next asked something.
        for _ in range(servers):
            [client.execute("select 1") for client in everybody]
        assert [writes(client) for client in everybody] == [False, False, True, True]
        with connect() as new:
            assert new.info.parameter_status(ACCESS) == "on" and not writes(new)
        assert one.info.parameter_status(ACCESS) == "on" and own.info.parameter_status(ACCESS) == "off"
        own.execute(f"reset {ACCESS}")
        assert not writes(own)
        turn(own_postgres, "off")
        for _ in range(servers):
            [client.execute("select 1") for client in everybody]
        assert [writes(client) for client in everybody] == [True] * 4
        with connect() as new:
            assert new.info.parameter_status(ACCESS) == "off" and writes(new)


def test_a_standby_that_is_promoted(run_pgweir, own_postgres):
    """Whoever looks for a primary says nothing to a standby: its promotion is noticed all the same."""
    own_postgres.stop()
    (own_postgres.files / "standby.signal").touch()
    own_postgres.start()
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 2})

    async def standby() -> str:
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        await client.close()
        return client.parameters["in_hot_standby"]

    assert run(standby()) == "on"
    own_postgres.run("select pg_promote()")
    eventually(lambda: run(standby()) == "off", "those who log in hear of it", 20)
