"""Who says what next: one step of one client, in lines. The same seed says the same for as long as it is told the same answers.

Clients take turns as far as servers allow: who speaks while others have all of them would wait for ever."""

import random

from sequences import texts, words
from sequences.owing import COPYING, SKIPPING
from sequences.script import Line, Script, line_of

# How often which kind of statement, out of their sum.
KINDS = [
    (26, texts.READS),
    (10, texts.WRITES),
    (8, texts.MISTAKES),
    (14, texts.BOUNDS),
    (10, "setting"),
    (4, texts.RESETS),
    (7, texts.STATE),
    (6, texts.DDL),
    (6, "cursor"),
    (3, texts.NOTIFIES),
    (7, "tie"),
    (2, "encoding"),
]

# How often which kind of step.
STEPS = [
    (28, "one"),
    (13, "several"),
    (34, "batch"),
    (5, "flushed"),
    (4, "copy_out"),
    (6, "copy_in"),
    (3, "call"),
    (2, "interrupted"),
    (3, "alone"),
    (4, "large"),
    (2, "drop"),
    (1, "leave"),
]

NOTHING = [["c", "d x", "S"], ["Q "], ["S", "S"], ["H", "S"]]


class Writer:
    """Writes one script, step by step."""

    def __init__(self, seed: int):
        self.dice = random.Random(seed)
        self.script = self._opening()
        # What each client has prepared under which name: text, types, values.
        self.prepared: list[dict[str, tuple[str, str, list[str]]]] = [{} for _ in self.script.logins]
        self.client = 0
        self.lines: list[Line] = []
        # Where every client may have a server, it may also be tied to it.
        self.ties = self.script.servers >= len(self.prepared)
        # Names in letters beyond ASCII, or other encodings, not both.
        self.names = words.STATEMENTS + ([] if self._chance(0.5) else [words.ODD_STATEMENT])

    def _opening(self) -> Script:
        servers = self.dice.choice([1, 2, 2, 6, 6])
        clients = self.dice.randint(2, 3 if servers == 1 else 4)
        user = "postgres" if self._chance(0.25) else "app"
        return Script(servers, user, tuple(self._login(client) for client in range(clients)))

    def _login(self, client: int) -> dict:
        if self._chance(0.35):
            return {}
        chosen = [pair for pair in words.LOGINS if self._chance(0.18)]
        return {name: self.dice.choice(values).replace("@", str(client)) for name, values in chosen}

    def step(self, clients: list) -> list[Line]:
        """What is said next; nothing where all have gone. `clients` as they stand, each with what
        it is `owing` and its `unnamed` statement."""
        here = [at for at, client in enumerate(clients) if not client.gone]
        if not here:
            return []
        self.client = self._next(clients, here)
        remembered = [dict(prepared) for prepared in self.prepared]
        while True:
            self._turn(clients[self.client].owing)
            if clients[self.client].unnamed.allows(self.lines):
                return self.lines
            self.prepared = [dict(prepared) for prepared in remembered]

    def _turn(self, owing) -> None:
        self.lines = []
        if owing.course == COPYING:
            self._copied(is_extended=owing.unsynced)
        elif owing.course == SKIPPING or owing.unsynced:
            self._behind_a_flush(owing)
        elif owing.status != "I" and self._chance(0.12):
            self._say("Q " + self._one(["commit", "rollback"]))
        else:
            self._some(owing)
        if self.lines[-1].verb != "X":
            self._say("wait")

    def farewell(self, client: int, owing) -> list[Line]:
        """Ends what a client is in the middle of, and has it hear what it may have missed."""
        self.client, self.lines = client, []
        if owing.course == COPYING:
            self._say("c")
        if owing.unsynced:
            self._say("S")
        for text in ["rollback", "select 'the end'"]:
            self._say(f"Q {text}")
            self._say("wait")
        return self.lines

    def _next(self, clients: list, here: list[int]) -> int:
        """Who speaks: anybody while a server is free; else, and often enough besides, who is in the middle of something."""
        busy = [at for at in here if not clients[at].owing.is_at_rest()]
        among = here if len(busy) < self.script.servers else busy
        if self.ties and busy and self._chance(0.6):
            among = busy
        return self.client if self.client in among and self._chance(0.4) else self._one(among)

    def _some(self, owing) -> None:
        self._speak(owing)
        while self._chance(0.2) and self.lines[-1].verb in ("Q", "S", "F") and not self._starts_copy():
            self._speak(owing)
        if self._chance(0.1):
            at = self.dice.randrange(len(self.lines))
            self.lines.insert(at, Line(self.client, f"cut {self.dice.choice([0, 1, 5, 9, 40])}"))

    def _speak(self, owing) -> None:
        kind = self._weighted(STEPS)
        if kind == "one":
            self._query(self._filled(self._kind(self._weighted(KINDS))))
        elif kind == "several":
            self._several()
        elif kind == "copy_in":
            self._copy_in()
        elif kind == "copy_out":
            self._copy_out()
        elif kind == "leave" and owing.is_at_rest() and not self.ties and not self.lines:
            self._say("X")
        elif kind == "drop":
            self._say("Q " + self._one(texts.DEALLOCATES))
        else:
            self._by_messages(kind)

    def _by_messages(self, kind: str) -> None:
        if kind == "call":
            return self._say("F " + self._one(words.CALLS))
        if kind == "alone":
            return [self._say(line) for line in self._one(NOTHING)]
        if kind == "large":
            return self._large()
        self._batch()
        if kind == "interrupted":
            self._say("Q " + line_of(self._plain()))
        if kind == "flushed":
            self._say("H")
            if self._chance(0.5):
                return
        self._say("S")

    def _behind_a_flush(self, owing) -> None:
        if owing.course != SKIPPING and self._chance(0.5):
            self._batch()
        self._say("S")

    # Statements.

    def _query(self, sql: str) -> None:
        self._say("Q " + line_of(self._dressed(sql)))

    def _several(self) -> None:
        statements = [self._dressed(self._plain()) for _ in range(self.dice.randint(2, 4))]
        if self._chance(0.15):
            statements[-1] = self._one(texts.RESETS)
        self._say("Q " + line_of(self._one([";", "; ", " ;\n"]).join(statements)))

    def _plain(self) -> str:
        """One that may have others behind it: no RESET of what a login has asked for."""
        while True:
            kind = self._weighted(KINDS)
            if kind is not texts.RESETS or not self.script.logins[self.client]:
                return self._filled(self._kind(kind))

    def _kind(self, kind) -> str:
        if kind == "setting":
            return self._one(words.WAYS) % self._one(words.SETTINGS)
        if kind == "cursor":
            held = self.ties and self._chance(0.3)
            return self._one(words.HELD_CURSORS if held else words.CURSORS).replace("%", self._one(["c1", "c2"]))
        if kind == "tie":
            return self._one(texts.TIES if self.ties else texts.READS)
        if kind == "encoding":
            return self._one(texts.READS if words.ODD_STATEMENT in self.names else texts.ENCODINGS)
        return self._one(kind)

    def _filled(self, sql: str) -> str:
        return sql.replace("@", str(self.client)).replace("#", str(self.dice.randint(0, 3)))

    def _dressed(self, sql: str) -> str:
        """As different people write it."""
        chance = self.dice.random()
        if chance < 0.06 and not set(sql) & set("'\"$"):
            return sql.upper()
        if chance < 0.1:
            return f"  {sql} ; "
        return f"/* a; b */ {sql}" if chance < 0.13 else sql

    def _large(self) -> None:
        size = self._one([9000, 40000, 150000])
        if self._chance(0.5):
            text = f"select '{{L*{size}}}' as big"
            self.prepared[self.client]["-"] = text, "", []
            lines = [f"P - {text}", *self._one([[], ["B - -", "D P -", "E - 0"]]), "S"]
            return [self._say(line) for line in lines]
        self._say(f"Q select length('{{M*{self._one([8100, 9000, 66000])}}}'), repeat('z',{size})")

    # By messages.

    def _batch(self) -> None:
        """Messages without a Sync."""
        for _ in range(self._one([1, 1, 1, 2, 2, 3, 5])):
            self._in_order() if self._chance(0.72) else self._out_of_order()
            if self._chance(0.08):
                self._say("H")

    def _in_order(self) -> None:
        """Parse where it is needed, Bind, Describe, Execute."""
        prepared, name, portal = self.prepared[self.client], self._one(self.names), self._one(words.PORTALS)
        if name not in prepared or self._chance(0.7 if name == "-" else 0.25):
            if name != "-" and name in prepared and self._chance(0.8):
                self._say(f"C S {name}")
            self._parse(name)
            if self._chance(0.4):
                self._say(f"D S {name}")
        if portal != "-" and self._chance(0.5):
            self._say(f"C P {portal}")
        self._bind(portal, name)
        if self._chance(0.6):
            self._say(f"D P {portal}")
        self._say(f"E {portal} {self._one([0, 0, 0, 0, 0, 2, 1, 3, -1])}")
        while self._chance(0.15):
            self._say(f"E {portal} {self._one([0, 1, 2])}")

    def _out_of_order(self) -> None:
        """One message, whatever there is to it."""
        name, portal = self._one(self.names + ["nx"]), self._one(words.PORTALS + ["c1", "c2", "nx"])
        kind = self._weighted([(15, "P"), (20, "B"), (15, "D S"), (10, "D P"), (15, "E"), (12, "C S"), (6, "C P"), (7, "H")])
        if kind == "P":
            self._parse(self._one(self.names))
        elif kind == "B":
            self._bind(portal, name)
        elif kind == "E" and portal != "-":
            self._say(f"E {portal} {self._one([0, 0, 1, 2])}")
        elif kind in "EH":
            self._say("H")
        else:
            self._say(f"{kind} {name if kind.endswith('S') else portal}")

    def _parse(self, name: str) -> None:
        sql, types, values = self._one(words.PARAMETERS) if self._chance(0.6) else (self._dressed(self._plain()), "", [])
        self.prepared[self.client][name] = sql, types, values
        self._say(f"P {name}{':' if types else ''}{types} {line_of(sql)}")

    def _bind(self, portal: str, name: str) -> None:
        sql, _, values = self.prepared[self.client].get(name, ("", "", []))
        formats = ""
        if self._chance(0.2):
            formats += self._one(["", " in=0", " in=1"])
        if self._chance(0.4):
            formats += self._one(["", " out=0", " out=1", " out=1,0"])
        given = "".join(" " + self._value(value, "set_config" in sql) for value in values)
        self._say(f"B {portal} {name}{formats}{given}")

    def _value(self, value: str, is_setting: bool) -> str:
        chance = self.dice.random()
        if value == "big" or (chance < 0.03 and not value.isdigit() and not is_setting):
            return f"{{y*{self._one(words.SIZES)}}}"
        if chance < 0.08 and not is_setting:
            return "null"
        if chance < 0.12:
            return "zz"
        if value.isdigit() and chance < 0.5:
            return str(self.dice.randint(0, 9))
        return f"x:{int(value):08x}" if value.isdigit() and chance < 0.55 else value

    # COPY.

    def _starts_copy(self) -> bool:
        return any("copy" in line.what and "stdin" in line.what for line in self.lines)

    def _copy_out(self) -> None:
        if self._chance(0.7):
            return self._say("Q " + self._one(words.COPY_OUT))
        lines = ["P - copy t to stdout", "B - -", "D P -", f"E - {self._one([0, 1])}", "S", "P - select 1", "S"]
        [self._say(line) for line in lines]

    def _copy_in(self) -> None:
        target = self._one(words.COPY_TARGETS)
        if self._chance(0.55):
            self._say("Q " + self._one(words.COPY_IN).replace("%", target))
            return None if self._chance(0.4) else self._copied(is_extended=False)
        lines = [f"P - copy {target} from stdin", "B - -", "E - 0"]
        [self._say(line) for line in lines + self._one([[], [], ["S"], ["H"]])]
        if self.lines[-1].verb != "H" or self._chance(0.5):
            self._copied(is_extended=True)
            if self._chance(0.5):
                [self._say(line) for line in ["P - select 1", "S"]]

    def _copied(self, is_extended: bool) -> None:
        """The rest of a COPY: its lines and its end."""
        for piece in self._one(words.COPIED):
            self._say(f"d {piece}")
            if self._chance(0.1):
                self._say("H")
        self._say(self._one(["c", "c", "c", "f changed my mind"]))
        if is_extended:
            self._say("S")

    # Dice.

    def _say(self, what: str) -> None:
        self.lines.append(Line(self.client, what))

    def _one(self, of: list):
        return self.dice.choice(of)

    def _chance(self, share: float) -> bool:
        return self.dice.random() < share

    def _weighted(self, kinds: list[tuple]):
        weights, values = zip(*kinds)
        return self.dice.choices(values, weights)[0]
