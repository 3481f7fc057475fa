"""A part of the corpus of `make insight`: some stacks, the families that are not hidden and do not pause. Their programs send
what their labels say, and pgweir finds it and nothing else."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from insight import run, stage, table
from insight.check import LOGGED, check
from insight.families import ALL, BOOKS_OF_AUTHORS
from insight.label import Expect, Scenario, hidden
from insight.play import BY_NAME
from insight.score import matches, right_column, score

# Simple protocol with literals, extended protocol, pipelines, three mappers; none that needs Rust to be built for it.
STACKS = ["psycopg2", "postgres.js", "sqlalchemy-asyncpg", "django-server", "drizzle"]


@pytest.fixture(scope="module")
def shop():
    """Postgres with the shop; its log has all statements."""
    with stage.postgres(**LOGGED) as server:
        stage.fill(server)
        yield server


@pytest.fixture(scope="module")
def outcomes(shop):
    """The scenarios of all stacks, played at the same time."""

    def play(name: str) -> list:
        scenarios = [one for one in BY_NAME[name].scenarios() if not one.hidden and not one.family.slow]
        return run.stack(shop, BY_NAME[name], scenarios)

    with ThreadPoolExecutor(len(STACKS)) as crowd:
        return dict(zip(STACKS, crowd.map(play, STACKS)))


@pytest.mark.parametrize("name", STACKS)
def test_programs_send_what_their_labels_say(shop, name):
    assert check(shop, name) == []


@pytest.mark.parametrize("name", STACKS)
def test_nothing_is_found_that_is_not_there(outcomes, name):
    wrong = table.mistakes(outcomes[name])
    assert not any(one.failed or one.false for one in outcomes[name]), wrong
    assert table.sums(outcomes[name]).expected > 30


def test_hardly_anything_is_missed(outcomes):
    everything = [one for some in outcomes.values() for one in some]
    together = table.sums(everything)
    assert together.recall >= table.RECALL and together.column >= table.COLUMN["connection"], table.mistakes(everything)


def test_a_third_of_the_families_is_hidden():
    assert 0.25 < sum(map(hidden, ALL)) / len(ALL) < 0.45


def finding(kind="n_plus_one", child="select title from books where author_id = $1", parent="select id from authors", column="id"):
    """As the API tells it."""
    told = {"sql": parent, "column": column} if parent else None
    return {"kind": kind, "children": [{"sql": child}], "parent": told, "executions": 9, "proof": ""}


HAS_MANY = BOOKS_OF_AUTHORS[0]
READ = Expect("duplicate_read", "settings")


@pytest.mark.parametrize(
    "expect, told, fits, column",
    [
        (HAS_MANY, finding(), True, True),
        (HAS_MANY, finding(child='SELECT "books"."id" FROM "public"."books" AS b WHERE 1'), True, True),
        (HAS_MANY, finding(column="authors.id"), True, True),
        (HAS_MANY, finding(column='"authors"."id"'), True, True),
        (HAS_MANY, finding(column="books.id"), True, False),
        (HAS_MANY, finding(column="name"), True, False),
        (HAS_MANY, finding(column=None), True, False),
        (HAS_MANY, finding(kind="suspected_loop"), False, None),
        (HAS_MANY, finding(parent=None), False, None),
        (HAS_MANY, finding(parent="select id from authors_of_old"), False, None),
        (HAS_MANY, finding(child="select books from shelves"), False, None),
        (READ, finding("duplicate_read", "select value from settings where key = $1", None), True, None),
        (Expect("n_plus_one", "books", "books", "id"), finding(child="update books set views = 1", parent="select * from books"), True, True),
    ],
)
def test_a_finding_fits_a_label(expect, told, fits, column):
    assert matches(expect, told) is fits
    assert column is None or right_column(expect, told) is column


FALSE = finding(parent="select id from tags")
SUSPECTED = finding("suspected_loop", parent=None)


@pytest.mark.parametrize(
    "family, form, pictures, occurrence, true, false, suspected",
    [
        ("has_many", "loop", [[], [finding()]], 2, 1, 0, 0),
        ("has_many", "loop", [[finding()], [finding(), FALSE]], 1, 1, 1, 0),
        ("has_many", "loop", [[SUSPECTED], [SUSPECTED]], None, 0, 0, 1),
        ("has_many", "cured", [[], [finding()]], None, 0, 1, 0),
        ("polling_fast", "clean", [[], [finding("duplicate_read", parent=None)]], None, 0, 0, 0),
        ("polling", "clean", [[], [finding("duplicate_read", parent=None)]], None, 0, 1, 0),
    ],
)
def test_scores(family, form, pictures, occurrence, true, false, suspected):
    outcome = score(Scenario(ALL[family], "any", form, 9), pictures)
    assert [found.occurrence for found in outcome.found] == ([occurrence] if form == "loop" else [])
    assert (len(outcome.true), len(outcome.false), outcome.suspected) == (true, false, suspected)
