"""Where sequences are played: a Postgres with two databases that are alike before each sequence, one of them behind a pgweir
that is new each time."""

from concurrent.futures import ThreadPoolExecutor
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

SIDES = PLAIN, POOLED = "plain", "pooled"

ROLES = ["create role r1", "create role r2", "create role app login", "grant r1, r2 to app"]

# Whoever is still leaving has gone afterwards, with locks and all; so has what they made.
CLEAR = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid();
    do $$ declare name text; begin
        for name in select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' loop
            execute format('drop schema %I cascade', name);
        end loop;
    end $$;
"""

# What each client finds. Schemas of the clients' numbers have the same names with other types and rows.
BUILD = """
    create schema {schema} authorization app;
    grant usage, create on schema {schema} to public;
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
    create procedure p(x int) language plpgsql as $$ begin insert into w values (x); commit; insert into w values (x + 1); end $$;
    grant select on t to r1;
    reset role;
"""
SCHEMAS = {"public": "int", "c0": "text", "c1": "numeric", "c2": "int", "c3": "int"}
SCENES = [BUILD.format(schema=schema, kind=kind, number=number) for number, (schema, kind) in enumerate(SCHEMAS.items())]

# The catalogue of a database grows with each scene; after so many it is a new one.
SCENES_EACH = 100


class Stage:
    """A Postgres with both databases. `env`: pgweir's, for tests that want another; `patience`: for how long a reply is waited
    for."""

    def __init__(self, **env: str):
        self.env = env
        self.patience = PATIENCE
        self.scenes = 0
        self.admins: list = []

    def __enter__(self) -> "Stage":
        with ExitStack() as opened:
            self.postgres = opened.enter_context(Postgres(hba=HBA, settings=SETTINGS))
            self.both = opened.enter_context(ThreadPoolExecutor(len(SIDES)))
            opened.callback(self._leave)
            self.postgres.run(*ROLES)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *failure):
        return self._opened.__exit__(*failure)

    def _leave(self) -> None:
        for admin in self.admins:
            admin.close()

    @contextmanager
    def set_up(self, script: Script):
        """The two addresses, each host, port and database, for as long as the script is played. One that turns out to be none
        is no reason to look at pgweir's log."""
        if self.scenes % SCENES_EACH == 0:
            self._make_databases()
        self.scenes += 1
        list(self.both.map(lambda admin: admin.execute(CLEAR + "".join(SCENES)), self.admins))
        here = (self.postgres.host, self.postgres.port, PLAIN)
        with Pgweir(config=self._config(script.servers), env=self.env) as pgweir:
            try:
                yield here, (pgweir.host, pgweir.port, POOLED)
                return
            except NoScript as why:
                is_none = why
        raise is_none

    def _make_databases(self) -> None:
        self._leave()
        for name in SIDES:
            self.postgres.run(f"drop database if exists {name} with (force)", f"create database {name} owner app")
        self.admins = [self.postgres.connect(name) for name in SIDES]
        for admin in self.admins:
            admin.execute("set lock_timeout = 0; set client_min_messages = error")

    def _config(self, servers: int) -> dict:
        address = {"host": self.postgres.host, "port": self.postgres.port}
        return {
            "pool": {"query_wait_timeout": SERVER_WAIT, "pool_size": servers},
            "databases": {POOLED: address},
            "users": {"app": {}, "postgres": {}},
            "auth": {"auth_type": "trust"},
        }
