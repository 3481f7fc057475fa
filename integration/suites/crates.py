"""The crates that the suites are in: fetched by cargo, as our own Cargo.lock names and vouches for them, rewritten where they name
an address, built once. Like `sources`, for Rust."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Callable

from support.places import ROOT
from suites.sources import PLACE

# What a part of a crate's source, by its path, is rewritten to.
Rewrite = Callable[[str, str], str]


def stage(package: str, rewrite: Rewrite) -> Path:
    """A directory of ours with the crate's source, rewritten. What is there already is not touched, so that nothing is built twice."""
    source = _source(package)
    place = PLACE / "stage" / source.name
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix in (".rs", ".toml", ".lock", ".sql") and path.name != "rust-toolchain.toml":
            name = str(path.relative_to(source))
            _put(place / name, rewrite(name, path.read_text()))
    return place


def _source(package: str) -> Path:
    """Where cargo has unpacked it."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return next(Path(each["manifest_path"]).parent for each in json.loads(said)["packages"] if each["name"] == package)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def built(place: Path, *flags: str) -> list[str]:
    """The programs of its tests, in the order of their names."""
    command = ["cargo", "test", "--no-run", "--quiet", "--message-format", "json", *flags]
    env = os.environ | {"CARGO_TARGET_DIR": str(PLACE / "cargo")}
    said = subprocess.run(command, cwd=place, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return sorted(each["executable"] for each in artifacts if each.get("executable"))
