"""What the demo says of itself: where to look, and a line every other second. Not what pgweir found: that is `story`'s."""

import threading
from dataclasses import dataclass

from demo.tables import DATABASE, PASSWORD, ROLE
from support.pgweir import samples
from support.places import postgres_program


def heading(pooler, users: int, is_fixed: bool) -> str:
    """Where to look and what to try."""
    url = f"postgres://{ROLE}:{PASSWORD}@{pooler.host}:{pooler.port}/{DATABASE}"
    site = f"http://{pooler.http}"
    told = CURED if is_fixed else SICK
    return f"""
  {site}/            what is wrong, in a sentence, and where the time goes
  {site}/pools       who waits for a server, who holds them, whether more would help
  {site}/statements  which statements take the time, and how large their rows are
  {site}/slow        single executions, and whether it was Postgres or the wait
  {site}/findings    N+1 and duplicate reads, with the proof and the cure
  {site}/clients     all of them
  {site}/metrics     for Prometheus

  a session of yours  {postgres_program("psql")} {url}

  {users:,} users of a small shop over 10 servers. {told}
  Ctrl-C ends it and removes everything.

   pages/s   statements/s   clients   waiting   wait for a server, p95   errors"""


SICK = """It has an N+1, a look-up without an index, a list that fetches
  pictures, a user who is read four times a page, reports that hold servers while they compute, and a newsletter that
  sends hundreds of people at once. What pgweir finds of it is told below; `make demo FIXED=1` runs the cured shop."""

CURED = """It is cured of all that `make demo` shows; the people, the reports and
  the newsletter are the same."""


@dataclass
class Seen:
    """One look at pgweir's metrics: what is now, and what happened since the last one."""

    clients: int
    waiting: int
    statements: int
    wait_p95_ms: float


class Sight:
    """Looks at pgweir's /metrics."""

    def __init__(self, pooler):
        self.pooler = pooler
        self.statements = 0.0
        self.buckets: dict[float, float] = {}
        self.looking = threading.Lock()

    def close(self) -> None:
        """Waits for a look that has begun."""
        self.looking.acquire()

    def look(self) -> Seen:
        """Now."""
        with self.looking:
            text = self.pooler.get("/metrics")[1]
        whole = {name: sum(value for _, value in samples(text, f"pgweir_{name}")) for name in METRICS}
        fresh, self.statements = whole["queries_total"] - self.statements, whole["queries_total"]
        return Seen(int(whole["clients"]), int(whole["pool_waiting"]), int(fresh), self._wait_p95(text) * 1000)

    def _wait_p95(self, text: str) -> float:
        """The bound of the bucket in which the 95th of a hundred waits since the last look lies, in seconds."""
        now: dict[float, float] = {}
        for labels, value in samples(text, "pgweir_pool_wait_seconds_bucket"):
            bound = float(labels["le"])
            now[bound] = now.get(bound, 0) + value
        counts = {bound: now[bound] - self.buckets.get(bound, 0) for bound in sorted(now)}
        self.buckets = now
        total = max(counts.values(), default=0)
        return next((bound for bound, count in counts.items() if total and count >= total * 0.95), 0.0)


METRICS = ("clients", "pool_waiting", "queries_total")


def line(seen: Seen, counts: tuple[int, int], seconds: float) -> str:
    """What happened in so many seconds."""
    pages, errors = counts
    rates = f"{pages / seconds:>10,.0f}{seen.statements / seconds:>15,.0f}"
    return f"{rates}{seen.clients:>10,}{seen.waiting:>10,}{seen.wait_p95_ms:>22,.1f} ms{errors:>9}"
