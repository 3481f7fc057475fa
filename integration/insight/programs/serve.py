"""A program's side of the conversation with play.py: a line of JSON with a place and scenarios, then for each line `go` all
of them once, and a line of JSON about what was sent and what failed."""

import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

# Requests at once. More would stretch the pauses within each of them on a small machine.
AT_ONCE = 6


def serve(play, prepare=lambda place, scenarios: None) -> None:
    """`play(place, scenario)` makes one request and returns how many statements it asked for; `prepare` comes before all."""
    told = json.loads(sys.stdin.readline())
    prepare(told["place"], told["scenarios"])
    while sys.stdin.readline():
        print(json.dumps(occurrence(play, told["place"], told["scenarios"])), flush=True)


def occurrence(play, place: dict, scenarios: list) -> dict:
    """All scenarios once; those that pause do so beside the others."""
    slow = [scenario for scenario in scenarios if scenario["slow"]]
    quick = [scenario for scenario in scenarios if not scenario["slow"]]
    outcome = {"asked": {}, "failed": {}}

    def one(scenario: dict) -> None:
        try:
            outcome["asked"][scenario["name"]] = play(place, scenario)
        except Exception:
            outcome["failed"][scenario["name"]] = traceback.format_exc(limit=-4)

    with ThreadPoolExecutor(len(slow) or 1) as patient, ThreadPoolExecutor(AT_ONCE) as busy:
        patient.map(one, slow)
        busy.map(one, quick)
    return outcome
