"""Every limit, each with its own SQLSTATE, and who is closed by it and who is not."""

import asyncio
import os
import signal
import socket
import time

import pytest

from support.children import eventually
from support.places import pgweir_program
from support.wire import ServerError, Wire, error_fields, message, query, startup
from tests.conftest import file, run


async def enter(pooler, **more) -> Wire:
    """A client that has logged in."""
    return await Wire.login(pooler.host, pooler.port, "app", "app", "secret", **more)


async def closed_with(client: Wire) -> str:
    """The SQLSTATE of the FATAL error that ends a client's stay, which must be the last that it hears."""
    while True:
        tag, body = await client.read()
        if tag == b"E":
            fields = error_fields(body)
            assert fields["S"] == "FATAL", fields
            assert await client.reader.read() == b""
            return fields["C"]


async def refused(awaitable) -> ServerError:
    """The error that comes of it."""
    with pytest.raises(ServerError) as refusal:
        await awaitable
    return refusal.value


def running(postgres, what: str) -> int:
    """How many sessions of `app` are in a state."""
    return postgres.run(f"select count(*) from pg_stat_activity where usename = 'app' and {what}")[0][0]


def test_query_wait_timeout_fails_the_statement_and_not_the_session(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "query_wait_timeout": "300ms"}))

    async def story():
        busy, client = await enter(pooler), await enter(pooler)
        await busy.query("begin")
        started = time.monotonic()
        for _ in range(2):
            failure = await refused(client.query("select 1"))
            assert failure.sqlstate == "53300"
            assert failure.fields["S"] == "ERROR" and "D" in failure.fields
            assert client.status == "I"
        assert 0.5 < time.monotonic() - started < 3
        await busy.query("commit")
        assert await client.query("select 2") == [["2"]]

    run(story())


def test_query_wait_timeout_in_the_extended_protocol(run_pgweir, postgres):
    """The error is followed by nothing until Sync, as after any error of Postgres."""
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "query_wait_timeout": "300ms"}))
    batch = message(b"P", b"\0select 1\0\0\0") + message(b"B", b"\0\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0")

    async def story():
        busy, client = await enter(pooler), await enter(pooler)
        await busy.query("begin")
        client.send(batch + message(b"S"))
        failure = await refused(client.until_ready())
        assert (failure.sqlstate, client.status) == ("53300", "I")
        await busy.query("commit")
        client.send(batch + message(b"S"))
        assert [tag for tag, _ in await client.until_ready()] == [b"1", b"2", b"D", b"C"]

    run(story())


def test_what_waits_in_vain_has_waited_and_not_run(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "query_wait_timeout": "400ms"}))

    async def story():
        busy, client = await enter(pooler), await enter(pooler)
        await busy.query("begin")
        for _ in range(3):
            assert (await refused(client.query("select pg_sleep(0.1)"))).sqlstate == "53300"
        await busy.query("commit")
        await client.query("select pg_sleep(0.1)")

    run(story())
    # begin, three in vain, and the last; commit has its server already.
    eventually(lambda: pooler.metric("pgweir_pool_wait_seconds_count") == 5, "five have asked for a server")
    assert pooler.metric("pgweir_pool_wait_seconds_sum") > 1.2
    assert pooler.rows("pools")[0]["wait_ms"]["max"] >= 400

    def slept() -> dict:
        return next((row for row in pooler.rows("statements") if "pg_sleep" in row["sql"]), {"errors": 0})

    eventually(lambda: slept()["errors"] == 3 and slept()["calls"] == 1, "one has run, three have failed")
    assert slept()["query_ms"]["p50"] > 90 and slept()["wait_ms"]["mean"] > 250


@pytest.mark.parametrize(
    "databases, advice",
    [({}, "raise pool_size"), ({"max_db_connections": 1}, "raise max_db_connections")],
    ids=["pool_size", "max_db_connections"],
)
def test_the_limit_that_is_reached_is_named(run_pgweir, postgres, databases, advice):
    app = {"url": postgres.url("app", "secret")} | databases
    pool = {"pool_size": 5 if databases else 1, "query_wait_timeout": "200ms"}
    pooler = run_pgweir(config=file(postgres, databases={"app": app}, pool=pool))

    async def story():
        busy, client = await enter(pooler), await enter(pooler)
        await busy.query("begin")
        failure = await refused(client.query("select 1"))
        assert failure.sqlstate == "53300" and advice in failure.fields["H"], failure.fields
        await busy.query("commit")

    run(story())


