"""Random sessions of two to four clients, played to Postgres and through pgweir with few servers; where the replies differ, the
shortest script that differs is printed. `make sequences`; SEED=1 COUNT=1000 STEPS=40. Fails if one differs."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from sequences.play import Difference, improvise, play
from sequences.script import NoScript, Script
from sequences.shrink import Shrinker
from sequences.stage import Stage
from support.children import obey_signals

# While a script is shrunk, a missing reply is missed many times.
IMPATIENCE = 1.5

# Of one kind so many are shrunk; the others are counted.
OF_A_KIND = 2

# Seconds between two lines of progress.
PROGRESS = 10.0


class Search:
    """Plays seeds one by one, says what it finds, counts."""

    def __init__(self, stage: Stage, steps: int, seconds: float):
        self.stage = stage
        self.steps = steps
        self.seconds = seconds
        self.said = self.played = self.unplayable = 0
        self.differing: Counter = Counter()
        self.accounted: Counter = Counter()
        self.told = time.monotonic()

    def seed(self, seed: int) -> None:
        """One sequence."""
        try:
            script, difference = improvise(self.stage, seed, self.steps)
        except NoScript:
            self.unplayable += 1
            return
        self.played += 1
        self.said += len(script.lines)
        if difference and difference.known:
            self.accounted[difference.known.name] += 1
        elif difference:
            self.differing[difference.kind] += 1
            if self.differing[difference.kind] <= OF_A_KIND:
                say(f"\nseed {seed}\n{self.shrunk(script, difference)}")
        if time.monotonic() > self.told + PROGRESS:
            self.told = time.monotonic()
            say(f"up to seed {seed}: {self.summary()}")

    def shrunk(self, script: Script, difference: Difference) -> str:
        """A script that differs, and how, as short as it gets."""
        patience, self.stage.patience = self.stage.patience, IMPATIENCE
        shrinker = Shrinker(lambda shorter: play(self.stage, shorter), script, difference, self.seconds)
        again = "" if shrinker.shrink() else "(not again when played once more)\n"
        self.stage.patience = patience
        return f"{again}{shrinker.script}\n{shrinker.found}\n"

    def summary(self) -> str:
        """What it has come to so far."""
        parts = [f"{self.played} sequences", f"{self.said} lines", f"{self.differing.total()} differ"]
        parts += [f"{count} as known: {name}" for name, count in self.accounted.items()]
        parts += [f"{self.unplayable} given up"] if self.unplayable else []
        return ", ".join(parts)


def say(text: str) -> None:
    """To the person in front of the terminal."""
    print(text, flush=True)


def replayed(file: Path) -> int:
    """Plays a script from a file: 1 if it differs."""
    with Stage() as stage:
        difference = play(stage, Script.read(file.read_text()))
    say(str(difference) if difference else "the same")
    return 1 if difference else 0


def main() -> int:
    """The command line."""
    given = argparse.ArgumentParser(prog="sequences", description=__doc__)
    given.add_argument("--seed", type=int, default=1, help="the first one's seed (1)")
    given.add_argument("--count", type=int, default=1000, help="how many sequences (1000)")
    given.add_argument("--steps", type=int, default=40, help="how many times clients speak in each (40)")
    given.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    given.add_argument("--shrink", type=float, default=60, help="seconds to spend on making one short (60)")
    given.add_argument("--play", type=Path, help="play the script in this file, nothing else")
    arguments = given.parse_args()
    obey_signals()
    if arguments.play:
        return replayed(arguments.play)
    end = time.monotonic() + arguments.seconds
    with Stage() as stage:
        search = Search(stage, arguments.steps, arguments.shrink)
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            if time.monotonic() > end:
                break
            search.seed(seed)
    say(search.summary())
    return 1 if search.differing else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
