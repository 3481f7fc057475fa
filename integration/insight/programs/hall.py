"""Django's ORM, values bound by the client (its default) and by the server: what views do, with the loop and without."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings
from django.db import connections, transaction

from insight.clean import AUTHOR_NAMES, KEYS
from insight.loops import shuffled
from insight.programs.serve import serve

MANAGERS = """with recursive up as (select id, manager_id from employees where id = %s
union all select e.id, e.manager_id from employees e join up on e.id = up.manager_id) select id from up"""


def configure(place: dict, scenarios: list, binding: str) -> None:
    """A database entry for each scenario, because the application's name stands in it."""

    def entry(scenario: dict) -> dict:
        options = {"application_name": scenario["name"], "server_side_binding": binding == "server"}
        words = {"HOST": place["host"], "PORT": place["port"], "USER": place["user"], "NAME": place["dbname"]}
        return {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options} | words

    entries = {scenario["name"]: entry(scenario) for scenario in scenarios}
    settings.configure(DATABASES={"default": {}} | entries, INSTALLED_APPS=["insight.catalogue"], USE_TZ=True)
    django.setup()


class Views:
    """What the site can do, each page under the name of its family; `on` is the database entry of this request."""

    def __init__(self, on: str):
        from insight.catalogue import models

        self.on = on
        self.models = models

    def all(self, model: str):
        """Everything of a model."""
        return getattr(self.models, model).objects.using(self.on)

    def authors(self, n: int):
        """A page of them."""
        return list(self.all("Author").order_by("name")[:n])

    def books(self, n: int, *deferred):
        """A page of them, each by another author."""
        return list(self.all("Book").order_by("id").defer(*deferred)[:n])

    def shelf(self):
        """Books by six authors."""
        return self.all("Book").filter(shelf=1).order_by("title")

    def belongs_to(self, n):
        return [book.author.name for book in self.books(n)]

    def has_many(self, n):
        return [list(author.books.all()) for author in self.authors(n)]

    def count(self, n):
        return [author.books.count() for author in self.authors(n)]

    def exists(self, n):
        return [author.books.filter(published__gt=1960).exists() for author in self.authors(n)]

    def latest(self, n):
        return [author.books.order_by("-published").first() for author in self.authors(n)]

    def deferred(self, n):
        return [book.summary for book in self.books(n, "summary")]

    def nested(self, n):
        return [list(book.reviews.all()) for author in self.authors(n) for book in author.books.all()]

    def two_children(self, n):
        return [(list(author.books.all()), author.country.name) for author in self.authors(n)]

    def ordered(self, rows, order):
        found = self.authors(rows)
        return [list(found[index].books.all()) for index in order]

    def conditional(self, n):
        return self.ordered(3 * n, range(0, 3 * n, 3))

    def reverse(self, n):
        return self.ordered(n, reversed(range(n)))

    def shuffled(self, n):
        return self.ordered(n, shuffled(n))

    def repeated_keys(self, n):
        return [book.author.name for book in self.shelf()[:n]]

    def uuid_keys(self, n):
        return [list(publisher.books.all()) for publisher in self.all("Publisher").order_by("name")[:n]]

    def text_keys(self, n):
        return [list(order.lines.all()) for order in self.all("Order").order_by("total")[:n]]

    def update_loop(self, n):
        for book in self.books(n):
            book.views += 1
            book.save(update_fields=["views"])

    def transaction_a_row(self, n):
        for author in self.authors(n):
            with transaction.atomic(using=self.on):
                list(author.books.all())

    def tree_walk(self, n):
        employee = self.all("Employee").get(id=n + 5)
        for _ in range(n - 1):
            employee = employee.manager

    def duplicate_read(self, n):
        return [self.all("Setting").get(key=KEYS[1]) for _ in self.books(n)]

    def insert_loop(self, n):
        for number in range(n):
            self.all("Event").create(name="seen", book_id=number)

    def parallel_5(self, n):
        """In five threads, each of which has a connection."""

        found = self.authors(n)

        def some(first: int) -> None:
            for author in found[first::5]:
                list(self.all("Book").filter(author_id=author.id))
            connections[self.on].close()

        with ThreadPoolExecutor(5) as threads:
            list(threads.map(some, range(5)))

    def keyset_paging(self, _):
        seen = 0
        for _ in range(12):
            seen = list(self.all("Page").filter(id__gt=seen).order_by("id")[:20])[-1].id

    def offset_paging(self, _):
        return [list(self.all("Page").order_by("id")[offset : offset + 20]) for offset in range(0, 260, 20)]

    def shared_connection(self, _):
        for name in random.Random(4).sample(AUTHOR_NAMES, k=30):
            list(self.all("Author").get(name=name).books.all())

    def list_then_unrelated(self, _):
        self.books(25)
        chance = random.Random(4)
        for number in chance.sample(range(1, 201), k=14):
            self.all("Employee").get(id=number)
        for key in chance.sample(KEYS, k=8):
            self.all("Setting").get(key=key)

    def batches(self, _):
        for offset in range(0, 150, 25):
            list(self.all("Book").order_by("title").prefetch_related("reviews")[offset : offset + 25])

    def small_enum(self, _):
        list(self.all("Order").order_by("number")[:25])
        return [self.all("Job").filter(priority=priority).count() for priority in range(1, 6)]

    def months(self, _):
        list(self.all("Tag").order_by("id")[:25])
        total = django.db.models.Sum("amount")
        return [self.all("Sale").filter(month=month).aggregate(total) for month in range(1, 13)]

    def key_value(self, _):
        return [self.all("Setting").get(key=key) for key in random.Random(4).sample(KEYS, k=30)]


