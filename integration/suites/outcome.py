"""How tests ended, read from JUnit's XML, and how two runs differ. Runs nothing."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PASSED, SKIPPED, FAILED, MISSING = "passed", "skipped", "failed", "not run"


@dataclass(frozen=True)
class Outcome:
    """How one test ended; `why` is the last line of what it said, where it did not pass."""

    how: str
    why: str = ""


@dataclass(frozen=True)
class Difference:
    """A test that ended in another way."""

    test: str
    direct: Outcome
    through: Outcome

    def __str__(self) -> str:
        worse = self.through if self.through.how != PASSED else self.direct
        return f"{self.test}: {self.direct.how} directly, {self.through.how} through pgweir\n      {worse.why}"


def read(report: Path) -> dict[str, Outcome]:
    """By the test's name. A test that is listed more than once, for its subtests or its clearing up, ended as its worst part."""
    outcomes: dict[str, Outcome] = {}
    if not report.exists():
        return outcomes
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        outcomes[name] = worst(outcomes.get(name), _of(case))
    return outcomes


def _of(case: ElementTree.Element) -> Outcome:
    for tag, how in (("failure", FAILED), ("error", FAILED), ("skipped", SKIPPED)):
        found = case.find(tag)
        if found is not None:
            return Outcome(how, _last_words(found))
    return Outcome(PASSED)


def _last_words(found: ElementTree.Element) -> str:
    said = found.get("message") or (found.text or "").strip().rpartition("\n")[2]
    return " ".join(said.split())[:200]


def worst(one: Outcome | None, other: Outcome) -> Outcome:
    """Of two parts of a test."""
    order = [PASSED, SKIPPED, FAILED]
    return other if one is None or order.index(other.how) > order.index(one.how) else one


def differences(direct: dict[str, Outcome], through: dict[str, Outcome]) -> list[Difference]:
    """In the order of the names."""
    absent = Outcome(MISSING)
    pairs = [(name, direct.get(name, absent), through.get(name, absent)) for name in sorted(direct | through)]
    return [Difference(name, one, other) for name, one, other in pairs if one.how != other.how]


def passed(outcomes: dict[str, Outcome]) -> int:
    """How many passed."""
    return sum(outcome.how == PASSED for outcome in outcomes.values())
