"""Many clients at once, and programs of other languages that are many clients themselves."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from support.places import ROOT

# The slowest, a Java that compiles its source first, takes a fifth of this on two busy cores.
LONGEST_PROGRAM = 110


def at_once(count: int, work) -> list:
    """`work(number)` for each number below `count`, each in a thread of its own; what they returned, or the first failure."""
    with ThreadPoolExecutor(count) as crowd:
        return [done.result() for done in [crowd.submit(work, number) for number in range(count)]]


def environment(pooler, certificates) -> dict:
    """Where a program finds pgweir, and who signed its certificate."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PGHOST": "localhost",
        "PGPORT": str(pooler.port),
        "PGUSER": "app",
        "PGPASSWORD": "secret",
        "PGDATABASE": "app",
        "CA": str(certificates.ca),
    }


def run_program(folder: str, command: list, env: dict, passed: str, at_least: int) -> None:
    """Runs a program in `integration/folder`; it must end well, and tell by `passed` that it ran so many tests."""
    directory = ROOT / "integration" / folder
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": LONGEST_PROGRAM}
    try:
        done = subprocess.run(command, cwd=directory, env=env, **how)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"not within {LONGEST_PROGRAM} s:\n{(late.output or b'').decode()}") from None
    assert done.returncode == 0, done.stdout
    count = re.search(passed, done.stdout)
    assert count and int(count[1]) >= at_least, done.stdout
    print(done.stdout)
