"""Stories of the families with a loop, and of their cures, as plain SQL: what a program over a bare driver does. A story is
steps (`ask`, `each`, `beside`, `pause`, `fails`), so that drivers in three languages play the same one; `programs/story.py` says what
the steps mean."""

import random


def ask(sql: str, *values, name: str | None = None) -> dict:
    """One statement; its rows under a name."""
    return {"ask": sql, "with": list(values)} | ({"as": name} if name else {})


def each(rows, row: str, *steps, order: list | None = None, at_once: bool = False) -> dict:
    """Steps for each row of those with a name, or for each of the values given; `order` are indices of them."""
    source = {"each": rows} if isinstance(rows, str) else {"values": list(rows)}
    return source | {"row": row, "do": list(steps), "at_once": at_once} | ({"order": order} if order is not None else {})


def beside(*stories: list) -> dict:
    """Stories at the same time."""
    return {"beside": list(stories)}


def of(row: str, column: str = "value") -> dict:
    """A column of the row that a loop is at."""
    return {"row": row, "column": column}


def last(rows: str, column: str) -> dict:
    """A column of the last row of an answer."""
    return {"last": rows, "column": column}


def column(rows: str, name: str) -> dict:
    """A column of all rows, as an array."""
    return {"all": rows, "column": name}


def authors(n: int) -> dict:
    """A page of authors, by name: their ids are in no order."""
    return ask(f"select id, name, country_code from authors order by name limit {n}", name="authors")


def books(n: int, also: str = "") -> dict:
    """A page of books by as many authors."""
    return ask(f"select id, title, author_id, views{also} from books order by id limit {n}", name="books")


BOOKS_OF = ask("select id, title, published from books where author_id = $1", of("author", "id"), name="books")
REVIEWS_OF = ask("select stars, body from reviews where book_id = $1", of("book", "id"))
AUTHOR_OF = ask("select id, name from authors where id = $1", of("book", "author_id"))
BOOKS_OF_ALL = ask("select id, author_id, title from books where author_id = any($1)", column("authors", "id"), name="books")


def loop(family: str, n: int) -> list:
    """The story with the loop."""
    return LOOPS[family](n)


def cured(family: str, n: int) -> list:
    """The story without."""
    return CURES[family](n)


def for_authors(*steps):
    """A page of authors, and steps for each."""
    return lambda n: [authors(n), each("authors", "author", *steps)]


def ordered(order, rows=lambda n: n):
    """The books of each author, authors in another order than they came."""
    return lambda n: [authors(rows(n)), each("authors", "author", BOOKS_OF, order=order(n))]


def shuffled(n: int) -> list:
    """The same disorder every time."""
    order = list(range(n))
    random.Random(n).shuffle(order)
    return order


def at_once(n: int) -> list:
    """The books of all authors, asked for side by side."""
    return [authors(n), each("authors", "author", BOOKS_OF, at_once=True)]


def others() -> list:
    """What else the application is asked meanwhile: nothing that repeats itself by what it was answered."""
    employee = ask("select name, manager_id from employees where id = $1", of("number"))
    setting = ask("select value from settings where key = $1", "setting-c81e72")
    page = ask("select id, slug from pages order by title limit 10")
    return [each([3, 77, 150, 12, 9, 181, 64, 20, 5, 133], "number", employee, setting, page)]


def traced(steps: list, request: int) -> list:
    """Every statement with the trace of its request in a comment, as sqlcommenter writes it."""
    comment = f" /*route='authors',traceparent='00-{request:032x}-{request:016x}-01'*/"

    def one(step: dict) -> dict:
        if "ask" in step:
            return step | {"ask": step["ask"] + comment}
        return step | {"do": [one(inner) for inner in step["do"]]}

    return [one(step) for step in steps]


def pages(list_of: str, row: str, child: str, key: str):
    """A list, and for each of its rows a question by its key."""
    return lambda n: [ask(list_of.format(n=n), name="rows"), each("rows", row, ask(child, of(row, key)))]


WALK = "select id, name, manager_id from employees where id = $1"
EVENT = "insert into events (name, book_id) values ($1, $2)"
SETTING = "select value from settings where key = $1"

