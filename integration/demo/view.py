"""What the demo shows: addresses at the top, then a line a second from Postgres itself and from pgweir's metrics."""

import threading
from dataclasses import dataclass

from support.pgweir import samples
from support.places import postgres_program


def heading(postgres, pooler, clients: int) -> str:
    """Where to look and what to try."""
    url = f"postgres://shop:shop@{pooler.host}:{pooler.port}/shop"
    return f"""
  connection string   {url}
  a session of yours  {postgres_program("psql")} {url}
  metrics             http://{pooler.http}/metrics
  health              http://{pooler.http}/healthz   http://{pooler.http}/readyz
  Postgres behind     {postgres.host}:{postgres.port}

  {clients} clients over 10 servers; Ctrl-C ends it and removes everything.

   transactions/s   clients   servers that Postgres sees   wait for a server, p95   errors"""


@dataclass
class Seen:
    """One look."""

    clients: int
    servers: int
    wait_p95_ms: float


class Sight:
    """Looks at Postgres directly, past the pooler, and at pgweir's /metrics."""

    def __init__(self, postgres, pooler):
        self.connection = postgres.connect()
        self.pooler = pooler
        self.buckets: dict[float, float] = {}
        self.looking = threading.Lock()

    def close(self) -> None:
        """Looks no more, and waits for a look that has begun."""
        with self.looking:
            self.connection.close()

    def look(self) -> Seen:
        """Now."""
        with self.looking:
            servers = self.connection.execute("select count(*) from pg_stat_activity where usename = 'shop'").fetchone()[0]
            text = self.pooler.get("/metrics")[1]
        clients = sum(value for _, value in samples(text, "pgweir_clients"))
        return Seen(int(clients), servers, self._wait_p95(text) * 1000)

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


def line(seen: Seen, counts: tuple[int, int]) -> str:
    """One second."""
    transactions, errors = counts
    return f"{transactions:>17,}{seen.clients:>10,}{seen.servers:>29}{seen.wait_p95_ms:>22.2f} ms{errors:>9}"
