"""One command: a throw-away Postgres, pgweir in front of it with nothing but a DATABASE_URL, and clients that work.

A line a second says what happens, until Ctrl-C or for DEMO_SECONDS; then everything is gone."""

import asyncio
import os
import sys
import time

from demo.clients import Clients
from demo.view import Sight, heading, line
from support.children import free_port, obey_signals, raise_open_files
from support.pgweir import Pgweir
from support.postgres import Postgres

# The ports of the manual, if nobody has them.
PORT = 6432
HTTP_PORT = 6433


def main() -> None:
    """Sets the stage, plays, strikes it."""
    obey_signals()
    raise_open_files()
    clients = int(os.environ.get("DEMO_CLIENTS") or 300)
    seconds = float(os.environ.get("DEMO_SECONDS") or "inf")
    say("starting a throw-away Postgres …")
    with Postgres() as postgres:
        fill(postgres)
        say("starting pgweir …")
        with start(postgres) as pooler:
            say(heading(postgres, pooler, clients))
            try:
                asyncio.run(play(postgres, pooler, clients, seconds))
            except KeyboardInterrupt:
                pass
            say("\nstopping, and removing everything …")
    say("gone.")


def fill(postgres: Postgres) -> None:
    """A small shop."""
    postgres.run("create role shop login password 'shop'", "create database shop owner shop")
    postgres.run(
        "create table customers as select id, 'customer ' || id as name from generate_series(1, 10000) id",
        "alter table customers add primary key (id)",
        "create table orders (id bigint generated always as identity primary key, customer int, total numeric, at timestamptz)",
        "insert into orders (customer, total, at) select 1 + i % 10000, i % 97, now() from generate_series(1, 50000) i",
        "create index on orders (customer)",
        "alter table customers owner to shop",
        "alter table orders owner to shop",
        "analyze",
        dbname="shop",
    )


def start(postgres: Postgres) -> Pgweir:
    """pgweir as a sidecar: one environment variable, and ten servers rather than twenty to make its point."""
    return Pgweir(
        database_url=postgres.url("shop", "shop", dbname="shop"),
        env={"PGWEIR_POOL_POOL_SIZE": 10, "PGWEIR_LOG_LOG_CONNECTIONS": "false", "PGWEIR_LOG_LOG_DISCONNECTIONS": "false"},
        listen=f"127.0.0.1:{free_port(PORT)}",
        http=f"127.0.0.1:{free_port(HTTP_PORT)}",
    )


async def play(postgres: Postgres, pooler: Pgweir, count: int, seconds: float) -> None:
    """Clients work while we look at them once a second."""
    clients, end = Clients(pooler, count), time.monotonic() + seconds
    working = asyncio.create_task(clients.work())
    sight = Sight(postgres, pooler)
    try:
        while time.monotonic() < end and not working.done():
            await asyncio.sleep(1)
            seen = await asyncio.to_thread(sight.look)
            say(line(seen, clients.take_counts()))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        sight.close()


def say(text: str) -> None:
    """To the person in front of the terminal."""
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
