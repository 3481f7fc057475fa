"""/healthz, /readyz and /metrics, as an orchestrator and Prometheus ask for them; and what the first page says meanwhile."""

import html
import json
import re
import signal
import socket
import threading
from contextlib import ExitStack

import psycopg
import pytest

from support.children import eventually
from support.pgweir import Pgweir
from tests.conftest import dsn, file, run
from tests.test_login import login

GAUGES = ["clients", "servers", "pool_size", "pool_waiting", "pool_max_wait_seconds"]
HISTOGRAMS = ["pool_wait_seconds", "query_seconds", "transaction_seconds", "server_connect_seconds", "client_login_seconds"]
COUNTERS = ["queries_total", "transactions_total", "client_bytes_total", "server_bytes_total"]
PROCESS = ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total", "build_info"]


def test_health(sidecar):
    assert sidecar().get("/healthz")[0] == 200


def test_readiness_follows_postgres(own_postgres, run_pgweir):
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"))
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready with a Postgres")
    own_postgres.stop()
    why = str(own_postgres.port)
    eventually(lambda: (answer := pooler.get("/readyz"))[0] == 503 and why in answer[1], "not ready without, and why", 20)
    assert pooler.get("/healthz")[0] == 200
    own_postgres.start()
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready again", 20)


def test_readiness_where_clients_bring_their_user(run_pgweir, own_postgres):
    """No user is fixed, so nothing is known before somebody comes; then it is."""
    place = {"host": own_postgres.host, "port": own_postgres.port, "dbname": "app"}
    pooler = run_pgweir(config=file(own_postgres, databases={"app": place}))
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1")
        own_postgres.stop()
        with pytest.raises(psycopg.Error):
            client.execute("select 1")
        eventually(lambda: pooler.get("/readyz")[0] == 503, "not ready without a Postgres", 20)
    own_postgres.start()
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready again, though nobody asks", 20)


def test_readiness_before_any_client_has_brought_a_user(run_pgweir, own_postgres):
    """Nobody can log in to Postgres yet; whether it answers can be seen all the same."""
    where = {"app": {"host": own_postgres.host, "port": own_postgres.port}}
    own_postgres.stop()
    pooler = run_pgweir(config=file(own_postgres) | {"databases": where})
    why = "app 08006: pgweir could not connect to the server: "
    eventually(lambda: (answer := pooler.get("/readyz"))[0] == 503 and why in answer[1], "not ready, and why", 20)
    own_postgres.start()
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready, though nobody has come", 20)
    own_postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn(pooler))
    eventually(lambda: pooler.get("/readyz")[0] == 503, "not ready: one has tried", 20)
    own_postgres.start()
    eventually(lambda: pooler.get("/readyz")[0] == 200, "ready again, though nobody asks again", 20)


def test_pools_of_databases_that_do_not_exist_go(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, databases={"*": {"host": postgres.host, "port": postgres.port}}))
    pools = lambda: {row["database"] for row in json.loads(pooler.get("/api/pools")[1])}
    for number in range(5):
        with pytest.raises(psycopg.Error, match="does not exist"):
            psycopg.connect(dsn(pooler, dbname=f"nothing_{number}"))
    with psycopg.connect(dsn(pooler)) as client:
        client.execute("select 1")
    eventually(lambda: pools() == {"app"}, "only what exists is left", 20)


def test_a_look_whether_the_port_is_open_is_no_login(sidecar):
    pooler = sidecar()
    for _ in range(3):
        socket.create_connection((pooler.host, pooler.port)).close()
    with socket.create_connection((pooler.host, pooler.port)) as half:
        half.sendall(b"\0\0")
    failed = pooler.wait_for_event("client_login_failed")
    assert len(pooler.events("client_login_failed")) == 1 and failed["reason"] == "protocol"


def test_every_metric_is_there(sidecar):
    pooler = sidecar()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        client.execute("select 1")
        eventually(lambda: "pgweir_queries_total" in pooler.get("/metrics")[1], "metrics")
        text = pooler.get("/metrics")[1]
    names = GAUGES + COUNTERS + PROCESS + [f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "count", "sum")]
    missing = [name for name in names if f"\npgweir_{name}{{" not in text and f"\npgweir_{name} " not in text]
    assert not missing, text


