"""What clients say, as lines of text: one message of the protocol each. Read here, and nowhere understood.

The notation is that of tests/same/script.rs, with more in the brackets:

| line | message |
|---|---|
| `a: login DateStyle=German` | the startup packet's parameters, before anything else of this client |
| `a: Q select 1` | Query |
| `a: P s1 select $1::int` | Parse; `-` is the unnamed statement (`P s1:23,25 …`: with these types) |
| `a: B p1 s1 5 null` | Bind: portal, statement, values as text (`B p1 s1 in=1 out=0,1 x:00000005`: formats; bytes; `''` is empty) |
| `a: D S s1`, `a: C P p1` | Describe and Close of a statement or a portal |
| `a: E p1 2` | Execute: portal, most rows |
| `a: F 177 2 3` | FunctionCall: OID, arguments as text (`in=`, `out=` as above) |
| `a: d one\\n`, `a: c`, `a: f why` | CopyData, CopyDone, CopyFail |
| `a: H`, `a: S` | Flush, Sync |
| `a: X` | Terminate; reads to the end |
| `a: wait` | reads until nothing is owed; so does who speaks before another |
| (`a: cut 3`) | the next message's first three bytes are written for themselves |
| (`# servers=2 user=app`) | the first line: how many servers the pool has, and who logs in |

`\\n` and `\\t` are what they are elsewhere, `{x*70000}` is that many `x`."""

import re
import struct
from dataclasses import dataclass, field, replace

from support.wire import message, query

REPEATED = re.compile(r"\{(.+?)\*(\d+)\}")
HEAD = re.compile(r"# servers=(\d+) user=(\w+)")

# Ends a script's step: what is said up to here is answered before anybody says more.
WAIT = "wait"


class NoScript(Exception):
    """Somebody would wait for ever, or nobody can know what comes."""


@dataclass(frozen=True)
class Line:
    """One line. Clients are counted from 0: `a` is the first."""

    client: int
    what: str

    def __str__(self):
        return f"{chr(ord('a') + self.client)}: {self.what}"

    @property
    def verb(self) -> str:
        """The word that says what it is; of messages their tag."""
        return self.what.split(" ", 1)[0]

    @property
    def rest(self) -> str:
        """Everything behind the verb, as written."""
        return self.what.partition(" ")[2]

    def words(self) -> list[str]:
        """Names and values, expanded; `-` is no name."""
        return ["" if word == "-" else expand(word) for word in self.rest.split(" ")]

    def octets(self) -> bytes:
        """The message."""
        return MESSAGES[self.verb](self)


@dataclass(frozen=True)
class Script:
    """What is played: how many servers, who logs in and how, and the lines in their order."""

    servers: int = 2
    user: str = "app"
    logins: tuple[dict, ...] = ({}, {})
    lines: list[Line] = field(default_factory=list)

    def __str__(self):
        logins = [Line(client, "login " + pairs(login)) for client, login in enumerate(self.logins) if login]
        return "\n".join([f"# servers={self.servers} user={self.user}", *map(str, logins + self._needed())])

    def _needed(self) -> list[Line]:
        """The lines without a wait that goes without saying."""
        followed = zip(self.lines, [*self.lines[1:], None])
        return [line for line, after in followed if line.verb != WAIT or (after and after.client == line.client)]

    def with_lines(self, lines: list[Line]) -> "Script":
        """The same with other lines."""
        return replace(self, lines=lines)

    def steps(self) -> list[list[Line]]:
        """What is said at a time, by one client, up to where it waits."""
        steps: list[list[Line]] = []
        is_over = True
        for line in self.lines:
            if is_over or steps[-1][-1].client != line.client:
                steps.append([])
            steps[-1].append(line)
            is_over = line.verb in (WAIT, "X")
        return steps

    @classmethod
    def read(cls, text: str) -> "Script":
        """A script as it was printed; blank lines and those that start with `#` are nothing."""
        head = HEAD.search(text)
        written = [line.lstrip() for line in text.splitlines()]
        lines = [parsed(line) for line in written if line and not line.startswith("#")]
        count = 1 + max((line.client for line in lines), default=0)
        logins = {line.client: unpaired(line.rest) for line in lines if line.verb == "login"}
        return cls(
            servers=int(head[1]) if head else 1,
            user=head[2] if head else "app",
            logins=tuple(logins.get(client, {}) for client in range(count)),
            lines=[line for line in lines if line.verb != "login"],
        )


