"""Runs each suite twice, against Postgres and through pgweir, and says where they differ. A difference without a reason in
`known.toml` fails. `make suites`; ONLY=asyncpg,django picks some."""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.children import obey_signals
from support.pgweir import Pgweir
from support.places import ROOT
from support.postgres import Postgres
from suites import known, outcome
from suites.shelf import SUITES
from suites.sources import PLACE
from suites.suite import Suite

# The suites make users and databases as they please, and some ask whether they need a password.
HBA = """
local all         all              trust
host  all         all 127.0.0.1/32 trust
host  replication all 127.0.0.1/32 trust
"""

SETTINGS = {"wal_level": "logical", "max_prepared_transactions": 10, "jit": "off"}

# Fewer than some tests have clients in transactions at once would hang them, as would a smaller max_connections.
SERVERS = 8

# Postgres waits five seconds for others to leave before it refuses DROP DATABASE.
IDLE = "1s"

# A suite that takes longer hangs.
LONGEST_RUN = 1800


@dataclass
class Compared:
    """What two runs of a suite came to."""

    suite: str
    direct: dict[str, outcome.Outcome]
    through: dict[str, outcome.Outcome]

    def differences(self) -> list[outcome.Difference]:
        """Where they differ."""
        return outcome.differences(self.direct, self.through)


def pooled(suite: Suite, postgres: Postgres) -> Pgweir:
    """pgweir in transaction mode, every database; the suite's users, or `postgres`."""
    pool = {"pool_size": SERVERS, "query_wait_timeout": "5s", "server_idle_timeout": IDLE}
    everything = {"host": postgres.host, "port": postgres.port}
    auth = {"auth_type": "scram-sha-256" if suite.passwords else "trust"}
    users = {user: {"password": password} for user, password in suite.passwords.items()} or {"postgres": {}}
    return Pgweir(config={"pool": pool, "auth": auth, "databases": {"*": everything}, "users": users})


def run(suite: Suite, way: str) -> dict[str, outcome.Outcome]:
    """One run of a suite, on a Postgres of its own."""
    report = PLACE / "reports" / f"{suite.name}-{way}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    with Postgres(hba=suite.hba + HBA, settings=SETTINGS) as postgres:
        postgres.run("create database suite")
        postgres.run("select 1", *suite.first(), dbname=suite.database)
        if way == "direct":
            _run(suite, postgres.port, report)
        else:
            with pooled(suite, postgres) as pgweir:
                _run(suite, pgweir.port, report)
    return outcome.read(report)


def _run(suite: Suite, port: int, report: Path) -> None:
    planned = suite.run(port, report)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DATABASE"))}
    env |= {"PYTHONPATH": str(ROOT / "integration")} | planned.env
    with open(report.with_suffix(".log"), "w") as log:
        subprocess.run(planned.command, cwd=planned.place, env=env, stdout=log, stderr=log, timeout=LONGEST_RUN)


def tell(compared: list[Compared], entries: list[known.Known]) -> int:
    """Prints what is not accounted for and a table; how many there are."""
    rows, unexplained = [("suite", "passed directly", "through pgweir", "differ", "of these unexplained")], 0
    for one in compared:
        differing = one.differences()
        open_ = [each for each in differing if known.reason(entries, one.suite, each.test) is None]
        for each in open_:
            print(f"  {one.suite}: {each}")
        counts = (outcome.passed(one.direct), outcome.passed(one.through), len(differing), len(open_))
        rows.append((one.suite, *map(str, counts)))
        unexplained += len(open_) + (not one.direct)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))))
    idle = [entry for entry in entries if not any(is_used(entry, one) for one in compared)]
    for entry in idle:
        if any(known.fnmatchcase(one.suite, entry.suite) for one in compared):
            print(f"no longer so: {entry.suite}: {entry.test}")
    return unexplained


def is_used(entry: known.Known, one: Compared) -> bool:
    """Whether a difference of these runs is this one."""
    return any(entry.covers(one.suite, each.test) for each in one.differences())


def main() -> int:
    """The exit code: 1 where something is not accounted for."""
    words = argparse.ArgumentParser(prog="suites", description=__doc__)
    words.add_argument("--only", default="", help="names of suites, with commas between")
    words.add_argument("--again", action="store_true", help="compare the reports of the last runs, run nothing")
    args = words.parse_args()
    obey_signals()
    chosen = [suite for suite in SUITES if not args.only or suite.name in args.only.split(",")]
    entries, compared = known.load(), []
    for suite in chosen:
        ways = {}
        for way in ("direct", "through"):
            print(f"{suite.name}, {way} ...", flush=True)
            report = PLACE / "reports" / f"{suite.name}-{way}.xml"
            ways[way] = outcome.read(report) if args.again else run(suite, way)
        compared.append(Compared(suite.name, **ways))
    return 1 if tell(compared, entries) else 0


sys.exit(main())
