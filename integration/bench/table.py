"""The table: medians, ratios, goals; as text and as plain values for JSON. Measures nothing."""

import statistics

NUMBERS = {
    "cpu_us": ("CPU µs", "{:,.1f}"),
    "tps": ("a second", "{:,.0f}"),
    "avg_ms": ("avg ms", "{:,.2f}"),
    "p99_ms": ("p99 ms", "{:,.2f}"),
    "bytes": ("bytes", "{:,.0f}"),
}


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each number over the rounds."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} if runs else {}


def summarize(row, sides: list[str], runs: dict[str, list[dict[str, float]]]) -> dict:
    """One row as plain values. Ratios are the last side's over the first's."""
    middle = {side: medians(runs[side]) for side in sides}
    first, last = middle[sides[0]], middle[sides[-1]]
    ratios = {name: last[name] / first[name] for name in last if first.get(name) and len(sides) > 1}
    goals = {name: judge(ratios.get(name), goal) for name, goal in row.goal.items()}
    goals |= {name: judge(last.get(name), bound) for name, bound in row.bound.items()}
    return {"row": row.name, "says": row.says, "sides": sides, "medians": middle, "ratios": ratios, "goals": goals, "runs": runs}


def judge(value: float | None, goal: float) -> dict:
    """Whether a goal is met; a negative goal is a least value."""
    met = value is not None and (value <= goal if goal > 0 else value >= -goal)
    return {"goal": abs(goal), "is": "at most" if goal > 0 else "at least", "met": met}


def text(rows: list[dict]) -> str:
    """All rows as one table."""
    lines = [["", ""]]
    head = ["", "number"]
    body = []
    for row in rows:
        body += lines_of(row)
    widest = max((len(row["sides"]) for row in rows), default=0)
    head += [f"side {'ABC'[at]}" for at in range(widest)] + ["ratio", "goal"]
    lines = [head] + [line[:2] + pad(line[2:-2], widest) + line[-2:] for line in body]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    drawn = ["  ".join(align(cell, widths[at], at) for at, cell in enumerate(line)).rstrip() for line in lines]
    return "\n".join([drawn[0], rule, *drawn[1:]])


def lines_of(row: dict) -> list[list[str]]:
    """A line for each number that a row has."""
    lines = [[row["says"], "", *[""] * len(row["sides"]), "", ""]]
    lines[0][2:-2] = row["sides"]
    for name, (label, form) in NUMBERS.items():
        values = [row["medians"][side].get(name) for side in row["sides"]]
        if all(value is None for value in values):
            continue
        ratio = row["ratios"].get(name)
        cells = ["–" if value is None else form.format(value) for value in values]
        lines.append(["", label, *cells, f"{ratio:.2f}" if ratio else "–", goal_text(row["goals"].get(name))])
    return lines


def goal_text(goal: dict | None) -> str:
    """A goal and whether it is met, in few words."""
    if not goal:
        return ""
    sign = "≤" if goal["is"] == "at most" else "≥"
    return f"{sign} {goal['goal']:g} {'ok' if goal['met'] else 'MISSED'}"


def pad(cells: list[str], count: int) -> list[str]:
    """Empty cells up to `count`."""
    return cells + [""] * (count - len(cells))


def align(cell: str, width: int, at: int) -> str:
    """The first two columns to the left, numbers to the right."""
    return cell.ljust(width) if at < 2 else cell.rjust(width)
