"""What sessions remember beyond transactions, as Django and its users make use of it; twenty-four threads over two servers."""

import pytest
from django.db import connections, transaction
from django.db.backends.signals import connection_created

from support.django import BINDINGS, THREADS, ask, in_threads
from tests.test_django import shop  # noqa: F401
from shop.models import Order


def run(sql: str, using: str = "default") -> None:
    """A statement without an answer."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql)


def test_settings_in_autocommit(shop):
    def work(number: int) -> None:
        run(f"set statement_timeout = {1001 + number}")
        run(f"set my.tenant = 'tenant {number}'")
        for _ in range(5):
            assert ask("default", "show statement_timeout") == f"{1001 + number}ms"
            assert ask("default", "show my.tenant") == f"tenant {number}"

    in_threads("default", work)


def test_settings_made_by_a_signal(shop):
    def prepare(connection, **_):
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = 4321")
            cursor.execute("select set_config('search_path', 'public, elsewhere', false)")

    def work(_number: int) -> None:
        for _ in range(3):
            assert ask("default", "show lock_timeout") == "4321ms"
            assert ask("default", "show search_path") == "public, elsewhere"

    connection_created.connect(prepare, dispatch_uid="prepare")
    try:
        in_threads("default", work)
    finally:
        connection_created.disconnect(dispatch_uid="prepare")
    assert ask("server_binding", "show lock_timeout") == "0"


def test_an_assumed_role(shop, postgres):
    """Django says SET ROLE when it connects."""
    postgres.run("drop role if exists shopkeeper", "create role shopkeeper", "grant shopkeeper to app")
    entry = connections.settings["healthy"]["OPTIONS"]
    entry["assume_role"] = "shopkeeper"
    try:

        def work(_number: int) -> None:
            for _ in range(5):
                assert ask("healthy", "select current_user") == "shopkeeper"
                assert ask("default", "select current_user") == "app"

        in_threads("healthy", work)
    finally:
        del entry["assume_role"]


@pytest.mark.parametrize("using", BINDINGS)
def test_server_side_cursors_outside_transactions(shop, using):
    """Django declares them WITH HOLD, and closes them when they have been read."""
    Order.objects.bulk_create(Order(number=number, customer="c") for number in range(1, 501))

    def read(number: int) -> None:
        seen = Order.objects.using(using).filter(number__gt=number).order_by("number").iterator(chunk_size=100)
        assert [order.number for order in seen] == list(range(number + 1, 501))

    in_threads(using, read)


def test_advisory_locks(shop):
    holders = []

    def work(number: int) -> None:
        run("select pg_advisory_lock(4713)", "patient")
        holders.append(number)
        with transaction.atomic("patient"):
            Order.objects.using("patient").create(number=number + 1, customer="locked")
        assert Order.objects.using("patient").filter(number=number + 1).exists()
        assert holders == [number]
        holders.clear()
        assert ask("patient", "select pg_advisory_unlock(4713)") is True

    in_threads("patient", work)
    assert Order.objects.filter(customer="locked").count() == THREADS


def test_temporary_tables(shop):
    def work(number: int) -> None:
        run("create temporary table chosen (id bigint)")
        run(f"insert into chosen select * from generate_series(1, {number + 1})")
        assert ask("default", "select count(*) from chosen") == number + 1
        run("discard temp")

    in_threads("default", work)
