"""What pgweir's API says is wrong, as sentences: each disease once, when it is named for the first time. Knows nothing of the
app: what it does not find there it does not tell."""

import json
import time
from dataclasses import dataclass
from typing import Callable

# As people call what `/api/findings` calls so.
KINDS = {
    "n_plus_one": "N+1",
    "duplicate_read": "duplicate reads",
    "tree_walk": "a tree, walked row by row",
    "suspected_loop": "a loop, perhaps",
    "row_at_a_time_insert": "rows inserted one by one",
}

# A row of more bytes has a column that is not for lists.
LARGE_ROW = 8_192

# Few executions are an accident.
FEW = 5

# A statement that usually takes so many milliseconds in Postgres is slow.
SLOW_MS = 10.0

# A wait of so many milliseconds is felt; so many seconds of the last minute with such waits are no accident.
FELT_MS, FULL_SECONDS = 50.0, 5

# The part of the servers' time that may pass in transactions in which nothing runs, and the servers that this must hold.
IDLE_SHARE, IDLE_SERVERS = 0.4, 1.0


@dataclass(frozen=True)
class Named:
    """One disease: its key (it is told once), a word for it, what was seen, and the page that shows it."""

    key: tuple
    title: str
    lines: list[str]
    page: str


@dataclass(frozen=True)
class Answers:
    """What the API answered, in the order of `PLACES`."""

    findings: list[dict]
    slow: list[dict]
    statements: list[dict]
    history: list[dict]


class Story:
    """Asks the API and tells what is new."""

    def __init__(self, pooler):
        self.pooler = pooler
        self.begin = time.monotonic()
        self.known: set[tuple] = set()

    def news(self) -> list[Named]:
        """What has been named since the last time."""
        answers = Answers(*(json.loads(self.pooler.get(path)[1]) for path in PLACES))
        fresh = [named for read in READERS for named in read(answers) if named.key not in self.known]
        self.known |= {named.key for named in fresh}
        return fresh

    def tell(self, named: Named) -> str:
        """For the terminal."""
        seconds = time.monotonic() - self.begin
        lines = [*named.lines, f"see http://{self.pooler.http}{named.page}"]
        return "\n".join([f"\n  found after {seconds:.0f} s: {named.title}"] + [f"      {line}" for line in lines] + [""])

    def summary(self) -> str:
        """At the end."""
        names = sorted({str(key[0]) for key in self.known})
        return f"pgweir named {len(names)} diseases: {', '.join(names)}." if names else "pgweir found nothing to complain of."


def findings(answers: Answers) -> list[Named]:
    """Statements that are repeated."""
    return [finding(row) for row in answers.findings if row["resolved_at"] is None]


def finding(row: dict) -> Named:
    """One of them."""
    child = row["children"][0]["sql"]
    lines = [f"{row['executions']} × {short(child)}"]
    if row["parent"]:
        lines.append(f"for the rows of {short(row['parent']['sql'])}")
    lines += [f"proof: {row['proof']}", f"wasted so far: {row['wasted_ms']:.0f} ms", f"cure: {row['fix']}"]
    where = row["application_name"] + (f" at {row['route']}" if row["route"] else "")
    return Named((row["kind"], row["id"]), f"{KINDS.get(row['kind'], row['kind'])} in {where}", lines, "/findings")


def slow(answers: Answers) -> list[Named]:
    """Statements that run for long: not once, but usually."""
    usual = {row["digest"]: row["query_ms"]["p50"] for row in answers.statements if row["calls"] >= FEW}
    ran = {row["digest"]: row for row in answers.slow if "query" in row["reason"]}
    return [slow_statement(row) for digest, row in ran.items() if usual.get(digest, 0) >= SLOW_MS]


def slow_statement(row: dict) -> Named:
    """One execution stands for all."""
    seen = f"{row['query_ms']:.0f} ms in Postgres for {row['rows']} rows, {row['wait_ms']:.0f} ms of wait before"
    title = f"a slow statement in {row['client']['application_name']}"
    return Named(("slow_statement", row["digest"]), title, [short(row["sql"]), seen], "/slow")


def pool_wait(answers: Answers) -> list[Named]:
    """The wait for a server, and who had it worst."""
    p95 = last_minute(answers.history).get("wait_ms_p95", [])
    full = sum(wait >= FELT_MS for wait in p95)
    if full < FULL_SECONDS or not answers.slow:
        return []
    worst = max(answers.slow, key=lambda row: row["wait_ms"])
    share = worst["wait_ms"] / worst["total_ms"]
    lines = [
        f"in {full} of the last {len(p95)} seconds, statements waited for longer than {FELT_MS:.0f} ms for a server",
        f"one for {worst['wait_ms']:.0f} ms, which is {share:.0%} of all that it took: {short(worst['sql'])}",
    ]
    return [Named(("pool_wait",), "the pool is full", lines, "/pools")]


def large_rows(answers: Answers) -> list[Named]:
    """Statements that fetch much for each row."""
    rows = [row for row in answers.statements if row["calls"] >= FEW and row["rows"]]
    return [large_row(row) for row in rows if row["bytes"] / row["rows"] >= LARGE_ROW]


def large_row(row: dict) -> Named:
    """Of one statement."""
    each, call = row["bytes"] / row["rows"] / 1024, row["bytes"] / row["calls"] / 2**20
    lines = [short(row["sql"]), f"{each:.0f} KiB a row, {call:.1f} MiB a call"]
    return Named(("large_rows", row["digest"]), f"large rows in {', '.join(row['applications'])}", lines, "/statements")


def held_servers(answers: Answers) -> list[Named]:
    """Where the servers' time went in the last minute."""
    lately = last_minute(answers.history)
    spent = {name: mean(lately.get(f"{name}_ms_per_second", [])) / 1000 for name in ("query", "drain", "idle_tx")}
    held, idle = sum(spent.values()), spent["idle_tx"]
    if idle < IDLE_SERVERS or idle < held * IDLE_SHARE:
        return []
    lines = [f"of {held:.1f} servers that were held on average, {idle:.1f} had nothing to do: idle in transaction"]
    return [Named(("held_servers",), "transactions hold servers while the application does something else", lines, "/pools")]


def last_minute(series: list[dict]) -> dict[str, list[float]]:
    """Of the only pool that there is, a value a second."""
    return {one["name"]: [value for _, value in one["points"][-60:]] for one in series}


def mean(values: list[float]) -> float:
    """0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def short(sql: str) -> str:
    """On one line."""
    line = " ".join(sql.split())
    return line if len(line) <= 110 else line[:109] + "…"


# What is asked, and who reads the answers.
PLACES = ("/api/findings", "/api/slow", "/api/statements?limit=100", "/api/history?range=15m")
READERS: list[Callable[[Answers], list[Named]]] = [findings, slow, pool_wait, large_rows, held_servers]
