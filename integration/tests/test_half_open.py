"""Ten thousand who connect and do not log in: those who have are served meanwhile, memory is bounded, and all are closed.
Where there are no places left, they make room."""

import asyncio
import contextlib
import resource
import select
import socket
import struct
import time

import psycopg
import pytest

from support import proc
from support.children import eventually
from support.wire import Wire, startup
from tests.conftest import dsn, file, run

CROWD = 10_000

# What is needed of open files: by us for the crowd, by pgweir for the crowd, and something to spare.
FILES = CROWD + 500

LOGIN_TIMEOUT = 8

# What a socket and the beginning of a login may cost pgweir, each.
MOST_EACH = 12 * 1024

HELLO = startup("app", "app")
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
BEGINNINGS = [b"", b"\0", HELLO[:4], HELLO[:-1], SSL_REQUEST]


def knock(pooler, beginning: bytes) -> socket.socket:
    """Connects, says a little and no more."""
    stranger = socket.create_connection((pooler.host, pooler.port), timeout=10)
    stranger.sendall(beginning)
    stranger.setblocking(False)
    return stranger


def await_end(crowd: list[socket.socket], seconds: float) -> int:
    """How many are still open in the end; an N, for no TLS, may come before that."""
    poll, by_number = select.poll(), {stranger.fileno(): stranger for stranger in crowd}
    for number in by_number:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + seconds
    while by_number and time.monotonic() < deadline:
        for number, _ in poll.poll(100):
            try:
                if by_number[number].recv(100):
                    continue
            except ConnectionError:
                pass
            poll.unregister(number)
            by_number.pop(number).close()
    return len(by_number)


def test_a_crowd_that_does_not_log_in(sidecar):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < FILES:
        pytest.skip(f"needs {FILES} open files")
    pooler = sidecar(2, PGWEIR_POOL_CLIENT_LOGIN_TIMEOUT=f"{LOGIN_TIMEOUT}s", PGWEIR_POOL_MAX_CLIENTS=2 * CROWD)

    async def story():
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        before, worst, queries = proc.resident(pooler.pid), 0.0, 0
        crowd = asyncio.create_task(asyncio.to_thread(lambda: [knock(pooler, BEGINNINGS[n % 5]) for n in range(CROWD)]))
        while not crowd.done():
            asked = time.monotonic()
            assert await client.query("select 1") == [["1"]]
            worst, queries = max(worst, time.monotonic() - asked), queries + 1
        grown = proc.resident(pooler.pid) - before
        late = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
        assert await late.query("select 2") == [["2"]]
        ending = asyncio.create_task(asyncio.to_thread(await_end, crowd.result(), LOGIN_TIMEOUT + 20))
        while not ending.done():
            assert await client.query("select 3") == [["3"]]
            queries += 1
        print(f"{queries} queries, the slowest {worst * 1000:.0f} ms; {grown // 1024} KiB more for {CROWD}")
        assert grown < CROWD * MOST_EACH
        assert ending.result() == 0, "all are closed"

    run(story(), 100)
    assert proc.open_files(pooler.pid) < 100


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("beginning", [*BEGINNINGS, HELLO, b"\x16"])
def test_who_falls_silent_during_its_login_makes_room(run_pgweir, postgres, certificates, beginning, tls):
    own = {"client": {"mode": "prefer", "cert_file": certificates.server.cert, "key_file": certificates.server.key}}
    pooler = run_pgweir(config=file(postgres, pool={"max_clients": 3}, tls=own if tls else {}))
    silent, clients = [knock(pooler, beginning) for _ in range(3)], []

    def all_are_in() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            clients.append(psycopg.connect(dsn(pooler)))
        return len(clients) == 3

    eventually(all_are_in, "three have come in")
    with pytest.raises(psycopg.OperationalError, match="has no room for more clients"):
        psycopg.connect(dsn(pooler))
    for one in silent + clients:
        one.close()
