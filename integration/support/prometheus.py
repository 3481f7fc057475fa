"""Debian's Prometheus, in a directory that goes away: scrapes one address every second, answers questions about it."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request

from support.children import Child, Scratch, free_port

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: pgweir
    static_configs:
      - targets: ["{target}"]
"""


def program(name: str) -> str:
    """`prometheus` or `promtool`."""
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not installed; `make test` installs it")
    return found


def lint(text: str) -> tuple[int, str]:
    """What promtool says of a page of metrics: its exit status and its complaints."""
    done = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """One running Prometheus that scrapes `target`, which is `host:port`."""

    def __init__(self, target: str):
        self.scratch = Scratch()
        self.target = target
        self.child = None

    def __enter__(self) -> "Prometheus":
        config = self.scratch.path / "prometheus.yml"
        config.write_text(CONFIG.format(target=self.target))
        self.address = f"127.0.0.1:{free_port()}"
        args = [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.scratch.path / 'series'}",
            f"--web.listen-address={self.address}",
        ]
        self.child = Child(args, self.scratch.path / "prometheus.log", cwd=self.scratch.path)
        try:
            self.child.until(self._ready, "answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.child.stop()
        finally:
            self.scratch.remove()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, question: str) -> list[tuple[dict, float]]:
        """PromQL as of now: labels and value of each series."""
        address = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': question})}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            told = json.load(answer)
        return [(series["metric"], float(series["value"][1])) for series in told["data"]["result"]]

    def value(self, question: str) -> float | None:
        """The same, where one series is expected; None while there is none."""
        series = self.ask(question)
        assert len(series) <= 1, series
        return series[0][1] if series else None
