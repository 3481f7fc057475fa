"""The differences that are accounted for, each with its reason: `known.toml`."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FILE = Path(__file__).with_name("known.toml")


@dataclass(frozen=True)
class Known:
    """Tests of suites, as patterns of names in which `*` is anything, and why they end differently."""

    suite: str
    test: str
    reason: str

    def covers(self, suite: str, test: str) -> bool:
        """Whether it is about this test."""
        return fnmatchcase(suite, self.suite) and fnmatchcase(test, self.test)


def load() -> list[Known]:
    """All of them, in order."""
    return [Known(**entry) for entry in tomllib.loads(FILE.read_text())["known"]]


def reason(known: list[Known], suite: str, test: str) -> str | None:
    """Why this test ends differently, if that is known."""
    return next((entry.reason for entry in known if entry.covers(suite, test)), None)
