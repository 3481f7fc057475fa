"""Cancel: the query that was meant and no other; a client that waits; an idle one; a wrong key."""

import asyncio
import struct
import threading
import time

import psycopg
import pytest
from psycopg import errors

from support.wire import ServerError, Wire
from tests.conftest import dsn, run, secure_dsn

CANCEL_REQUEST = 80877102


@pytest.fixture(params=["plain", "tls"])
def connect(request, certificates):
    """Connections to a pooler of two servers, in the clear or with TLS; and the pooler."""
    if request.param == "tls":
        pooler = request.getfixturevalue("secure")
        words = secure_dsn(pooler, certificates)
    else:
        pooler = request.getfixturevalue("sidecar")(2)
        words = dsn(pooler)
    opened = []

    def one() -> psycopg.Connection:
        opened.append(psycopg.connect(words, autocommit=True))
        return opened[-1]

    yield one
    for connection in opened:
        connection.close()


def sleeping(connection, seconds: float, outcome: list) -> threading.Thread:
    """Runs pg_sleep in a thread; what came of it goes to `outcome`."""

    def work():
        try:
            connection.execute("select pg_sleep(%s)", [seconds])
            outcome.append("finished")
        except psycopg.Error as failure:
            outcome.append(type(failure).__name__)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until_sleeping(postgres, count: int) -> None:
    """Returns once Postgres runs `count` sleeps of `app`."""
    running = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(%' and usename = 'app'"
    deadline = time.monotonic() + 10
    while postgres.run(running)[0][0] != count:
        assert time.monotonic() < deadline, f"not {count} sleeps"


def test_it_hits_the_query_that_was_meant(connect, postgres):
    meant, spared = connect(), connect()
    of_meant, of_spared = [], []
    threads = [sleeping(meant, 30, of_meant), sleeping(spared, 1.5, of_spared)]
    until_sleeping(postgres, 2)
    meant.cancel()
    for thread in threads:
        thread.join()
    assert (of_meant, of_spared) == (["QueryCanceled"], ["finished"])
    assert meant.execute("select 1").fetchone() == (1,)


def test_a_cancel_that_is_encrypted_itself(connect, postgres):
    """As libpq sends it from 17 on, over TLS where its connection has it; it waits for an orderly end."""
    meant, outcome = connect(), []
    thread = sleeping(meant, 30, outcome)
    until_sleeping(postgres, 1)
    meant.cancel_safe()
    thread.join()
    assert outcome == ["QueryCanceled"]


def test_it_never_hits_the_next_client(connect, postgres):
    """A cancel right at a query's end must not reach whoever gets the server next."""
    hasty, others = connect(), [connect() for _ in range(4)]
    over, failures = threading.Event(), []

    def work(connection):
        while not over.is_set():
            try:
                connection.execute("select pg_sleep(0.001)")
            except psycopg.Error as failure:
                failures.append(failure)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in others]
    for thread in threads:
        thread.start()
    for turn in range(60):
        outcome = []
        thread = sleeping(hasty, 0.001 * (turn % 4), outcome)
        hasty.cancel()
        thread.join()
        assert outcome in (["finished"], ["QueryCanceled"])
    over.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_client_that_waits(connect, postgres):
    """It is taken out of the queue with 57014; those that run go on."""
    running, outcomes = [connect(), connect()], []
    threads = [sleeping(connection, 2, outcomes) for connection in running]
    until_sleeping(postgres, 2)
    waiting, outcome = connect(), []
    thread = sleeping(waiting, 0, outcome)
    thread.join(0.3)
    assert thread.is_alive(), "there was a third server"
    started = time.monotonic()
    waiting.cancel()
    thread.join()
    assert outcome == ["QueryCanceled"] and time.monotonic() - started < 1
    for thread in threads:
        thread.join()
    assert outcomes == ["finished", "finished"]
    assert waiting.execute("select 1").fetchone() == (1,)


def test_an_idle_client(connect):
    connection = connect()
    connection.execute("select 1")
    connection.cancel()
    assert connection.execute("select 2").fetchone() == (2,)


def test_in_a_transaction(connect, postgres):
    connection = connect()
    with pytest.raises(errors.QueryCanceled):
        with connection.transaction():
            connection.execute("select 1")
            thread = threading.Thread(target=lambda: (until_sleeping(postgres, 1), connection.cancel()))
            thread.start()
            connection.execute("select pg_sleep(30)")
    thread.join()
    assert connection.execute("select 3").fetchone() == (3,)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(struct.pack("!iiii", 16, CANCEL_REQUEST, 1, 2), id="a key that nobody has"),
        pytest.param(struct.pack("!iii", 12, CANCEL_REQUEST, 1), id="a short key"),
    ],
)
def test_a_wrong_key_is_ignored_silently(sidecar, packet):
    pooler = sidecar(2)

    async def story():
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        stranger = await Wire.open(pooler.host, pooler.port)
        stranger.send(packet)
        assert await stranger.reader.read() == b""
        assert await client.query("select 1") == [["1"]]
        await client.close()

    run(story())


def test_the_keys_of_clients_differ_and_serve(sidecar):
    """The right id with a wrong secret cancels nothing; with the right one it does."""
    pooler = sidecar(2)

    async def cancel(key: bytes):
        stranger = await Wire.open(pooler.host, pooler.port)
        stranger.send(struct.pack("!ii", 8 + len(key), CANCEL_REQUEST) + key)
        assert await stranger.reader.read() == b""

    async def story():
        clients = [await Wire.login(pooler.host, pooler.port, "app", "app", "secret") for _ in range(20)]
        keys = {client.key for client in clients}
        assert len(keys) == 20
        client = clients[0]
        asked = asyncio.create_task(client.query("select pg_sleep(1.5)"))
        await asyncio.sleep(0.3)
        await cancel(client.key[:-1] + bytes([client.key[-1] ^ 1]))
        assert await asked == [[""]]
        asked = asyncio.create_task(client.query("select pg_sleep(30)"))
        await asyncio.sleep(0.3)
        await cancel(client.key)
        with pytest.raises(ServerError) as failure:
            await asked
        assert failure.value.sqlstate == "57014"
        for client in clients:
            await client.close()

    run(story())
