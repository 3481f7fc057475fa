"""sqlx's own tests of Postgres. What its package leaves out, how a test connects, is written here."""

import re
from pathlib import Path

from suites import crates
from suites.suite import Run, Suite

# Instead of a crate of the same name that was never published.
SQLX_TEST = """
#[allow(dead_code)]
mod sqlx_test {
    fn url() -> String {
        std::env::var("DATABASE_URL").unwrap()
    }

    pub fn setup_if_needed() {}

    pub async fn new<DB: sqlx::Database>() -> anyhow::Result<DB::Connection> {
        Ok(<DB::Connection as sqlx::Connection>::connect(&url()).await?)
    }

    pub async fn pool<DB: sqlx::Database>() -> anyhow::Result<sqlx::Pool<DB>> {
        Ok(sqlx::pool::PoolOptions::new().max_connections(5).connect(&url()).await?)
    }
}
"""

# Not those that convert types, which need more of that crate, nor one that sends four gigabytes.
TRIED = ("postgres", "postgres-describe", "postgres-error", "postgres-macros", "postgres-migrate")
TRIED += ("postgres-query-builder", "postgres-test-attr")

FEATURES = "postgres,runtime-tokio,_unstable-all-types"

# For other databases and runtimes, or for benchmarks.
NEEDLESS = r"\[dev-dependencies\.(async-std|criterion|libsqlite3-sys|trybuild)\]\n(.+\n)*"


def whole(name: str, text: str) -> str:
    """A file of it, with what it takes to build."""
    if name == "Cargo.toml":
        return re.sub(NEEDLESS, "", text)
    return text + SQLX_TEST if name.startswith("tests/postgres/") and "sqlx_test::" in text else text


def run(port: int, report: Path) -> Run:
    """What asks something of a connection. Its macros ask the database, too: when it is built."""
    place = crates.stage("sqlx", whole)
    env = {"DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/suite"}
    named = [flag for test in TRIED for flag in ("--test", test)]
    return crates.run(place, report, crates.built(place, "--features", FEATURES, *named, env=env), env)


def first() -> list[str]:
    """What its authors make in the database before: a script in its package."""
    return [(crates.source("sqlx") / "tests" / "postgres" / "setup.sql").read_text()]


SUITE = Suite("sqlx", run, first)
