"""The command line: what is wrong is said in one line each, before anything listens."""

import os
import re
import subprocess
import sys
import tomllib

import pytest

from support.pgweir import Pgweir, toml
from support.places import ROOT, pgweir_program
from support.wire import scram_secret
from tests.conftest import file


def pgweir(*args, env=None) -> subprocess.CompletedProcess:
    """Runs it to its end."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DATABASE"))}
    command = [str(pgweir_program()), *map(str, args)]
    return subprocess.run(command, env=clean | (env or {}), capture_output=True, text=True, timeout=20)


def test_version():
    done = pgweir("--version")
    assert done.returncode == 0 and done.stdout.startswith("pgweir ") and done.stdout.count(".") == 2


def test_help():
    done = pgweir("--help")
    assert done.returncode == 0
    for flag in ("--config", "--database-url", "--listen", "--http", "--workers", "--log-format", "--log-level"):
        assert flag in done.stdout


@pytest.mark.parametrize("more", [["postgres://app:hush-hush@db/app"], ["--ulr=postgres://app:hush-hush@db/app"]])
def test_what_is_no_option_shows_no_password(more):
    done = pgweir("check", *more)
    assert done.returncode == 1 and "unexpected argument" in done.stderr and "hush-hush" not in done.stderr


def test_an_environment_that_is_not_text():
    done = pgweir("check", env={"DATABASE_URL": "postgres://app:p\udce9@db/app"})
    assert done.returncode == 1 and done.stderr.startswith("environment DATABASE_URL: UTF-8")


def test_check_masks_secrets(postgres, tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(toml(file(postgres, users={"app": {"password": "hush-hush"}})))
    done = pgweir("check", "--config", path)
    assert done.returncode == 0, done.stderr
    assert "pool_size" in done.stdout
    assert "hush-hush" not in done.stdout and ":secret@" not in done.stdout and '"secret"' not in done.stdout


def test_nothing_to_serve():
    done = pgweir()
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr


WRONG = [
    ("an unknown section", "[pools]\npool_size = 5\n", ["pools"]),
    ("an unknown key", "[pool]\npool_sise = 5\n", ["pool_sise", "pool_size"]),
    ("a word for a number", "[pool]\npool_size = 'many'\n", ["pool_size", "many"]),
    ("zero servers", "[pool]\npool_size = 0\n", ["pool_size", "0"]),
    ("a duration without a unit", "[pool]\nquery_wait_timeout = '30'\n", ["query_wait_timeout", "30"]),
    ("a mode that is none", "[pool]\npool_mode = 'sometimes'\n", ["pool_mode", "sometimes", "transaction"]),
    ("not TOML", "[pool\n", []),
    ("an address that is none", "[listen]\naddr = ['nowhere']\n", ["addr", "nowhere"]),
    ("md5 under SCRAM", f"[users.app]\npassword = 'md5{'0' * 32}'\n[auth]\nauth_type = 'scram-sha-256'\n", ["md5", "scram"]),
    ("TLS without a certificate", "[tls.client]\nmode = 'require'\n", ["cert_file"]),
    ("a certificate that is not there", "[tls.client]\nmode = 'require'\ncert_file = '/no/such'\nkey_file = '/no/such'\n", ["/no/such"]),
]


@pytest.mark.parametrize("text, words", [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
@pytest.mark.parametrize("command", [["check"], []], ids=["check", "run"])
def test_a_wrong_file(tmp_path, command, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    done = pgweir(*command, "--config", path, env={"DATABASE_URL": "postgres://app:secret@127.0.0.1:1/app"})
    said = done.stderr + done.stdout
    assert done.returncode == 1
    assert "panicked" not in said
    for word in ["wrong.toml", *words]:
        assert word in said, said


def test_every_mistake_is_named(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text("[pool]\npool_size = 'many'\nmax_clients = -1\n[auth]\nauth_type = 'maybe'\n")
    said = pgweir("check", "--config", path).stderr
    assert all(key in said for key in ("pool_size", "max_clients", "auth_type")), said


def test_the_way_from_pgbouncer(tmp_path):
    """The page's own file and command: what they make of PgBouncer's is right."""
    page = (ROOT / "docs" / "from-pgbouncer.md").read_text()
    block = lambda kind: re.search(rf"```{kind}\n(.*?)```", page, re.S)[1]
    verifier = scram_secret("secret")
    (tmp_path / "userlist.txt").write_text(f'"app" "secret"\n"a.b" "{verifier}"\n')
    users = subprocess.run(["sh", "-c", block("sh")], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    (tmp_path / "new.toml").write_text(block("toml") + users)
    done = pgweir("check", "--config", tmp_path / "new.toml")
    assert done.returncode == 0, done.stderr
    read = tomllib.loads(done.stdout)
    assert read["users"].keys() == {"app", "a.b"} and read["databases"]["app"]["pool_size"] == 30
    # Taken over as it was, each key is named, with what it is here or why it is not.
    theirs = {key: value for key, value in re.findall(r"^(\w+) = (.*)$", block("ini").split("[pgbouncer]")[1], re.M)}
    (tmp_path / "old.toml").write_text("[pool]\n" + "".join(f"{key} = '{value}'\n" for key, value in theirs.items()))
    for line in pgweir("check", "--config", tmp_path / "old.toml").stderr.splitlines():
        assert not line.endswith("unknown key"), line


@pytest.mark.parametrize("command", [(), ("check",)], ids=["run", "check"])
@pytest.mark.parametrize(
    "section, key",
    [("tls.client", "cert_file"), ("tls.server", "ca_file"), ("databases.app.tls", "ca_file")],
    ids=["client", "server", "database"],
)
def test_a_certificate_that_is_none(postgres, tmp_path, command, section, key):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    path = tmp_path / "pgweir.toml"
    keys = f'mode = "verify-full"\nca_file = "{garbage}"\n'
    if section == "tls.client":
        keys = f'mode = "require"\ncert_file = "{garbage}"\nkey_file = "{garbage}"\n'
    path.write_text(toml(file(postgres)) + f"\n[{section}]\n{keys}")
    done = pgweir(*command, "--config", path)
    assert done.returncode == 1
    assert f'[{section}] {key} = "{garbage}"' in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there():
    done = pgweir("check", "--config", "/no/such/file.toml")
    assert done.returncode == 1 and "/no/such/file.toml" in done.stderr


def test_a_wrong_environment():
    env = {"DATABASE_URL": "postgres://app:secret@127.0.0.1:1/app", "PGWEIR_POOL_POOL_SIZE": "many"}
    done = pgweir("check", env=env)
    assert done.returncode == 1 and "PGWEIR_POOL_POOL_SIZE" in done.stderr


def test_a_wrong_url():
    done = pgweir("check", env={"DATABASE_URL": "mysql://root@localhost/x"})
    assert done.returncode == 1 and "DATABASE_URL" in done.stderr


def test_precedence(postgres, tmp_path):
    """The command line over the environment over the file."""
    path = tmp_path / "some.toml"
    path.write_text(toml(file(postgres, pool={"pool_size": 11, "max_clients": 12}, listen={"workers": 1})))
    env = {"PGWEIR_POOL_POOL_SIZE": "22", "PGWEIR_WORKERS": "2"}
    said = pgweir("check", "--config", path, "--workers", "3", env=env).stdout
    lines = {line.replace(" ", "") for line in said.splitlines()}
    assert any(line.startswith("pool_size=22") for line in lines), said
    assert any(line.startswith("max_clients=12") for line in lines), said
    assert any(line.startswith("workers=3") for line in lines), said


def test_a_port_that_is_taken(run_pgweir, postgres):
    taken = run_pgweir(database_url=postgres.url("app", "secret"))
    second = Pgweir(database_url=postgres.url("app", "secret"), listen=f"127.0.0.1:{taken.port}")
    try:
        second.start()
        assert second.child.wait(10) == 1
        assert f"127.0.0.1:{taken.port}" in second.child.text()
        assert "in use" in second.child.text()
    finally:
        second.kill()


def test_logs_as_text_name_the_address(postgres):
    """What a person sees in a terminal."""
    pooler = Pgweir(database_url=postgres.url("app", "secret"))
    pooler.flags[-1] = "text"
    try:
        pooler.start()
        pooler.child.until(lambda: "listening" in pooler.child.text(), "a line about listening")
        assert "127.0.0.1:" in pooler.child.text()
        assert '{"' not in pooler.child.text()
    finally:
        pooler.stop()


@pytest.mark.parametrize("program, one", [("bench", "simple50"), ("insight", "asyncpg")])
def test_names_that_are_none_are_said_in_words(program, one):
    """Of `make bench ONLY=…` and `make insight ONLY=…`, before anything is started."""
    command = [sys.executable, "-m", program, "--only", f"{one},nonsense"]
    done = subprocess.run(command, cwd=ROOT / "integration", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "there is no nonsense; there are" in done.stderr and one in done.stderr
