"""A Postgres of our own in a directory that goes away: fast, not durable. Everything real is tried against it."""

import signal
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

from support.certificates import Pair, for_account
from support.children import Child, Failed, Scratch, accounts, eventually, free_port
from support.places import postgres_program

# Who logs in how, so that one server serves every test. Our own connections come by the unix socket.
HBA = """
local   all all                trust
host    all trusted   all      trust
host    all app_md5   all      md5
hostssl all tls_only  all      scram-sha-256
host    all tls_only  all      reject
host    all all       all      scram-sha-256
"""

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": 200,
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "logging_collector": "off",
}

# Another process may take the port between our look and Postgres' bind.
START_TRIES = 3


class Postgres:
    """One server. `host` and `port` for TCP, `socket_directory` for its unix socket. Its programs are those in the directory
    `programs`, else those of the newest Postgres installed."""

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        hba: str = HBA,
        settings: dict | None = None,
        pair: Pair | None = None,
        programs: Path | None = None,
    ):
        self.scratch = Scratch()
        self.child = None
        self.port = 0
        self.settings = {**FAST, **(settings or {})}
        if pair:
            for_account(pair)
            self.settings |= {"ssl": "on", "ssl_cert_file": pair.cert, "ssl_key_file": pair.key}
        self.hba = hba
        self.programs = programs

    def __enter__(self) -> "Postgres":
        try:
            self._initialize()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def socket_directory(self) -> str:
        """Where its unix socket lives."""
        return str(self.scratch.path / "run")

    def _program(self, name: str) -> str:
        return str(self.programs / name) if self.programs else postgres_program(name)

    def _initialize(self) -> None:
        self.scratch.directory("run")
        self.files = self.scratch.directory("db")
        self.files.chmod(0o700)
        initdb = [self._program("initdb"), "-D", str(self.files), "-U", "postgres", "-A", "trust"]
        flags = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        done = subprocess.run(initdb + flags, capture_output=True, text=True, cwd="/", **accounts())
        if done.returncode != 0:
            raise Failed(f"initdb: {done.stderr}{done.stdout}")
        (self.files / "pg_hba.conf").write_text(self.hba)

    def start(self) -> None:
        """Starts it, on the same port as before if there was one, and waits until it answers."""
        tries = 1 if self.port else START_TRIES
        for attempt in range(1, tries + 1):
            self.port = self.port or free_port()
            try:
                return self._start_once()
            except Failed:
                if attempt == tries:
                    raise
                self.port = 0

    def _start_once(self) -> None:
        settings = self.settings | {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.socket_directory,
        }
        args = [self._program("postgres"), "-D", self.files]
        for key, value in settings.items():
            args += ["-c", f"{key}={value}"]
        log = self.scratch.path / "postgres.log"
        self.child = Child(args, log, account=accounts(), death_signal=signal.SIGQUIT)
        self.child.until(self._answers, "answer")

    def _answers(self) -> bool:
        try:
            self.connect().close()
            return True
        except psycopg.OperationalError:
            return False

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT ends its sessions politely (57P01), SIGQUIT at once, SIGTERM waits for them to leave."""
        if self.child:
            self.child.stop(number)

    def close(self) -> None:
        """Ends it and removes every trace."""
        try:
            self.stop(signal.SIGQUIT)
        finally:
            self.scratch.remove()

    def log(self) -> str:
        """What it has logged."""
        return self.child.text() if self.child else ""

    def connect(self, dbname: str = "postgres", user: str = "postgres") -> psycopg.Connection:
        """A direct connection in autocommit, past any pooler."""
        return psycopg.connect(host=self.socket_directory, port=self.port, dbname=dbname, user=user, autocommit=True)

    def run(self, *statements: str, dbname: str = "postgres") -> list:
        """Runs statements directly; the rows of the last one."""
        with self.connect(dbname) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, user: str, password: str | None = None, dbname: str = "app", host: str | None = None, **query) -> str:
        """A `DATABASE_URL` of it."""
        secret = f":{quote(password, safe='')}" if password is not None else ""
        tail = f"?{urlencode(query)}" if query else ""
        return f"postgres://{user}{secret}@{host or self.host}:{self.port}/{dbname}{tail}"

    def socket_url(self, user: str, password: str | None = None, dbname: str = "app") -> str:
        """A `DATABASE_URL` of its unix socket."""
        secret = f":{quote(password, safe='')}" if password is not None else ""
        return f"postgres://{user}{secret}@{quote(self.socket_directory, safe='')}:{self.port}/{dbname}"

    def sessions(self, user: str) -> int:
        """How many client sessions of `user` it has at this moment, as it says itself."""
        return self.run(f"select count(*) from pg_stat_activity where usename = '{user}'")[0][0]

    def wait_for_sessions(self, user: str, count: int) -> None:
        """Returns once `user` has exactly `count` sessions."""
        eventually(lambda: self.sessions(user) == count, f"{count} sessions of {user}")

    def version(self) -> str:
        """Its version, as a number."""
        return self.run("show server_version")[0][0]


def create_roles(postgres: Postgres) -> None:
    """The roles that HBA names, and the database `app` that they use. Passwords equal `secret`."""
    postgres.run(
        "create role app login password 'secret'",
        "create role other login password 'secret'",
        "create role trusted login",
        "create role tls_only login password 'secret'",
        "set password_encryption = 'md5'",
        "create role app_md5 login password 'secret'",
        "create database app",
    )
    postgres.run("grant all on schema public to public", dbname="app")
