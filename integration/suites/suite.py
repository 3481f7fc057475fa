"""What a suite is: what it needs of the database and of pgweir, and how it is run. Not which there are: `shelf`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# A test of theirs that takes longer hangs; the slowest that passes takes ten seconds.
LONGEST_TEST = 60


@dataclass(frozen=True)
class Run:
    """One run: in which directory, which command, with which environment beside ours."""

    place: Path
    command: list[str]
    env: dict[str, str]


@dataclass(frozen=True)
class Suite:
    """`run(port, report)` makes a run against the Postgres, or what looks like one, at that port of 127.0.0.1, user `postgres`; it
    writes JUnit's XML to `report`. What `first` says is run before, in the database `database`. Lines of `hba` come before those that trust
    everybody. With `passwords`, by user, pgweir lets in those users alone, by SCRAM; without any it trusts everybody, too."""

    name: str
    run: Callable[[int, Path], Run]
    first: Callable[[], list[str]] = list
    database: str = "suite"
    hba: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
