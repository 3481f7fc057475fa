"""What the shop's applications ask of the database, page by page, each with a disease. `cured` has the same pages without."""

import asyncio
import random

from demo.tables import POSTS

# How long a report computes with what it has read.
COMPUTES = 3.0


async def authors(client, _) -> None:
    """N+1: the list, then for each of its rows a statement."""
    for author in await client.fetch("select id, name from authors order by id desc limit 25"):
        await client.fetch("select id, title from books where author_id = $1", author["id"])


async def post(client, _) -> None:
    """A missing index: every row is looked at to find one."""
    await client.fetch("select id, title, body from posts where slug = $1", a_slug())


async def products(client, _) -> None:
    """SELECT *: twenty pictures that nobody sees."""
    await client.fetch("select * from products order by id limit 20")


async def account(client, user: int) -> None:
    """Duplicate reads: whoever needs the user on this page asks for it."""
    for _ in ("menu", "greeting", "plan", "footer"):
        await client.fetch("select id, name, plan from users where id = $1", user)
    await last_orders(client, user)


async def report(client) -> None:
    """A held server: the transaction stays open while the application computes. By psycopg, as all reports are."""
    async with client.transaction():
        total = await order_total(client)
        await asyncio.sleep(COMPUTES)
        await client.execute("insert into reports (sum) values (%s)", [total])


async def front(client, _) -> None:
    """The newest posts. Nothing is wrong with it."""
    await client.fetch("select id, slug, title from posts order by id desc limit 20")


async def order(client, user: int) -> None:
    """Somebody buys. Nothing is wrong with it."""
    await client.execute("insert into orders (user_id, total) values ($1, $2)", user, random.randint(1, 96))


async def job(client) -> bool:
    """The worker sends what was ordered, if there is something. Nothing is wrong with it."""
    async with client.transaction():
        found = await client.fetch("select id from orders where state = 'new' limit 1 for update skip locked")
        if found:
            await client.execute("update orders set state = 'done' where id = $1", found[0]["id"])
    return bool(found)


def a_slug() -> str:
    """Of one of all posts."""
    return f"post-{random.randint(1, POSTS)}-about-things"


async def last_orders(client, user: int) -> None:
    """A user's, the newest first."""
    await client.fetch("select id, total, at from orders where user_id = $1 order by id desc limit 10", user)


async def order_total(client) -> int:
    """What a report reads."""
    cursor = await client.execute("select sum(total) from orders")
    return (await cursor.fetchone())[0]
