"""The source distributions that the suites are in: fetched by pip at the versions that are installed, unpacked once."""

import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from support.places import ROOT

PLACE = ROOT / "target" / "suites"


# Installed under another name than its source has.
INSTALLED = {"psycopg2": "psycopg2-binary"}


def unpacked(package: str) -> Path:
    """The source of `package`, of the very version that its tests will import."""
    wanted = version(INSTALLED.get(package, package))
    place = PLACE / "sources" / f"{package}-{wanted}"
    if not place.exists():
        with tarfile.open(_fetched(package, wanted)) as archive:
            archive.extractall(PLACE / "sources", filter="data")
        stem = f"{package.lower()}-{wanted}"
        found = next(path for path in place.parent.iterdir() if path.name.lower() == stem)
        found.rename(place)
    return place


def _fetched(package: str, wanted: str) -> Path:
    """`--no-binary` for it alone: what it takes to read its metadata comes as wheels."""
    shelf = PLACE / "archives"
    args = ["download", "--quiet", "--no-deps", "--no-binary", package, "--dest", str(shelf), f"{package}=={wanted}"]
    subprocess.run([sys.executable, "-m", "pip", *args], check=True)
    return next(path for path in shelf.iterdir() if path.name.lower() == f"{package.lower()}-{wanted}.tar.gz")


def stage(package: str, *parts: str) -> Path:
    """A fresh directory with these parts of a package's source and nothing else, so that the tests import what is installed and
    leave nothing behind for the next run."""
    source, place = unpacked(package), PLACE / "stage" / package
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for part in parts:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copy
        copy(source / part, place / part)
    return place
