"""Findings against labels: what was found, when, with the right column or not; what should not have been. Not how it is
printed."""

import re
from dataclasses import dataclass, field

from insight.label import ALARMS, Expect, Scenario


@dataclass
class Found:
    """What became of one expectation."""

    expect: Expect
    # The occurrence after which it was there: 1 or 2; None: never.
    occurrence: int | None = None
    # Whether the parent's column was named rightly; None where there is none to name.
    column: bool | None = None
    # The finding, for who wants to see it.
    finding: dict | None = None


@dataclass
class Outcome:
    """One scenario's score."""

    scenario: Scenario
    found: list[Found]
    # Alarms at the end that match an expectation, and those that match none.
    true: list[dict] = field(default_factory=list)
    false: list[dict] = field(default_factory=list)
    suspected: int = 0
    # Its program failed.
    failed: str | None = None


def score(scenario: Scenario, pictures: list[list[dict]], failed: str | None = None) -> Outcome:
    """`pictures` are the scenario's findings after each occurrence."""
    outcome = Outcome(scenario, [judge(expect, pictures) for expect in scenario.expect], failed=failed)
    for finding in pictures[-1]:
        if finding["kind"] not in ALARMS:
            outcome.suspected += 1
        elif any(matches(expect, finding) for expect in scenario.expect):
            outcome.true.append(finding)
        elif finding["kind"] not in scenario.family.tolerated:
            outcome.false.append(finding)
    return outcome


def judge(expect: Expect, pictures: list[list[dict]]) -> Found:
    """When it was found, and whether it was found with the right column at the end."""
    found = Found(expect)
    for occurrence, findings in enumerate(pictures, 1):
        fitting = [finding for finding in findings if matches(expect, finding)]
        if fitting:
            found.occurrence = found.occurrence or occurrence
            found.finding = fitting[0]
            found.column = all(right_column(expect, finding) for finding in fitting) if expect.column else None
    return found


def matches(expect: Expect, finding: dict) -> bool:
    """Kind, child and parent, by the tables in their SQL."""
    if finding["kind"] != expect.kind:
        return False
    children = [child.get("sql") or "" for child in finding.get("children") or []]
    parent = (finding.get("parent") or {}).get("sql") or ""
    right_parent = expect.parent is None or reads(parent, expect.parent)
    return right_parent and any(reads(child, expect.child) for child in children)


def reads(sql: str, table: str) -> bool:
    """Whether a statement reads or writes that table, with a schema and quotes or without."""
    return bool(re.search(rf'\b(from|join|update|into)\s+(only\s+)?("?\w+"?\.)?"?{table}"?(?!\w)', sql, re.IGNORECASE))


def right_column(expect: Expect, finding: dict) -> bool:
    """`authors.id`, or `id` alone."""
    names = [name.strip('"') for name in ((finding.get("parent") or {}).get("column") or "").split(".")]
    return names[-1] == expect.column and names[-2:-1] in ([], [expect.parent])
