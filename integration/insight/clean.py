"""Stories in which there is nothing to find, however alike an N+1 they look. Steps as in loops.py."""

import hashlib
import random

from insight.loops import SETTING, ask, authors, books, column, each, last, of

CHANCE = random.Random()


def author_id(i: int) -> int:
    """The id of the i-th author, as schema.sql makes it."""
    return 1000 + 13 * i + i * i % 7


def md5(i: int) -> str:
    """As Postgres has it of the number's digits."""
    return hashlib.md5(str(i).encode()).hexdigest()


def pause(seconds: float) -> dict:
    """Nothing is asked for so long."""
    return {"pause": seconds}


def fails(*steps) -> dict:
    """Steps the last of which the server refuses."""
    return {"fails": list(steps)}


def story(family: str) -> list:
    """The story, the same every time."""
    CHANCE.seed(4)
    return STORIES[family]()


def polling(seconds: float, times: int):
    """The same question with the same value."""
    return lambda: [each(range(times), "turn", ask("select count(*) from events where name = $1", "ordered"), pause(seconds))]


def keyset_paging() -> list:
    """Each page begins behind the last row of the one before."""
    page = "select id, slug, title from pages where id > $1 order by id limit 20"
    return [ask(page, 0, name="page"), each(range(12), "turn", ask(page, last("page", "id"), name="page"))]


def offset_paging() -> list:
    """Pages by number."""
    page = "select id, slug, title from pages order by id limit 20 offset $1"
    return [each(range(0, 260, 20), "offset", ask(page, of("offset")))]


def retries() -> list:
    """A change that somebody else was faster with, tried again; then a row that is there already."""
    read = ask("select amount, version from stock where book_id = $1", 7)
    change = ask("update stock set amount = amount - 1, version = version + 1 where book_id = $1 and version = $2", 7, -1)
    again = fails(ask("insert into settings (key, value) values ($1, $2)", "setting-c4ca42", "x"))
    return [
        each(range(6), "turn", ask("begin"), read, change, ask("rollback"), pause(0.02)),
        each(range(5), "turn", again, pause(0.02)),
    ]


def shared_connection() -> list:
    """Thirty requests one after the other, each of two statements: the first has one row."""
    names = CHANCE.sample(AUTHOR_NAMES, 30)
    first = ask("select id, name from authors where name = $1", of("name"), name="author")
    then = ask("select id, title from books where author_id = $1", last("author", "id"))
    return [each(names, "name", first, then)]


def list_then_unrelated() -> list:
    """A page of books 1 to 25, then employees and settings that have nothing to do with it."""
    employees, keys = CHANCE.sample(range(1, 201), 14), CHANCE.sample(KEYS, 8)
    return [
        books(25),
        each(employees, "id", ask("select name from employees where id = $1", of("id"))),
        each(keys, "key", ask(SETTING, of("key"))),
    ]


def clicks() -> list:
    """Somebody reads a list and opens six of its books."""
    return [books(25), each("books", "book", pause(1.15), OPEN, order=OPENED)]


def clicks_among_others() -> list:
    """The same, and in the meantime the connection serves others, so that it is never quiet for a second."""
    steps, keys = [books(25)], iter(CHANCE.sample(KEYS, 5 * len(OPENED)))
    for index in OPENED:
        steps += [step for _ in range(5) for step in (pause(0.2), ask(SETTING, next(keys)))]
        steps.append(each("books", "book", OPEN, order=[index]))
    return steps


def key_value() -> list:
    """Settings, as they are needed."""
    return [each(CHANCE.sample(KEYS, 30), "key", ask(SETTING, of("key")))]


def ids_from_file() -> list:
    """Authors of whom somebody has sent a list."""
    ids = sorted(author_id(i) for i in CHANCE.sample(range(90), 30))
    return [ask("select count(*) from authors"), each(ids, "id", ask("select name, bio from authors where id = $1", of("id")))]


def worker() -> list:
    """One job after the other."""
    take = "select id, book_id from jobs where state = 'new' order by id limit 1 for update skip locked"
    return [
        each(
            range(15),
            "turn",
            ask("begin"),
            ask(take, name="job"),
            ask("select title from books where id = $1", last("job", "book_id")),
            ask("update jobs set state = 'done' where id = $1", last("job", "id")),
            ask("commit"),
        )
    ]


