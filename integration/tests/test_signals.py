"""HUP, TERM, INT, USR1, USR2, as an operator or systemd sends them."""

import json
import signal
import socket
import threading
import time

import psycopg
import pytest

from support.children import eventually
from support.pgweir import Pgweir
from tests.conftest import dsn, file


@pytest.fixture
def start():
    """pgweirs that a test may end as it likes."""
    started = []

    def one(**how) -> Pgweir:
        started.append(Pgweir(**how))
        return started[-1].__enter__()

    yield one
    for pooler in started:
        pooler.stop() if pooler.child.alive() else pooler.scratch.remove()


def test_reload_takes_a_good_file(start, postgres):
    pooler = start(config=file(postgres))
    with psycopg.connect(dsn(pooler), autocommit=True) as old:
        old.execute("select 1")
        users = {"app": {"password": "secret"}, "other": {"password": "new"}}
        pooler.reload(file(postgres, users=users, databases={"second": {"url": postgres.url("app", "secret")}}))
        assert pooler.events("reloaded")
        assert old.execute("select 2").fetchone() == (2,)
        with psycopg.connect(dsn(pooler, dbname="second", user="other", password="new")) as new:
            assert new.execute("select 3").fetchone() == (3,)


BAD = [
    ("not TOML", "this is not TOML ["),
    ("an unknown key", "[pool]\npool_sise = 5\n"),
    ("a wrong value", "[pool]\npool_size = 'many'\n"),
]


@pytest.mark.parametrize("text", [case[1] for case in BAD], ids=[case[0] for case in BAD])
def test_reload_changes_nothing_for_a_bad_file(start, postgres, text):
    pooler = start(config=file(postgres))
    pooler.reload(text)
    assert pooler.events("reload_failed") and not pooler.events("reloaded")
    with psycopg.connect(dsn(pooler)) as client:
        assert client.execute("select 1").fetchone() == (1,)
    pooler.reload(file(postgres))
    assert pooler.events("reloaded")


def test_a_smaller_pool_closes_what_rests(start, postgres):
    pooler = start(config=file(postgres, pool={"pool_size": 6, "min_pool_size": 6}))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1")
        servers = lambda: pooler.rows("pools")[0]["servers"]["idle"]
        eventually(lambda: servers() == 6, "six servers rest")
        pooler.reload(file(postgres, pool={"pool_size": 2}))
        eventually(lambda: servers() == 2, "two servers rest")


@pytest.mark.parametrize("table, key", [("databases", "max_db_connections"), ("users", "max_user_connections")])
def test_a_lower_limit_closes_what_rests_and_what_comes_back(start, postgres, table, key):
    def limited(most: int) -> dict:
        whole = file(postgres, pool={"pool_size": 6})
        whole[table]["app"] |= {key: most}
        return whole

    pooler = start(config=limited(6))
    clients = [psycopg.connect(dsn(pooler)) for _ in range(6)]
    for client in clients:
        client.execute("select 1")
    servers = lambda: sum(pooler.rows("pools")[0]["servers"].values())
    for client in clients[:3]:
        client.commit()
    eventually(lambda: servers() == 6, "three are used, three rest")
    pooler.reload(limited(2))
    eventually(lambda: servers() == 3, "those that rest are closed")
    for client in clients[3:]:
        client.commit()
    eventually(lambda: servers() <= 2, "those that come back, too")
    for client in clients:
        assert client.execute("select 2").fetchone() == (2,)
        client.close()


def test_which_servers_are_wanted_holds_for_those_that_are_open(start, postgres):
    wants = lambda attrs: file(postgres) | {"databases": {"app": {"url": postgres.url("app", "secret") + attrs}}}
    pooler = start(config=wants(""))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        assert client.execute("select 1").fetchone() == (1,)
        pooler.reload(wants("?target_session_attrs=standby"))
        with pytest.raises(psycopg.Error, match="target_session_attrs"):
            client.execute("select 2")
        pooler.reload(wants("?target_session_attrs=primary"))
        eventually(lambda: answers(client), "there is one")


def answers(client) -> bool:
    try:
        return client.execute("select 3").fetchone() == (3,)
    except psycopg.Error:
        return False


def test_time_limits_of_a_reload_hold_for_what_is_held_open(start, postgres):
    pooler = start(config=file(postgres))
    with psycopg.connect(dsn(pooler)) as idle, psycopg.connect(dsn(pooler), autocommit=True) as busy:
        idle.execute("select 1")
        failed = []

        def sleep():
            with pytest.raises(psycopg.Error) as failure:
                busy.execute("select pg_sleep(60)")
            failed.append(failure.value.sqlstate)

        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        asleep = "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(60)'"
        eventually(lambda: postgres.run(asleep), "it sleeps")
        limits = {"idle_transaction_timeout": "200ms", "query_timeout": "200ms"}
        pooler.reload(file(postgres, pool=limits))
        sleeper.join(20)
        assert failed == ["57014"]
        eventually(lambda: not postgres.run(asleep), "it sleeps no more")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            idle.execute("select 2")


def test_how_long_a_client_may_rest_holds_for_those_at_rest(start, postgres):
    pooler = start(config=file(postgres))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1")
        pooler.reload(file(postgres, pool={"client_idle_timeout": "500ms"}))
        eventually(lambda: pooler.events("client_gone"), "it is closed, though it asked for nothing after the reload")
        with pytest.raises(psycopg.errors.IdleSessionTimeout):
            client.execute("select 2")


def test_a_client_at_rest_that_may_rest_for_longer_is_not_closed(start, postgres):
    pooler = start(config=file(postgres, pool={"client_idle_timeout": "2s"}))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1")
        pooler.reload(file(postgres))
        time.sleep(2.5)
        assert client.execute("select 2").fetchone() == (2,)


