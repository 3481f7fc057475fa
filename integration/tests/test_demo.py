"""`make demo`: the sick shop's diseases are named by pgweir within a minute, the cured one has none; nothing is left behind."""

import html
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from support.browser import Chromium
from support.children import eventually
from support.places import ROOT, pgweir_program

# What is promised.
MINUTE = 60.0

# A table of 800,000 rows is filled first; a machine that is busy with other tests takes longer.
FILLING = 60.0

# A directory for pictures of the sick shop: those of the README are made so (`make screenshots`).
SHOTS = os.environ.get("PGWEIR_SHOTS")
PICTURES = {"overview": "/", "findings": "/findings", "statements": "/statements", "slow": "/slow", "pools": "/pools",
            "pool": "/pool?database=shop&user=shop", "clients": "/clients"}  # fmt: skip
IN_README = ("overview", "findings")

# So much is seen of a page without scrolling; a README that is read on a phone should not load more.
HEIGHT = 800
HEAVIEST_PICTURE = 200 << 10

# What the overview says of the sick shop, and which of its people suffer.
PROBLEMS = [
    r"pool shop/shop saturated for \d+",
    r"idle transactions hold \d+ servers of shop/shop",
    r"N\+1 in web \(SELECT books by author_id\)",
    r"duplicate reads in api \(SELECT users by id\)",
    r"an index on posts.slug may be missing",
    r"wide rows: SELECT products fetches 59 KiB a row",
]


class Demo:
    """The demo, as make starts it, and what it has said so far."""

    def __init__(self, **env):
        env = os.environ | {"PYTHONPATH": str(ROOT / "integration"), "PGWEIR_BIN": str(pgweir_program())} | env
        args = [sys.executable, "-m", "demo"]
        self.process = subprocess.Popen(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        self.said = ""
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)

    def hear(self) -> str:
        """All that it has said."""
        while not self.lines.empty():
            self.said += self.lines.get()
        return self.said

    def until(self, pattern: str, seconds: float) -> re.Match:
        """Once it has said this."""
        return eventually(lambda: self._says(pattern), f"the demo says {pattern!r}", seconds)

    def _says(self, pattern: str) -> re.Match | None:
        found = re.search(pattern, self.hear(), re.MULTILINE)
        assert found or self.process.poll() is None, self.said
        return found

    def site(self) -> str:
        """Where its pgweir shows what it knows."""
        return self.until(r"(http://127.0.0.1:\d+)/findings", FILLING)[1]

    def get(self, path: str) -> str:
        """An answer of its pgweir."""
        with urllib.request.urlopen(self.site() + path, timeout=10) as answer:
            return answer.read().decode()

    def overview(self) -> str:
        """What is wrong, as people read it."""
        section = re.search(r'<section class="health.*?</section>', self.get("/"), re.DOTALL)[0]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", section)).split())

    def end(self, by_hand: bool = True) -> str:
        """Ends it as Ctrl-C does, unless it ends by itself; all that it said."""
        if by_hand:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(FILLING)
        self.reader.join(10)
        assert self.process.returncode == 0 and "gone." in self.hear() and "Traceback" not in self.said, self.said
        return self.said


@contextmanager
def demo(**env):
    """Runs it, and sees to it that nothing of it is left."""
    running, places = Demo(**env), set()
    try:
        running.until("pages/s", FILLING)
        places = scratch(running.process.pid)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
            running.process.wait(30)
    assert len(places) == 2 and not any(place.exists() for place in places), places


