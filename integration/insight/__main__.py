"""Plays the corpus through pgweir and prints how well it was understood; then the clean load, in which nothing is to be found.

`make insight ONLY=asyncpg,drizzle VISIBLE=1 CLEAN=100000`. The report goes to standard output, progress to standard error."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from insight import run, stage, table
from insight.play import BY_NAME
from insight.score import Outcome
from support.children import obey_signals, raise_open_files
from support.choice import choose

# Stacks at once: mostly they wait.
AT_ONCE = 3


def main() -> int:
    """The command line; 1 if something is not good enough."""
    arguments = parse()
    obey_signals()
    raise_open_files()
    stacks = choose(arguments.only, BY_NAME, ("clean",))
    with stage.postgres() as server:
        say(f"Postgres {server.version()} on port {server.port}, filling it")
        stage.fill(server)
        outcomes = corpus(server, stacks, arguments.visible)
        alarms = [complaint for ids in ("dense", "sparse") for complaint in clean(server, ids, arguments.clean)]
    if outcomes:
        print("\n" + table.report(outcomes, arguments.show_hidden))
    short = (table.verdict(outcomes) if outcomes else []) + alarms
    print("\n" + "\n".join(["Not good enough:", *short] if short else ["All as it must be."]))
    return bool(short)


def parse() -> argparse.Namespace:
    """Arguments, their defaults from the environment so that `make insight ONLY=asyncpg` works."""
    given = argparse.ArgumentParser(prog="make insight", description=__doc__)
    default = lambda name, value: type(value)(os.environ.get(name) or value)
    given.add_argument("--only", default=default("ONLY", ""), help="stacks, by comma: " + " ".join(BY_NAME) + "; or clean")
    given.add_argument("--visible", type=int, default=default("VISIBLE", 0), help="1: without the hidden third")
    given.add_argument("--show-hidden", type=int, default=default("SHOW_HIDDEN", 0), help="1: say what went wrong there, too")
    given.add_argument("--clean", type=int, default=default("CLEAN", 1_000_000), help="statements of each clean load; 0: none")
    return given.parse_args()


def corpus(server, stacks: list, visible: bool) -> list[Outcome]:
    """All stacks, some at a time."""

    def one(stack) -> list[Outcome]:
        begin = time.monotonic()
        scenarios = [scenario for scenario in stack.scenarios() if not (visible and scenario.hidden)]
        outcomes = run.stack(server, stack, scenarios)
        say(f"{stack.name}: {len(scenarios)} scenarios, {time.monotonic() - begin:.0f} s")
        return outcomes

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        return [outcome for outcomes in crowd.map(one, stacks) for outcome in outcomes]


def clean(server, ids: str, statements: int) -> list[str]:
    """A clean load; what was wrong with it."""
    if not statements:
        return []
    said, alarms = run.clean(server, ids, statements)
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(alarm["kind"] for alarm in alarms).items())
    say(f"clean, {ids} ids: {said}; {kinds or 'nothing found'}")
    return [f"clean load, {ids} ids: {table.brief(alarm)}" for alarm in alarms]


def say(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