LOOPS = {
    "belongs_to": lambda n: [books(n), each("books", "book", AUTHOR_OF)],
    "has_many": for_authors(BOOKS_OF),
    "count": for_authors(ask("select count(*) from books where author_id = $1", of("author", "id"))),
    "exists": for_authors(
        ask("select exists (select 1 from books where author_id = $1 and published > 1960) as any", of("author", "id"))
    ),
    "latest": for_authors(
        ask("select title from books where author_id = $1 order by published desc limit 1", of("author", "id"))
    ),
    "deferred": lambda n: [books(n), each("books", "book", ask("select summary from books where id = $1", of("book", "id")))],
    "nested": for_authors(BOOKS_OF, each("books", "book", REVIEWS_OF)),
    "two_children": for_authors(BOOKS_OF, ask("select name from countries where code = $1", of("author", "country_code"))),
    "conditional": ordered(lambda n: list(range(0, 3 * n, 3)), rows=lambda n: 3 * n),
    "reverse": ordered(lambda n: list(reversed(range(n)))),
    "shuffled": ordered(shuffled),
    "repeated_keys": lambda n: [
        ask(f"select id, title, author_id from books where shelf = 1 order by title limit {n}", name="books"),
        each("books", "book", AUTHOR_OF),
    ],
    "uuid_keys": pages(
        "select id, name from publishers order by name limit {n}", "it", "select title from books where publisher_id = $1", "id"
    ),
    "text_keys": pages(
        "select number, total from orders order by total limit {n}",
        "it",
        "select book_id, quantity from order_lines where order_number = $1",
        "number",
    ),
    "dense_ids": pages(
        "select id, name from tags order by id limit {n}", "it", "select book_id from book_tags where tag_id = $1", "id"
    ),
    "update_loop": lambda n: [
        books(n),
        each("books", "book", ask("update books set views = views + 1 where id = $1", of("book", "id"))),
    ],
    "transaction_a_row": for_authors(ask("begin"), BOOKS_OF, ask("commit")),
    "parallel_1": at_once,
    "parallel_5": at_once,
    "parallel_20": at_once,
    "one_after_the_other_over_a_pool": for_authors(BOOKS_OF),
    "resolvers": lambda n: [
        authors(n),
        each("authors", "author", BOOKS_OF, each("books", "book", REVIEWS_OF, at_once=True), at_once=True),
    ],
    "nested_over_a_pool": for_authors(BOOKS_OF, each("books", "book", REVIEWS_OF)),
    "among_others": lambda n: [beside(for_authors(BOOKS_OF)(n), others(), others())],
    "two_at_once": lambda n: [beside(for_authors(BOOKS_OF)(n), for_authors(BOOKS_OF)(n))],
    "traced": lambda n: [beside(*(traced(for_authors(BOOKS_OF)(n), request) for request in (n, n + 1)))],
    "tree_walk": lambda n: [
        ask(WALK, n + 5, name="employee"),
        each(range(n - 1), "step", ask(WALK, last("employee", "manager_id"), name="employee")),
    ],
    "duplicate_read": lambda n: [
        books(n),
        each("books", "book", ask(SETTING, "setting-c4ca42")),
    ],
    "insert_loop": lambda n: [each(range(1, n + 1), "number", ask(EVENT, "seen", of("number")))],
    "insert_from_rows": lambda n: [books(n), each("books", "book", ask(EVENT, "listed", of("book", "id")))],
}

CURES = {
    "belongs_to": lambda n: [
        ask(f"select b.id, b.title, a.name from books b join authors a on a.id = b.author_id order by b.id limit {n}")
    ],
    "has_many": lambda n: [authors(n), BOOKS_OF_ALL],
    "count": lambda n: [
        authors(n),
        ask("select author_id, count(*) from books where author_id = any($1) group by author_id", column("authors", "id")),
    ],
    "exists": lambda n: [
        ask(f"select id from authors a where exists (select 1 from books where author_id = a.id) order by name limit {n}")
    ],
    "latest": lambda n: [
        ask(
            "select a.id, b.title from authors a cross join lateral (select title from books where author_id = a.id "
            f"order by published desc limit 1) b order by a.name limit {n}"
        )
    ],
    "deferred": lambda n: [books(n, ", summary")],
    "nested": lambda n: [
        authors(n),
        BOOKS_OF_ALL,
        ask("select book_id, stars, body from reviews where book_id = any($1)", column("books", "id")),
    ],
    "two_children": lambda n: [
        ask(f"select a.id, a.name, c.name as country from authors a join countries c on c.code = a.country_code limit {n}",
            name="authors"),
        BOOKS_OF_ALL,
    ],
    "repeated_keys": lambda n: [
        ask("select b.id, b.title, a.name from books b join authors a on a.id = b.author_id where b.shelf = 1 "
            f"order by b.title limit {n}")
    ],
    "uuid_keys": lambda n: [
        ask("select p.id, b.title from publishers p join books b on b.publisher_id = p.id order by p.name limit 200")
    ],
    "text_keys": lambda n: [
        ask("select o.number, l.book_id from orders o join order_lines l on l.order_number = o.number order by o.total limit 80")
    ],
    "dense_ids": lambda n: [
        ask(f"select id, name from tags order by id limit {n}", name="tags"),
        ask("select tag_id, book_id from book_tags where tag_id = any($1)", column("tags", "id")),
    ],
    "update_loop": lambda n: [
        books(n),
        ask("update books set views = views + 1 where id = any($1)", column("books", "id")),
    ],
    "tree_walk": lambda n: [
        ask("with recursive up as (select id, manager_id from employees where id = $1 union all "
            "select e.id, e.manager_id from employees e join up on e.id = up.manager_id) select id from up", n + 5)
    ],
    "duplicate_read": lambda n: [books(n), ask(SETTING, "setting-c4ca42")],
    "insert_loop": lambda n: [
        ask("insert into events (name, book_id) values " + ", ".join(f"('seen', {number})" for number in range(1, n + 1)))
    ],
    "insert_from_rows": lambda n: [
        ask(f"insert into events (name, book_id) select 'listed', id from books order by id limit {n}")
    ],
}
