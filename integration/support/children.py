"""A process that we started: its log at hand, always ended. Not what it is (postgres, pgweir, pgbouncer).

Each child is a session of its own, so that Ctrl-C reaches only us and we end the children in order; should we be killed
outright, the kernel ends them (PR_SET_PDEATHSIG)."""

import ctypes
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1

# A start or a stop that takes longer has gone wrong: the slowest, initdb on a busy machine, takes two seconds.
PATIENCE = 30.0


class Failed(Exception):
    """A process that did not do what it was started for; its log is part of the message."""


def accounts() -> dict:
    """Whom Postgres and PgBouncer run as: ourselves, or when we are root, whom they refuse, an ordinary user."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Failed("we are root, and there is neither a user `postgres` nor `nobody` to run Postgres as")


def give_to_account(path: Path) -> None:
    """Hands a file or a directory over to the user of `accounts`."""
    account = accounts()
    if account:
        os.chown(path, account["user"], account["group"])


class Scratch:
    """A directory that goes away. Short, because the path of a unix socket ends at 107 bytes."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="pgweir-", dir="/tmp"))
        self.path.chmod(0o755)

    def directory(self, name: str) -> Path:
        """A new directory in it that belongs to the user of `accounts`."""
        path = self.path / name
        path.mkdir()
        give_to_account(path)
        return path

    def remove(self) -> None:
        """Everything in it is gone afterwards."""
        shutil.rmtree(self.path, ignore_errors=True)


class Child:
    """One running process; what it writes goes to `log`."""

    def __init__(self, args, log: Path, *, env=None, account=None, death_signal=signal.SIGTERM, cwd="/"):
        self.args = [str(arg) for arg in args]
        self.log = log
        self.read_to = 0
        with open(log, "ab") as out:
            give_to_account(log)
            self.process = subprocess.Popen(
                self.args,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal)),
                **(account or {}),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def text(self) -> str:
        """Everything it has written."""
        return self.log.read_text(errors="replace")

    def complain(self, what: str) -> Failed:
        """`what` went wrong, and the end of the log that may say why."""
        tail = "\n".join(self.text().splitlines()[-40:])
        return Failed(f"{Path(self.args[0]).name}: {what}\n--- its log ---\n{tail}")

    def send(self, number: int) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.complain(f"still runs after {seconds:.0f} s") from None

    def stop(self, number: int = signal.SIGTERM, seconds: float = PATIENCE) -> int:
        """Ends it with a signal, by force when it does not listen; the exit status."""
        if self.alive():
            self.send(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise self.complain(f"did not stop within {seconds:.0f} s of signal {number}") from None
        except BaseException:
            self.process.kill()
            raise

    def until(self, ready, what: str, seconds: float = PATIENCE):
        """The first true answer of `ready`; a failure if the process ends first or it takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = ready()
            if answer:
                return answer
            if not self.alive():
                raise self.complain(f"ended with status {self.process.returncode} before {what}")
            time.sleep(0.005)
        raise self.complain(f"no {what} within {seconds:.0f} s")


def eventually(check, what: str, seconds: float = 10.0):
    """The first true answer of `check`, asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what} (last answer {answer!r})")
        time.sleep(0.01)


def free_port(wanted: int = 0) -> int:
    """A TCP port that nobody listens on at this moment: the one wanted, if it can be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def obey_signals() -> None:
    """TERM and HUP end us as Ctrl-C does, through every `finally`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def raise_open_files() -> int:
    """As many open files as we may have, for us and our children: thousands of clients are as many sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
