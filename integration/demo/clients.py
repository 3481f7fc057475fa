"""The clients of the demo: a web shop's, each with a connection of its own, mostly thinking. Not what is shown of them."""

import asyncio
import random

from support.wire import ServerError, Wire

# Seconds that a client thinks between two requests, in the average.
THINK = 0.25

# A client that was thrown out comes back after this.
COME_BACK = 1.0


class Clients:
    """`count` of them; what they did since they were last asked."""

    def __init__(self, pooler, count: int):
        self.pooler = pooler
        self.count = count
        self.transactions = 0
        self.errors = 0

    async def work(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._stay() for _ in range(self.count)))

    def take_counts(self) -> tuple[int, int]:
        """Transactions and errors since the last time."""
        counts, self.transactions, self.errors = (self.transactions, self.errors), 0, 0
        return counts

    async def _stay(self) -> None:
        while True:
            try:
                await self._visits()
            except (OSError, EOFError, ServerError):
                self.errors += 1
                await asyncio.sleep(COME_BACK)

    async def _visits(self) -> None:
        wire = await Wire.login(self.pooler.host, self.pooler.port, "shop", "shop", "shop", application_name="shop")
        try:
            while True:
                await asyncio.sleep(random.expovariate(1 / THINK))
                await random.choice((browse, browse, browse, buy))(wire)
                self.transactions += 1
        finally:
            wire.abort()


async def browse(wire: Wire) -> None:
    """A page: one query."""
    customer = random.randint(1, 10_000)
    await wire.query(f"select c.name, o.total from customers c join orders o on o.customer = c.id where c.id = {customer}")


async def buy(wire: Wire) -> None:
    """An order: a transaction."""
    customer = random.randint(1, 10_000)
    await wire.query("begin")
    await wire.query(f"select name from customers where id = {customer}")
    await wire.query(f"insert into orders (customer, total, at) values ({customer}, {random.randint(1, 99)}, now())")
    await wire.query("commit")
