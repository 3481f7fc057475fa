"""Starts the stacks' programs and has them play their scenarios. What they are is told here, what they do is theirs."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass

from insight import clean, loops
from insight.families import ALL, CLEAN, LOOPS
from insight.label import Family, Scenario
from support.places import ROOT

PYTHON = (sys.executable, "-m")
NODE = ("node", str(ROOT / "integration" / "node" / "insight" / "main.mjs"))
RUST = (str(ROOT / "target" / "debug" / "examples" / "insight"),)

# What an object mapper does of itself; the others would be bare SQL again.
MAPPED = """belongs_to has_many count exists latest deferred nested two_children conditional reverse shuffled repeated_keys
uuid_keys text_keys update_loop transaction_a_row tree_walk duplicate_read insert_loop parallel_5 keyset_paging offset_paging
shared_connection list_then_unrelated batches small_enum months key_value""".split()


# Seconds that one occurrence of everything may take; the longest takes a twentieth of it.
LONGEST = 200


@dataclass(frozen=True)
class Stack:
    """A library, or a pile of them, and how its program is started."""

    name: str
    command: tuple
    mapped: bool = False

    def families(self) -> list[Family]:
        """What it can play."""
        return [ALL[name] for name in MAPPED] if self.mapped else LOOPS + CLEAN

    def scenarios(self) -> list[Scenario]:
        """All that it plays."""
        return [scenario for family in self.families() for scenario in self._of(family)]

    def _of(self, family: Family):
        for form, size in forms(family):
            story = [] if self.mapped else tell(family, form, size)
            yield Scenario(family, self.name, form, size, story)


def forms(family: Family) -> list[tuple[str, int]]:
    """Forms and sizes of a family."""
    if family in CLEAN:
        return [("clean", 0)]
    looped = [("loop", size) for size in family.sizes]
    return looped + ([("cured", family.sizes[-1])] if family.cured else [])


def tell(family: Family, form: str, size: int) -> list:
    """The story of a scenario."""
    return {"loop": loops.loop, "cured": loops.cured}[form](family.name, size) if form != "clean" else clean.story(family.name)


STACKS = [
    Stack("psycopg2", (*PYTHON, "insight.programs.bare", "psycopg2")),
    Stack("psycopg", (*PYTHON, "insight.programs.bare", "psycopg")),
    Stack("asyncpg", (*PYTHON, "insight.programs.bare", "asyncpg")),
    Stack("sqlalchemy-psycopg2", (*PYTHON, "insight.programs.alchemy", "psycopg2"), mapped=True),
    Stack("sqlalchemy-psycopg", (*PYTHON, "insight.programs.alchemy", "psycopg"), mapped=True),
    Stack("sqlalchemy-asyncpg", (*PYTHON, "insight.programs.alchemy", "asyncpg"), mapped=True),
    Stack("django-client", (*PYTHON, "insight.programs.hall", "client"), mapped=True),
    Stack("django-server", (*PYTHON, "insight.programs.hall", "server"), mapped=True),
    Stack("node-postgres", (*NODE, "pg")),
    Stack("postgres.js", (*NODE, "postgres")),
    Stack("drizzle", (*NODE, "drizzle"), mapped=True),
    Stack("tokio-postgres", (*RUST, "fresh")),
    Stack("tokio-postgres-prepared", (*RUST, "kept")),
]
BY_NAME = {stack.name: stack for stack in STACKS}


class Company:
    """One stack's program, running."""

    def __init__(self, stack: Stack, place: dict, scenarios: list[Scenario]):
        self.process = subprocess.Popen(
            stack.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT / "integration"
        )
        self._say({"place": place, "scenarios": [scenario.told() for scenario in scenarios]})

    def __enter__(self) -> "Company":
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _say(self, what) -> None:
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def once(self) -> dict:
        """Every scenario once more: `asked` and `failed` by scenario."""
        late = threading.Timer(LONGEST, self.process.kill)
        late.start()
        self._say("go")
        line = self.process.stdout.readline()
        late.cancel()
        if not line:
            raise RuntimeError(f"{self.process.args}: ended with status {self.process.wait()}")
        return json.loads(line)
