"""COPY of 100 MB, in and out, and that pgweir's memory stays flat while it passes."""

import psycopg
import pytest

from support import proc
from tests.conftest import dsn

LINE = b"x" * 999 + b"\n"
LINES = 100_000
BLOCK = 100

# Far less than what passes; far more than the buffers of two sockets.
MEMORY = 16 * 1024 * 1024


@pytest.fixture
def client(sidecar, postgres):
    """A client, the pooler's process id, and a table to copy to."""
    postgres.run("drop table if exists bulk", "create unlogged table bulk (x text)", "grant all on bulk to app", dbname="app")
    pooler = sidecar(2)
    with psycopg.connect(dsn(pooler), autocommit=True) as connection:
        connection.execute("select 1")
        yield connection, pooler.pid


class Peak:
    """The most memory that a process was seen to have, over what it had."""

    def __init__(self, pid: int):
        self.pid = pid
        self.before = proc.resident(pid)
        self.most = 0

    def look(self) -> None:
        """Looks."""
        self.most = max(self.most, proc.resident(self.pid) - self.before)


def test_100_megabytes_in_and_out(client):
    connection, pid = client
    peak = Peak(pid)
    with connection.cursor().copy("copy bulk from stdin") as copy:
        for turn in range(LINES // BLOCK):
            copy.write(LINE * BLOCK)
            if turn % 10 == 0:
                peak.look()
    assert connection.execute("select count(*), sum(length(x)) from bulk").fetchone() == (LINES, LINES * 999)
    received = 0
    with connection.cursor().copy("copy bulk to stdout") as copy:
        for turn, piece in enumerate(copy):
            received += len(piece)
            if turn % 1000 == 0:
                peak.look()
    assert received == LINES * 1000
    assert peak.most < MEMORY


def test_one_row_of_100_megabytes(client):
    connection, pid = client
    peak = Peak(pid)
    size = 100 * 1000 * 1000
    assert connection.execute("select length(%s::text)", ["x" * size]).fetchone() == (size,)
    peak.look()
    assert len(connection.execute("select repeat('x', %s)", [size]).fetchone()[0]) == size
    peak.look()
    assert peak.most < MEMORY


def test_a_client_that_does_not_read(client):
    """What it asked for is held by nobody but the kernel; others go on."""
    connection, pid = client
    peak = Peak(pid)
    connection.pgconn.send_query(b"select repeat('x', 1000000) from generate_series(1, 1000)")
    connection.pgconn.flush()
    with psycopg.connect(connection.info.dsn, password="secret", autocommit=True) as other:
        for _ in range(100):
            other.execute("select pg_sleep(0.005)")
            peak.look()
    assert peak.most < MEMORY
    connection.pgconn.finish()
