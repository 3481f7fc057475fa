"""Postgres goes away, comes back, refuses, or is not there: who is told what, and that all goes on afterwards."""

import asyncio
import signal
import time

import psycopg
import pytest

from support.children import eventually, free_port
from support.wire import ServerError, Wire
from tests.conftest import dsn, file, run


async def enter(pooler, database: str = "app") -> Wire:
    """A client that has logged in."""
    return await Wire.login(pooler.host, pooler.port, "app", database, "secret")


async def first_error(pooler, database: str = "app") -> ServerError:
    """What a client of a pool without a server is told, at its login or at its first query."""
    with pytest.raises(ServerError) as failure:
        await (await enter(pooler, database)).query("select 1")
    return failure.value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["politely", "at once"])
def test_restart(run_pgweir, own_postgres, number):
    """Queries fail while there is no Postgres; the same sessions work again when there is."""
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 3})

    async def story():
        clients = [await enter(pooler) for _ in range(20)]
        await asyncio.gather(*(client.query("select 1") for client in clients))
        own_postgres.stop(number)
        # The servers rested: nobody is hurt but who asks now.
        failure = None
        try:
            await clients[0].query("select 1")
        except ServerError as error:
            failure = error
        assert failure and failure.sqlstate in ("08006", "08001", "57P01", "57P03", "57P02")
        own_postgres.start()
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                await clients[1].query("select 2")
                break
            except ServerError as error:
                assert error.fields["S"] == "ERROR", error.fields
                await asyncio.sleep(0.1)
        for client in clients[1:]:
            assert await client.query("select 3") == [["3"]]

    run(story())


# What a client may be told while Postgres is killed, is not there, and starts; and how soon after that all are served again:
# half a second of `server_login_retry`, and time for a slow machine.
LOST = {"08006", "08001", "57P01", "57P02", "57P03"}
BACK = 5


def test_killed_and_restarted_under_load(run_pgweir, own_postgres):
    """Whose server is lost is closed with a word and comes again; others get errors and stay. Nobody waits in vain."""
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 5})
    told, served_at = [], [0.0] * 30

    async def work(number: int, over: asyncio.Event) -> None:
        client = None
        while not over.is_set():
            try:
                client = client or await enter(pooler)
                assert await client.query("select pg_sleep(0.005), 1") == [["", "1"]]
                served_at[number] = time.monotonic()
            except ServerError as failure:
                told.append(failure.sqlstate)
                client = client if failure.fields["V"] == "ERROR" else None
                await asyncio.sleep(0.01)

    async def story():
        over = asyncio.Event()
        load = [asyncio.create_task(work(number, over)) for number in range(len(served_at))]
        all_since = lambda moment: all(served > moment for served in served_at)
        for _ in range(2):
            await asyncio.to_thread(eventually, lambda: all_since(0), "all are served")
            own_postgres.stop(signal.SIGKILL)
            await asyncio.to_thread(own_postgres.start)
            back_at = time.monotonic()
            await asyncio.to_thread(eventually, lambda: all_since(back_at), "all are served again", BACK)
            print(f"all served {time.monotonic() - back_at:.2f} s after Postgres was back")
        over.set()
        await asyncio.gather(*load)

    run(story(), 60)
    assert told and set(told) <= LOST, set(told)


def test_a_transaction_that_loses_its_server_is_never_retried(run_pgweir, own_postgres):
    own_postgres.run("create table once (x int)", "grant all on once to app", dbname="app")
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))

    async def story():
        client, other = await enter(pooler), await enter(pooler)
        await client.query("begin")
        pid = (await client.query("insert into once values (1) returning pg_backend_pid()"))[0][0]
        own_postgres.run(f"select pg_terminate_backend({pid})")
        with pytest.raises((ServerError, asyncio.IncompleteReadError)) as failure:
            await client.query("insert into once values (2)")
        if isinstance(failure.value, ServerError):
            assert failure.value.sqlstate in ("57P01", "08006")
        assert await other.query("select count(*) from once") == [["0"]]

    run(story())