def test_whether_goodbyes_are_logged_holds_for_those_who_are_here(start, postgres):
    pooler = start(config=file(postgres))
    clients = [psycopg.connect(dsn(pooler)) for _ in range(2)]
    pooler.reload(file(postgres, log={"log_disconnections": False}))
    clients[0].close()
    eventually(lambda: len(pooler.rows("clients")) == 1, "one has gone")
    pooler.reload(file(postgres))
    clients[1].close()
    last = pooler.wait_for_event("client_login", 2)["id"]
    eventually(lambda: [gone["id"] for gone in pooler.events("client_gone")] == [last], "only the last is told of")


def test_a_database_that_is_removed_serves_its_clients_until_they_leave(start, postgres):
    both = lambda **databases: file(postgres) | {"databases": databases}
    app = {"url": postgres.url("app", "secret")}
    gone = app | {"min_pool_size": 1}
    pooler = start(config=both(app=app, gone=gone))
    pools = lambda: {row["database"] for row in json.loads(pooler.get("/api/pools")[1])}
    with psycopg.connect(dsn(pooler, dbname="gone"), autocommit=True) as client:
        client.execute("select 1")
        pooler.reload(both(app=app))
        assert client.execute("select 2").fetchone() == (2,)
        with pytest.raises(psycopg.OperationalError, match='database "gone" does not exist'):
            psycopg.connect(dsn(pooler, dbname="gone"))
        assert "gone" in pools()
    eventually(lambda: "gone" not in pools(), "no pool of a database that is not served")
    reasons = lambda: [event["reason"] for event in pooler.events("server_closed") if event["database"] == "gone"]
    eventually(lambda: reasons() == ["its database is not configured any more"], "its server is closed")


def test_reload_reminds_of_what_takes_a_restart(start, postgres):
    pooler = start(config=file(postgres))

    def reminders() -> int:
        return sum("after a restart" in event.get("message", "") for event in pooler.events("reloaded"))

    for listen, expected in [({"listen_backlog": 77}, 1), ({"listen_backlog": 77}, 2), ({}, 2)]:
        pooler.reload(file(postgres, listen=listen))
        assert reminders() == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_drain_lets_a_transaction_finish(start, postgres, number):
    pooler = start(config=file(postgres))
    idle, busy = psycopg.connect(dsn(pooler), autocommit=True), psycopg.connect(dsn(pooler))
    idle.execute("select 1")
    busy.execute("create temp table drained (x int) on commit drop")
    pooler.child.send(number)
    pooler.wait_for_event("draining")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn(pooler))
    busy.execute("insert into drained values (1)")
    assert busy.execute("select x from drained").fetchone() == (1,)
    assert pooler.child.alive()
    busy.commit()
    assert pooler.child.wait(10) == 0
    assert pooler.events("stopped")
    with pytest.raises(psycopg.OperationalError):
        idle.execute("select 2")
    postgres.wait_for_sessions("app", 0)


def test_drain_ends_what_lasts_too_long(start, postgres):
    pooler = start(config=file(postgres, pool={"shutdown_timeout": "500ms"}))
    busy = psycopg.connect(dsn(pooler))
    busy.execute("select 1")
    started = time.monotonic()
    pooler.child.send(signal.SIGTERM)
    assert pooler.child.wait(10) == 0
    assert 0.3 < time.monotonic() - started < 5
    assert [event["clients_closed"] for event in pooler.events("stopped")] == [1]
    with pytest.raises(psycopg.OperationalError):
        busy.execute("select 2")


def test_a_second_term_ends_at_once(start, postgres):
    pooler = start(config=file(postgres))
    busy = psycopg.connect(dsn(pooler))
    busy.execute("select 1")
    pooler.child.send(signal.SIGTERM)
    pooler.wait_for_event("draining")
    started = time.monotonic()
    pooler.child.send(signal.SIGTERM)
    pooler.child.wait(5)
    assert time.monotonic() - started < 2


def test_quit_ends_at_once(start, postgres):
    pooler = start(config=file(postgres))
    busy = psycopg.connect(dsn(pooler))
    busy.execute("select 1")
    pooler.child.send(signal.SIGQUIT)
    assert pooler.child.wait(10) == 0
    with pytest.raises(psycopg.errors.AdminShutdown):
        busy.execute("select 2")


def test_pause_and_resume(start, postgres):
    """In a pause transactions finish, new ones wait, and nobody sees an error."""
    pooler = start(config=file(postgres))
    with psycopg.connect(dsn(pooler)) as busy, psycopg.connect(dsn(pooler), autocommit=True) as client:
        busy.execute("select 1")
        pooler.child.send(signal.SIGUSR1)
        eventually(lambda: pooler.get("/readyz")[0] == 503, "/readyz says that we are paused")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(client.execute("select 'resumed'").fetchone()[0]))
        thread.start()
        assert busy.execute("select 2").fetchone() == (2,)
        busy.commit()
        thread.join(0.5)
        assert thread.is_alive() and not answers
        pooler.child.send(signal.SIGUSR2)
        thread.join(5)
        assert answers == ["resumed"]
        eventually(lambda: pooler.get("/readyz")[0] == 200, "/readyz says that we go on")


def test_systemd_is_told(start, postgres, tmp_path):
    """Type=notify: ready, reloading, stopping."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(path))
        notified.settimeout(10)
        pooler = start(config=file(postgres), env={"NOTIFY_SOCKET": path})

        def hear(word: str) -> None:
            while word not in notified.recv(4096).decode():
                pass

        hear("READY=1")
        pooler.reload(file(postgres))
        hear("RELOADING=1")
        hear("READY=1")
        pooler.stop()
        hear("STOPPING=1")
