"""Django's ORM over psycopg 3, through TLS and SCRAM, bound by the client and by the server; twenty-four threads."""

import psycopg
import pytest
from django.core.management import call_command
from django.db import DataError, IntegrityError, close_old_connections, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, F, Sum

from support.django import BINDINGS, THREADS, ask, in_threads, point_at
from shop.models import Line, Order
from tests.conftest import secure_file

@pytest.fixture
def shop(two_servers, certificates, postgres):
    """Django pointed at pgweir, the shop's tables made by its migrations."""
    postgres.run("drop table if exists shop_line, shop_order, django_migrations cascade", dbname="app")
    point_at(two_servers.port, certificates.ca)
    call_command("migrate", verbosity=0)
    yield
    connections.close_all()


def test_tls(shop):
    assert ask("default", "select ssl from pg_stat_ssl where pid = pg_backend_pid()") is True
    assert connections["default"].connection.pgconn.ssl_in_use


def test_migrations(shop):
    assert len(MigrationRecorder(connections["default"]).applied_migrations()) == 3
    assert list(Line.objects.values_list("order__customer", "article", "amount")) == [("migration", "welcome", 2)]
    assert ask("default", "select count(*) from pg_index where indexrelid = 'shop_order_customer'::regclass and indisvalid") == 1
    call_command("migrate", "shop", "zero", verbosity=0)
    assert columns() == []
    call_command("migrate", verbosity=0)
    assert columns() == ["id", "article", "facts", "order_id", "amount"]
    call_command("migrate", check_unapplied=True, verbosity=0)
    call_command("makemigrations", check_changes=True, verbosity=0)


def test_the_database_of_the_tests(run_pgweir, certificates, postgres):
    """What `manage.py test` does before and after the tests."""
    config = secure_file(postgres, certificates)
    config["databases"] = {"*": {"host": "localhost", "port": postgres.port}}
    pooler = run_pgweir(config=config)
    postgres.run("drop database if exists test_app (force)", "alter role app createdb")
    point_at(pooler.port, certificates.ca)
    creation = connections["default"].creation
    try:
        assert creation.create_test_db(verbosity=0, serialize=False) == "test_app"
        assert Line.objects.values_list("order__customer", flat=True).get() == "migration"
        creation.destroy_test_db("app", verbosity=0)
        assert postgres.run("select 1 from pg_database where datname = 'test_app'") == []
    finally:
        connections["default"].settings_dict["NAME"] = "app"
        connections.close_all()
        postgres.run("alter role app nocreatedb", "drop database if exists test_app (force)")


def columns() -> list:
    """The columns of the lines' table, as Django sees them; none without the table."""
    look = connections["default"].introspection
    with connections["default"].cursor() as cursor:
        if "shop_line" not in look.table_names(cursor):
            return []
        return [column.name for column in look.get_table_description(cursor, "shop_line")]


@pytest.mark.parametrize("using", BINDINGS)
def test_the_orm(shop, using):
    orders = Order.objects.using(using)
    orders.bulk_create(Order(number=number, customer=f"customer {number % 7}") for number in range(1, 501))
    lines = [Line(order=order, article="a", amount=2, facts={"n": order.number}) for order in orders.filter(number__gt=0)]
    Line.objects.using(using).bulk_create(lines, batch_size=100)
    orders.filter(number__range=(1, 100)).update(paid=True, customer=F("customer"))
    assert orders.filter(paid=True).count() == 100
    assert orders.get_or_create(number=1)[1] is False
    assert orders.update_or_create(number=501, defaults={"customer": "new"})[1] is True
    assert orders.filter(lines__facts__n__gte=490).aggregate(all=Sum("lines__amount"))["all"] == 22
    grouped = orders.filter(number__gt=0, paid=True).values("customer").annotate(n=Count("id")).order_by("customer")
    assert [row["n"] for row in grouped] == [14, 15, 15, 14, 14, 14, 14]
    assert orders.filter(number__gt=400).delete()[1] == {"shop.Order": 101, "shop.Line": 100}


