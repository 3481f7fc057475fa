"""Debian's Prometheus with a configuration, in a directory that goes away. It looks at one pgweir, often."""

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from support.children import Child, Failed, Scratch, eventually, free_port

# Often enough that a test need not wait for two looks.
INTERVAL = "500ms"

# Another process may take the port between our look and Prometheus' bind.
START_TRIES = 3


class Prometheus:
    """One that runs with `config`, the file of a real one: what it looks at is replaced by `target`, and how often."""

    def __init__(self, config: Path, target: str):
        self.config = config
        self.target = target
        self.scratch = Scratch()
        self.child = None
        self.port = 0

    def __enter__(self) -> "Prometheus":
        try:
            for attempt in range(1, START_TRIES + 1):
                try:
                    self._start()
                    return self
                except Failed:
                    if attempt == START_TRIES:
                        raise
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_) -> None:
        try:
            if self.child:
                self.child.stop()
        finally:
            self.scratch.remove()

    def _start(self) -> None:
        self.port = free_port()
        file = self.scratch.path / "prometheus.yml"
        file.write_text(yaml.safe_dump(self._adapted()))
        args = [shutil.which("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={self.scratch.path / 'tsdb'}"]
        args += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self.child = Child(args, self.scratch.path / "prometheus.log")
        self.child.until(self._is_ready, "readiness")

    def _adapted(self) -> dict:
        config = yaml.safe_load(self.config.read_text())
        config["global"] |= {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
        config["rule_files"] = [str(self.config.parent / name) for name in config["rule_files"]]
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [self.target]}]
        return config

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path: str, **query: str) -> dict | list:
        """`data` of an answer of its API; it must be a success."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{path} {query}: {refusal.read().decode()}") from None

    def query(self, expression: str) -> list[dict]:
        """What an expression is at this moment: a series each, with labels and value."""
        return self.get("query", query=expression)["result"]

    def ask(self, expression: str) -> list[tuple[dict, float]]:
        """The same as labels and numbers."""
        return [(series["metric"], float(series["value"][1])) for series in self.query(expression)]

    def value(self, expression: str) -> float | None:
        """The same, where one series is expected; None while there is none."""
        series = self.ask(expression)
        assert len(series) <= 1, series
        return series[0][1] if series else None

    def wait_for_looks(self, count: int) -> None:
        """Returns once it has looked so often."""
        looks = lambda: self.query(f"count_over_time(up[5m]) >= {count} and up == 1")
        eventually(looks, f"Prometheus has looked at {self.target} {count} times")


def lint(text: str) -> tuple[int, str]:
    """What promtool says of a page of metrics: its exit status and its complaints."""
    check = [shutil.which("promtool"), "check", "metrics"]
    done = subprocess.run(check, input=text, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def promtool(*args: str) -> None:
    """Runs promtool; it must be content."""
    done = subprocess.run([shutil.which("promtool"), *args], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
