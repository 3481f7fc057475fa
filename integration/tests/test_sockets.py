"""Where pgweir listens and where it connects to: unix sockets on both sides, several addresses, IPv6."""

import os
import signal
import socket

import psycopg
import pytest

from support.children import Scratch, free_port
from support.pgweir import Pgweir
from tests.conftest import dsn, file


def has_ipv6() -> bool:
    """Whether this machine has `::1`."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def select_1(words: str) -> None:
    """A login and a query."""
    with psycopg.connect(words) as client:
        assert client.execute("select 1").fetchone() == (1,)


def test_a_unix_socket_on_both_sides(run_pgweir, postgres):
    scratch = Scratch()
    config = file(postgres, databases={"app": {"url": postgres.socket_url("app", "secret")}})
    pooler = run_pgweir(config=config | {"listen": {"unix_socket_dir": scratch.path}})
    path = pooler.addresses["unix"][0]
    assert os.path.exists(path) and os.path.basename(path).startswith(".s.PGSQL.")
    port = path.rsplit(".", 1)[1]
    with psycopg.connect(dsn(pooler, host=str(scratch.path), port=port)) as client:
        asked = client.execute("select client_addr is null from pg_stat_activity where pid = pg_backend_pid()")
        assert asked.fetchone() == (True,)
    pooler.child.send(signal.SIGTERM)
    pooler.child.wait()
    assert not os.path.exists(path)
    scratch.remove()


def test_a_socket_left_behind_is_no_hindrance(postgres):
    """After a kill its socket file is still there; the next pgweir takes it over."""
    scratch = Scratch()
    config = file(postgres) | {"listen": {"unix_socket_dir": scratch.path}}
    with Pgweir(config=config) as killed:
        port = killed.port
        killed.child.process.kill()
        killed.child.process.wait()
        with Pgweir(config=config, listen=f"127.0.0.1:{port}") as pooler:
            select_1(dsn(pooler, host=str(scratch.path), port=port))
        killed.child.process.returncode = 0
    scratch.remove()


def test_several_addresses(run_pgweir, postgres):
    pooler = run_pgweir(database_url=postgres.url("app", "secret"), listen="127.0.0.1:0,127.0.0.2:0")
    assert len(pooler.addresses["tcp"]) == 2
    for address in pooler.addresses["tcp"]:
        host, port = address.rsplit(":", 1)
        select_1(dsn(pooler, host=host, port=port))


def test_a_host_name_to_listen_on(run_pgweir, postgres):
    pooler = run_pgweir(database_url=postgres.url("app", "secret"), listen="localhost:0")
    select_1(dsn(pooler, host="localhost"))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(run_pgweir, postgres):
    pooler = run_pgweir(database_url=postgres.url("app", "secret"), listen="[::1]:0")
    select_1(dsn(pooler, host="::1"))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_every_address(run_pgweir, postgres):
    """Also where those of IPv4 are given for themselves. Who comes by IPv4 is shown so."""
    port = free_port()
    for listen in ("[::]:0", f"0.0.0.0:{port},[::]:{port}", f"[::]:{port},127.0.0.1:{port}"):
        pooler = run_pgweir(database_url=postgres.url("app", "secret"), listen=listen)
        for host in ("127.0.0.1", "::1"):
            select_1(dsn(pooler, host=host))
        shown = [pooler.wait_for_event("client_login", count)["addr"] for count in (1, 2)]
        assert [addr.rsplit(":", 1)[0] for addr in shown] == ["127.0.0.1", "[::1]"], listen
        pooler.child.stop(signal.SIGTERM)


def test_a_host_name_of_the_server(run_pgweir, postgres):
    pooler = run_pgweir(database_url=postgres.url("app", "secret", host="localhost"))
    select_1(dsn(pooler))