def test_resting_servers_that_died_hurt_nobody(run_pgweir, own_postgres):
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 5})

    async def story():
        clients = [await enter(pooler) for _ in range(5)]
        for turn in range(5):
            await asyncio.gather(*(client.query("select pg_sleep(0.02)") for client in clients))
            own_postgres.run("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
            await asyncio.to_thread(own_postgres.wait_for_sessions, "app", 0)
            await asyncio.sleep(0.1)
            assert await clients[turn].query("select 1") == [["1"]]

    run(story())


def test_a_postgres_that_is_not_there(run_pgweir):
    """Within the connect timeout, with the address and the cause; the next client at once."""
    port = free_port()
    pooler = run_pgweir(database_url=f"postgres://app:secret@127.0.0.1:{port}/app")

    async def story():
        for _ in range(2):
            started = time.monotonic()
            failure = await first_error(pooler)
            assert failure.sqlstate in ("08006", "08001")
            assert f"127.0.0.1:{port}" in str(failure.fields), failure.fields
            assert time.monotonic() - started < 5

    run(story())
    failed = pooler.wait_for_event("server_connect_failed")
    assert str(port) in str(failed)


def test_a_host_that_nobody_knows(run_pgweir):
    pooler = run_pgweir(database_url="postgres://app:secret@no-such-host.invalid:5432/app")
    failure = run(first_error(pooler))
    assert failure.sqlstate in ("08006", "08001") and "no-such-host.invalid" in str(failure.fields)


def test_a_postgres_that_never_answers(run_pgweir):
    """It accepts and says nothing: the connect timeout ends the wait."""

    async def story():
        silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        env = {"PGWEIR_POOL_SERVER_CONNECT_TIMEOUT": "500ms"}
        url = f"postgres://app:secret@127.0.0.1:{port}/app"
        pooler = await asyncio.to_thread(run_pgweir, database_url=url, env=env)
        started = time.monotonic()
        failure = await first_error(pooler)
        assert failure.sqlstate in ("08006", "08001") and str(port) in str(failure.fields)
        assert time.monotonic() - started < 5
        silent.close()

    run(story())


def test_what_answers_is_no_postgres(run_pgweir):
    async def story():
        async def answer(_, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        web = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"postgres://app:secret@127.0.0.1:{web.sockets[0].getsockname()[1]}/app?sslmode=disable"
        pooler = await asyncio.to_thread(run_pgweir, database_url=url)
        failure = await first_error(pooler)
        assert (failure.sqlstate, failure.fields["H"]) == ("08006", "Is it a Postgres that answers at this address?")
        web.close()

    run(story())


def test_where_postgres_is_full_the_limit_is_its_own(own_postgres, run_pgweir):
    own_postgres.run("alter role app connection limit 0")
    failure = run(first_error(run_pgweir(database_url=own_postgres.url("app", "secret"))))
    assert failure.sqlstate == "53300" and failure.fields["H"].startswith("Postgres has no room: raise its max_connections")


def test_a_postgres_that_is_full(own_postgres, run_pgweir):
    """Its own refusal, 53300, is no reason to drop clients: they get servers when there is room again."""
    own_postgres.run("alter role app connection limit 2")
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": 5})

    async def story():
        clients = [await enter(pooler) for _ in range(5)]
        outcomes = await asyncio.gather(*(client.query("select pg_sleep(0.2)") for client in clients), return_exceptions=True)
        assert any(outcome == [[""]] for outcome in outcomes), outcomes
        for client, outcome in zip(clients, outcomes):
            if isinstance(outcome, ServerError):
                assert outcome.sqlstate == "53300", outcome
            assert await client.query("select 1") == [["1"]]

    run(story())


def test_a_full_pool_says_so(sidecar):
    pooler = sidecar(1, PGWEIR_POOL_QUERY_WAIT_TIMEOUT="200ms")
    with psycopg.connect(dsn(pooler)) as busy, psycopg.connect(dsn(pooler), autocommit=True) as client:
        busy.execute("select 1")
        with pytest.raises(psycopg.errors.TooManyConnections) as failure:
            client.execute("select 1")
        assert "pgweir" in str(failure.value)
        assert "pool_size" in str(failure.value) or "query_wait_timeout" in str(failure.value)


def test_one_sick_database_does_not_make_another_sick(run_pgweir, postgres):
    databases = {"app": {"url": postgres.url("app", "secret")}, "sick": {"url": f"postgres://app:x@127.0.0.1:{free_port()}/x"}}
    pooler = run_pgweir(config=file(postgres, databases=databases))

    async def story():
        well = await enter(pooler)
        sick = [asyncio.create_task(first_error(pooler, "sick")) for _ in range(20)]
        for _ in range(20):
            assert await well.query("select 1") == [["1"]]
        assert {failure.sqlstate for failure in await asyncio.gather(*sick)} <= {"08006", "08001"}

    run(story())


HOSTILE = [
    ("length 0", b"\0\0\0\0"),
    ("length 3", b"\0\0\0\3"),
    ("length 4", b"\0\0\0\4"),
    ("a negative length", b"\xff\xff\xff\xff\0\3\0\0"),
    ("a huge length", b"\x7f\xff\xff\xff\0\3\0\0"),
    ("no user", b"\0\0\0\x09\0\3\0\0\0"),
    ("protocol 2", b"\0\0\0\x08\0\2\0\0"),
    ("a cancel without a key", b"\0\0\0\x08\x04\xd2\x16\x2e"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("nothing", b""),
]


@pytest.mark.parametrize("octets", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_strangers_are_shown_out(sidecar, octets):
    pooler = sidecar()

    async def story():
        stranger = await Wire.open(pooler.host, pooler.port)
        stranger.send(octets)
        if octets:
            heard = await asyncio.wait_for(stranger.reader.read(), 5)
            assert heard == b"" or heard[:1] == b"E", heard
        stranger.abort()
        assert await (await enter(pooler)).query("select 1") == [["1"]]

    run(story())


def test_who_waits_in_vain_hears_why_there_are_no_more_servers(run_pgweir, own_postgres):
    own_postgres.run("alter role app connection limit 1")
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_QUERY_WAIT_TIMEOUT": "500ms"})
    with psycopg.connect(dsn(pooler)) as holder, psycopg.connect(dsn(pooler)) as other:
        holder.execute("select 1")
        with pytest.raises(psycopg.errors.TooManyConnections) as failure:
            other.execute("select 1")
        assert 'no more can be opened: 53300 too many connections for role "app"' in str(failure.value)


@pytest.mark.parametrize("attrs", ["read-write", "primary"])
def test_a_standby_is_not_taken_for_what_was_asked_for(run_pgweir, own_postgres, attrs):
    own_postgres.stop()
    (own_postgres.files / "standby.signal").touch()
    own_postgres.start()
    url = own_postgres.url("app", "secret")
    pooler = run_pgweir(database_url=f"{url}{'&' if '?' in url else '?'}target_session_attrs={attrs}")
    why = "its transactions are read-only" if attrs == "read-write" else "it is a standby"
    refusal = f"could not connect to the server: {why}, and target_session_attrs asks for another"
    with pytest.raises(psycopg.OperationalError, match=refusal):
        psycopg.connect(dsn(pooler))
    eventually(lambda: (answer := pooler.get("/readyz"))[0] == 503 and refusal in answer[1], "not ready, and why")
    own_postgres.run("select pg_promote()")
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready once it is promoted", 20)
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("create temporary table t (a int)")
