"""A thousand clients that come at once with SCRAM, run transactions with time to think, and leave.

Reports what they waited, whether they were served in order, and what memory they left behind. `make storm` runs it for a
minute, the tests for a few seconds."""

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field

from support import proc
from support.children import obey_signals, raise_open_files
from support.pgweir import Pgweir
from support.postgres import Postgres, create_roles
from support.wire import Wire

# Between two transactions of one client, in seconds: as an app with people behind it.
THINK = (0.5, 1.5)

# Clients that are let in and out before memory is first looked at, so that servers and first-time costs are not theirs.
WARM_UP = 50


@dataclass
class Report:
    """What a storm has shown. Waits in seconds: from BEGIN to its answer, which needs a server."""

    clients: int
    logins: list[float] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    rss: dict[str, int] = field(default_factory=dict)
    most_servers: int = 0
    seconds: float = 0.0

    def summary(self) -> dict:
        """The numbers that are looked at."""
        waits = sorted(served - asked for asked, served in self.waits)
        return {
            "clients": self.clients,
            "transactions": len(waits),
            "transactions_a_second": round(len(waits) / self.seconds),
            "errors": len(self.errors),
            "login_ms": spread(sorted(self.logins)),
            "wait_ms": spread(waits),
            "overtaken_ms": spread(sorted(overtaken(self.waits))),
            "most_servers": self.most_servers,
            "rss_kib": {name: size // 1024 for name, size in self.rss.items()},
        }


def spread(ordered: list[float]) -> dict[str, float]:
    """Median, p99 and most, in milliseconds."""
    if not ordered:
        return {}
    at = lambda share: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)
    return {"p50": at(0.5), "p99": at(0.99), "max": at(1)}


def overtaken(waits: list[tuple[float, float]]) -> list[float]:
    """For each transaction, how much later the latest came that was served before it: zero where all were served in the
    order in which they asked."""
    latest, gaps = 0.0, []
    for asked, _ in sorted(waits, key=lambda wait: wait[1]):
        latest = max(latest, asked)
        gaps.append(latest - asked)
    return gaps


async def client(pooler, start: asyncio.Event, deadline: float, report: Report) -> None:
    """One client's stay."""
    await start.wait()
    try:
        asked = time.monotonic()
        wire = await Wire.login(pooler.host, pooler.port, "app", "app", "secret", application_name="storm")
        report.logins.append(time.monotonic() - asked)
        while time.monotonic() < deadline:
            await transaction(wire, report)
            await asyncio.sleep(random.uniform(*THINK))
        await wire.close()
    except Exception as failure:
        report.errors.append(f"{type(failure).__name__}: {failure}")


async def transaction(wire: Wire, report: Report) -> None:
    """Three statements, all by one server."""
    asked = time.monotonic()
    await wire.query("begin")
    report.waits.append((asked, time.monotonic()))
    first = await wire.query("select pg_backend_pid()")
    second = await wire.query("select pg_backend_pid()")
    await wire.query("commit")
    if first != second:
        report.errors.append(f"a transaction on two servers: {first} and {second}")


async def warm_up(pooler) -> None:
    """Some clients come and go."""
    wires = [await Wire.login(pooler.host, pooler.port, "app", "app", "secret") for _ in range(WARM_UP)]
    await asyncio.gather(*(wire.query("select pg_sleep(0.01)") for wire in wires))
    for wire in wires:
        await wire.close()


async def rage(pooler, postgres, clients: int, seconds: float) -> Report:
    """The whole storm. Memory is looked at before, at its height, and after the last client has left."""
    report = Report(clients)
    await warm_up(pooler)
    await asyncio.sleep(1)
    report.rss["before"] = proc.resident(pooler.pid)
    start, began = asyncio.Event(), time.monotonic()
    tasks = [asyncio.create_task(client(pooler, start, began + seconds, report)) for _ in range(clients)]
    await asyncio.sleep(0)
    start.set()
    while not all(task.done() for task in tasks):
        await asyncio.wait(tasks, timeout=1)
        report.rss["most"] = max(report.rss.get("most", 0), proc.resident(pooler.pid))
        report.most_servers = max(report.most_servers, await asyncio.to_thread(postgres.sessions, "app"))
    report.seconds = time.monotonic() - began
    report.rss["after"] = await settle(pooler.pid, report.rss["before"])
    return report


async def settle(pid: int, before: int, seconds: float = 10.0) -> int:
    """Memory after the storm, once it is back or after some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and proc.resident(pid) > before:
        await asyncio.sleep(0.1)
    return proc.resident(pid)


def main() -> int:
    """The command line."""
    given = argparse.ArgumentParser(prog="make storm", description=__doc__)
    given.add_argument("--clients", type=int, default=1000)
    given.add_argument("--seconds", type=float, default=60)
    given.add_argument("--pool-size", type=int, default=20)
    arguments = given.parse_args()
    obey_signals()
    raise_open_files()
    with Postgres() as postgres:
        create_roles(postgres)
        env = {"PGWEIR_POOL_POOL_SIZE": arguments.pool_size}
        with Pgweir(database_url=postgres.url("app", "secret"), env=env) as pooler:
            report = asyncio.run(rage(pooler, postgres, arguments.clients, arguments.seconds))
    print(json.dumps(report.summary(), indent=1))
    for error in report.errors[:10]:
        print(error, file=sys.stderr)
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
