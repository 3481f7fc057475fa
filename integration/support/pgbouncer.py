"""Debian's PgBouncer, the pooler that we measure ourselves against."""

import os
import signal
import socket

from support.children import Child, Scratch, accounts, free_port, give_to_account
from support.places import pgbouncer_program

SETTINGS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "pool_mode": "transaction",
    "default_pool_size": 20,
    "max_client_conn": 12000,
    "listen_backlog": 2048,
    "auth_type": "trust",
    "log_connections": 0,
    "log_disconnections": 0,
    "log_stats": 0,
    "ignore_startup_parameters": "extra_float_digits",
}


class PgBouncer:
    """One running PgBouncer in front of database `dbname` of `postgres`."""

    host = "127.0.0.1"

    def __init__(self, postgres, dbname: str, users: dict, settings: dict | None = None):
        self.scratch = Scratch()
        self.port = free_port()
        target = f"host={postgres.host} port={postgres.port} dbname={dbname}"
        lines = ["[databases]", f"{dbname} = {target}", "[pgbouncer]", f"listen_port = {self.port}"]
        lines += [f"{key} = {value}" for key, value in (SETTINGS | (settings or {})).items()]
        lines += [f"auth_file = {self.scratch.path}/users.txt"]
        self._write("users.txt", "".join(f'"{user}" "{secret}"\n' for user, secret in users.items()))
        self._write("pgbouncer.ini", "\n".join(lines) + "\n")

    def _write(self, name: str, text: str) -> None:
        path = self.scratch.path / name
        path.write_text(text)
        give_to_account(path)

    def __enter__(self) -> "PgBouncer":
        try:
            args = [pgbouncer_program(), self.scratch.path / "pgbouncer.ini"]
            self.child = Child(args, self.scratch.path / "pgbouncer.log", account=accounts(), death_signal=signal.SIGTERM)
            self.child.until(self._answers, "answer")
        except BaseException:
            self.scratch.remove()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.child.stop(signal.SIGTERM)
        finally:
            self.scratch.remove()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def version(self) -> str:
        """The first line of `--version`."""
        return os.popen(f"{pgbouncer_program()} --version").readline().strip()
