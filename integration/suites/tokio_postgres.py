"""tokio-postgres' own tests. They name an address of their authors', which is rewritten, not what they try."""

import re
from pathlib import Path

from suites import crates
from suites.suite import Run, Suite

# What a connection string becomes: our port, and a password for pgweir, which asks everybody. Postgres asks not this user.
HERE = """
fn here(written: &str) -> String {
    let port = std::env::var("SUITE_PORT").unwrap();
    written.replace("5433", &port).replace("user=postgres", "user=postgres password=secret")
}
"""

# The two files that connect; another tries how such strings are read.
CONNECT = ("tests/test/main.rs", "tests/test/runtime.rs")


def address(name: str, text: str) -> str:
    """A file of it, with the address where it connects taken from the environment."""
    if name not in CONNECT:
        return text
    text = re.sub(r'"[^"]*\b5433\b[^"]*"', lambda found: f"&*crate::here({found[0]})", text)
    text = text.replace("s.parse::<Config>()", "here(s).parse::<Config>()")
    return text + HERE if name.endswith("main.rs") else text


def run(port: int, report: Path) -> Run:
    """All of it, with every type that it can convert."""
    place = crates.stage("tokio-postgres", address)
    programs = crates.built(place, "--locked", "--all-features", "--test", "test")
    return crates.run(place, report, programs, {"SUITE_PORT": str(port)})


# Who logs in how, as its tests' names say.
HBA = """
host all pass_user  all password
host all md5_user   all md5
host all scram_user all scram-sha-256
"""


def first() -> list[str]:
    """The roles and types of its tests."""
    return [
        *("create role pass_user login password 'password'", "create role scram_user login password 'password'"),
        *("set password_encryption = 'md5'", "create role md5_user login password 'password'"),
        *("create extension hstore", "create extension citext", "create extension ltree"),
    ]


PASSWORDS = {"postgres": "secret", "pass_user": "password", "md5_user": "password", "scram_user": "password"}

SUITE = Suite("tokio-postgres", run, first, database="postgres", hba=HBA, passwords=PASSWORDS)
