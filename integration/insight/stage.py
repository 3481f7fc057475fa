"""What stands on the stage: a Postgres with the shop in it, a pgweir in front. Not what is played."""

from pathlib import Path

from support.pgweir import Pgweir
from support.postgres import Postgres

USER = DATABASE = "shop"

# The programs of a stack are many clients, which must not wait for each other long; stacks at once have so many each.
POOL_SIZE = 40
MAX_CONNECTIONS = 300


def postgres(**settings) -> Postgres:
    """A Postgres that trusts everybody, filled."""
    return Postgres(hba="local all all trust\nhost all all all trust\n", settings={"max_connections": MAX_CONNECTIONS} | settings)


def fill(server: Postgres) -> None:
    """The shop."""
    server.run(f"create role {USER} login", f"create database {DATABASE} owner {USER}")
    with server.connect(DATABASE, USER) as connection:
        for file in ("schema.sql", "load.sql"):
            connection.execute((Path(__file__).parent / file).read_text())
    server.run("vacuum analyze", dbname=DATABASE)


def copy(server: Postgres, name: str) -> str:
    """The shop again, for one stack alone: stacks would wait for each other's locks."""
    database = f"{DATABASE}-{name}"
    server.run(f'create database "{database}" owner {USER} template {DATABASE}')
    return database


def pgweir(server: Postgres, database: str) -> Pgweir:
    """A sidecar as anybody has it: one URL. Clients need no password, because it has none."""
    quiet = {"PGWEIR_LOG_LOG_CONNECTIONS": "false", "PGWEIR_LOG_LOG_DISCONNECTIONS": "false"}
    return Pgweir(database_url=server.url(USER, dbname=database), env=quiet | {"PGWEIR_POOL_POOL_SIZE": POOL_SIZE})


def place(of, database: str) -> dict:
    """Where clients find a pgweir or a Postgres."""
    return {"host": of.host, "port": of.port, "user": USER, "dbname": database}
