"""Runs the tests of programs that `cargo test` has built, each test in a process of its own so that one that hangs ends alone, and
writes how each ended, in as much of JUnit's XML as `outcome` reads: `python -m suites.libtest REPORT PROGRAM...`"""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from suites.suite import LONGEST_TEST


def tests(program: Path, *which: str) -> list[str]:
    """The names of its tests, in its order."""
    said = subprocess.run([program, "--list", "--format", "terse", *which], check=True, capture_output=True, text=True).stdout
    return [line.removesuffix(": test") for line in said.splitlines() if line.endswith(": test")]


def failure(program: Path, test: str) -> str | None:
    """What a test said when it failed; nothing if it passed."""
    command = [program, test, "--exact", "--nocapture", "--test-threads=1"]
    env = os.environ | {"RUST_BACKTRACE": "0"}
    try:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_TEST)
    except subprocess.TimeoutExpired:
        return f"took longer than {LONGEST_TEST} s"
    said = (done.stdout + done.stderr).decode(errors="replace")
    print(f"--- {test}: {done.returncode}\n{said}", flush=True)
    return last_words(said) or f"exit status {done.returncode}" if done.returncode else None


def last_words(said: str) -> str:
    """What a panic said, from its place on, or the error that a test returned."""
    lines = said.splitlines()
    starts = [at for at, line in enumerate(lines) if " panicked at " in line or line.startswith("Error: ")]
    ends = [at for at, line in enumerate(lines) if line.startswith("note: run with")]
    return " ".join(lines[starts[0] : next((end for end in ends if end > starts[0]), starts[0] + 4)]) if starts else ""


def case(report: ElementTree.Element, program: Path, test: str) -> ElementTree.Element:
    """A test's element. A program's name ends with a hash of how it was built."""
    return ElementTree.SubElement(report, "testcase", classname=program.name.rpartition("-")[0], name=test)


def run(program: Path, report: ElementTree.Element) -> None:
    """All tests of a program, one after the other."""
    ignored = set(tests(program, "--ignored"))
    for test in tests(program):
        element = case(report, program, test)
        if test in ignored:
            ElementTree.SubElement(element, "skipped").text = "ignored"
        elif why := failure(program, test):
            ElementTree.SubElement(element, "failure", message=why)


def main(report: str, *programs: str) -> None:
    """Writes the report when all have run."""
    root = ElementTree.Element("testsuite")
    for program in programs:
        run(Path(program), root)
    ElementTree.ElementTree(root).write(report)


if __name__ == "__main__":
    main(*sys.argv[1:])