def scratch(pid: int) -> set[Path]:
    """The directories that its Postgres and its pgweir live in: each writes its log there."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {Path(f"/proc/{child}/fd/1").readlink().parent for child in children}


def rows(said: str) -> list[list[str]]:
    """Its lines of numbers: pages/s, statements/s, clients, waiting, p95 of the wait, errors."""
    numbers = re.compile(r"\s+([\d,]+)\s+([\d,]+)\s+([\d,]+)\s+([\d,]+)\s+([\d,.]+) ms\s+(\d+)")
    return [list(found.groups()) for line in said.splitlines() if (found := numbers.fullmatch(line))]


def test_each_disease_is_named_within_a_minute():
    with demo(DEMO_SECONDS=str(int(MINUTE) + 30)) as sick:
        begin = time.monotonic()
        missing = set(PROBLEMS)
        while missing and time.monotonic() < begin + MINUTE:
            overview = sick.overview()
            missing -= {problem for problem in missing if re.search(problem, overview)}
            time.sleep(0.5)
        assert not missing, (missing, overview, sick.hear())
        for told in ("N+1 in web", "duplicate reads in api", "a slow statement in web", "large rows in web", "the pool is full"):
            sick.until(f"found after .*{re.escape(told)}", MINUTE - (time.monotonic() - begin))
        check_findings(json.loads(sick.get("/api/findings")))
        check_numbers(json.loads(sick.get("/api/statements")), json.loads(sick.get("/api/slow")))
        if SHOTS:
            take_pictures(sick)
        said = sick.end()
    assert re.search(r"postgres://shop:shop@127.0.0.1:\d+/shop", said), said
    assert rows(said)[-1][2] == "1,018" and all(row[-1] == "0" for row in rows(said)), said


def take_pictures(sick: Demo) -> None:
    """What a browser shows now, as high as a screen."""
    eventually(lambda: len(rows(sick.hear())) >= 20, "enough of it for pictures", MINUTE)
    with Chromium() as browser:
        visit = browser.visit(sick.site().removeprefix("http://"), height=HEIGHT, color_scheme="light")
        for name, path in PICTURES.items():
            picture = visit.go(path).screenshot(path=f"{SHOTS}/{name}.png")
            assert name not in IN_README or len(picture) < HEAVIEST_PICTURE, (name, len(picture))
        assert not visit.complaints


def check_findings(found: list[dict]) -> None:
    """The right parent with the right child; and who reads what again and again."""
    [loop] = [row for row in found if row["kind"] == "n_plus_one"]
    assert loop["parent"]["sql"] == "select id, name from authors order by id desc limit $1"
    assert [child["sql"] for child in loop["children"]] == ["select id, title from books where author_id = $1"]
    assert loop["parent"]["column"] == "authors.id" and loop["application_name"] == "web"
    # Of two users at once, where that cannot be told apart.
    assert 5 <= loop["executions"] <= 50 and "author_id" in loop["fix"]
    [again] = [row for row in found if row["kind"] == "duplicate_read"]
    assert again["children"][0]["sql"] == "select id, name, plan from users where id = $1"
    assert again["application_name"] == "api"


def check_numbers(statements: list[dict], slow: list[dict]) -> None:
    """The look-up without an index is slow in Postgres, others only waited; the pictures are large."""
    by_sql = {row["sql"]: row for row in statements}
    pictures = by_sql["select * from products order by id limit $1"]
    assert pictures["bytes"] / pictures["rows"] > 50_000
    post = by_sql["select id, title, body from posts where slug = $1"]
    assert post["query_ms"]["p50"] > 10 * by_sql["select id, title from books where author_id = $1"]["query_ms"]["p50"]
    assert any(row["digest"] == post["digest"] and "query" in row["reason"] for row in slow)
    assert any(row["reason"] == ["wait"] and row["wait_ms"] > 10 * row["query_ms"] for row in slow)


def test_the_cured_shop_has_none():
    with demo(FIXED="1", DEMO_SECONDS="110") as cured:
        cured.until("1,018", FILLING)
        # As long as it took to name what is wrong with the sick one.
        eventually(lambda: len(rows(cured.hear())) >= 15, "15 looks", MINUTE)
        eventually(lambda: cured.overview().startswith("No problems."), "the overview has no problems", MINUTE)
        assert json.loads(cured.get("/api/findings")) == []
        [pool] = json.loads(cured.get("/api/pools"))
        assert pool["wait_ms"]["p95"] < 50
        said = cured.end()
    assert "pgweir found nothing to complain of." in said, said
    assert all(row[-1] == "0" for row in rows(said)), said


def test_ctrl_c_leaves_nothing():
    with demo(DEMO_USERS="50") as running:
        eventually(lambda: len(rows(running.hear())) >= 1, "one look", FILLING)
        said = running.end()
    assert "pages/s" in said


def test_it_ends_by_itself():
    with demo(DEMO_USERS="50", DEMO_SECONDS="3") as running:
        running.end(by_hand=False)
