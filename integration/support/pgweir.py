"""The pgweir under test: started with an environment and perhaps a file, its addresses read from its log."""

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

from support.children import Child, Scratch
from support.places import pgweir_program


class Pgweir:
    """One running pgweir. `port` is its TCP port, `http` the address of its HTTP side."""

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        database_url: str | None = None,
        config: dict | None = None,
        env: dict | None = None,
        args: tuple = (),
        listen: str = "127.0.0.1:0",
        http: str = "127.0.0.1:0",
        program: Path | None = None,
    ):
        self.scratch = Scratch()
        self.program = program or pgweir_program()
        self.config = config
        self.flags = ["--listen", listen, "--http", http, "--log-format", "json"]
        self.args = list(args)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DATABASE"))}
        self.env |= {"DATABASE_URL": database_url} if database_url else {}
        self.env |= {key: str(value) for key, value in (env or {}).items()}
        self.child = None
        self.addresses: dict[str, list[str]] = {"tcp": [], "unix": [], "http": []}

    def __enter__(self) -> "Pgweir":
        try:
            self.start()
            self.child.until(self.listens, "a listening event for TCP and for HTTP")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.stop()

    def start(self) -> None:
        """Starts the process, without waiting for anything."""
        args = [self.program, *self.flags, *self.args]
        if self.config is not None:
            self.write(self.config)
            args += ["--config", self.file]
        self.child = Child(args, self.scratch.path / "pgweir.log", env=self.env)

    @property
    def file(self) -> Path:
        """Its configuration file."""
        return self.scratch.path / "pgweir.toml"

    def write(self, config: dict | str) -> None:
        """Replaces the configuration file; pgweir reads it at the next HUP."""
        self.file.write_text(config if isinstance(config, str) else toml(config))

    def listens(self) -> bool:
        """Whether it does, for TCP or a unix socket and for HTTP."""
        found = {"tcp": [], "unix": [], "http": []}
        for event in self.events("listening"):
            found[event["kind"]].append(event["addr"])
        self.addresses = found
        return bool((found["tcp"] or found["unix"]) and found["http"])

    @property
    def port(self) -> int:
        """The TCP port of the first address."""
        return int(self.addresses["tcp"][0].rsplit(":", 1)[1])

    @property
    def http(self) -> str:
        """`host:port` of the HTTP side."""
        return self.addresses["http"][0]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP GET."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def rows(self, path: str) -> list[dict]:
        """A list of the API: `rows("slow?limit=3")`."""
        status, body = self.get(f"/api/{path}")
        assert status == 200, f"/api/{path}: {status} {body}"
        return json.loads(body)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples whose labels include `labels`."""
        return sum(value for found, value in samples(self.get("/metrics")[1], name) if labels.items() <= found.items())

    def events(self, name: str | None = None) -> list[dict]:
        """The events logged so far, in order."""
        return [event for event in self._lines() if name is None or event.get("event") == name]

    def _lines(self):
        for line in self.child.text().splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def wait_for_event(self, name: str, count: int = 1) -> dict:
        """The `count`th event of that name, once it has been logged."""
        return self.child.until(lambda: self.events(name)[count - 1 : count], f"event `{name}`")[0]

    def reload(self, config: dict | str) -> None:
        """A new file and a HUP; returns when pgweir says what it made of it."""
        before = len(self.events("reloaded")) + len(self.events("reload_failed"))
        self.write(config)
        self.child.send(signal.SIGHUP)
        self.child.until(
            lambda: len(self.events("reloaded")) + len(self.events("reload_failed")) > before, "reloaded or reload_failed"
        )

    def stop(self) -> None:
        """Ends it by TERM; it must end in good order and without having panicked."""
        try:
            status = self.child.stop(signal.SIGTERM)
            if status != 0:
                raise self.child.complain(f"exit status {status} after SIGTERM")
            if "panicked at" in self.child.text():
                raise self.child.complain("a panic")
        finally:
            self.scratch.remove()

    def kill(self) -> None:
        """Ends it at once, its log printed for whoever reads the failure."""
        if self.child:
            self.child.process.kill()
            self.child.process.wait()
            print(f"--- pgweir's log ---\n{self.child.text()[-6000:]}")
        self.scratch.remove()

    def version(self) -> str:
        """What `--version` says."""
        return os.popen(f"{self.program} --version").read().strip()


def samples(text: str, name: str):
    """The samples of one metric in Prometheus' text: labels and value."""
    for line in text.splitlines():
        head, _, value = line.rpartition(" ")
        found, _, labels = head.partition("{")
        if found == name:
            pairs = [pair.split("=", 1) for pair in labels.rstrip("}").split(",") if pair]
            yield {key: quoted.strip('"') for key, quoted in pairs}, float(value)


def toml(config: dict, prefix: str = "") -> str:
    """TOML of nested dicts; a key with a dot or a star is quoted."""
    own = [f"{key} = {literal(value)}" for key, value in config.items() if not isinstance(value, dict)]
    text = "\n".join(([f"[{prefix}]"] if prefix and own else []) + own)
    for key, value in config.items():
        if isinstance(value, dict):
            name = key if key.replace("_", "").isalnum() else f'"{key}"'
            path = f"{prefix}.{name}" if prefix else name
            text += f"\n[{path}]\n" if not value else "\n" + toml(value, path)
    return text + "\n"


def literal(value) -> str:
    """One TOML value. JSON's strings, numbers, booleans and lists are TOML's too."""
    return json.dumps(str(value) if isinstance(value, Path) else value)
