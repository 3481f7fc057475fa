"""Parameters stay with their client over servers that are shared: set at startup, by options, by SET; rolled back too."""

import psycopg
import pytest

from support.wire import Wire
from tests.conftest import dsn, run


@pytest.fixture
def connect(sidecar):
    """Connections to a pooler with one server, so that every client gets the last one's."""
    pooler = sidecar(1)
    opened = []

    def one(**more) -> psycopg.Connection:
        opened.append(psycopg.connect(dsn(pooler, **more), autocommit=True))
        return opened[-1]

    yield one
    for connection in opened:
        connection.close()


def shown(connection, name: str) -> str:
    """What the session says of a parameter."""
    return connection.execute(f"show {name}").fetchone()[0]


STARTUP = [
    ("application_name", {"application_name": "one"}, {"application_name": "two"}, "one", "two"),
    ("TimeZone", {"options": "-c TimeZone=Asia/Tokyo"}, {"options": "-c TimeZone=America/Lima"}, "Asia/Tokyo", "America/Lima"),
    ("search_path", {"options": "-c search_path=left"}, {"options": "-c search_path=right"}, "left", "right"),
    ("DateStyle", {"options": "-c DateStyle=German,DMY"}, {"options": "-c DateStyle=SQL,MDY"}, "German, DMY", "SQL, MDY"),
    ("client_encoding", {"client_encoding": "LATIN1"}, {"client_encoding": "UTF8"}, "LATIN1", "UTF8"),
    ("statement_timeout", {"options": "-c statement_timeout=1000"}, {"options": "-c statement_timeout=2000"}, "1s", "2s"),
    ("extra_float_digits", {"options": "-c extra_float_digits=2"}, {"options": "--extra-float-digits=3"}, "2", "3"),
    ("my.setting", {"options": "-c my.setting=mine"}, {"options": r"-c my.setting=with\ space"}, "mine", "with space"),
]


@pytest.mark.parametrize("name, left, right, expected_left, expected_right", STARTUP, ids=[case[0] for case in STARTUP])
def test_set_at_startup(connect, name, left, right, expected_left, expected_right):
    one, two, plain = connect(**left), connect(**right), connect()
    unset = plain.execute("select current_setting(%s, true)", [name]).fetchone()[0]
    for _ in range(3):
        assert shown(one, name) == expected_left
        assert shown(two, name) == expected_right
        assert plain.execute("select current_setting(%s, true)", [name]).fetchone()[0] in (unset, "")


SET = [
    ("application_name", "'set one'", "'set two'"),
    ("TimeZone", "'Asia/Tokyo'", "'America/Lima'"),
    ("DateStyle", "'German, DMY'", "'SQL, MDY'"),
    ("IntervalStyle", "'iso_8601'", "'sql_standard'"),
    ("client_encoding", "'LATIN1'", "'UTF8'"),
    ("standard_conforming_strings", "'off'", "'on'"),
]


@pytest.mark.parametrize("name, left, right", SET, ids=[case[0] for case in SET])
def test_set_by_a_statement(connect, name, left, right):
    one, two, plain = connect(), connect(), connect()
    before = shown(plain, name)
    one.execute(f"set {name} = {left}")
    two.execute(f"set {name} = {right}")
    for _ in range(3):
        assert shown(one, name) == left.strip("'")
        assert shown(two, name) == right.strip("'")
        assert shown(plain, name) == before


def test_rolled_back(connect):
    one, two = connect(), connect()
    with one.transaction(force_rollback=True):
        one.execute("set TimeZone = 'Asia/Tokyo'")
        assert shown(one, "TimeZone") == "Asia/Tokyo"
    assert shown(one, "TimeZone") == shown(two, "TimeZone") != "Asia/Tokyo"


def test_local_to_a_transaction(connect):
    one, two = connect(), connect()
    with one.transaction():
        one.execute("set local TimeZone = 'Asia/Tokyo'")
    assert shown(one, "TimeZone") == shown(two, "TimeZone") != "Asia/Tokyo"


def test_what_the_client_believes_is_true(connect):
    """ParameterStatus as reported to the client equals what the server answers."""
    one, two = connect(application_name="one"), connect(application_name="two")
    one.execute("set TimeZone = 'Asia/Tokyo'")
    two.execute("set DateStyle = 'German, DMY'")
    for connection in (one, two, one, two):
        for name in ("application_name", "TimeZone", "DateStyle", "client_encoding"):
            assert connection.pgconn.parameter_status(name.encode()).decode() == shown(connection, name)


def test_a_value_that_needs_quoting(connect):
    name = "it's \"quoted\"; select 1/0; -- \\"
    one, two = connect(application_name=name), connect()
    for _ in range(2):
        assert shown(one, "application_name") == name
        assert shown(two, "application_name") != name


def test_the_welcome_is_the_servers(sidecar, postgres):
    pooler = sidecar(1)

    async def story():
        client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret", application_name="welcome")
        assert client.parameters["server_version"] == postgres.version()
        assert client.parameters["application_name"] == "welcome"
        assert {"server_encoding", "integer_datetimes", "DateStyle", "TimeZone", "is_superuser"} <= client.parameters.keys()
        await client.close()

    run(story())


def test_what_a_login_asks_for_is_not_taken_from_others(connect):
    connect().execute("set datestyle = 'ISO, DMY'")
    with connect(options="-c DateStyle=ISO") as asking:
        assert asking.info.parameter_status("DateStyle") == shown(asking, "DateStyle") == "ISO, MDY"


def test_a_login_learns_nothing_on_a_server_that_cannot_be_put_back(connect, postgres):
    postgres.run("drop role if exists may", "create role may superuser", "grant may to app")
    one = connect()
    one.execute("set role may; set log_statement = 'all'")
    one.close()
    with connect(options="-c my.never_seen=1") as asking:
        assert shown(asking, "my.never_seen") == "1" and shown(asking, "log_statement") == "none"
    postgres.run("drop role may")


@pytest.mark.parametrize("asked", ["TimeZone=no-such-place", "no_such_parameter=1", "log_statement=all", "shared_buffers=1"])
def test_what_postgres_refuses_is_the_clients_own_trouble(connect, asked):
    with connect() as before:
        assert shown(before, "log_statement") == "none"
        for _ in range(2):
            with pytest.raises(psycopg.Error, match=asked.split("=")[0]):
                connect(options=f"-c {asked}").execute("select 1")
            assert before.execute("select 1").fetchone() == (1,)
        assert connect().execute("select 1").fetchone() == (1,)
