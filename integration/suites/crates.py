"""The crates that the suites are in: fetched by cargo, as our own Cargo.lock names and vouches for them, rewritten where they name
an address, built once. Like `sources`, for Rust."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

from support.places import ROOT
from suites.sources import PLACE
from suites.suite import Run

# What a part of a crate's source, by its path, is rewritten to.
Rewrite = Callable[[str, str], str]

# Not the toolchain that its authors use, which is not here.
KEPT = (".rs", ".toml", ".lock", ".md", ".sql")
LEFT_OUT = "rust-toolchain.toml"


def stage(package: str, rewrite: Rewrite) -> Path:
    """A directory of ours with the crate's source, rewritten, and with our Cargo.lock if it has none. What is there already is not
    touched, so that nothing is built twice."""
    found = source(package)
    place = PLACE / "stage" / found.name
    for path in sorted(found.rglob("*")):
        if path.is_file() and path.suffix in KEPT and path.name != LEFT_OUT:
            name = str(path.relative_to(found))
            _put(place / name, rewrite(name, path.read_text()))
    if not (place / "Cargo.lock").exists():
        shutil.copy(ROOT / "Cargo.lock", place)
    return place


def source(package: str) -> Path:
    """Where cargo has unpacked it."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return next(Path(each["manifest_path"]).parent for each in json.loads(said)["packages"] if each["name"] == package)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def built(place: Path, *flags: str, env: dict[str, str] = {}) -> list[str]:
    """The programs of its tests, in the order of their names. `env` is for its macros."""
    command = ["cargo", "test", "--no-run", "--quiet", "--message-format", "json", *flags]
    ours = {"CARGO_TARGET_DIR": str(PLACE / "cargo"), "CARGO_PROFILE_DEV_DEBUG": "0"}
    said = subprocess.run(command, cwd=place, env=os.environ | ours | env, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return sorted(each["executable"] for each in artifacts if each.get("executable"))


def run(place: Path, report: Path, programs: list[str], env: dict[str, str]) -> Run:
    """A run of what is built."""
    return Run(place, [sys.executable, "-m", "suites.libtest", str(report), *programs], env)