def tpc_b() -> list:
    """What pgbench does by itself."""
    steps = []
    for _ in range(20):
        aid, tid, bid, delta = (CHANCE.randint(1, most) for most in (5000, 200, 20, 5000))
        steps += [
            ask("begin"),
            ask("update pgbench_accounts set abalance = abalance + $1 where aid = $2", delta, aid),
            ask("select abalance from pgbench_accounts where aid = $1", aid),
            ask("update pgbench_tellers set tbalance = tbalance + $1 where tid = $2", delta, tid),
            ask("update pgbench_branches set bbalance = bbalance + $1 where bid = $2", delta, bid),
            ask("insert into pgbench_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, current_timestamp)",
                tid, bid, aid, delta),
            ask("commit"),
        ]
    return steps


def batches() -> list:
    """Reviews of a hundred and fifty books, twenty-five at a time, in both ways to say it; the last batch is of one."""
    chunks = [range(begin, begin + 25) for begin in range(1, 151, 25)]
    places = ", ".join(f"${number}" for number in range(1, 26))
    listed = [ask(f"select book_id, stars from reviews where book_id in ({places})", *chunk) for chunk in chunks]
    arrays = []
    for offset in range(0, 150, 25):
        arrays += [
            ask(f"select id, title from books order by title limit 25 offset {offset}", name="books"),
            ask("select book_id, stars from reviews where book_id = any($1)", column("books", "id")),
        ]
    return [books(150), *listed, *arrays, ask("select book_id, stars from reviews where book_id in ($1)", 151)]


def fetch_loop() -> list:
    """A cursor."""
    open_it = ask("declare through no scroll cursor for select id, title from books order by id")
    return [ask("begin"), open_it, each(range(10), "turn", ask("fetch 25 from through")), ask("commit")]


def dashboard() -> list:
    """Twelve numbers, some of them of the same kind."""
    return [ask(sql, *values) for sql, *values in NUMBERS]


def small_enum() -> list:
    """A list with a status in it, then a count for each of five priorities."""
    return [
        ask("select number, status, total from orders order by number limit 25"),
        each(range(1, 6), "priority", ask("select count(*) from jobs where priority = $1", of("priority"))),
    ]


def months() -> list:
    """A list with ids 1 to 25, then a sum for each month."""
    return [
        ask("select id, name from tags order by id limit 25"),
        each(range(1, 13), "month", ask("select sum(amount) from sales where month = $1", of("month"))),
    ]


def allowed() -> list:
    """A loop that its author wants."""
    child = ask("select id, title from books where author_id = $1 /* pgweir: ok */", of("author", "id"))
    return [authors(25), each("authors", "author", child)]


# Which books of a list somebody opens, and how.
OPENED = [2, 7, 3, 11, 19, 4]
OPEN = ask("select title, summary from books where id = $1", of("book", "id"))

NUMBERS = [
    ("select count(*) from books",),
    ("select count(*) from authors",),
    ("select count(*) from orders where status = $1", 1),
    ("select sum(total) from orders where status = $1", 1),
    ("select avg(stars) from reviews",),
    ("select max(views) from books where shelf = $1", 2),
    ("select count(*) from books where shelf = $1", 2),
    ("select month, sum(amount) from sales group by month order by month",),
    ("select status, count(*) from orders group by status order by status",),
    ("select count(*) from sales where month = $1", 3),
    ("select sum(amount) from sales where month = $1", 3),
    ("select count(*) from events where name = $1", "seen"),
]

# What schema.sql makes of numbers by md5.
AUTHOR_NAMES = [f"Author {md5(i)}" for i in range(90)]
KEYS = [f"setting-{md5(i)[:6]}" for i in range(300)]

STORIES = {
    "polling": polling(1.2, 5),
    "polling_fast": polling(0.2, 15),
    "keyset_paging": keyset_paging,
    "offset_paging": offset_paging,
    "retries": retries,
    "shared_connection": shared_connection,
    "list_then_unrelated": list_then_unrelated,
    "clicks": clicks,
    "clicks_among_others": clicks_among_others,
    "key_value": key_value,
    "ids_from_file": ids_from_file,
    "worker": worker,
    "tpc_b": tpc_b,
    "batches": batches,
    "fetch_loop": fetch_loop,
    "dashboard": dashboard,
    "small_enum": small_enum,
    "months": months,
    "allowed": allowed,
}