@pytest.mark.parametrize("using", BINDINGS)
def test_transactions_with_savepoints(shop, using):
    orders = Order.objects.using(using)
    with transaction.atomic(using=using):
        orders.create(number=1, customer="kept")
        with pytest.raises(IntegrityError), transaction.atomic(using=using):
            orders.create(number=1, customer="twice")
        with transaction.atomic(using=using):
            orders.create(number=2, customer="kept")
        with pytest.raises(DataError), transaction.atomic(using=using):
            orders.create(number=3, customer="lost")
            ask(using, "select 1/0")
        assert orders.select_for_update().get(number=2).customer == "kept"
    with pytest.raises(RuntimeError), transaction.atomic(using=using):
        orders.create(number=4, customer="lost")
        raise RuntimeError
    called = []
    with transaction.atomic(using=using):
        transaction.on_commit(lambda: called.append(orders.count()), using=using)
    assert called == [3]
    assert list(orders.order_by("number").values_list("number", flat=True)) == [0, 1, 2]


@pytest.mark.parametrize("using", BINDINGS)
def test_server_side_cursors_in_transactions(shop, using):
    Order.objects.bulk_create(Order(number=number, customer="c") for number in range(1, 1001))

    def read(number: int) -> None:
        with transaction.atomic(using=using):
            seen = Order.objects.using(using).filter(number__gt=number).order_by("number").iterator(chunk_size=100)
            assert [order.number for order in seen] == list(range(number + 1, 1001))

    in_threads(using, read)


@pytest.mark.parametrize("using", BINDINGS)
def test_twenty_four_threads(shop, using):
    def work(number: int) -> None:
        for turn in range(10):
            with transaction.atomic(using=using):
                first = ask(using, "select pg_backend_pid()")
                order = Order.objects.using(using).create(number=1000 * (number + 1) + turn, customer=f"c{number}")
                order.lines.create(article=str(turn), facts={"turn": turn})
                assert ask(using, "select pg_backend_pid()") == first
            mine = Order.objects.using(using).filter(customer=f"c{number}").prefetch_related("lines").order_by("number")
            assert [line.facts["turn"] for order in mine for line in order.lines.all()] == list(range(turn + 1))

    in_threads(using, work)
    assert Order.objects.count() == THREADS * 10 + 1


@pytest.mark.parametrize("using", ["default", "short", "healthy"])
def test_the_age_of_connections(shop, using):
    """A request at a time, as Django's handlers do it; with CONN_MAX_AGE 0 each has a new connection."""

    def requests(number: int) -> None:
        held = set()
        for turn in range(5):
            close_old_connections()
            assert ask(using, "select %s::int * 10 + %s::int", [number, turn]) == number * 10 + turn
            held.add(connections[using].connection)
            close_old_connections()
        assert len(held) == (5 if using == "short" else 1)

    in_threads(using, requests)


def test_health_checks_do_not_notice_that_servers_died(shop, postgres):
    for _ in range(3):
        assert ask("healthy", "select 1") == 1
        held = connections["healthy"].connection
        postgres.run("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'app'")
        close_old_connections()
        assert ask("healthy", "select 2") == 2
        assert connections["healthy"].connection is held


SETTINGS = [
    ("tokyo", "TimeZone", "Asia/Tokyo", "UTC"),
    ("hurried", "statement_timeout", "1234ms", "0"),
    ("hurried", "lock_timeout", "567ms", "0"),
]


@pytest.mark.parametrize("using, name, its, others", SETTINGS, ids=[case[1] for case in SETTINGS])
def test_settings_of_one_database_entry(shop, using, name, its, others):
    for _ in range(3):
        assert ask(using, f"show {name}") == its
        assert ask("default", f"show {name}") == others


def test_settings_of_a_transaction(shop):
    """Row-level security's way: SET LOCAL and set_config(…, true)."""

    def work(number: int) -> None:
        for _ in range(5):
            with transaction.atomic():
                with connections["default"].cursor() as cursor:
                    cursor.execute(f"set local my.tenant = '{number}'")
                ask("default", "select set_config('my.other', %s, true)", [str(number)])
                assert ask("default", "select current_setting('my.tenant')") == str(number)
                assert ask("default", "select current_setting('my.other')") == str(number)
            assert ask("default", "select current_setting('my.tenant', true)") in (None, "")
            assert ask("default", "select current_setting('my.other', true)") in (None, "")

    in_threads("default", work)


def test_the_isolation_level_of_one_database_entry(shop):
    for _ in range(3):
        for using, level in [("serializable", "serializable"), ("default", "read committed")]:
            with transaction.atomic(using=using):
                assert ask(using, "show transaction_isolation") == level


def test_an_error_keeps_the_connection(shop):
    with pytest.raises(DataError) as failure:
        ask("default", "select 1/0")
    assert isinstance(failure.value.__cause__, psycopg.errors.DivisionByZero)
    assert ask("default", "select 1") == 1
