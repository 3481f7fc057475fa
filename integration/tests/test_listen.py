"""LISTEN and NOTIFY in transaction mode: one connection listens for all clients; nothing is lost, nothing goes astray."""

import asyncio
import json

import asyncpg
import psycopg
import pytest
from psycopg import sql

from support.children import eventually

PATIENCE = 20


@pytest.fixture
def pooler(sidecar):
    """Two servers for everybody."""
    return sidecar(pool_size=2)


def connect(pooler) -> psycopg.Connection:
    """A client in autocommit."""
    return psycopg.connect(f"postgres://app:secret@{pooler.host}:{pooler.port}/app", autocommit=True)


def heard(connection, count: int = 1) -> list[tuple[str, str]]:
    """So many notifications."""
    notes = connection.notifies(timeout=PATIENCE, stop_after=count)
    return [(note.channel, note.payload) for note in notes][:count]


def lost(pooler) -> list[str]:
    """Why it was cut off from the server that it listens with."""
    return [event["error"] for event in pooler.events("listener_lost")]


def expect_pinned(pooler, *reasons: list) -> None:
    """Waits until clients are tied to servers for these reasons; what ties one is known a moment after its answer."""
    pinned = lambda: [row["pinned"] for row in json.loads(pooler.get("/api/clients")[1]) if row["pinned"]]
    eventually(lambda: pinned() == list(reasons), f"clients pinned by {reasons}")


def test_a_crowd_listens_on_few_servers(pooler, postgres):
    listeners = [connect(pooler) for _ in range(40)]
    for number, listener in enumerate(listeners):
        listener.execute(f"listen own_{number}")
        listener.execute("listen everybody")
    expect_pinned(pooler)
    with connect(pooler) as speaker:
        for number in range(40):
            speaker.execute("select pg_notify(%s, %s)", [f"own_{number}", f"for {number}"])
        speaker.execute("notify everybody, 'all'")
    for number, listener in enumerate(listeners):
        assert heard(listener, 2) == [(f"own_{number}", f"for {number}"), ("everybody", "all")]
        assert listener.execute("select %s::int", [number]).fetchone() == (number,)
        listener.close()
    # Two of the pool, one that listens.
    assert postgres.sessions("app") <= 3


def test_several_in_one_text_tie_nobody(pooler):
    """As graphile-worker says it, whose workers would have taken all servers."""
    listeners = [connect(pooler) for _ in range(4)]
    for listener in listeners:
        assert listener.execute('LISTEN "jobs:insert"; LISTEN "worker:migrate";').statusmessage == "LISTEN"
        cursor = listener.execute("; listen a; listen gone; /* one */ unlisten gone; -- two")
        tags = [cursor.statusmessage]
        while cursor.nextset():
            tags.append(cursor.statusmessage)
        assert tags == ["LISTEN", "LISTEN", "UNLISTEN"]
    expect_pinned(pooler)
    with connect(pooler) as speaker:
        speaker.execute("""notify gone; notify "worker:migrate", '1'; notify a, '2'; notify "jobs:insert", '3'""")
        for listener in listeners:
            assert heard(listener, 3) == [("worker:migrate", "1"), ("a", "2"), ("jobs:insert", "3")]
        listeners[0].execute("unlisten *; listen b; listen a")
        speaker.execute("""notify "jobs:insert", '4'; notify a, '5'; notify b, '6'""")
        assert heard(listeners[0], 2) == [("a", "5"), ("b", "6")]
    for listener in listeners:
        listener.close()


def test_of_several_in_one_text_all_are_heard_or_none(run_pgweir, own_postgres):
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    with connect(pooler) as listener:
        listener.execute("listen a")
        own_postgres.stop()
        with pytest.raises(psycopg.OperationalError):
            listener.execute("unlisten a; listen b; listen c")
        # Who is told that it cannot listen again has listened all the time.
        with pytest.raises(psycopg.OperationalError):
            listener.execute("listen a")
        own_postgres.start()
        listener.execute("listen d")
        with own_postgres.connect("app") as speaker:
            for channel in "bcad":
                speaker.execute(f"notify {channel}")
            speaker.commit()
        assert heard(listener, 2) == [("a", ""), ("d", "")]