def test_counters_count(sidecar):
    pooler = sidecar(3)
    with psycopg.connect(dsn(pooler), autocommit=True) as client, psycopg.connect(dsn(pooler)) as busy:
        for _ in range(10):
            client.execute("select 1")
        with client.transaction():
            client.execute("select 1")
            client.execute("select 2")
        try:
            client.execute("select 1/0")
        except psycopg.Error:
            pass
        busy.execute("select 1")
        labels = {"database": "app", "user": "app"}
        metric = lambda name, **more: pooler.metric(f"pgweir_{name}", **labels, **more)
        # Ten, BEGIN, two, COMMIT, the error, and busy's BEGIN and SELECT.
        eventually(lambda: metric("queries_total") == 17, "17 queries")
        assert metric("transactions_total") == 12
        assert metric("errors_total", sqlstate="22012") == 1
        assert metric("pool_size") == 3
        assert metric("clients") == 2
        assert metric("clients", state="active") == 1
        assert 1 <= metric("servers") <= 3
        assert metric("servers", state="active") == 1
        assert metric("query_seconds_count") == 17
        assert metric("client_login_seconds_count") == 2
        assert pooler.metric("pgweir_process_open_fds") > 5
    eventually(lambda: metric("clients") == 0, "no client left")


def test_waiting_is_seen(sidecar):
    pooler = sidecar(1)
    labels = {"database": "app", "user": "app"}
    with psycopg.connect(dsn(pooler)) as busy, psycopg.connect(dsn(pooler), autocommit=True) as client:
        busy.execute("select 1")
        thread = threading.Thread(target=lambda: client.execute("select 1"))
        thread.start()
        eventually(lambda: pooler.metric("pgweir_pool_waiting", **labels) == 1, "one waits")
        eventually(lambda: pooler.metric("pgweir_pool_max_wait_seconds", **labels) > 0.5, "and for how long")
        busy.commit()
        thread.join()
    eventually(lambda: pooler.metric("pgweir_pool_wait_seconds_sum", **labels) > 0.5, "the wait was recorded")


def test_refusals_are_counted(sidecar):
    pooler = sidecar()
    assert run(login(pooler, "app", "wrong")) == "28P01"
    eventually(lambda: pooler.metric("pgweir_rejected_total") == 1, "one was refused")


def test_no_http(postgres):
    """`--http off` listens on nothing for HTTP."""
    pooler = Pgweir(database_url=postgres.url("app", "secret"), http="off")
    try:
        pooler.start()
        pooler.wait_for_event("listening")
        assert {event["kind"] for event in pooler.events("listening")} == {"tcp"}
    finally:
        pooler.stop()


def test_the_first_page_tells_of_a_wait_while_it_lasts(sidecar):
    """Nobody has come to the end of its wait, and what holds the server has not ended either."""
    pooler = sidecar(1)
    page = lambda: html.unescape(pooler.get("/")[1])

    def waits(client, sql: str) -> threading.Thread:
        thread = threading.Thread(target=client.execute, args=(sql,))
        thread.start()
        return thread

    with psycopg.connect(dsn(pooler)) as holder, psycopg.connect(dsn(pooler), autocommit=True) as other:
        holder.execute("select 1")
        waiting = waits(other, "select 2")
        eventually(lambda: "1 held by clients that run nothing, in a transaction" in page(), "it is told what holds the server")
        assert "clients of app/app wait for a server" in page() or "pool app/app saturated" in page()
        running = waits(holder, "select pg_sleep(3)")
        eventually(lambda: "1 held by select pg_sleep" in page(), "it is told what runs")
        running.join()
        holder.commit()
        waiting.join()
        holder.execute("listen a")
        holder.commit()
        waiting = waits(other, "select 3")
        eventually(lambda: "1 held by clients that run nothing, tied to their server by listen" in page(), "and what ties it")
        holder.execute("unlisten a")
        holder.commit()
        waiting.join()


def test_the_first_page_tells_what_keeps_a_pool_short(run_pgweir, postgres):
    """Waits of less than a second, and only a few of the servers that the pool may have: no size would help."""
    where = {"url": postgres.url("app", "secret"), "max_db_connections": 2}
    pooler = run_pgweir(config=file(postgres, pool={"pool_size": 20}, databases={"app": where}))
    over = threading.Event()

    def come_again():
        with psycopg.connect(dsn(pooler), autocommit=True) as client:
            while not over.is_set():
                client.execute("select pg_sleep(0.05)")

    crowd = [threading.Thread(target=come_again) for _ in range(10)]
    for client in crowd:
        client.start()
    try:
        first = lambda: next(iter(pooler.rows("problems")), {"brief": ""})
        eventually(lambda: re.match(r"pool app/app saturated for \d+ s with 2 of its 20 servers", first()["brief"]), "it is told", 30)
        assert first()["detail"].startswith("Why: max_db_connections is 2, and so many are open. "), first()
        page = html.unescape(pooler.get("/pool?database=app&user=app")[1])
        assert "It has 2 servers and cannot have its 20." in page and "servers would do" not in page
    finally:
        over.set()
        for client in crowd:
            client.join()


