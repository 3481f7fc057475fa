"""SQLAlchemy's ORM over psycopg2, psycopg 3 and asyncpg: what programs do with it, with the loop and without."""

import asyncio
import random
import sys
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import URL, create_engine, event, exists, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, joinedload, selectinload, undefer

from insight.clean import AUTHOR_NAMES, KEYS
from insight.loops import shuffled
from insight.programs.serve import serve
from insight.programs.shelves import Author, Book, Employee, Event, Job, Order, Page, Publisher, Sale, Setting, Tag


def authors(s, n: int, *options) -> list:
    """A page of them."""
    return list(s.scalars(select(Author).order_by(Author.name).limit(n).options(*options)))


def books(s, n: int, *options) -> list:
    """A page of them, each by another author."""
    return list(s.scalars(select(Book).order_by(Book.id).limit(n).options(*options)))


def others(s, n: int) -> list:
    """Books that no loop updates at the same time, in another order: that would be a deadlock."""
    return list(s.scalars(select(Book).where(Book.shelf == 2).order_by(Book.title).limit(n)))


def each(rows, what) -> list:
    """Touches something of each row."""
    return [what(row) for row in rows]


def in_order(rows: list, order: list) -> list:
    """Books of authors in that order."""
    return each((rows[index] for index in order), lambda author: len(author.books))


def nested(s, n: int) -> None:
    """Two levels."""
    for author in authors(s, n):
        for book in author.books:
            len(book.reviews)


def update_loop(s, n: int) -> None:
    """The unit of work writes row by row."""
    for book in books(s, n):
        book.views += 1
        s.flush()


def transaction_a_row(s, n: int) -> None:
    """A commit after each."""
    found = authors(s, n)
    s.commit()
    for author in found:
        len(author.books)
        s.commit()


def tree_walk(s, n: int) -> None:
    """Up, manager by manager."""
    employee = s.get(Employee, n + 5)
    for _ in range(n - 1):
        employee = employee.manager


def duplicate_read(s, n: int) -> None:
    """A setting, for each book."""
    each(books(s, n), lambda book: s.scalar(select(Setting.value).where(Setting.key == KEYS[1])))


def insert_loop(s, n: int) -> None:
    """Flushed one by one."""
    for number in range(n):
        s.add(Event(name="seen", book_id=number))
        s.flush()


def two_children(author) -> None:
    """Both relations."""
    len(author.books)
    author.country.name


def per_author(query):
    """A query for each author of a page."""
    return lambda s, n: each(authors(s, n), lambda author: s.scalar(query(author)))


def on_shelf(n: int):
    """Books by six authors."""
    return select(Book).where(Book.shelf == 1).order_by(Book.title).limit(n)


LOOPS = {
    "belongs_to": lambda s, n: each(books(s, n), lambda book: book.author.name),
    "has_many": lambda s, n: each(authors(s, n), lambda author: len(author.books)),
    "count": per_author(lambda author: select(func.count()).select_from(Book).where(Book.author_id == author.id)),
    "exists": per_author(lambda author: select(exists().where(Book.author_id == author.id))),
    "latest": per_author(
        lambda author: select(Book.title).where(Book.author_id == author.id).order_by(Book.published.desc()).limit(1)
    ),
    "deferred": lambda s, n: each(books(s, n), lambda book: book.summary),
    "nested": nested,
    "two_children": lambda s, n: each(authors(s, n), two_children),
    "conditional": lambda s, n: in_order(authors(s, 3 * n), range(0, 3 * n, 3)),
    "reverse": lambda s, n: in_order(authors(s, n), list(reversed(range(n)))),
    "shuffled": lambda s, n: in_order(authors(s, n), shuffled(n)),
    "repeated_keys": lambda s, n: each(
        s.scalars(on_shelf(n)).all(), lambda book: s.scalar(select(Author.name).where(Author.id == book.author_id))
    ),
    "uuid_keys": lambda s, n: each(
        s.scalars(select(Publisher).order_by(Publisher.name).limit(n)).all(), lambda publisher: len(publisher.books)
    ),
    "text_keys": lambda s, n: each(s.scalars(select(Order).order_by(Order.total).limit(n)).all(), lambda order: len(order.lines)),
    "update_loop": update_loop,
    "transaction_a_row": transaction_a_row,
    "tree_walk": tree_walk,
    "duplicate_read": duplicate_read,
    "insert_loop": insert_loop,
}

