"""N+1, small and exact: what is told of it, where, and when nothing is."""

import re
import time

import psycopg
import pytest

from support.children import eventually
from tests.conftest import dsn, file

# A burst is over when its client has been silent for a second.
OVER = 1.0

AUTHORS = 27


@pytest.fixture(scope="module")
def library(postgres):
    """Authors with numbers that have gaps, and books."""
    postgres.run(
        "drop table if exists book, author",
        "create table author (id int primary key, name text not null)",
        "create table book (id serial primary key, author_id int not null references author, title text not null)",
        f"insert into author select n * n * 7 + 1000, 'author ' || n from generate_series(1, {AUTHORS}) n",
        "insert into book (author_id, title) select id, 'by ' || name from author, generate_series(1, 3)",
        "grant select on author, book to app",
        dbname="app",
    )


def loop(client: psycopg.Connection, rows: int, comment: str = "") -> None:
    """The question, and one for each row of its answer."""
    for author, _ in client.execute("select id, name from author order by id limit %s", [rows]).fetchall():
        client.execute(f"select id, title from book where author_id = %s {comment}", [author]).fetchall()


def told(pooler, occurrences: int = 1, kind: str = "n_plus_one") -> dict:
    """The one finding of a kind, once it has been seen so often."""

    def enough() -> dict | None:
        rows = [row for row in pooler.rows("findings") if row["kind"] == kind]
        assert len(rows) <= 1, rows
        return rows[0] if rows and rows[0]["occurrences"] >= occurrences else None

    return eventually(enough, f"{occurrences} occurrences of {kind}")


def rest() -> None:
    """What was sent so far belongs together, what comes now does not, and the analyst has had time to say so."""
    begin = time.monotonic()
    eventually(lambda: time.monotonic() - begin > OVER + 0.5, "the burst is over")


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def check_row(row: dict, n: int, occurrences: int) -> None:
    """Every field of it."""
    assert (row["kind"], row["database"], row["user"], row["application_name"]) == ("n_plus_one", "app", "app", "shop")
    assert row["parent"]["sql"] == "select id, name from author order by id limit $1"
    assert (row["parent"]["rows"], row["parent"]["column"]) == (n, "author.id")
    assert [child["sql"] for child in row["children"]] == ["select id, title from book where author_id = $1"]
    assert all(re.fullmatch("[0-9a-f]{16}", shape["digest"]) for shape in [row["parent"], *row["children"]])
    assert (row["executions"], row["distinct_parameters"], row["occurrences"]) == (n, n, occurrences)
    assert row["wasted_ms"] > 0
    assert row["proof"].startswith(f"{n} of {n} parameters were ") and "in order" in row["proof"]
    assert "JOIN" in row["fix"] or "ANY" in row["fix"]
    assert TIME.fullmatch(row["first_seen"]) and TIME.fullmatch(row["last_seen"]) and row["first_seen"] <= row["last_seen"]


@pytest.mark.parametrize("rows, times", [(5, 2), (AUTHORS, 1)])
def test_an_n_plus_one(sidecar, library, rows, times):
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(times):
            assert pooler.rows("findings") == []
            loop(client, rows)
            rest()
        row = told(pooler, times)
        check_row(row, rows, times)
        clients = {one["application_name"]: one["findings"] for one in pooler.rows("clients")}
        assert clients["shop"] == [row["id"]]
    assert pooler.rows("findings?application_name=shop") == [row]
    assert pooler.rows("findings?application_name=another") == pooler.rows("findings?limit=0") == []
    assert pooler.metric("pgweir_findings_total", kind="n_plus_one") == times
    assert pooler.metric("pgweir_findings_total") == times
    assert pooler.events("finding") == []


def test_a_loop_in_a_pipeline(sidecar, library):
    """All at once and one after the other ask for other cures."""
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        authors = client.execute("select id, name from author order by id").fetchall()
        with client.pipeline():
            cursors = [client.execute("select id, title from book where author_id = %s", [author]) for author, _ in authors]
            assert all(len(cursor.fetchall()) == 3 for cursor in cursors)
        rest()
        assert told(pooler)["manner"] == "pipelined"


@pytest.mark.parametrize("form", ["t", "b"])
def test_lists_of_one(sidecar, library, form):
    """What asks for any of a list, and has one in it each time, as text and in binary."""
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for author, _ in client.execute("select id, name from author order by id").fetchall():
            client.execute(f"select title from book where author_id = any(%{form})", [[author]]).fetchall()
        rest()
        row = told(pooler)
        assert row["parent"]["column"] == "author.id" and "; its list has one value each time." in row["fix"]