def test_a_limit_that_listening_has_used_up_is_told_as_such(run_pgweir, postgres):
    app = {"url": postgres.url("app", "secret"), "max_db_connections": 1}
    pooler = run_pgweir(config=file(postgres, databases={"app": app}, pool={"query_wait_timeout": "200ms"}))

    async def story():
        client = await enter(pooler)
        await client.query("listen news")
        failure = await refused(client.query("select 1"))
        assert failure.sqlstate == "53300", failure.fields
        assert "1 of them to LISTEN" in failure.fields["D"], failure.fields
        assert failure.fields["H"].startswith("Raise max_db_connections"), failure.fields

    run(story())


def test_who_waits_for_a_paused_pgweir_is_told_so(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"query_wait_timeout": "200ms"}))

    async def story():
        client = await enter(pooler)
        pooler.child.send(signal.SIGUSR1)
        pooler.wait_for_event("paused")
        failure = await refused(client.query("select 1"))
        assert "paused" in failure.fields["D"] and "USR2" in failure.fields["H"], failure.fields

    run(story())


def test_a_login_that_waits_for_a_server_in_vain_is_told_what_a_statement_is(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"query_wait_timeout": "200ms"}))
    pooler.child.send(signal.SIGUSR1)
    pooler.wait_for_event("paused")
    # With something that no server was asked about yet: one may have been opened before the pause.
    failure = run(refused(enter(pooler, search_path="elsewhere")))
    assert (failure.fields["S"], failure.sqlstate) == ("FATAL", "53300"), failure.fields
    assert "paused" in failure.fields["D"] and "USR2" in failure.fields["H"], failure.fields