def test_listeners_of_asyncpg(pooler):
    """They listen by a statement with a name, which any of their connections prepares."""

    async def story():
        place = {"host": pooler.host, "port": pooler.port, "user": "app", "password": "secret", "database": "app"}
        listeners, heard = [await asyncpg.connect(**place) for _ in range(5)], asyncio.Queue()
        for number, listener in enumerate(listeners):
            await listener.add_listener("by_name", lambda *said, number=number: heard.put_nowait((number, said[-1])))
        expect_pinned(pooler)
        speaker = await asyncpg.connect(**place)
        await speaker.execute("notify by_name, 'one'")
        said = [await asyncio.wait_for(heard.get(), PATIENCE) for _ in listeners]
        assert sorted(said) == [(number, "one") for number in range(5)]
        for listener in [*listeners, speaker]:
            assert await listener.fetchval("select 1") == 1
            await listener.close()

    asyncio.run(story())


@pytest.mark.parametrize("channel", ["plain", "With Spaces", 'quo"ted', "dot.ted", "ünïcode", "x" * 63])
def test_any_channel_and_payload(pooler, channel):
    payload = "ä€😀'\"\\ " + "p" * 7900
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        speaker.execute("select pg_notify(%s, %s)", [channel, payload])
        assert heard(listener) == [(channel, payload)]


