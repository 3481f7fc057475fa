"""A load while somebody looks: the store full of statements, and every page of the dashboard read four times a second."""

import threading
import time
import urllib.request
from dataclasses import dataclass

from bench import load
from bench.load import Outcome, Pgbench
from support import wire
from support.children import eventually

# So many the store tells apart.
STATEMENTS = 10_000

PAUSE = 0.25
PAGES = ["/", "/pools", f"/pool?database={load.DATABASE}&user={load.USER}", "/statements", "/statements?sort=p95&page=7",
         "/statements?text=c77", "/slow?reason=all", "/findings", "/clients", "/metrics"]  # fmt: skip


@dataclass(frozen=True)
class Full:
    """Another load, with a full store and with a reader or without."""

    load: Pgbench
    read: bool

    def run(self, pooler, seconds: float, jobs: int) -> Outcome:
        """One run against a pooler."""
        fill(pooler)
        if not self.read:
            return self.load.run(pooler, seconds, jobs)
        with Reader(pooler.http) as reader:
            outcome = self.load.run(pooler, seconds, jobs)
        return Outcome(outcome.numbers | reader.numbers())


def fill(pooler) -> None:
    """Statements that differ in a name."""
    with load.enter(pooler) as connection:
        for number in range(STATEMENTS):
            connection.sendall(wire.query(f"select 1 as c{number}"))
            load.until_ready(connection)
    eventually(lambda: all(pooler.get(page)[0] == 200 for page in PAGES), "all pages are there")


class Reader:
    """Reads all pages again and again, as a context."""

    def __init__(self, http: str):
        self.http, self.over, self.took = http, threading.Event(), []
        self.thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Reader":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def _read(self) -> None:
        while not self.over.wait(PAUSE):
            for page in PAGES:
                begin = time.monotonic()
                with urllib.request.urlopen(f"http://{self.http}{page}", timeout=10) as answer:
                    answer.read()
                self.took.append((time.monotonic() - begin) * 1e3)

    def numbers(self) -> dict[str, float]:
        """How many pages that were, and how long they took."""
        took = sorted(self.took)
        return {"pages": len(took), "page_p50_ms": took[len(took) // 2], "page_max_ms": took[-1]}