def test_a_login_that_lasts_too_long_is_told_so(run_pgweir, postgres):
    """By a Postgres that says nothing, while its client has said all that it was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        app = {"host": "127.0.0.1", "port": mute.getsockname()[1]}
        config = file(postgres, pool={"client_login_timeout": "1s"}) | {"databases": {"app": app}}
        pooler = run_pgweir(config=config)
        failure = run(refused(enter(pooler)))
    assert (failure.fields["S"], failure.sqlstate) == ("FATAL", "08006"), failure.fields
    assert "client_login_timeout is 1s" in failure.fields["D"] and "1 connecting" in failure.fields["D"], failure.fields
    assert "Postgres" in failure.fields["H"]
    assert "waiting for a server" in pooler.wait_for_event("client_login_failed")["error"]


def test_who_does_not_send_its_password_is_told_so_and_who_says_nothing_is_not(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"client_login_timeout": "500ms"}))

    async def story():
        silent, half, asked = [await Wire.open(pooler.host, pooler.port) for _ in range(3)]
        half.send(startup("app", "app")[:9])
        asked.send(startup("app", "app"))
        assert await closed_with(asked) == "57P05"
        for client in silent, half:
            assert await client.reader.read() == b""

    run(story())


def test_few_files(run_pgweir, postgres, tmp_path):
    """No more clients come in than may be files open, and what serves those who are in goes on."""
    program = tmp_path / "few"
    program.write_text(f'#!/bin/sh\nulimit -S -n 40\nulimit -H -n 120\nexec {pgweir_program()} "$@"\n')
    program.chmod(0o755)
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 40, "server_connect_timeout": "30s"}), program=program)
    [few] = pooler.events("few_files")
    assert few["servers"] == 41 and 30 <= few["clients"] <= 120 - 41 - 20, few

    async def story():
        clients = [await enter(pooler) for _ in range(few["clients"])]
        failure = await refused(enter(pooler))
        assert failure.sqlstate == "53300" and "open files" in failure.fields["H"], failure.fields
        for client in clients[:40]:
            await client.query("begin")
        assert pooler.get("/healthz")[0] == 200
        assert pooler.events("server_connect_failed") == pooler.events("accept_failed") == []

    run(story())


def test_max_clients(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"max_clients": 3}))

    async def story():
        clients = [await enter(pooler) for _ in range(3)]
        failure = await refused(enter(pooler))
        assert (failure.sqlstate, failure.fields["S"]) == ("53300", "FATAL")
        for client in clients:
            assert await client.query("select 1") == [["1"]]
        await clients.pop().close()
        await asyncio.sleep(0.2)
        clients.append(await enter(pooler))

    run(story())
    eventually(lambda: pooler.metric("pgweir_rejected_total") == 1, "the refusal was counted")


def test_max_db_and_user_clients(run_pgweir, postgres):
    databases = {"app": {"url": postgres.url("app", "secret"), "max_db_client_connections": 2}}
    users = {"app": {"password": "secret", "max_user_client_connections": 1}, "other": {"password": "secret"}}
    pooler = run_pgweir(config=file(postgres, databases=databases, users=users))

    async def story():
        first = await enter(pooler)
        assert (await refused(enter(pooler))).sqlstate == "53300"
        second = await Wire.login(pooler.host, pooler.port, "other", "app", "secret")
        failure = await refused(Wire.login(pooler.host, pooler.port, "other", "app", "secret"))
        assert failure.sqlstate == "53300"
        await first.close()
        await second.close()

    run(story())


def test_max_db_connections(run_pgweir, postgres):
    databases = {"app": {"url": postgres.url("app", "secret"), "max_db_connections": 2}}
    pooler = run_pgweir(config=file(postgres, databases=databases))

    async def story():
        clients = [await enter(pooler) for _ in range(10)]
        asked = asyncio.gather(*(client.query("select pg_sleep(0.2)") for client in clients))
        await asyncio.sleep(0.3)
        assert running(postgres, "true") <= 2
        await asked

    run(story())


def test_client_idle_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"client_idle_timeout": "500ms"}))

    async def story():
        idle, busy = await enter(pooler), await enter(pooler)
        asked = asyncio.create_task(busy.query("select pg_sleep(1.5)"))
        assert await closed_with(idle) == "57P05"
        await asked

    run(story())


def test_idle_transaction_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "idle_transaction_timeout": "500ms"}))

    async def story():
        idle, next_one = await enter(pooler), await enter(pooler)
        await idle.query("begin")
        await idle.query("select pg_sleep(1)")
        assert await closed_with(idle) == "25P03"
        assert await next_one.query("select 1") == [["1"]]

    run(story())
    assert running(postgres, "state like 'idle in transaction%'") == 0


def test_query_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "query_timeout": "500ms"}))

    async def story():
        slow, next_one = await enter(pooler), await enter(pooler)
        slow.send(query("select pg_sleep(100)"))
        assert await closed_with(slow) == "57014"
        assert await next_one.query("select 1") == [["1"]]

    run(story())
    eventually(lambda: running(postgres, "state = 'active'") == 0, "the query was cancelled")
    counts = lambda: [pooler.metric(f"pgweir_{name}_total") for name in ("queries", "transactions", "errors")]
    eventually(lambda: counts() == [2, 2, 1], "the one that was cut short is among the counts")
    assert pooler.metric("pgweir_query_seconds_sum") > 0.5


def test_while_pgweir_stands_still_nobodys_time_runs(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"query_timeout": "4s", "client_idle_timeout": "4s"}))

    async def story():
        busy, idle = await enter(pooler), await enter(pooler)
        busy.send(query("select pg_sleep(3)"))
        eventually(lambda: running(postgres, "state = 'active'") == 1, "it runs")
        os.kill(pooler.pid, signal.SIGSTOP)
        idle.send(query("select 1"))
        stopped = time.monotonic()
        eventually(lambda: time.monotonic() - stopped > 5, "longer than any limit")
        os.kill(pooler.pid, signal.SIGCONT)
        for client in (busy, idle):
            await client.until_ready()
        assert await idle.query("select 2") == [["2"]]

    run(story())


def test_transaction_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "transaction_timeout": "700ms"}))

    async def story():
        slow, next_one = await enter(pooler), await enter(pooler)
        await slow.query("begin")
        try:
            for _ in range(100):
                await slow.query("select pg_sleep(0.05)")
            raise AssertionError("the transaction outlived its timeout")
        except ServerError as failure:
            assert failure.sqlstate == "25P04"
        assert await next_one.query("select 1") == [["1"]]

    run(story())
    eventually(lambda: running(postgres, "state <> 'idle'") == 0, "the transaction was ended")


@pytest.mark.parametrize("limit, sqlstate", [("transaction_timeout", "25P04"), ("idle_transaction_timeout", "25P03")])
def test_a_batch_that_waits_for_its_sync_is_a_transaction(run_pgweir, postgres, limit, sqlstate):
    """As in libpq's pipelines with PQsendFlushRequest: answered, and not at its end."""
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, limit: "700ms"}))
    parse = message(b"P", b"\0select pg_advisory_xact_lock(9)\0\0\0")
    batch = parse + message(b"B", bytes(8)) + message(b"E", bytes(5)) + message(b"H")

    async def story():
        silent, next_one = await enter(pooler), await enter(pooler)
        silent.send(batch)
        assert await closed_with(silent) == sqlstate
        assert await next_one.query("select pg_try_advisory_xact_lock(9)") == [["t"]]

    run(story())