def test_other_conditions_stay_in_the_cure(sidecar, library, postgres):
    """It runs as it stands, and shows the rows that the loop has shown: each with whose it is, and no others."""
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        authors = [author for author, _ in client.execute("select id, name from author order by id limit 25").fetchall()]
        query = "select title from book where author_id = %s and id %% 3 = 0"
        shown = [(author, *row) for author in authors for row in client.execute(query, [author]).fetchall()]
        rest()
        cure = re.search(r"SELECT [^:]*(?= with the values of all rows)", told(pooler)["fix"])[0]
        assert cure == "SELECT author_id, title FROM book WHERE author_id = ANY($1) AND id % $2 = $3"
        cure = cure.replace("%", "%%").replace("$1", "%s").replace("$2", "3").replace("$3", "0")
        assert sorted(client.execute(cure, [authors]).fetchall()) == sorted(shown) != []


def test_the_names_of_an_orm(sidecar, library):
    """Columns under names of its own, and a row that is written back as a whole: what is named is the column of the table."""
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        query = "select b.id as b_id, b.author_id as b_author_id, b.title as b_title from book as b order by b.title limit 20"
        for id, author, title in client.execute(query).fetchall():
            update = "update book set author_id = %s, title = %s where id = %s"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                client.execute(update, [author, title, id])
            client.execute("select name from author as a where a.id = %s and %s <> ''", [author, title])
        rest()
        row = told(pooler)
        assert row["parent"]["column"] == "book.author_id" and "book.author_id" in row["proof"] + row["fix"]


def test_a_foreign_key_says_what_names_do_not(sidecar, postgres):
    """Ids without gaps meet by chance, and `person` is not what `writer` says: Postgres is asked for its foreign keys, once."""
    postgres.run(
        "drop table if exists article, person",
        "create table person (id int primary key, name text not null)",
        "create table article (id serial primary key, writer int not null references person)",
        "insert into person select n, 'person ' || n from generate_series(1, 9) n",
        "insert into article (writer) select n from generate_series(9, 1, -1) n",
        "grant select on article, person to app",
        dbname="app",
    )
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(2):
            # Nothing declares that these belong together.
            for (article,) in client.execute("select id from article order by id").fetchall():
                client.execute("select name from person where id = %s", [article]).fetchall()
            rest()
        for _ in range(2):
            for _, writer in client.execute("select id, writer from article order by writer").fetchall():
                client.execute("select name from person where id = %s", [writer]).fetchall()
            rest()
    row = told(pooler, 2)
    assert row["parent"]["column"] == "article.writer"
    assert [child["sql"] for child in row["children"]] == ["select name from person where id = $1"]


def test_the_third_time_is_logged(sidecar, library):
    """Once an hour and no more."""
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for turn in range(1, 5):
            loop(client, AUTHORS)
            rest()
            told(pooler, turn)
            assert len(pooler.events("finding")) == (1 if turn >= 3 else 0)
    [event] = pooler.events("finding")
    row = told(pooler, 4)
    same = ["kind", "id", "database", "user", "application_name", "executions", "distinct_parameters", "proof", "fix", "first_seen"]
    assert {name: event[name] for name in same} == {name: row[name] for name in same}
    assert (event["parent"], event["children"]) == (row["parent"], row["children"])
    assert event["occurrences"] == 3 and event["wasted_ms"] > 0


def test_four_are_none(sidecar, library):
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(3):
            loop(client, 4)
            rest()
    assert pooler.rows("findings") == []


def test_a_comment_allows_it(sidecar, library):
    pooler = sidecar()
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(2):
            loop(client, AUTHORS, "/* pgweir: ok */")
            rest()
        assert pooler.rows("findings") == []
        assert [one["findings"] for one in pooler.rows("clients")] == [[]]
        loop(client, AUTHORS)
    told(pooler)


def test_how_many_make_one_is_configured(run_pgweir, postgres, library):
    pooler = run_pgweir(config=file(postgres, observe={"n_plus_one": 3}))
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(2):
            loop(client, 3)
            rest()
    check_row(told(pooler, 2), 3, 2)


def test_a_reload_changes_how_many(run_pgweir, postgres, library):
    pooler = run_pgweir(config=file(postgres, observe={"n_plus_one": 100}))
    pooler.reload(file(postgres, observe={"n_plus_one": 3}))
    with psycopg.connect(dsn(pooler, application_name="shop"), autocommit=True) as client:
        for _ in range(2):
            loop(client, 3)
            rest()
    told(pooler, 2)
