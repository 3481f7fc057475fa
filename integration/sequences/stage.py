"""Where sequences are played: a Postgres with two databases that are alike and new for each sequence, one of them behind a
pgweir that is new, too."""

from contextlib import ExitStack, contextmanager

from sequences.script import NoScript, Script
from support.pgweir import Pgweir
from support.postgres import Postgres

HBA = """
local all all              trust
host  all all 127.0.0.1/32 trust
"""

# A client that waits for another's lock would wait for ever: it is its turn only when the first one has been answered.
SETTINGS = {"lock_timeout": "100ms", "jit": "off", "max_connections": 60}

# So long a client waits for a server that no one will give back; a failure that is seen.
SERVER_WAIT = "1s"

# For so long a reply is waited for, in seconds. Longer than a server is waited for, so that what pgweir says of that is seen.
PATIENCE = 5.0

SCENE = "scene"
SIDES = PLAIN, POOLED = "plain", "pooled"

# What each client finds. Schemas of the clients' numbers have the same names with other types and rows.
ROLES = ["create role r1", "create role r2", "create role app login", "grant r1, r2 to app"]
BUILD = """
    set role app;
    set search_path = {schema};
    create table t (a int primary key, b text, c {kind});
    insert into t select g, 'r{schema}' || g, g from generate_series(1, 6) g;
    create sequence s;
    create table w (x int);
    create table k (a int references t deferrable initially deferred);
    create function f() returns int language sql as 'select {number}';
    create view v as select a from t;
    create function boo() returns int language plpgsql as
        $$ begin raise exception 'boo' using hint = 'h', detail = 'd'; end $$;
    grant usage on schema {schema} to public;
    grant select on t to r1;
    reset role;
"""
SCHEMAS = {"public": "int", "c0": "text", "c1": "numeric", "c2": "int", "c3": "int"}


class Stage:
    """A Postgres with the scene, from which `set_up` makes both databases each time. `env`: pgweir's, for tests that want
    another."""

    def __init__(self, **env: str):
        self.env = env
        self.patience = PATIENCE

    def __enter__(self) -> "Stage":
        with ExitStack() as opened:
            self.postgres = opened.enter_context(Postgres(hba=HBA, settings=SETTINGS))
            self.postgres.run(*ROLES, f"create database {SCENE} owner app")
            self._build()
            self.admin = opened.enter_context(self.postgres.connect())
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *failure):
        return self._opened.__exit__(*failure)

    def _build(self) -> None:
        for number, (schema, kind) in enumerate(SCHEMAS.items()):
            make = f"create schema if not exists {schema} authorization app; grant all on schema {schema} to app;"
            self.postgres.run(make + BUILD.format(schema=schema, kind=kind, number=number), dbname=SCENE)

    @contextmanager
    def set_up(self, script: Script):
        """The two addresses, each host, port and database, for as long as the script is played. One that turns out to be none
        is no reason to look at pgweir's log."""
        for name in SIDES:
            self.admin.execute(f"drop database if exists {name} with (force)")
            self.admin.execute(f"create database {name} template {SCENE} owner app strategy file_copy")
        here = (self.postgres.host, self.postgres.port, PLAIN)
        with Pgweir(config=self._config(script.servers), env=self.env) as pgweir:
            try:
                yield here, (pgweir.host, pgweir.port, POOLED)
                return
            except NoScript as why:
                is_none = why
        raise is_none

    def _config(self, servers: int) -> dict:
        address = {"host": self.postgres.host, "port": self.postgres.port}
        return {
            "pool": {"query_wait_timeout": SERVER_WAIT, "pool_size": servers},
            "databases": {POOLED: address},
            "users": {"app": {}, "postgres": {}},
            "auth": {"auth_type": "trust"},
        }
