"""Where things are: this repository, Postgres' programs, the pgweir under test."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def postgres_program(name: str) -> str:
    """A program of the newest Postgres installed, else the one on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: float(path.name), reverse=True)
    for version in versions:
        if (version / "bin" / name).exists():
            return str(version / "bin" / name)
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not installed; `make test` installs it")
    return found


def pgweir_program() -> Path:
    """PGWEIR_BIN, else the release build, else the debug build."""
    chosen = os.environ.get("PGWEIR_BIN")
    if chosen:
        return Path(chosen).resolve()
    for profile in ("release", "debug"):
        built = ROOT / "target" / profile / "pgweir"
        if built.exists():
            return built
    raise FileNotFoundError("no pgweir is built; run `cargo build --release`, or set PGWEIR_BIN")


def pgbouncer_program() -> str:
    """Debian's PgBouncer."""
    return shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