CURES = {
    "belongs_to": lambda s, n: each(books(s, n, joinedload(Book.author)), lambda book: book.author.name),
    "has_many": lambda s, n: each(authors(s, n, selectinload(Author.books)), lambda author: len(author.books)),
    "count": lambda s, n: s.execute(select(Book.author_id, func.count()).group_by(Book.author_id).limit(n)).all(),
    "exists": lambda s, n: s.scalars(select(Author).where(Author.books.any()).order_by(Author.name).limit(n)).all(),
    "latest": lambda s, n: s.execute(
        select(Book.author_id, Book.title)
        .ext(distinct_on(Book.author_id))
        .order_by(Book.author_id, Book.published.desc())
        .limit(n)
    ).all(),
    "deferred": lambda s, n: each(books(s, n, undefer(Book.summary)), lambda book: book.summary),
    "nested": lambda s, n: each(
        authors(s, n, selectinload(Author.books).selectinload(Book.reviews)),
        lambda author: each(author.books, lambda book: len(book.reviews)),
    ),
    "two_children": lambda s, n: each(authors(s, n, selectinload(Author.books), joinedload(Author.country)), two_children),
    "repeated_keys": lambda s, n: each(s.scalars(on_shelf(n).options(joinedload(Book.author))), lambda book: book.author.name),
    "uuid_keys": lambda s, n: each(
        s.scalars(select(Publisher).options(selectinload(Publisher.books)).limit(n)), lambda publisher: len(publisher.books)
    ),
    "text_keys": lambda s, n: each(
        s.scalars(select(Order).options(selectinload(Order.lines)).limit(n)), lambda order: len(order.lines)
    ),
    "update_loop": lambda s, n: s.execute(
        update(Book).where(Book.id.in_([book.id for book in others(s, n)])).values(views=Book.views + 1),
        execution_options={"synchronize_session": False},
    ),
    "tree_walk": lambda s, n: s.scalars(managers(n)).all(),
    "duplicate_read": lambda s, n: (books(s, n), s.scalar(select(Setting.value).where(Setting.key == KEYS[1]))),
    "insert_loop": lambda s, n: s.add_all([Event(name="seen", book_id=number) for number in range(n)]),
}


def managers(n: int):
    """All of them in one question."""
    up = select(Employee.id, Employee.manager_id).where(Employee.id == n + 5).cte("up", recursive=True)
    return select(up.union_all(select(Employee.id, Employee.manager_id).join(up, Employee.id == up.c.manager_id)).c.id)


def keyset_paging(s, _) -> None:
    """Behind the last row."""
    seen = 0
    for _ in range(12):
        seen = s.scalars(select(Page).where(Page.id > seen).order_by(Page.id).limit(20)).all()[-1].id


def shared_connection(s, _) -> None:
    """Requests of others, one after the other on this connection."""
    for name in random.Random(4).sample(AUTHOR_NAMES, k=30):
        author = s.scalars(select(Author).where(Author.name == name)).one()
        s.scalars(select(Book).where(Book.author_id == author.id)).all()
        s.rollback()
        s.expunge_all()


def list_then_unrelated(s, _) -> None:
    """Employees and settings that have nothing to do with the books."""
    books(s, 25)
    chance = random.Random(4)
    each(chance.sample(range(1, 201), k=14), lambda number: s.scalar(select(Employee.name).where(Employee.id == number)))
    each(chance.sample(KEYS, k=8), lambda key: s.scalar(select(Setting.value).where(Setting.key == key)))


def batches(s, _) -> None:
    """Pages, each with its relations."""
    for offset in range(0, 150, 25):
        s.scalars(select(Book).order_by(Book.title).limit(25).offset(offset).options(selectinload(Book.reviews))).all()


