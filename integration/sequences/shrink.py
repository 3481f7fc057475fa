"""Makes a script that differs as short as can be."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from sequences.play import Difference
from sequences.script import WAIT, Line, NoScript, Script


class Shrinker:
    """Keeps the shortest script so far, and how it differs. `play`: what a script comes to; `seconds`: for how long to try."""

    def __init__(self, play: Callable[[Script], Difference | None], script: Script, found: Difference, seconds: float):
        self.play = play
        self.script = script.with_lines(script.lines[: found.lines])
        self.found = found
        self.until = time.monotonic() + seconds

    def shrink(self) -> bool:
        """Tries until nothing helps any more. Whether the script has differed in the same way at all, played once more."""
        if not self._differs(self.script):
            return False
        before = None
        while before != str(self.script) and time.monotonic() < self.until:
            before = str(self.script)
            self._drop_clients()
            self._drop_lines()
            self._simplify()
        return True

    def _differs(self, script: Script) -> bool:
        """Whether another one does as well; it is the best then. What is accounted for is no longer what was found."""
        if time.monotonic() > self.until:
            return False
        try:
            found = self.play(script)
        except NoScript:
            return False
        if not found or found.kind != self.found.kind or found.known is not self.found.known:
            return False
        self.script, self.found = script.with_lines(script.lines[: found.lines]), found
        return True

    def _drop_clients(self) -> None:
        for client in range(len(self.script.logins)):
            rest = [line for line in self.script.lines if line.client != client]
            if 0 < len(rest) < len(self.script.lines):
                self._differs(self.script.with_lines(rest))

    def _drop_lines(self) -> None:
        """Many at first. What could not go alone may go once another has gone."""
        size = max(len(said(self.script)) // 2, 1)
        while size and time.monotonic() < self.until:
            at, before = 0, len(self.script.lines)
            while at < len(numbers := said(self.script)):
                shorter = without(self.script, set(numbers[at : at + size]))
                if not shorter.lines or not self._differs(shorter):
                    at += size
            if size > 1 or len(self.script.lines) == before:
                size //= 2

    def _simplify(self) -> None:
        """Texts of several statements by one, logins by a parameter, until none goes."""
        is_over = False
        while not is_over and time.monotonic() < self.until:
            is_over = not any(self._differs(simpler) for simpler in simpler_than(self.script))


def said(script: Script) -> list[int]:
    """The numbers of the lines that say something."""
    return [at for at, line in enumerate(script.lines) if line.verb != WAIT]


def without(script: Script, dropped: set[int]) -> Script:
    """The same without some lines. Two steps do not become one, which might be another story."""
    rest = script.with_lines([line for at, line in enumerate(script.lines) if at not in dropped])
    return rest.with_lines([line for step in rest.steps() if step[0].verb != WAIT for line in step])


def simpler_than(script: Script) -> Iterator[Script]:
    """Each a little simpler."""
    for at, line in enumerate(script.lines):
        for less in shorter_texts(line):
            yield script.with_lines(script.lines[:at] + [less] + script.lines[at + 1 :])
    for client, login in enumerate(script.logins):
        for name in login:
            rest = {other: value for other, value in login.items() if other != name}
            yield replace(script, logins=script.logins[:client] + (rest,) + script.logins[client + 1 :])


def shorter_texts(line: Line) -> Iterator[Line]:
    """A Query without one of its statements."""
    statements = line.what[2:].split(";") if line.verb == "Q" else []
    for at in range(len(statements) if len(statements) > 1 else 0):
        rest = ";".join(statements[:at] + statements[at + 1 :]).strip()
        yield replace(line, what=f"Q {rest}")
