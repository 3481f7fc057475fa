"""Who uses the shop: people of two applications, who mostly think, and programs beside them. What they ask for is the `app`'s:
`sick` or `cured`."""

import asyncio
import random
from contextlib import asynccontextmanager

import asyncpg
import psycopg

from demo.tables import DATABASE, PASSWORD, ROLE

# Of a hundred people so many use the website; the others use the phone, which asks the API.
WEB = 70

# Beside them.
WORKERS, REPORTS = 4, 14

# Pages, and how often each is wanted.
WEB_PAGES = {"front": 12, "authors": 4, "post": 1, "products": 1}
API_PAGES = {"account": 3, "order": 1}

# Seconds that a person thinks between two pages: never less than THINK_LEAST, as people do, and so much more on average.
THINK_LEAST, THINK_MORE = 1.5, 8.0

# All have come after so many seconds: as many logins at once are a storm, which is another story.
ARRIVAL = 6.0

# A newsletter goes out so often, and of a hundred people of the website so many follow it within READ_WITHIN.
NEWSLETTER_EVERY, READERS, READ_WITHIN = 8.0, 30, 2.5

# Who was thrown out comes back after this.
COME_BACK = 1.0

# A report rests so long on average; a worker packs a parcel for so long, and looks again so long after it found none.
REPORT_REST, WORKER_PACKS, WORKER_REST = 1.5, 0.3, 1.5

TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, psycopg.Error)


class Users:
    """`count` people and the programs; what they did since they were last asked."""

    def __init__(self, pooler, app, count: int):
        self.pooler = pooler
        self.app = app
        self.count = count
        self.pages = 0
        self.errors = 0
        self.trouble = ""
        self.newsletter = asyncio.Event()

    async def work(self) -> None:
        """Until cancelled."""
        web = self.count * WEB // 100
        people = [self._on_the_web(user) for user in range(web)] + [self._on_the_phone(user) for user in range(web, self.count)]
        programs = [self._worker for _ in range(WORKERS)] + [self._report for _ in range(REPORTS)]
        await asyncio.gather(self._newsletters(), *(self._stay(visit) for visit in people + programs))

    def take_counts(self) -> tuple[int, int]:
        """Pages and errors since the last time; the last error's text goes with them."""
        counts, self.pages, self.errors, self.trouble = (self.pages, self.errors), 0, 0, ""
        return counts

    async def _stay(self, visit) -> None:
        await asyncio.sleep(random.uniform(0, ARRIVAL))
        while True:
            try:
                await visit()
            except TROUBLE as error:
                self.errors += 1
                self.trouble = f"{type(error).__name__}: {error}"
                await asyncio.sleep(COME_BACK)

    def _on_the_web(self, number: int):
        reads = number % 100 < READERS
        return (lambda: self._read(number)) if reads else (lambda: self._browse("web", WEB_PAGES, number))

    async def _read(self, number: int) -> None:
        """Browses, and follows each newsletter."""
        async with self._client("web") as client:
            while True:
                if not await self._news(think()):
                    await self._page(client, number, one_of(WEB_PAGES))
                    continue
                await asyncio.sleep(random.uniform(0, READ_WITHIN))
                await self._page(client, number, "authors")
                await asyncio.sleep(THINK_LEAST)

    def _on_the_phone(self, number: int):
        return lambda: self._browse("api", API_PAGES, number)

    async def _browse(self, application: str, pages: dict, number: int) -> None:
        async with self._client(application) as client:
            while True:
                await asyncio.sleep(think())
                await self._page(client, number, one_of(pages))

    async def _page(self, client, number: int, name: str) -> None:
        await getattr(self.app, name)(client, number + 1)
        self.pages += 1

    async def _worker(self) -> None:
        async with self._client("worker") as client:
            while True:
                await asyncio.sleep(WORKER_PACKS if await self.app.job(client) else WORKER_REST)

    async def _report(self) -> None:
        where = {"host": self.pooler.host, "port": self.pooler.port, "user": ROLE, "password": PASSWORD, "dbname": DATABASE}
        async with await psycopg.AsyncConnection.connect(**where, application_name="reports", autocommit=True) as client:
            while True:
                await asyncio.sleep(random.expovariate(1 / REPORT_REST))
                await self.app.report(client)

    async def _newsletters(self) -> None:
        while True:
            await asyncio.sleep(NEWSLETTER_EVERY)
            sent, self.newsletter = self.newsletter, asyncio.Event()
            sent.set()

    async def _news(self, seconds: float) -> bool:
        """Waits for the next newsletter, though no longer than this."""
        try:
            await asyncio.wait_for(self.newsletter.wait(), seconds)
            return True
        except TimeoutError:
            return False

    @asynccontextmanager
    async def _client(self, application: str):
        client = await asyncpg.connect(
            host=self.pooler.host,
            port=self.pooler.port,
            user=ROLE,
            password=PASSWORD,
            database=DATABASE,
            ssl=False,
            server_settings={"application_name": application},
        )
        try:
            yield client
        finally:
            client.terminate()


def think() -> float:
    """Seconds until the next page."""
    return THINK_LEAST + random.expovariate(1 / THINK_MORE)


def one_of(pages: dict) -> str:
    """A page by chance."""
    return random.choices(list(pages), list(pages.values()))[0]
