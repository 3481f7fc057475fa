"""A small app with the diseases that pgweir is for, so that the dashboard has something to say; and the same one, cured. A
real driver, few clients."""

import random
import threading
import time

import psycopg

# Values never matter, only that each request has its own.
AUTHORS, BOOKS_EACH, POSTS, DOCUMENTS = 60, 4, 200_000, 40

TABLES = f"""
create table authors as select id, 'Author ' || id as name from generate_series(1000, {999 + AUTHORS}) id;
alter table authors add primary key (id);
create table books as
    select a.id * 10 + n as id, a.id as author_id, 'Book ' || n as title from authors a, generate_series(1, {BOOKS_EACH}) n;
create index on books (author_id);
create table posts as select id, 'post-' || md5(id::text) as slug, 'Title ' || id as title from generate_series(1, {POSTS}) id;
create table documents as
    select id, 'Document ' || id as title, repeat(md5(id::text), 1000) as body from generate_series(1, {DOCUMENTS}) id;
create table settings as select 'k' || n as key, n as value from generate_series(1, 50) n;
alter table settings add primary key (key);
analyze;
"""

# Names and values that would be HTML, if somebody forgot to escape them.
SCRIPT = "</code></title><script>alert(1)</script>"
HOSTILE = f"""select '{SCRIPT}' as "{SCRIPT}", 1/count(*) as "x"" onmouseover=""alert(2)" from authors /*route='{SCRIPT}'*/ where name = """
HOSTILE_NAME = '"><img src=x onerror=alert(3)>'


class Sick:
    """Clients of `pooler` (database and user `app`), each in a thread, from `__enter__` to `__exit__`."""

    def __init__(self, dsn: str, *, cured: bool = False):
        self.dsn = dsn
        self.cured = cured
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def __enter__(self) -> "Sick":
        for name, work in CURED if self.cured else DISEASES:
            self._start(name, work)
        return self

    def crowd(self, count: int) -> None:
        """So many reports come at once and fill the pool."""
        for _ in range(count):
            self._start("report", report)

    def __exit__(self, *_) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(20)

    def _start(self, name: str, work) -> None:
        thread = threading.Thread(target=self._run, args=(name, work), daemon=True)
        thread.start()
        self.threads.append(thread)

    def _run(self, name: str, work) -> None:
        try:
            with psycopg.connect(self.dsn, application_name=name, autocommit=True) as client:
                while not self.over.is_set():
                    work(client)
        except psycopg.Error as error:
            self.errors.append(error)


def authors_page(client) -> None:
    """N+1: the books of each author, one by one. Texts with comments differ by request, so they are not prepared."""
    authors = "select id, name from authors order by name limit 25 /*route='%2Fauthors'*/"
    books = "select id, title from books where author_id = %s /*route='%%2Fauthors'*/"
    for author, _ in client.execute(authors, prepare=False).fetchall():
        client.execute(books, [author], prepare=False).fetchall()
    time.sleep(0.05)


def post_page(client) -> None:
    """A look-up that no index serves."""
    client.execute("select id, title from posts where slug = %s", [f"post-{random.random()}"]).fetchall()
    time.sleep(0.03)


def documents_page(client) -> None:
    """A list that fetches what it does not show."""
    client.execute("select * from documents order by id limit 20").fetchall()
    time.sleep(0.05)


def reads_twice(client) -> None:
    """The same question again and again in one request."""
    key = f"k{random.randint(1, 50)}"
    with client.transaction():
        for _ in range(8):
            client.execute("select value from settings where key = %s", [key]).fetchall()
    time.sleep(0.05)


def idles(client) -> None:
    """A transaction that stays open while something else is done."""
    with client.transaction():
        client.execute("select count(*) from settings").fetchall()
        time.sleep(0.8)
    time.sleep(0.05)


def report(client) -> None:
    """Holds a server for long; many of them fill the pool."""
    client.execute("select count(*), pg_sleep(0.3) from books b join authors a on a.id = b.author_id").fetchall()


def hostile(client) -> None:
    """SQL that tries to be HTML, and fails now and then."""
    try:
        client.execute(HOSTILE + "%s", [str(random.random())]).fetchall()
    except psycopg.errors.DivisionByZero:
        pass
    time.sleep(0.2)


DISEASES = [
    ("web", authors_page),
    ("blog", post_page),
    ("web", documents_page),
    ("web", reads_twice),
    ("cron", idles),
    (HOSTILE_NAME, hostile),
]

# The look-up by slug becomes fast with this.
CURE = "create index on posts (slug)"


def authors_with_books(client) -> None:
    """All in one statement."""
    client.execute(
        "select a.id, a.name, b.id, b.title from (select id, name from authors order by name limit 25) a"
        " join books b on b.author_id = a.id"
    ).fetchall()
    time.sleep(0.05)


def document_titles(client) -> None:
    """What the list shows, and no more."""
    client.execute("select id, title from documents order by id limit 20").fetchall()
    time.sleep(0.05)


def reads_once(client) -> None:
    """One question a request."""
    client.execute("select value from settings where key = %s", [f"k{random.randint(1, 50)}"]).fetchall()
    time.sleep(0.05)


def commits_at_once(client) -> None:
    """What takes long is done when the transaction is over."""
    with client.transaction():
        client.execute("select count(*) from settings").fetchall()
    time.sleep(0.5)


CURED = [
    ("web", authors_with_books),
    ("blog", post_page),
    ("docs", document_titles),
    ("settings", reads_once),
    ("cron", commits_at_once),
]