CLEAN = {
    "keyset_paging": keyset_paging,
    "offset_paging": lambda s, _: each(
        range(0, 260, 20), lambda offset: s.scalars(select(Page).order_by(Page.id).limit(20).offset(offset)).all()
    ),
    "shared_connection": shared_connection,
    "list_then_unrelated": list_then_unrelated,
    "batches": batches,
    "small_enum": lambda s, _: (
        s.scalars(select(Order).order_by(Order.number).limit(25)).all(),
        each(range(1, 6), lambda priority: s.scalar(select(func.count()).select_from(Job).where(Job.priority == priority))),
    ),
    "months": lambda s, _: (
        s.scalars(select(Tag).order_by(Tag.id).limit(25)).all(),
        each(range(1, 13), lambda month: s.scalar(select(func.sum(Sale.amount)).where(Sale.month == month))),
    ),
    "key_value": lambda s, _: each(
        random.Random(4).sample(KEYS, k=30), lambda key: s.scalar(select(Setting.value).where(Setting.key == key))
    ),
}
FORMS = {"loop": LOOPS, "cured": CURES, "clean": CLEAN}


def books_of(s, author_id: int) -> None:
    """What one of the parallel ones does."""
    s.scalars(select(Book).where(Book.author_id == author_id)).all()


class Sync:
    """Over a driver that blocks."""

    def __init__(self, url: URL, settings: dict, pool: int):
        self.engine = create_engine(url, connect_args=settings, pool_size=pool or 1, max_overflow=0)
        self.core = self.engine
        self.pool = pool

    def request(self, work, n: int) -> None:
        """A session, as for one request."""
        with Session(self.engine, expire_on_commit=False) as s:
            work(s, n)
            s.commit()

    def side_by_side(self, n: int) -> None:
        """The books of each author in a session of its own, in as many threads as the pool has connections."""
        with Session(self.engine) as s:
            ids = [author.id for author in authors(s, n)]
        with ThreadPoolExecutor(self.pool) as threads:
            list(threads.map(lambda author_id: self.request(books_of, author_id), ids))

    def close(self) -> None:
        """All connections."""
        self.engine.dispose()


class Async:
    """Over asyncpg; the same work, run in SQLAlchemy's greenlet."""

    def __init__(self, url: URL, settings: dict, pool: int):
        settings = {"server_settings": settings}
        self.engine = create_async_engine(url, connect_args=settings, pool_size=pool or 1, max_overflow=0)
        self.core = self.engine.sync_engine
        self.loop = asyncio.new_event_loop()

    def request(self, work, n: int) -> None:
        """A session, as for one request."""
        self.loop.run_until_complete(self._request(work, n))

    def side_by_side(self, n: int) -> None:
        """The books of each author in a session of its own, all at once."""
        self.loop.run_until_complete(self._side_by_side(n))

    async def _request(self, work, n: int) -> None:
        async with AsyncSession(self.engine, expire_on_commit=False) as s:
            await s.run_sync(work, n)
            await s.commit()

    async def _side_by_side(self, n: int) -> None:
        ids = []
        await self._request(lambda s, n: ids.extend(author.id for author in authors(s, n)), n)
        await asyncio.gather(*(self._request(books_of, author_id) for author_id in ids))

    def close(self) -> None:
        """All connections."""
        self.loop.run_until_complete(self.engine.dispose())
        self.loop.close()


def play(driver: str, place: dict, scenario: dict) -> int:
    """One request."""
    words = {"host": place["host"], "port": place["port"], "username": place["user"], "database": place["dbname"]}
    url = URL.create(f"postgresql+{driver}", **words)
    side = (Async if driver == "asyncpg" else Sync)(url, {"application_name": scenario["name"]}, scenario["pool"])
    asked = []
    event.listen(side.core, "before_cursor_execute", lambda *_: asked.append(1))
    try:
        if scenario["family"] == "parallel_5":
            side.side_by_side(scenario["size"])
        else:
            side.request(FORMS[scenario["form"]][scenario["family"]], scenario["size"])
    finally:
        side.close()
    return len(asked)


if __name__ == "__main__":
    serve(lambda place, scenario: play(sys.argv[1], place, scenario))