class Cured(Views):
    """The same pages, without the loop."""

    def belongs_to(self, n):
        return [book.author.name for book in self.all("Book").select_related("author")[:n]]

    def has_many(self, n):
        return [list(author.books.all()) for author in self.all("Author").prefetch_related("books").order_by("name")[:n]]

    def count(self, n):
        return list(self.all("Author").annotate(written=django.db.models.Count("books"))[:n])

    def exists(self, n):
        return list(self.all("Author").filter(books__published__gt=1960).distinct()[:n])

    def latest(self, n):
        return list(self.all("Book").order_by("author_id", "-published").distinct("author_id")[:n])

    def deferred(self, n):
        return [book.summary for book in self.books(n)]

    def nested(self, n):
        found = self.all("Author").prefetch_related("books__reviews").order_by("name")[:n]
        return [list(book.reviews.all()) for author in found for book in author.books.all()]

    def two_children(self, n):
        found = self.all("Author").prefetch_related("books").select_related("country").order_by("name")[:n]
        return [(list(author.books.all()), author.country.name) for author in found]

    def repeated_keys(self, n):
        return [book.author.name for book in self.shelf().select_related("author")[:n]]

    def uuid_keys(self, n):
        return [list(publisher.books.all()) for publisher in self.all("Publisher").prefetch_related("books")[:n]]

    def text_keys(self, n):
        return [list(order.lines.all()) for order in self.all("Order").prefetch_related("lines")[:n]]

    def update_loop(self, n):
        ids = [book.id for book in self.books(n)]
        self.all("Book").filter(id__in=ids).update(views=django.db.models.F("views") + 1)

    def tree_walk(self, n):
        return list(self.all("Employee").raw(MANAGERS, [n + 5]))

    def duplicate_read(self, n):
        self.books(n)
        self.all("Setting").get(key=KEYS[1])

    def insert_loop(self, n):
        self.all("Event").bulk_create([self.models.Event(name="seen", book_id=number) for number in range(n)])


def play(_place: dict, scenario: dict) -> int:
    """One request; Django closes its connection at the end."""
    asked = []

    def count(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    views = (Cured if scenario["form"] == "cured" else Views)(scenario["name"])
    try:
        with connections[scenario["name"]].execute_wrapper(count):
            getattr(views, scenario["family"])(scenario["size"])
    finally:
        connections[scenario["name"]].close()
    return len(asked)


if __name__ == "__main__":
    serve(play, lambda place, scenarios: configure(place, scenarios, sys.argv[1]))