def test_a_full_pool_beyond_those_that_have_a_history_gets_one(run_pgweir, postgres):
    where = {"host": postgres.host, "port": postgres.port, "dbname": "app", "pool_size": 1}
    databases = {f"d{number}": where for number in range(33)}
    pooler = run_pgweir(config=file(postgres, databases=databases))
    told = lambda: {series["labels"]["database"] for series in pooler.rows("history")}
    for name in list(databases)[:32]:
        with psycopg.connect(dsn(pooler, dbname=name)):
            pass
    eventually(lambda: len(told()) == 32, "all places are taken")
    with psycopg.connect(dsn(pooler, dbname="d32")) as holder, psycopg.connect(dsn(pooler, dbname="d32"), autocommit=True) as other:
        holder.execute("select 1")
        waiting = threading.Thread(target=other.execute, args=("select 2",))
        waiting.start()
        eventually(lambda: "d32" in told() and len(told()) == 32, "one that is idle has made room")
        page = lambda: html.unescape(pooler.get("/")[1])
        eventually(lambda: "clients of d32/app wait for a server" in page() or "pool d32/app saturated" in page(), "it is judged")
        holder.commit()
        waiting.join()


def test_the_first_page_tells_of_clients_that_are_turned_away(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"max_clients": 1}))
    with psycopg.connect(dsn(pooler)):
        for _ in range(5):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(dsn(pooler))
        eventually(lambda: "5 clients or statements turned away" in pooler.get("/")[1], "it is told that they were turned away")
        assert "max_clients (5)" in pooler.get("/")[1]


def test_the_first_page_tells_of_a_pause(sidecar):
    pooler = sidecar()
    pooler.child.send(signal.SIGUSR1)
    eventually(lambda: "pgweir is paused" in pooler.get("/")[1], "it is told that it is paused")
    assert "Send it USR2 to go on." in pooler.get("/")[1]
    pooler.child.send(signal.SIGUSR2)
    eventually(lambda: "pgweir is paused" not in pooler.get("/")[1], "it goes on")


@pytest.mark.parametrize("how", ["transaction", "session", "tied"])
def test_the_first_page_tells_of_what_is_not_over(run_pgweir, postgres, how):
    """Also where the client would keep its server after the transaction: it holds locks all the same."""
    postgres.run("drop table if exists stock", "create table stock (id int primary key, n int)", dbname="app")
    postgres.run("insert into stock values (1, 0)", "grant all on stock to app", dbname="app")
    pooler = run_pgweir(config=file(postgres, pool={"pool_mode": "session" if how == "session" else "transaction"}))
    page = lambda: html.unescape(pooler.get("/")[1])
    change = "update stock set n = n + 1 where id = 1"
    with ExitStack() as stack:
        idle, other, holder = (stack.enter_context(psycopg.connect(dsn(pooler, application_name=name))) for name in ["idle", "", "checkout"])
        for client in [idle, holder]:
            client.execute("create temp table tie ()" if how == "tied" else "select 1")
            client.commit()
        holder.execute(change)
        blocked = threading.Thread(target=other.execute, args=(change,))
        blocked.start()
        eventually(lambda: "checkout runs nothing in a transaction for" in page(), "it is told who forgets to commit")
        eventually(lambda: "Meanwhile 1 client has been in UPDATE stock by id for" in page(), "and who waits for it")
        problem, *others = pooler.rows("problems")
        assert problem["severity"] == "bad" and problem["brief"].startswith("checkout runs nothing in a transaction for")
        assert not any("runs nothing" in one["brief"] for one in others), others
        assert "UPDATE stock by id" in problem["detail"] and pooler.get(problem["page"])[0] == 200
        holder.commit()
        blocked.join()
        other.commit()
        eventually(lambda: "runs nothing in a transaction" not in page(), "it is over")


def test_the_first_page_tells_of_a_statement_that_always_fails(sidecar):
    pooler = sidecar()
    with psycopg.connect(dsn(pooler), autocommit=True) as client:
        for number in range(800):
            client.execute("select 1")
            if number % 100 == 0:
                with pytest.raises(psycopg.errors.UndefinedColumn):
                    client.execute("select gone from pg_class")
        eventually(lambda: "select gone from pg_class fails 100 % of the time" in pooler.get("/")[1], "it does not drown")


def test_silent_connections_keep_nobody_out(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, pool={"max_clients": 5}))
    crowd = [socket.create_connection((pooler.host, pooler.port)) for _ in range(5)]
    clients = [psycopg.connect(dsn(pooler)) for _ in range(5)]
    assert clients[4].execute("select 1").fetchone() == (1,)
    # Of those who do speak none goes for another.
    with pytest.raises(psycopg.OperationalError, match="has no room for more clients"):
        psycopg.connect(dsn(pooler))
    host, port = pooler.http.split(":")
    http = [socket.create_connection((host, int(port))) for _ in range(70)]
    for quiet in http:
        quiet.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
    assert pooler.get("/healthz")[0] == 200
    for one in crowd + http + clients:
        one.close()
