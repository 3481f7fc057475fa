"""Plays a script to both sides at once, step by step, and compares what each client is told. Writes one as it goes, too."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest

from sequences.known import EQUAL, Known, code, known
from sequences.player import SILENCE, Player
from sequences.script import Line, NoScript, Script
from sequences.stage import Stage
from sequences.writer import Writer

# Of a reply that is printed.
SHOWN = 600

NOTHING = "(nothing)"


@dataclass(frozen=True)
class Difference:
    """The first replies to a client that differ. `lines`: how many of the script had been said by then."""

    lines: int
    client: int
    direct: str
    through: str

    def __str__(self):
        who = chr(ord("a") + self.client)
        return f"{who} is told\n  by Postgres  {cut(self.direct)}\n  by pgweir    {cut(self.through)}"

    @property
    def kind(self) -> tuple[str, str]:
        """What is kept while a script is shrunk."""
        return code(self.direct), code(self.through)

    @property
    def known(self) -> Known | None:
        """What accounts for it."""
        return known(self.direct, self.through)


def cut(told: str) -> str:
    """A reply, if it is not too long to read."""
    return told if len(told) <= SHOWN else f"{told[:SHOWN]}… ({len(told)} characters)"


def first_difference(direct: list[str], through: list[str]) -> tuple[str, str] | None:
    """The first pair of replies that is not the same to those who read them."""
    for pair in zip_longest(direct, through, fillvalue=NOTHING):
        accounted = known(*pair) if pair[0] != pair[1] else None
        if pair[0] != pair[1] and not (accounted and accounted.how == EQUAL):
            return pair
    return None


class Play:
    """All clients on both sides. `direct`: what they look like to Postgres, which decides who can speak."""

    def __init__(self, sides: tuple, script: Script, patience: float):
        self.script = script
        self.patience = patience
        self.lines = 0
        here, there = sides
        self.direct = [Player(here, script.user, login) for login in script.logins]
        self.through = [Player(there, script.user, login) for login in script.logins]

    def __enter__(self) -> "Play":
        return self

    def __exit__(self, *_):
        for player in self.direct + self.through:
            player.close()

    def log_in(self) -> Difference | None:
        """The first replies."""
        for client in range(len(self.direct)):
            self.direct[client].log_in(self.patience)
            self.through[client].log_in(self.patience)
            if difference := self._compare(client):
                return difference
        return None

    def step(self, lines: list[Line]) -> Difference | None:
        """One client speaks, and hears what it is owed."""
        client = lines[0].client
        player, other = self.direct[client], self.through[client]
        self._may_speak(client, lines)
        self.lines += len(lines)
        if player.gone:
            return None
        player.say(lines)
        if not player.owing.can_wait():
            raise NoScript("a client waits for what neither Flush nor Sync has asked for")
        other.say(lines)
        leaves = lines[-1].verb == "X"
        player.hear(lambda: not leaves and not player.owing.is_owed(), self.patience)
        if SILENCE in player.told:
            raise NoScript("Postgres does not answer")
        other.hear(lambda: len(other.told) >= len(player.told), self.patience)
        player.unnamed.played(lines, any(line.startswith("E") for line in player.told))
        return self._compare(client)

    def end(self) -> Difference | None:
        """What comes to those who have listened. Sooner or later: through pgweir by another way than the answers."""
        for client, (player, other) in enumerate(zip(self.direct, self.through)):
            other.hear(lambda: len(other.notified) >= len(player.notified), self.patience / 3)
            other.take()
            direct, through = (sorted(f"A {told}" for told in side.notified) for side in (player, other))
            if pair := first_difference(direct, through):
                return Difference(self.lines, client, *pair)
        return None

    def _may_speak(self, client: int, lines: list[Line]) -> None:
        busy = [at for at, player in enumerate(self.direct) if not player.gone and not player.owing.is_at_rest()]
        if client not in busy and len(busy) >= self.script.servers:
            raise NoScript("a client speaks while others are in the middle of something on all servers")
        if not self.direct[client].unnamed.allows(lines):
            raise NoScript("nobody knows what the unnamed statement is")

    def _compare(self, client: int) -> Difference | None:
        pair = first_difference(self.direct[client].take(), self.through[client].take())
        return Difference(self.lines, client, *pair) if pair else None


def play(stage: Stage, script: Script) -> Difference | None:
    """A script as it is written."""
    with stage.set_up(script) as sides, Play(sides, script, stage.patience) as played:
        if difference := played.log_in():
            return difference
        for step in script.steps():
            if difference := played.step(step):
                return difference
        return played.end()


def improvise(stage: Stage, seed: int, steps: int) -> tuple[Script, Difference | None]:
    """The script of a seed, played while it is written, and to its end or up to where it differs."""
    writer = Writer(seed)
    lines: list[Line] = []
    script = writer.script.with_lines(lines)
    with ExitStack() as opened:
        sides = opened.enter_context(stage.set_up(script))
        played = opened.enter_context(Play(sides, script, stage.patience))
        difference = played.log_in()
        for step in speeches(writer, played.direct, steps):
            if difference:
                return script, difference
            lines += step
            difference = played.step(step)
        return script, difference or played.end()


def speeches(writer: Writer, players: list[Player], steps: int):
    """So many steps, each written when the one before has been answered; then everybody says goodbye."""
    for _ in range(steps):
        if not (step := writer.step(players)):
            return
        yield step
    busy = [not player.owing.is_at_rest() for player in players]
    for client in sorted(range(len(players)), key=lambda at: not busy[at]):
        if not players[client].gone:
            yield writer.farewell(client, players[client].owing)