def parsed(text: str) -> Line:
    """A line."""
    who, _, what = text.partition(": ")
    return Line(ord(who) - ord("a"), what)


def pairs(login: dict) -> str:
    """Parameters with their values, as words."""
    return " ".join(f"{name}={value}" for name, value in login.items())


def unpaired(text: str) -> dict:
    """The same read."""
    return dict(word.split("=", 1) for word in text.split(" "))


def expand(text: str) -> str:
    """What the shorthand stands for."""
    text = text.replace("\\n", "\n").replace("\\t", "\t")
    return REPEATED.sub(lambda found: found[1] * int(found[2]), text)


def line_of(sql: str) -> str:
    """A text as it can stand in a line."""
    return sql.replace("\n", "\\n").replace("\t", "\\t")


def text(value: str) -> bytes:
    """A string of the protocol."""
    return value.encode() + b"\0"


def many(values: list, pack) -> bytes:
    """A count, and so many."""
    return struct.pack("!h", len(values)) + b"".join(pack(value) for value in values)


def parse(line: Line) -> bytes:
    """Parse."""
    named, _, sql = line.rest.partition(" ")
    name, _, types = named.partition(":")
    oids = [int(oid) for oid in types.split(",") if oid]
    name = "" if name == "-" else expand(name)
    return message(b"P", text(name) + text(expand(sql)) + many(oids, lambda oid: struct.pack("!i", oid)))


def values(words: list[str]) -> tuple[bytes, bytes]:
    """Formats and values, as Bind and FunctionCall have them, and the formats of what is returned, each packed."""
    formats: dict[str, list[int]] = {"in": [], "out": []}
    while words and words[0].startswith(("in=", "out=")):
        which, _, numbers = words[0].partition("=")
        formats[which], words = [int(number) for number in numbers.split(",")], words[1:]
    packed = {which: many(codes, lambda code: struct.pack("!h", code)) for which, codes in formats.items()}
    returned = packed["out"] if formats["out"] else b""
    return packed["in"] + many(words, value), returned


def value(word: str) -> bytes:
    """One value with its length."""
    if word == "null":
        return struct.pack("!i", -1)
    octets = bytes.fromhex(word[2:]) if word.startswith("x:") else b"" if word == "''" else word.encode()
    return struct.pack("!i", len(octets)) + octets


def bind(line: Line) -> bytes:
    """Bind."""
    portal, statement, *words = line.words()
    given, returned = values(words)
    return message(b"B", text(portal) + text(statement) + given + (returned or b"\0\0"))


def call(line: Line) -> bytes:
    """FunctionCall; one format is returned, not a list."""
    oid, *words = line.words()
    given, returned = values(words)
    return message(b"F", struct.pack("!i", int(oid)) + given + (returned[2:4] or b"\0\0"))


def about(line: Line) -> bytes:
    """Describe and Close."""
    kind, name = line.words()
    return message(line.verb.encode(), kind.encode() + text(name))


def execute(line: Line) -> bytes:
    """Execute."""
    portal, most = line.words()
    return message(b"E", text(portal) + struct.pack("!i", int(most)))


def bare(line: Line) -> bytes:
    """A message that is its tag."""
    return message(line.verb.encode())


MESSAGES = {
    "Q": lambda line: query(expand(line.rest)),
    "P": parse,
    "B": bind,
    "D": about,
    "C": about,
    "E": execute,
    "F": call,
    "d": lambda line: message(b"d", expand(line.rest).encode()),
    "f": lambda line: message(b"f", text(line.rest)),
    "c": bare,
    "H": bare,
    "S": bare,
    "X": bare,
}
