"""The score as tables of text, and whether it is good enough. Not how it comes about."""

from collections.abc import Callable
from dataclasses import dataclass

from insight.score import Outcome

# What issue 4 asks for.
PRECISION = 0.99
RECALL = 0.95
COLUMN = {"connection": 0.95, "group": 0.90}

HEADING = ("", "scenarios", "expected", "found", "recall", "alarms", "false", "precision", "column", "1st time", "suspected")


@dataclass
class Sums:
    """Outcomes added up."""

    scenarios: int
    expected: int
    found: int
    true: int
    false: int
    named: int
    rightly: int
    first: int
    suspected: int

    @property
    def recall(self) -> float | None:
        """Of what had to be found, how much was."""
        return share(self.found, self.expected)

    @property
    def precision(self) -> float | None:
        """Of the alarms, how many had to be."""
        return share(self.true, self.true + self.false)

    @property
    def column(self) -> float | None:
        """Of the findings with a parent, how many name its column rightly."""
        return share(self.rightly, self.named)

    def cells(self, name: str) -> tuple:
        """A row of the table."""
        alarms = self.true + self.false
        found = (name, self.scenarios, self.expected, self.found, percent(self.recall), alarms, self.false)
        return found + (percent(self.precision), percent(self.column), percent(share(self.first, self.found)), self.suspected)


def sums(outcomes: list[Outcome]) -> Sums:
    """All together."""
    expected = [found for outcome in outcomes for found in outcome.found]
    found = [one for one in expected if one.occurrence]
    named = [one for one in found if one.column is not None]
    return Sums(
        scenarios=len(outcomes),
        expected=len(expected),
        found=len(found),
        true=sum(len(outcome.true) for outcome in outcomes),
        false=sum(len(outcome.false) for outcome in outcomes),
        named=len(named),
        rightly=sum(one.column for one in named),
        first=sum(one.occurrence == 1 for one in found),
        suspected=sum(outcome.suspected for outcome in outcomes),
    )


def report(outcomes: list[Outcome], show_hidden: bool) -> str:
    """Everything: by family and by stack, the visible part and the hidden one, what went wrong, the verdict."""
    looped = [one for one in outcomes if one.scenario.expect]
    parts = [
        grouped(outcomes, "stack", lambda outcome: outcome.scenario.stack),
        grouped(sorted(looped, key=lambda one: one.scenario.size), "executions", lambda one: str(one.scenario.size)),
    ]
    for name, hidden in (("visible", False), ("hidden", True)):
        part = [outcome for outcome in outcomes if outcome.scenario.hidden is hidden]
        if part:
            parts.append(grouped(part, f"{name} families", lambda outcome: outcome.scenario.family.name))
            if show_hidden or not hidden:
                parts.append(mistakes(part))
    whole = [("all", outcomes)] + [(name, in_scope(outcomes, name)) for name in COLUMN]
    parts.append(aligned([HEADING, *(sums(some).cells(name) for name, some in whole)]))
    return "\n\n".join(part for part in parts if part)


def in_scope(outcomes: list[Outcome], scope: str) -> list[Outcome]:
    """Those whose statements can be seen together there."""
    return [outcome for outcome in outcomes if outcome.scenario.scope == scope]


def grouped(outcomes: list[Outcome], title: str, key: Callable) -> str:
    """A row for each, and one for all."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    rows = [sums(group).cells(name) for name, group in groups.items()]
    return aligned([(title, *HEADING[1:]), *rows, sums(outcomes).cells("together")])


def mistakes(outcomes: list[Outcome]) -> str:
    """What was missed, named wrongly, found wrongly, in words."""
    lines = []
    for outcome in outcomes:
        where = f"{outcome.scenario.stack} {outcome.scenario.name}"
        lines += [f"failed  {where}: {outcome.failed}"] if outcome.failed else []
        for found in outcome.found:
            expect = found.expect
            if not found.occurrence:
                lines.append(f"missed  {where}: {expect.kind} of {expect.child}")
            elif found.column is False:
                lines.append(f"column  {where}: {found.finding['parent'].get('column')} and not {expect.parent}.{expect.column}")
        lines += [f"false   {where}: {brief(finding)}" for finding in outcome.false]
    return "\n".join(lines)


def brief(finding: dict) -> str:
    """A finding in one line."""
    parent = (finding.get("parent") or {}).get("sql") or "nothing"
    child = ((finding.get("children") or [{}])[0].get("sql") or "")[:110]
    return f"{finding['kind']} × {finding.get('executions')}: {child} ← {parent[:90]}; {finding.get('proof')}"


def verdict(outcomes: list[Outcome]) -> list[str]:
    """What is not good enough; empty if all is."""
    whole = sums(outcomes)
    short = [f"{one.scenario.stack} {one.scenario.name} failed" for one in outcomes if one.failed]
    short += below("precision", whole.precision, PRECISION) + below("recall", whole.recall, RECALL)
    for scope, least in COLUMN.items():
        short += below(f"the right column, {scope} scope", sums(in_scope(outcomes, scope)).column, least)
    return short


def below(what: str, reached: float | None, least: float) -> list[str]:
    """A complaint, if there is one."""
    return [f"{what}: {percent(reached)}, and not {percent(least)}"] if reached is None or reached < least else []


def share(some: int, of: int) -> float | None:
    """None where there is nothing to share."""
    return some / of if of else None


def percent(value: float | None) -> str:
    """`98.7 %`."""
    return "–" if value is None else f"{100 * value:.1f} %"


def aligned(rows: list[tuple]) -> str:
    """Columns, the first to the left and the others to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    line = lambda row: row[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
    return "\n".join(map(line, texts))
