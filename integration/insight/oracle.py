"""Whether a label is true, by the statements as Postgres logged them: the parent is asked again, and the values of the
children must be among those of its column. Knows nothing of how pgweir finds out."""

import re
from dataclasses import dataclass

from insight.label import Expect
from insight.score import reads

# So many of the children's executions must ask for a value of the parent's.
LEAST = 0.8

# From so many rows on a statement can be a parent.
ROWS = 3


@dataclass
class Sent:
    """A statement with its values, in the order of `$1`; literals stay in the text."""

    sql: str
    values: list[str]

    def literal(self) -> str:
        """As a text that can be run again."""
        return re.sub(r"\$(\d+)", lambda place: self.values[int(place[1]) - 1], self.sql)

    def everything(self) -> set[str]:
        """All values in it."""
        return {plain(value.strip("'")) for value in self.values + re.findall(r"'[^']*'|\b\d+\b", self.sql)}


def plain(value: str) -> str:
    """A uuid without its dashes, as psycopg writes it; anything else as it is."""
    bare = value.replace("-", "")
    return bare if len(bare) == 32 else value


def doubt(connection, expect: Expect, sent: list[Sent], size: int) -> str | None:
    """Why the label is doubtful; None if it is true. Only for kinds with a parent."""
    values: set[str] = set()
    asked = linked = 0
    for one in sent:
        if is_child(expect, one):
            asked += 1
            linked += bool(one.everything() & values)
        elif reads(one.sql, expect.parent) and re.match(r"\s*select", one.sql, re.IGNORECASE):
            rows = column(connection, one, expect.column)
            values |= rows if len(rows) >= ROWS else set()
    if asked >= size and linked / asked >= LEAST:
        return None
    return f"{linked} of {asked} × {expect.child} ask for {expect.parent}.{expect.column}"


def is_child(expect: Expect, one: Sent) -> bool:
    """By its table, and where that is its parent's too, by what makes it a child."""
    lone = expect.child != expect.parent or bool(re.search(r"\bid\"? = ", one.sql))
    return reads(one.sql, expect.child) and lone and bool(re.search(r"\bwhere\b", one.sql, re.IGNORECASE))


def column(connection, one: Sent, name: str) -> set[str]:
    """All values of a column of its answer."""
    cursor = connection.execute(one.literal())
    places = [at for at, found in enumerate(cursor.description or []) if found.name == name]
    return {plain(str(row[at])) for row in cursor.fetchall() for at in places} if places else set()
