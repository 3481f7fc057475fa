"""Bare drivers: psycopg2, psycopg 3 (async) and asyncpg. Each desk holds one connection, or has a pool of the application's
own from which every statement takes one."""

import asyncio
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import psycopg
import psycopg2
from psycopg.rows import dict_row
from psycopg2.extras import RealDictCursor

from insight.programs.serve import serve
from insight.programs.story import tell


def percent(sql: str) -> str:
    """`$1` as these drivers write it; stories number parameters in the order of the text."""
    return re.sub(r"\$\d+", "%s", sql)


class Pooled:
    """A pool that lends the connection that has rested longest, as queues do."""

    def __init__(self, place: dict, scenario: dict):
        self.place = place | {"application_name": scenario["name"]}
        self.size = scenario["pool"] or 1
        self.resting = asyncio.Queue()

    async def __aenter__(self):
        for _ in range(self.size):
            self.resting.put_nowait(await self.connect())
        return self

    async def __aexit__(self, *_):
        for _ in range(self.size):
            await self.close(self.resting.get_nowait())

    async def ask(self, sql: str, values: list) -> list:
        """One statement on the next connection."""
        connection = await self.resting.get()
        try:
            return await self.run(connection, percent(sql), values)
        finally:
            self.resting.put_nowait(connection)


class Psycopg2(Pooled):
    """Simple protocol, values in the text. It blocks, so that each statement runs in a thread."""

    def __init__(self, place: dict, scenario: dict):
        super().__init__(place, scenario)
        self.threads = ThreadPoolExecutor(self.size)

    async def connect(self):
        """In autocommit: transactions are the story's."""
        connection = psycopg2.connect(**self.place, cursor_factory=RealDictCursor)
        connection.autocommit = True
        return connection

    async def close(self, connection) -> None:
        """For good."""
        connection.close()
        self.threads.shutdown(wait=False)

    async def run(self, connection, sql: str, values: list) -> list:
        """In a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._run, connection, sql, values)

    def _run(self, connection, sql: str, values: list) -> list:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


class Psycopg(Pooled):
    """Extended protocol; from the fifth execution on under a name."""

    async def connect(self):
        """In autocommit, as above."""
        return await psycopg.AsyncConnection.connect(**self.place, autocommit=True, row_factory=dict_row)

    async def close(self, connection) -> None:
        """For good."""
        await connection.close()

    async def run(self, connection, sql: str, values: list) -> list:
        """Statement by statement."""
        cursor = await connection.execute(sql, values)
        return await cursor.fetchall() if cursor.description else []


class Asyncpg:
    """Prepares everything; its own pool lends the connection that has rested least."""

    def __init__(self, place: dict, scenario: dict):
        size = scenario["pool"] or 1
        place = place | {"database": place["dbname"], "server_settings": {"application_name": scenario["name"]}}
        del place["dbname"]
        self.pool = asyncpg.create_pool(**place, min_size=size, max_size=size)
        self.pooled = bool(scenario["pool"])

    async def __aenter__(self):
        await self.pool
        self.held = None if self.pooled else await self.pool.acquire()
        return self

    async def __aexit__(self, *_):
        if self.held:
            await self.pool.release(self.held)
        await self.pool.close()

    async def ask(self, sql: str, values: list) -> list:
        """On the connection of the request, or on one for this statement."""
        on = self.held or self.pool
        plain = not values and sql.partition(" ")[0] not in ("select", "fetch", "with")
        return await on.execute(sql) and [] if plain else await on.fetch(sql, *values)


DESKS = {"psycopg2": Psycopg2, "psycopg": Psycopg, "asyncpg": Asyncpg}


def main(stack: str) -> None:
    """Serves one of the desks."""

    async def story(place: dict, scenario: dict) -> int:
        return await tell(DESKS[stack](place, scenario), scenario)

    serve(lambda place, scenario: asyncio.run(story(place, scenario)))


if __name__ == "__main__":
    main(sys.argv[1])
