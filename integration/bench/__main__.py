"""Runs the rows: for each, all contenders in turns, A B A B …, each time a fresh pooler; then prints the table.

The report goes to standard output and to target/bench.json, progress to standard error."""

import argparse
import json
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path

from bench import stage, table
from bench.rows import BY_NAME
from support.children import obey_signals, raise_open_files
from support.choice import choose
from support.pgbouncer import PgBouncer
from support.pgweir import Pgweir
from support.places import ROOT, pgweir_program


def main() -> None:
    """The command line."""
    arguments = parse()
    obey_signals()
    raise_open_files()
    rows = choose(arguments.only, BY_NAME)
    contenders = contending(arguments)
    with stage.postgres() as postgres:
        say(f"Postgres {postgres.version()} on port {postgres.port}, filling it (scale {arguments.scale})")
        stage.fill(postgres, arguments.scale)
        versions = {"postgres": postgres.version()} | {one.name: version(one) for one in contenders}
        measured = [measure(row, contenders, postgres, arguments) for row in rows]
    report(measured, versions, arguments)


def parse() -> argparse.Namespace:
    """Arguments, their defaults from the environment so that `make bench ROUNDS=5` works."""
    given = argparse.ArgumentParser(prog="make bench", description=__doc__)
    default = lambda name, value: type(value)(os.environ.get(name) or value)
    given.add_argument("--only", default=default("ONLY", ""), help="rows, by comma: " + " ".join(BY_NAME))
    given.add_argument("--rounds", type=int, default=default("ROUNDS", 3), help="runs of each contender in each row")
    given.add_argument("--seconds", type=float, default=default("SECONDS_EACH", 6.0), help="seconds of each run")
    given.add_argument("--jobs", type=int, default=default("JOBS", 2), help="threads of pgbench")
    given.add_argument("--scale", type=int, default=10, help="pgbench's scale")
    given.add_argument("--candidate", default=default("CANDIDATE", ""), help="a second pgweir, compared with ours")
    given.add_argument("--bouncer", action="store_true", help="with --candidate: PgBouncer too, as the first")
    given.add_argument("--json", type=Path, default=ROOT / "target" / "bench.json", help="where the JSON goes")
    return given.parse_args()


def contending(arguments) -> list[stage.Contender]:
    """Who takes part, the yardstick first."""
    ours = stage.Contender("pgweir", pgweir_program())
    if not arguments.candidate:
        return [stage.Contender("pgbouncer"), ours]
    pair = [ours, stage.Contender("candidate", Path(arguments.candidate).resolve())]
    return [stage.Contender("pgbouncer"), *pair] if arguments.bouncer else pair


def sides_of(row, contenders) -> dict:
    """Who runs which load in a row."""
    ours = contenders[-1]
    if row.blind:
        return {f"{ours.name}, blind": (replace(ours, observes=False), row.load), ours.name: (ours, row.load)}
    if row.own is None:
        return {one.name: (one, row.load) for one in contenders}
    return {f"{ours.name}, {row.own_name}": (ours, row.own), ours.name: (ours, row.load)}


def measure(row, contenders, postgres, arguments) -> dict:
    """All rounds of one row."""
    sides = sides_of(row, contenders)
    runs = {side: [] for side in sides}
    for turn in range(1, arguments.rounds + 1):
        for side, (contender, load) in sides.items():
            outcome = attempt(row, contender, load, postgres, arguments)
            if outcome:
                runs[side].append(outcome)
            say(f"{row.name:<11} round {turn}/{arguments.rounds}  {side:<16} {brief(outcome)}")
    return table.summarize(row, list(sides), runs)


def attempt(row, contender, load, postgres, arguments) -> dict | None:
    """One run; a pooler that cannot do a load loses that load and not the whole bench."""
    try:
        with contender.start(postgres, row.scram) as pooler:
            return load.run(pooler, arguments.seconds, arguments.jobs).numbers
    except Exception as failure:
        say(f"{row.name}: {contender.name}: {failure}")
        return None


def brief(outcome: dict | None) -> str:
    """One run in one line."""
    if not outcome:
        return "failed"
    shown = {name: outcome[name] for name in ("cpu_us", "user_us", "system_us", "tps", "p99_ms", "bytes") if name in outcome}
    return "  ".join(f"{name} {value:,.1f}" for name, value in shown.items())


def version(contender: stage.Contender) -> str:
    """The version of a contender's program."""
    if not contender.program:
        return PgBouncer.version(None)
    found = Pgweir(program=contender.program)
    found.scratch.remove()
    return f"{found.version()} ({contender.program})"


def report(measured: list[dict], versions: dict, arguments) -> None:
    """The table on standard output, the same and every run in the JSON."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release()}"
    settings = {"rounds": arguments.rounds, "seconds": arguments.seconds, "jobs": arguments.jobs, "pool_size": stage.POOL_SIZE}
    print(f"\n{machine}; " + ", ".join(f"{key} {value}" for key, value in settings.items()))
    print("; ".join(f"{name}: {value}" for name, value in versions.items()))
    print("Medians. CPU is the pooler's own, user and system, for each transaction (or login). Ratio: last over first.\n")
    print(table.text(measured))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    everything = {"machine": machine, "versions": versions, "settings": settings, "rows": measured}
    arguments.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False))
    say(f"\nwritten to {arguments.json}")


def say(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