def test_what_runs_for_a_client_that_said_goodbye(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1}))

    async def leave_behind(sql: str) -> None:
        client = await enter(pooler)
        client.send(query(sql) + message(b"X"))
        await client.writer.drain()
        client.abort()

    async def story():
        # As by Postgres, while nobody waits.
        await leave_behind("select pg_sleep(2.5); create table goodbye ()")
        made = lambda: postgres.run("select 1 from pg_class where relname = 'goodbye'", dbname="app")
        eventually(made, "what was asked for before the goodbye was done")
        client = await enter(pooler)
        await leave_behind("select pg_sleep(100)")
        eventually(lambda: running(postgres, "state = 'active'") == 1, "it runs")
        assert await client.query("drop table goodbye; select 1") == [["1"]]

    run(story())
    eventually(lambda: running(postgres, "state = 'active'") == 0, "what nobody wanted any more was cancelled")


def test_a_rest_is_no_part_of_a_transaction(run_pgweir, postgres):
    """Nor is that of a client which is tied to its server."""
    pooler = run_pgweir(config=file(postgres, pool={"transaction_timeout": "500ms"}))

    async def story():
        client = await enter(pooler)
        await client.query("create temp table mine (x int)")
        await asyncio.sleep(0.7)
        await client.query("begin; select 1")
        await client.query("commit")
        await client.close()

    run(story())
    assert pooler.metric("pgweir_transaction_seconds_sum") < 0.5


def test_server_idle_timeout(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"server_idle_timeout": "500ms"}))

    async def story():
        client = await enter(pooler)
        await client.query("select 1")
        assert running(postgres, "true") == 1
        await asyncio.to_thread(postgres.wait_for_sessions, "app", 0)
        assert await client.query("select 2") == [["2"]]

    run(story())


def test_server_lifetime(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1, "server_lifetime": "500ms"}))

    async def story():
        client, pids = await enter(pooler), set()
        deadline = time.monotonic() + 10
        while len(pids) < 3 and time.monotonic() < deadline:
            pids.add((await client.query("select pg_backend_pid(), pg_sleep(0.05)"))[0][0])
        assert len(pids) == 3

    run(story())


def test_min_pool_size(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"min_pool_size": 3}))

    async def story():
        await (await enter(pooler)).query("select 1")
        await asyncio.to_thread(postgres.wait_for_sessions, "app", 3)

    run(story())


def test_reserve_pool(run_pgweir, postgres):
    limits = {"pool_size": 1, "reserve_pool_size": 1, "reserve_pool_timeout": "300ms"}
    pooler = run_pgweir(config=file(postgres, pool=limits))

    async def story():
        busy, waiting, further = [await enter(pooler) for _ in range(3)]
        await busy.query("begin")
        started = time.monotonic()
        await waiting.query("begin")
        assert 0.2 < time.monotonic() - started < 3
        asked = asyncio.create_task(further.query("select 1"))
        await asyncio.sleep(0.7)
        assert not asked.done() and running(postgres, "true") == 2
        await busy.query("commit")
        await asked

    run(story())


def test_waiters_are_served_in_order(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 1}))

    async def story():
        busy, clients, served = await enter(pooler), [await enter(pooler) for _ in range(20)], []
        await busy.query("begin")

        async def ask(number: int) -> None:
            await clients[number].query("select 1")
            served.append(number)

        asked = []
        for number in range(20):
            asked.append(asyncio.create_task(ask(number)))
            await asyncio.sleep(0.02)
        await busy.query("commit")
        await asyncio.gather(*asked)
        assert served == list(range(20))

    run(story())


def test_session_mode(run_pgweir, postgres):
    """A client keeps its server until it leaves; then the server is reset."""
    pooler = run_pgweir(config=file(postgres, pool={"pool_mode": "session", "pool_size": 1}))

    async def story():
        first = await enter(pooler)
        await first.query("create temp table mine (x int)")
        await first.query("set statement_timeout = '7s'")
        second = await enter(pooler)
        asked = asyncio.create_task(second.query("select to_regclass('mine')"))
        await asyncio.sleep(0.3)
        assert not asked.done()
        assert await first.query("select count(*) from mine") == [["0"]]
        await first.close()
        assert await asked == [[None]]
        assert await second.query("show statement_timeout") == [["0"]]

    run(story())


def test_statement_mode(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"pool_mode": "statement", "pool_size": 1}))

    async def story():
        first, second = await enter(pooler), await enter(pooler)
        assert await first.query("select 1") == [["1"]]
        await refused(first.query("begin"))
        assert await second.query("select 2") == [["2"]]

    run(story())
