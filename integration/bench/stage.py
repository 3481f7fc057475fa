"""What stands on the stage: one Postgres with tables to ask, and the poolers in front of it. Not what is asked."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.load import DATABASE, PASSWORD, USER
from support import wire
from support.pgbouncer import PgBouncer
from support.pgweir import Pgweir
from support.places import postgres_program
from support.postgres import Postgres

POOL_SIZE = 20
MAX_CLIENTS = 12000
SECRET = wire.scram_secret(PASSWORD, salt=b"the same for all")


@dataclass(frozen=True)
class Contender:
    """A pooler that can be started. `program` only for pgweir."""

    name: str
    program: Path | None = None
    # Whether it looks at statements.
    observes: bool = True

    def start(self, postgres: Postgres, scram: bool):
        """A fresh one, as a context."""
        return self._pgweir(postgres, scram) if self.program else self._pgbouncer(postgres, scram)

    def _pgbouncer(self, postgres: Postgres, scram: bool) -> PgBouncer:
        settings = {"default_pool_size": POOL_SIZE, "max_client_conn": MAX_CLIENTS}
        if scram:
            return PgBouncer(postgres, DATABASE, {USER: SECRET}, settings | {"auth_type": "scram-sha-256"})
        return PgBouncer(postgres, DATABASE, {USER: ""}, settings)

    def _pgweir(self, postgres: Postgres, scram: bool) -> Pgweir:
        config = {
            "pool": {"pool_size": POOL_SIZE, "max_clients": MAX_CLIENTS},
            "databases": {DATABASE: {"url": f"postgres://{postgres.host}:{postgres.port}/{DATABASE}"}},
            "users": {USER: {"password": SECRET} if scram else {}},
            "auth": {"auth_type": "scram-sha-256" if scram else "trust"},
            "log": {"log_connections": False, "log_disconnections": False},
        }
        if not self.observes:
            config["observe"] = {"track_statements": False}
        return Pgweir(config=config, program=self.program)


def postgres() -> Postgres:
    """A Postgres that trusts everybody and is not what is measured."""
    return Postgres(hba="local all all trust\nhost all all all trust\n", settings={"shared_buffers": "512MB"})


def fill(server: Postgres, scale: int) -> None:
    """pgbench's tables, and one of 20,000 rows of a hundred bytes."""
    server.run(f"create role {USER} login superuser", f"create database {DATABASE} owner {USER}")
    address = [f"--host={server.socket_directory}", f"--port={server.port}", f"--username={USER}", DATABASE]
    make = [postgres_program("pgbench"), "--initialize", "--quiet", f"--scale={scale}", *address]
    subprocess.run(make, check=True, capture_output=True)
    server.run(
        "create table wide as select id, repeat('x', 90) as filler from generate_series(1, 20000) id",
        "vacuum analyze",
        dbname=DATABASE,
    )
