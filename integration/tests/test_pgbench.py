"""pgbench with 300 clients over five servers: no error, and never a sixth server."""

import subprocess

import pytest

from support.places import postgres_program
from support.watch import Watch

POOL_SIZE = 5
CLIENTS = 300
SECONDS = 5


@pytest.fixture(scope="module")
def tables(postgres):
    """pgbench's tables, its own users' to fill."""
    address = [f"--host={postgres.socket_directory}", f"--port={postgres.port}", "--username=app", "app"]
    make = [postgres_program("pgbench"), "--initialize", "--quiet", "--scale=10", *address]
    subprocess.run(make, check=True, capture_output=True)


def pgbench(pooler, *args: str) -> str:
    """Runs pgbench without an error; its report."""
    address = [f"--host={pooler.host}", f"--port={pooler.port}", "--username=app", "app"]
    command = [postgres_program("pgbench"), "--no-vacuum", "--jobs=2", *args, *address]
    done = subprocess.run(command, capture_output=True, text=True, env={"PGPASSWORD": "secret"}, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "number of failed transactions: 0 " in done.stdout, done.stdout
    assert "ERROR" not in done.stderr and "FATAL" not in done.stderr, done.stderr[-3000:]
    return done.stdout


CASES = [
    ("simple", ["--protocol=simple", "--select-only"]),
    ("extended", ["--protocol=extended", "--select-only"]),
    ("prepared", ["--protocol=prepared", "--select-only"]),
    ("simple transactions", ["--protocol=simple", "--builtin=tpcb-like"]),
    # pgbench prepares in blocking calls: while it waits for one client's server, the others of its thread finish nothing. So
    # with fewer threads than clients it needs a pooler that answers for a statement that it knows without a server.
    ("prepared transactions", ["--protocol=prepared", "--builtin=tpcb-like"]),
    ("prepared transactions, a thread each", ["--protocol=prepared", "--builtin=tpcb-like", "--jobs=300"]),
]


@pytest.mark.parametrize("args", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_300_clients_over_5_servers(sidecar, postgres, tables, args):
    pooler = sidecar(POOL_SIZE)
    with Watch(postgres, "app") as watch:
        pgbench(pooler, f"--client={CLIENTS}", f"--time={SECONDS}", *args)
    assert watch.looks > SECONDS
    assert 1 <= watch.most <= POOL_SIZE


def test_a_connection_for_each_transaction(sidecar, postgres, tables):
    pooler = sidecar(POOL_SIZE)
    with Watch(postgres, "app") as watch:
        pgbench(pooler, "--client=20", "--time=3", "--connect", "--select-only")
    assert 1 <= watch.most <= POOL_SIZE


def test_an_error_in_a_transaction_is_the_clients_own(sidecar, tables, tmp_path):
    """Serialization failures come and are retried by pgbench; other clients go on."""
    pooler = sidecar(POOL_SIZE)
    script = tmp_path / "conflict.sql"
    script.write_text(
        "begin isolation level repeatable read;\n"
        "update pgbench_branches set bbalance = bbalance + 1 where bid = 1;\n"
        "end;\n"
    )
    report = pgbench(pooler, "--client=20", "--time=3", "--max-tries=1000", f"--file={script}")
    assert "number of transactions retried" in report
