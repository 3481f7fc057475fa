"""What the tests share: one Postgres with every kind of login, certificates, and pgweirs that are always stopped."""

import asyncio
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from support.certificates import Authority, Pair
from support.children import Scratch, eventually, obey_signals, raise_open_files
from support.pgweir import Pgweir
from support.postgres import Postgres, create_roles
from support.watch import Watch


def pytest_configure():
    """TERM ends the tests as Ctrl-C does; thousands of clients need as many files."""
    obey_signals()
    raise_open_files()


# No test takes a third of this. The alarm comes again, because cleaning up after it can hang as well.
LONGEST_TEST = 120
ALARM_AGAIN = 10


@pytest.fixture(autouse=True)
def no_test_hangs():
    """Ends a test that waits for what will not come."""

    def ring(*_):
        raise TimeoutError(f"the test took more than {LONGEST_TEST} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_TEST, ALARM_AGAIN)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@dataclass(frozen=True)
class Certificates:
    """`server` is good for `localhost` and for nothing else; `stranger` is signed by nobody whom we trust."""

    ca: Path
    server: Pair
    postgres: Pair
    client: Pair
    strange_ca: Path
    stranger: Pair


@pytest.fixture(scope="session")
def certificates():
    """One authority for all, and a strange one."""
    scratch = Scratch()
    ours, strange = Authority(scratch.path, "ca"), Authority(scratch.path, "strange-ca")
    yield Certificates(
        ca=ours.cert,
        server=ours.sign("pgweir"),
        postgres=ours.sign("postgres"),
        client=ours.sign("app"),
        strange_ca=strange.cert,
        stranger=strange.sign("stranger"),
    )
    scratch.remove()


@pytest.fixture(scope="session")
def postgres(certificates):
    """One Postgres with TLS, for all tests that do not stop it."""
    with Postgres(pair=certificates.postgres) as server:
        create_roles(server)
        yield server
        print(f"--- postgres' log ---\n{server.log()[-3000:]}")


@pytest.fixture
def own_postgres():
    """A Postgres for one test, which may stop and start it."""
    with Postgres() as server:
        create_roles(server)
        yield server


@pytest.fixture
def run_pgweir(postgres):
    """Starts pgweirs that end in good order with the test. Postgres has forgotten the last one before the next begins."""
    theirs = "select count(*) from pg_stat_activity where backend_type = 'client backend' and usename <> 'postgres'"
    eventually(lambda: postgres.run(theirs)[0][0] == 0, "no session of an earlier test")
    with ExitStack() as running:
        yield lambda **how: running.enter_context(Pgweir(**how))


@pytest.fixture
def sidecar(run_pgweir, postgres):
    """pgweir with nothing but a `DATABASE_URL`, pool of `pool_size`, further settings by their environment names."""

    def start(pool_size: int = 5, user: str = "app", **env) -> Pgweir:
        env = {"PGWEIR_POOL_POOL_SIZE": pool_size} | env
        return run_pgweir(database_url=postgres.url(user, "secret"), env=env)

    return start


def file(postgres, **sections) -> dict:
    """A configuration file for `postgres`: database and user `app`, SCRAM; `sections` over it, key by key."""
    config = {
        "pool": {"pool_size": 5},
        "databases": {"app": {"url": postgres.url("app", "secret")}},
        "users": {"app": {"password": "secret"}},
        "auth": {"auth_type": "scram-sha-256"},
    }
    for name, keys in sections.items():
        config[name] = config.get(name, {}) | keys
    return config


def secure_file(postgres, certificates, pool_size: int = 2) -> dict:
    """TLS on both sides with every check, SCRAM on both sides, few servers."""
    return file(
        postgres,
        pool={"pool_size": pool_size},
        databases={"app": {"url": postgres.url("app", "secret", host="localhost")}},
        tls={
            "client": {"mode": "require", "cert_file": certificates.server.cert, "key_file": certificates.server.key},
            "server": {"mode": "verify-full", "ca_file": certificates.ca},
        },
    )


@pytest.fixture
def secure(run_pgweir, postgres, certificates):
    """pgweir as `secure_file` has it: two servers, TLS and SCRAM everywhere."""
    return run_pgweir(config=secure_file(postgres, certificates))


@pytest.fixture
def two_servers(secure, postgres):
    """`secure`, and at the end the proof that all its clients together never had a third server."""
    with Watch(postgres, "app") as watch:
        yield secure
    assert 1 <= watch.most <= 2


@pytest.fixture
def table(postgres):
    """Makes an empty table of `app`'s own, whatever was there before: `table("t", "x int")`."""

    def make(name: str, columns: str) -> None:
        postgres.run(f"drop table if exists {name} cascade", f"create table {name} ({columns})", dbname="app")
        postgres.run(f"alter table {name} owner to app", dbname="app")

    return make


def dsn(pooler, user: str = "app", dbname: str = "app", **more) -> str:
    """What libpq needs to reach `pooler`."""
    words = {"host": pooler.host, "port": pooler.port, "user": user, "dbname": dbname, "password": "secret"} | more
    return make_conninfo(**words)


def secure_dsn(pooler, certificates, **more) -> str:
    """The same with TLS, our certificate checked, name and all."""
    return dsn(pooler, **{"host": "localhost", "sslmode": "verify-full", "sslrootcert": certificates.ca} | more)


def run(story, seconds: float = 30.0):
    """Runs a coroutine; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(story, seconds))
