"""The rows of the table: a load, who is compared, and what we want of the ratio. Data, and the words that print it."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Pgbench, Resting, ScramLogins
from bench.watched import Full

SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One line of the table. `goal` maps a number to the bound of its ratio: at most, or with a minus sign at least."""

    name: str
    says: str
    load: object
    goal: dict[str, float] = field(default_factory=dict)
    scram: bool = False
    # When set, pgweir with this load is what pgweir's `load` is compared to; PgBouncer takes no part.
    own: object = None
    own_name: str = "simple"
    # pgweir is compared with itself, looking at no statement.
    blind: bool = False
    # A bound for the number itself rather than for the ratio.
    bound: dict[str, float] = field(default_factory=dict)


def script(name: str) -> tuple[str, ...]:
    """The pgbench arguments that run a script of ours."""
    return ("--file", str(SCRIPTS / name))


SIMPLE_50 = Pgbench(50)

ROWS = [
    Row("simple50", "select-only, simple, 50 clients", SIMPLE_50, {"cpu_us": 0.95, "tps": -1.0}),
    Row("extended50", "select-only, extended, 50", Pgbench(50, protocol="extended"), {"cpu_us": 0.95, "tps": -1.0}),
    Row("prepared50", "prepared over own simple, 50", Pgbench(50, protocol="prepared"), {"cpu_us": 1.2}, own=SIMPLE_50),
    Row("simple1000", "select-only, simple, 1,000", Pgbench(1000), {"cpu_us": 0.85, "tps": -1.0}),
    Row("simple1", "select-only, simple, 1 client", Pgbench(1), {"cpu_us": 1.25, "tps": -1.0}),
    Row("large", "20,000 rows, 2 MB, 4 clients", Pgbench(4, script("large.sql")), {"cpu_us": 0.5, "tps": -1.0}),
    Row("login", "logins, trust (pgbench -C)", Pgbench(8, ("--connect", *script("nothing.sql"))), {"cpu_us": 1.5, "tps": -1.0}),
    Row("scram", "logins, SCRAM, 16 at once", ScramLogins(), {"cpu_us": 1.5, "tps": -1.0}, scram=True),
    Row("memory", "bytes a resting client, 5,000", Resting(5000), bound={"bytes": 2048}),
    Row("seen_simple", "simple, observed over blind, 50", SIMPLE_50, {"cpu_us": 1.05}, blind=True),
    Row("seen_prepared", "prepared, observed over blind, 50", Pgbench(50, protocol="prepared"), {"cpu_us": 1.05}, blind=True),
    Row("seen_orm", "25 rows, observed over blind, 50", Pgbench(50, script("orm.sql"), "extended"), {"cpu_us": 1.1}, blind=True),
    # Where the load takes all processors, whoever reads takes some, and so does making the pages: this much is no dent.
    Row("watched50", "all pages read 4 × a second over none, 50", Full(SIMPLE_50, True), {"p99_ms": 1.2, "tps": -0.85},
        own=Full(SIMPLE_50, False), own_name="unwatched"),
    Row("tpcb50", "TPC-B-like, simple, 50", Pgbench(50, ("--builtin=tpcb-like",)), {"tps": -1.0}),
]

BY_NAME = {row.name: row for row in ROWS}
