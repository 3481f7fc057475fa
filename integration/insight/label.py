"""What a scenario is, and what must be found in it. Not how it is played."""

import hashlib
from dataclasses import dataclass, field

# A finding of one of these is an alarm; `suspected_loop` is shown and never one.
ALARMS = ("n_plus_one", "tree_walk", "duplicate_read", "row_at_a_time_insert")


@dataclass(frozen=True)
class Expect:
    """A finding that must come. `parent` and `column` are None for kinds that have none."""

    kind: str
    child: str
    parent: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class Family:
    """One pattern in both its forms, or one that is no N+1 and has but one."""

    name: str
    expect: tuple[Expect, ...] = ()
    # How many executions of the child the loop makes; each is a scenario.
    sizes: tuple[int, ...] = (0,)
    # Whether there is a form without the loop.
    cured: bool = False
    # Connections of the application's own pool, from which each statement takes one. 0: the request holds a connection.
    pool: int = 0
    # It pauses as a person does.
    slow: bool = False
    # Kinds that would be no mistake here.
    tolerated: frozenset = frozenset()


@dataclass(frozen=True)
class Scenario:
    """One program's run: a request, made twice."""

    family: Family
    stack: str
    # `loop`, `cured`, or `clean` where there never was a loop.
    form: str
    size: int
    story: list = field(default_factory=list, compare=False, hash=False)

    @property
    def name(self) -> str:
        """What it calls itself towards Postgres."""
        return f"{self.family.name}.{self.form}.{self.size}"

    @property
    def expect(self) -> tuple[Expect, ...]:
        """What must be found."""
        return self.family.expect if self.form == "loop" else ()

    @property
    def scope(self) -> str:
        """Where its statements can be seen together."""
        return "group" if self.family.pool else "connection"

    @property
    def hidden(self) -> bool:
        """Whether it is kept out of sight."""
        return hidden(self.family.name)

    def told(self) -> dict:
        """As a stack's program is told it."""
        return {
            "name": self.name,
            "family": self.family.name,
            "form": self.form,
            "size": self.size,
            "pool": self.family.pool,
            "slow": self.family.slow,
            "story": self.story,
        }


def hidden(family: str) -> bool:
    """The fixed rule: a third of the names, whatever they are."""
    return hashlib.sha256(family.encode()).digest()[0] % 3 == 0
