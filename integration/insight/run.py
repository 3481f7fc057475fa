"""One stack through a pgweir of its own, or the clean load: played, the findings looked at. Not what is made of them."""

import json
import subprocess
import time

from insight import stage
from insight.label import ALARMS, Scenario
from insight.play import Company, Stack
from insight.score import Outcome, score
from support.pgweir import Pgweir
from support.places import ROOT
from support.postgres import Postgres

OCCURRENCES = 2

# A burst ends a second after its last statement; then the analyst has to say it.
SETTLE = 2.5

CONNECTIONS = 20
SEED = 4

# More than there can be.
MOST = 100_000


def stack(server: Postgres, one: Stack, scenarios: list[Scenario]) -> list[Outcome]:
    """Every scenario twice, a picture of the findings after each time."""
    database = stage.copy(server, one.name)
    with stage.pgweir(server, database) as pooler:
        with Company(one, stage.place(pooler, database), scenarios) as company:
            pictures, failed = [], {}
            for _ in range(OCCURRENCES):
                failed |= company.once()["failed"]
                time.sleep(SETTLE)
                pictures.append(findings(pooler))
    mine = lambda name: [[finding for finding in picture if finding["application_name"] == name] for picture in pictures]
    return [score(scenario, mine(scenario.name), failed.get(scenario.name)) for scenario in scenarios]


def findings(pooler: Pgweir) -> list[dict]:
    """All that there are."""
    status, body = pooler.get(f"/api/findings?limit={MOST}")
    if status != 200:
        raise RuntimeError(f"/api/findings: {status} {body}")
    return json.loads(body)


def clean(server: Postgres, ids: str, statements: int) -> tuple[str, list[dict]]:
    """The clean load with ids `dense` or `sparse`: what its program says, and the alarms, of which there must be none."""
    program = ROOT / "target" / "debug" / "examples" / "clean"
    with stage.pgweir(server, stage.DATABASE) as pooler:
        url = f"postgres://{stage.USER}@{pooler.host}:{pooler.port}/{stage.DATABASE}"
        arguments = [str(word) for word in (program, url, ids, statements, CONNECTIONS, SEED)]
        said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()
        time.sleep(SETTLE)
        return said, [finding for finding in findings(pooler) if finding["kind"] in ALARMS]
