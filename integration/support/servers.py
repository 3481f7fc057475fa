"""The Postgres programs of other major versions than Debian's, as npm has brought them; `make test` has it do so."""

import json
import shutil
from pathlib import Path

from support.places import ROOT

PACKAGES = ROOT / "integration" / "servers"

# For who links against Postgres, which nobody does here; the third part of what there is.
NOT_NEEDED = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")


def majors() -> list[str]:
    """Which there are to be, the oldest first: `["14", "18"]`."""
    names = json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    return sorted((name.removeprefix("postgres-") for name in names), key=int)


def copy_programs(major: str, to: Path) -> Path:
    """Copies a version to a new directory `to`, where whoever runs Postgres can read it; the directory of its programs. Links
    between libraries are only listed in the package, for its install script to make, which we do not run."""
    package = PACKAGES / "node_modules" / f"postgres-{major}"
    if not package.exists():
        raise FileNotFoundError(f"Postgres {major} is not installed; `make test` installs it")
    shutil.copytree(package / "native", to, ignore=NOT_NEEDED)
    for link in json.loads((to / "pg-symlinks.json").read_text()):
        target = to.parent / link["target"].replace("native", to.name, 1)
        target.unlink(missing_ok=True)
        target.symlink_to(Path(link["source"]).name)
    return to / "bin"
