"""The same pages as `sick`, after a look at pgweir's findings. The index is `tables.CURE`."""

import asyncio

from demo.sick import COMPUTES, front, job, last_orders, order, order_total, post

__all__ = ["account", "authors", "front", "job", "order", "post", "products", "report"]


async def authors(client, _) -> None:
    """Two statements, however many rows."""
    found = await client.fetch("select id, name from authors order by id desc limit 25")
    ids = [author["id"] for author in found]
    await client.fetch("select author_id, id, title from books where author_id = any($1)", ids)


async def products(client, _) -> None:
    """What the list shows."""
    await client.fetch("select id, name, price from products order by id limit 20")


async def account(client, user: int) -> None:
    """The user is asked for once."""
    await client.fetch("select id, name, plan from users where id = $1", user)
    await last_orders(client, user)


async def report(client) -> None:
    """Nothing is held while it computes."""
    total = await order_total(client)
    await asyncio.sleep(COMPUTES)
    await client.execute("insert into reports (sum) values (%s)", [total])