def test_unlisten(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        for word in ("a", "b", "c"):
            listener.execute(f"listen {word}")
        listener.execute("unlisten a")
        speaker.execute("notify a, '1'; notify b, '2'")
        assert heard(listener) == [("b", "2")]
        listener.execute("begin; unlisten b; commit")
        speaker.execute("notify b, '3'; notify c, '4'")
        assert heard(listener) == [("c", "4")]
        listener.execute("unlisten *")
        listener.execute("listen d")
        speaker.execute("notify c, '5'; notify d, '6'")
        assert heard(listener) == [("d", "6")]


def test_an_unlisten_that_is_rolled_back_is_none(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("listen a")
        listener.execute("begin; unlisten a; rollback")
        speaker.execute("notify a, '1'")
        assert heard(listener) == [("a", "1")]


def test_in_a_transaction_it_ties_until_it_is_over(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("begin; listen a; rollback")
        expect_pinned(pooler)
        listener.execute("begin; listen a; commit")
        expect_pinned(pooler, ["listen"])
        speaker.execute("notify a, '1'")
        assert heard(listener) == [("a", "1")]
        listener.execute("unlisten a")
        listener.execute("select 1")
        expect_pinned(pooler)


def test_what_the_own_server_notifies_of_as_well_comes_once(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("listen a; listen b")
        listener.execute("begin; listen a; listen c; commit")
        expect_pinned(pooler, ["listen"])
        for number in range(100):
            speaker.execute(f"notify a, '{number}'; notify b, '{number}'")
        speaker.execute("notify a, 'last'")
        notes = heard(listener, 201)
        assert [payload for channel, payload in notes if channel == "a"] == [*map(str, range(100)), "last"]
        speaker.execute("notify c, 'own'; notify b, 'end'")
        assert sorted(heard(listener, 2)) == [("b", "end"), ("c", "own")]
        # Neither is heard of in between, nor lost.
        listener.execute("begin; unlisten *; listen a; commit")
        speaker.execute("notify b; notify c; notify a, 'again'")
        assert heard(listener) == [("a", "again")]
        listener.execute("unlisten a")
        expect_pinned(pooler)
        listener.execute("listen c")
        speaker.execute("notify a; notify c, 'by the pool'")
        assert heard(listener) == [("c", "by the pool")]


def test_while_the_pool_cannot_listen_the_own_server_is_heard(run_pgweir, own_postgres):
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    with connect(pooler) as listener:
        notices = []
        listener.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        listener.execute("listen a")
        listener.execute("begin; listen a; commit")
        expect_pinned(pooler, ["listen"])
        own_postgres.run(
            "alter role app password 'another'",
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgweir'",
        )
        eventually(lambda: lost(pooler), "the listener is lost")
        with own_postgres.connect("app") as speaker:
            speaker.autocommit = True
            speaker.execute("notify a, 'meanwhile'")
            assert heard(listener) == [("a", "meanwhile")]
            own_postgres.run("alter role app password 'secret'")
            eventually(lambda: list(listener.notifies(timeout=0)) or notices, "a notice that some may have been missed")
            speaker.execute("notify a, 'once'")
            speaker.execute("notify a, 'more'")
            assert heard(listener, 2) == [("a", "once"), ("a", "more")]


def test_notifications_wait_for_the_end_of_a_transaction(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("listen a")
        listener.execute("begin")
        speaker.execute("notify a, '1'")
        assert listener.execute("select 'inside'").fetchone() == ("inside",)
        listener.execute("commit")
        assert heard(listener) == [("a", "1")]


def test_a_client_that_holds_a_server_hears_what_it_listened_to_before(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("listen a")
        listener.execute("select pg_advisory_lock(1)")
        expect_pinned(pooler, ["advisory_lock"])
        speaker.execute("notify a, '1'")
        assert heard(listener) == [("a", "1")]
        listener.execute("select pg_advisory_unlock(1)")


def test_many_notifications_come_in_order(pooler):
    with connect(pooler) as listener, connect(pooler) as speaker:
        listener.execute("listen a")
        speaker.execute("select count(pg_notify('a', n::text)) from generate_series(1, 5000) n")
        assert heard(listener, 5000) == [("a", str(n)) for n in range(1, 5001)]


def test_after_a_restart_of_postgres_it_listens_again_and_says_so(run_pgweir, own_postgres):
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    with connect(pooler) as listener:
        notices = []
        listener.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        listener.execute("listen a")
        own_postgres.stop()
        own_postgres.start()
        eventually(lambda: list(listener.notifies(timeout=0)) or notices, "a notice that some may have been missed")
        assert "may have been missed" in notices[0]
        with own_postgres.connect("app") as speaker:
            speaker.execute("notify a, 'again'")
            speaker.commit()
        assert heard(listener) == [("a", "again")]


def test_a_server_that_refuses_to_listen_for_a_while_is_asked_again(run_pgweir, own_postgres):
    """As a standby does that has taken the address over, until it is promoted."""
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    with connect(pooler) as listener, connect(pooler) as late:
        notices = []
        listener.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        listener.execute("listen a")
        own_postgres.stop()
        (own_postgres.files / "standby.signal").touch()
        own_postgres.start()
        refused = lambda: "it refuses to listen: cannot execute LISTEN during recovery" in lost(pooler)
        eventually(refused, "a line in the log")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="cannot execute LISTEN during recovery"):
            late.execute("listen a")
        assert not notices, "nobody listens again yet"
        own_postgres.run("select pg_promote()")
        eventually(lambda: list(listener.notifies(timeout=0)) or notices, "a notice that some may have been missed")
        late.execute("listen a")
        with own_postgres.connect("app") as speaker:
            speaker.execute("notify a, 'again'")
            speaker.commit()
        assert heard(listener) == heard(late) == [("a", "again")]


def test_a_login_that_is_refused_to_the_listener_is_tried_at_once_for_another(run_pgweir, own_postgres):
    """While nobody asks it is tried less and less often; who was cut off hears when it succeeds."""
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    refused = lambda: [event for event in pooler.events("server_connect_failed") if event.get("purpose") == "listen"]
    with connect(pooler) as listener, connect(pooler) as late:
        notices = []
        listener.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        listener.execute("listen a")
        own_postgres.run(
            "alter role app password 'another'",
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
        )
        eventually(lambda: len(refused()) >= 4, "refused again and again")
        assert "28P01" in refused()[0]["error"] and not notices
        own_postgres.run("alter role app password 'secret'")
        late.execute("listen a")
        eventually(lambda: list(listener.notifies(timeout=0)) or notices, "a notice that some may have been missed")
        with own_postgres.connect("app") as speaker:
            speaker.execute("notify a, 'again'")
            speaker.commit()
        assert heard(listener) == heard(late) == [("a", "again")]
