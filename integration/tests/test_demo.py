"""`make demo` for some seconds: it shows what it promises and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.places import ROOT, pgweir_program


def start(**env) -> subprocess.Popen:
    """The demo, as make starts it."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "integration"), "PGWEIR_BIN": str(pgweir_program())} | env
    args = [sys.executable, "-m", "demo"]
    return subprocess.Popen(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def scratch() -> set[Path]:
    """The directories that the tests' servers live in."""
    return set(Path("/tmp").glob("pgweir-*"))


def test_it_shows_what_it_promises():
    before = scratch()
    demo = start(DEMO_SECONDS="4", DEMO_CLIENTS="200")
    said = demo.communicate(timeout=60)[0]
    assert demo.returncode == 0, said
    assert re.search(r"postgres://shop:shop@127.0.0.1:\d+/shop", said), said
    rows = [line.split() for line in said.splitlines() if re.fullmatch(r"\s+[\d,]+\s+\d+\s+\d+\s+[\d.]+ ms\s+\d+", line)]
    assert len(rows) >= 3, said
    transactions, clients, servers, _, _, errors = rows[-1]
    assert int(transactions.replace(",", "")) > 50 and int(clients) == 200 and 1 <= int(servers) <= 10, said
    assert all(row[-1] == "0" for row in rows), said
    assert scratch() <= before


def test_ctrl_c_leaves_nothing():
    before = scratch()
    demo = start(DEMO_CLIENTS="50")
    while "transactions/s" not in demo.stdout.readline():
        assert demo.poll() is None
    time.sleep(1.5)
    demo.send_signal(signal.SIGINT)
    said = demo.communicate(timeout=30)[0]
    assert demo.returncode == 0, said
    assert "gone." in said and "Traceback" not in said, said
    assert scratch() <= before
