"""Each program sends what it must: the statements are taken from Postgres' own log, with no pgweir between.

A loop must show its child as often as it says, with the values that it says; a cured form must be short.
`python -m insight.check [stack …]`."""

import re
import sys
from collections import Counter

from insight import stage
from insight.label import Scenario
from insight.oracle import Sent, doubt
from insight.play import BY_NAME, STACKS, Company
from support.children import obey_signals

# A page, its relations, a transaction around them.
FEW = 10

LOGGED = {"log_statement": "all", "log_line_prefix": "@%a "}

STATEMENT = re.compile(r"@(\S+) LOG:  (?:statement|execute [^:]*): (.*)")
VALUES = re.compile(r"@(\S+) DETAIL:  [Pp]arameters: (.*)")


def main(names: list[str]) -> int:
    """Plays each stack once; how many scenarios are not what they say."""
    obey_signals()
    with stage.postgres(**LOGGED) as server:
        stage.fill(server)
        wrong = [complaint for name in names for complaint in check(server, name)]
    print("\n".join(wrong) or "all as they say")
    return len(wrong)


def check(server, name: str) -> list[str]:
    """One stack against Postgres alone; what is wrong with its scenarios."""
    stack = BY_NAME[name]
    scenarios = stack.scenarios()
    before = len(server.log())
    database = stage.copy(server, f"check-{name}")
    with Company(stack, stage.place(server, database), scenarios) as company:
        outcome = company.once()
    sent = statements(server.log()[before:])
    print(f"{name}: {len(scenarios)} scenarios, {sum(map(len, sent.values()))} statements", flush=True)
    wrong = [f"{name} {one}: {why}" for one, why in outcome["failed"].items()]
    with server.connect(database) as connection:
        for one in scenarios:
            why = judge(connection, one, sent.get(one.name, []))
            wrong += [f"{name} {one.name}: {why}"] if why else []
    return wrong


def statements(log: str) -> dict[str, list[Sent]]:
    """Statements by application."""
    found: dict[str, list[Sent]] = {}
    for entry in re.split(r"\n(?=@)", log):
        entry = entry.replace("\n", " ").replace("\t", " ")
        if match := STATEMENT.match(entry):
            found.setdefault(match[1], []).append(Sent(match[2], []))
        elif match := VALUES.match(entry):
            found[match[1]][-1].values = re.findall(r"\$\d+ = (NULL|'(?:[^']|'')*')", match[2])
    return found


def judge(connection, scenario: Scenario, sent: list[Sent]) -> str | None:
    """What is wrong with it."""
    if not sent:
        return "nothing was sent"
    for expect in scenario.expect:
        shapes = Counter(shape(one.sql) for one in sent if re.search(rf"\b{expect.child}\b", one.sql))
        most = max(shapes.values(), default=0)
        if most < scenario.size:
            return f"{expect.child} was asked {most} times in one way: {shapes.most_common(3)}"
        if expect.parent and (why := doubt(connection, expect, sent, scenario.size)):
            return why
    ours = [one.sql for one in sent if re.search(r"\b(select|insert|update|with)\b", one.sql, re.I) and not warm_up(one.sql)]
    if scenario.form == "cured" and len(ours) > FEW:
        return f"{len(ours)} statements without the loop: {ours[:FEW]}"
    return None


def warm_up(text: str) -> bool:
    """What drivers and mappers ask for themselves."""
    return bool(re.search(r"pg_catalog|pg_type|current_schema|set_config|select version|typname", text, re.I))


def shape(text: str) -> str:
    """The statement without its values, roughly."""
    return re.sub(r"'[^']*'(::\w+)?|\$\d+(::\w+)?|\b\d+\b", "?", text)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:] or [stack.name for stack in STACKS])))
