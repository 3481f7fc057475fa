"""The loads: what is asked of a pooler for some seconds, and what that cost. Not which pooler, not how often."""

import asyncio
import glob
import re
import socket
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from support import proc, wire
from support.places import postgres_program

USER = "bench"
DATABASE = "bench"
PASSWORD = "secret"

# `progress: 1763800000.123 s, 15321.4 tps, lat 3.263 ms stddev 1.204, 0 failed`
PROGRESS = re.compile(r"progress: ([\d.]+) s, ([\d.]+) tps")
FAILED = re.compile(r"number of failed transactions: (\d+)")

# Of pgbench's per-transaction log one line in ten is written, so that writing it is no load of its own.
SAMPLED = 0.1


@dataclass
class Outcome:
    """What one run measured; only the numbers that its load has."""

    numbers: dict[str, float] = field(default_factory=dict)

    def __getattr__(self, name: str) -> float:
        return self.numbers[name]


@dataclass(frozen=True)
class Pgbench:
    """pgbench for some seconds, the pooler's processor time taken between its first and its last line of progress, so
    that neither logging in nor leaving is counted."""

    clients: int
    arguments: tuple[str, ...] = ("--select-only",)
    protocol: str = "simple"

    def run(self, pooler, seconds: float, jobs: int) -> Outcome:
        """One run against a pooler."""
        with tempfile.TemporaryDirectory() as logs:
            args = [postgres_program("pgbench"), "--no-vacuum", f"--client={self.clients}", f"--protocol={self.protocol}"]
            # The first second warms up.
            args += [f"--jobs={min(jobs, self.clients)}", f"--time={round(seconds) + 1}", "--progress=1", "--progress-timestamp"]
            args += ["--log", f"--log-prefix={logs}/t", f"--sampling-rate={SAMPLED}", *self.arguments]
            args += [f"--host={pooler.host}", f"--port={pooler.port}", f"--username={USER}", DATABASE]
            lines = follow(args, pooler.pid)
            # With a connection for each transaction, pgbench's latency leaves out the login, which is all there is.
            return Outcome(lines if "--connect" in self.arguments else lines | latencies(logs))


def follow(args: list[str], pid: int) -> dict[str, float]:
    """Runs pgbench; throughput and the processor time of `pid` between its progress lines."""
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    marks, complaints = [], []
    for line in process.stderr:
        if found := PROGRESS.match(line):
            marks.append((float(found[1]), float(found[2]), proc.cpu(pid)))
        else:
            complaints.append(line)
    summary = process.stdout.read()
    failed = FAILED.search(summary)
    if process.wait() != 0 or len(marks) < 2 or not failed or int(failed[1]):
        raise RuntimeError("pgbench failed: " + "".join(complaints)[-2000:] + summary[-500:])
    return between(marks)


def between(marks: list[tuple[float, float, proc.Cpu]]) -> dict[str, float]:
    """Throughput and cost from the first mark to the last; a mark is a time, the rate up to it, the processor time."""
    seconds = marks[-1][0] - marks[0][0]
    transactions = sum(now[1] * (now[0] - before[0]) for before, now in zip(marks, marks[1:]))
    spent = marks[-1][2] - marks[0][2]
    return {"tps": transactions / seconds} | cost(spent, transactions)


def cost(spent: proc.Cpu, count: float) -> dict[str, float]:
    """Processor microseconds for each of `count` things."""
    return {"cpu_us": spent.total / count * 1e6, "user_us": spent.user / count * 1e6, "system_us": spent.system / count * 1e6}


def latencies(logs: str) -> dict[str, float]:
    """Latency in milliseconds from pgbench's logs of single transactions."""
    found = []
    for name in glob.glob(f"{logs}/t*"):
        found += [int(line.split()[2]) / 1000 for line in Path(name).read_text().splitlines()]
    found.sort()
    if len(found) < 2:
        return {}
    at = lambda share: found[min(len(found) - 1, int(len(found) * share))]
    return {"avg_ms": statistics.fmean(found), "p50_ms": at(0.50), "p99_ms": at(0.99)}


@dataclass(frozen=True)
class ScramLogins:
    """Logins with SCRAM, some at once, no query. The client keeps its salted password, as drivers with a pool do, so that
    the pooler is what is measured."""

    at_once: int = 16

    def run(self, pooler, seconds: float, jobs: int) -> Outcome:
        """One run against a pooler."""
        before, started = proc.cpu(pooler.pid), time.monotonic()
        count = asyncio.run(self._storm(pooler, started + seconds))
        elapsed = time.monotonic() - started
        return Outcome({"tps": count / elapsed} | cost(proc.cpu(pooler.pid) - before, count))

    async def _storm(self, pooler, deadline: float) -> int:
        async def again_and_again() -> int:
            count = 0
            while time.monotonic() < deadline:
                connection = await wire.Wire.login(pooler.host, pooler.port, USER, DATABASE, PASSWORD)
                await connection.close()
                count += 1
            return count

        return sum(await asyncio.gather(*(again_and_again() for _ in range(self.at_once))))


@dataclass(frozen=True)
class Resting:
    """Clients that log in, ask once, and rest: what memory each costs. The first hundred warm up and leave; they open the
    servers, which are not the clients' cost."""

    clients: int

    def run(self, pooler, seconds: float, jobs: int) -> Outcome:
        """One run against a pooler. `seconds` bounds how long memory may take to settle."""
        for connection in [enter(pooler) for _ in range(100)]:
            connection.close()
        before = settled(pooler.pid, seconds)
        resting = [enter(pooler) for _ in range(self.clients)]
        after = settled(pooler.pid, seconds)
        for connection in resting:
            connection.close()
        left = settled(pooler.pid, seconds)
        return Outcome({"bytes": (after - before) / self.clients, "rss_before": before, "rss_resting": after, "rss_left": left})


def enter(pooler) -> socket.socket:
    """A client that has logged in without a password and has asked one question."""
    connection = socket.create_connection((pooler.host, pooler.port))
    connection.sendall(wire.startup(USER, DATABASE))
    until_ready(connection)
    connection.sendall(wire.query("select 1"))
    until_ready(connection)
    return connection


def until_ready(connection: socket.socket) -> None:
    """Reads up to a ReadyForQuery at rest, which is how an answer ends that nobody else follows."""
    received = b""
    while not received.endswith(b"Z\0\0\0\5I"):
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"the pooler closed the connection after {received!r}")
        received += piece


def settled(pid: int, seconds: float) -> int:
    """Resident memory once it has not changed for a second, or when `seconds` are over."""
    deadline, seen, since = time.monotonic() + seconds, proc.resident(pid), time.monotonic()
    while time.monotonic() < min(deadline, since + 1.0):
        time.sleep(0.05)
        now = proc.resident(pid)
        if now != seen:
            seen, since = now, time.monotonic()
    return seen
