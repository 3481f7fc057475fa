"""Who is let in: each way to ask, each kind of secret, each kind of client. And what a refused one is told."""

import asyncio

import pytest

from support.pgweir import Pgweir
from support.wire import ServerError, Wire, error_fields, md5_secret, message, scram_secret, startup
from tests.conftest import file, run

# A user for each kind of secret; all of them know `secret`.
SECRETS = {
    "with_plain": "secret",
    "with_md5": md5_secret("with_md5", "secret"),
    "with_scram": scram_secret("secret"),
}

# A SCRAM login proves knowledge of a password of which an md5 hash says nothing; the configuration is refused.
IMPOSSIBLE = ("scram-sha-256", "with_md5")


async def login(pooler, user: str, password: str, database: str = "app") -> str:
    """`in`, or the SQLSTATE with which the client was refused."""
    try:
        client = await Wire.login(pooler.host, pooler.port, user, database, password)
    except ServerError as refusal:
        return refusal.sqlstate
    assert await client.query("select 1") == [["1"]]
    await client.close()
    return "in"


@pytest.mark.parametrize("auth_type", ["trust", "plain", "md5", "scram-sha-256"])
def test_matrix(run_pgweir, postgres, auth_type):
    possible = {user: secret for user, secret in SECRETS.items() if (auth_type, user) != IMPOSSIBLE}
    users = {user: {"password": secret} for user, secret in possible.items()}
    pooler = run_pgweir(config=file(postgres, users=users, auth={"auth_type": auth_type}))

    async def story():
        wrong = "in" if auth_type == "trust" else "28P01"
        for user in possible:
            assert await login(pooler, user, "secret") == "in", f"{user}, right password"
            assert await login(pooler, user, "Secret") == wrong, f"{user}, wrong password"
        if auth_type != "trust":
            assert await login(pooler, "nobody_knows", "secret") == "28P01"

    run(story())


def test_unknown_users_and_wrong_passwords_look_alike(sidecar):
    pooler = sidecar()

    async def refused(user: str, password: str) -> dict:
        with pytest.raises(ServerError) as refusal:
            await Wire.login(pooler.host, pooler.port, user, "app", password)
        return refusal.value.fields

    async def story():
        wrong, unknown = await refused("app", "wrong"), await refused("nobody_knows", "wrong")
        assert wrong.keys() == unknown.keys()
        for key in wrong.keys() - {"M"}:
            assert wrong[key] == unknown[key]
        assert wrong["M"].replace("app", "nobody_knows") == unknown["M"]

    run(story())
    assert pooler.wait_for_event("client_login_failed", 2)


def test_the_same_login_as_in_the_url_and_no_other(sidecar):
    pooler = sidecar()
    tries = [("app", "secret", "in"), ("app", "other", "28P01"), ("other", "secret", "28P01"), ("app", "", "28P01")]

    async def story():
        for user, password, expected in tries:
            assert await login(pooler, user, password) == expected, (user, password)

    run(story())


def test_a_url_without_a_password_trusts_clients(run_pgweir, postgres):
    pooler = run_pgweir(database_url=postgres.url("trusted"))
    assert run(login(pooler, "trusted", "")) == "in"


def test_a_database_that_is_not_served(sidecar):
    assert run(login(sidecar(), "app", "secret", database="elsewhere")) == "3D000"


def test_a_database_that_postgres_does_not_have(run_pgweir, postgres):
    pooler = run_pgweir(config=file(postgres, databases={"*": {"url": postgres.url("app", "secret", dbname="")}}))
    assert run(login(pooler, "app", "secret", database="elsewhere")) == "3D000"
    assert run(login(pooler, "app", "secret", database="app")) == "in"


def test_scram_pass_through(run_pgweir, postgres):
    """Only the verifier is known, the one that Postgres has: the client's own proof opens the server."""
    stored = postgres.run("select rolname, rolpassword from pg_authid where rolname in ('app', 'other')")
    where = {"app": {"host": postgres.host, "port": postgres.port}}
    users = {name: {"password": verifier} for name, verifier in stored}
    pooler = run_pgweir(config=file(postgres) | {"databases": where, "users": users})

    async def story():
        for user in ("app", "other"):
            client = await Wire.login(pooler.host, pooler.port, user, "app", "secret")
            assert await client.query("select current_user, usename from pg_stat_activity where pid = pg_backend_pid()") == [
                [user, user]
            ]
            await client.close()
            assert await login(pooler, user, "wrong") == "28P01"

    run(story())


def test_a_password_that_a_client_tells_opens_a_server_also_where_none_was_known(run_pgweir, postgres):
    """The pool of a fixed user is there before any client has come. A password that is changed is another from the next login on."""
    postgres.run("drop role if exists changing", "create role changing login password 'first'")
    verifier = lambda: postgres.run("select rolpassword from pg_authid where rolname = 'changing'")[0][0]
    databases = {"app": {"host": postgres.host, "port": postgres.port, "user": "changing"}}
    config = lambda: file(postgres, auth={"auth_type": "plain"}) | {
        "databases": databases,
        "users": {"changing": {"password": verifier()}},
    }
    pooler = run_pgweir(config=config())
    pooler.wait_for_event("server_connect_failed")
    assert run(login(pooler, "changing", "first")) == "in"
    postgres.run(
        "alter role changing password 'second'",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'changing'",
    )
    pooler.reload(config())
    assert run(login(pooler, "changing", "first")) == "28P01"
    assert run(login(pooler, "changing", "second")) == "in"


def test_a_password_that_is_changed_while_it_is_asked_for(run_pgweir, postgres):
    """It was right when it was asked for, and opens nothing any more."""
    config = lambda password: file(postgres, auth={"auth_type": "plain"}, users={"app": {"password": password}})
    pooler = run_pgweir(config=config("secret"))

    async def story():
        client = await Wire.open(pooler.host, pooler.port)
        client.send(startup("app", "app"))
        assert await client.read() == (b"R", (3).to_bytes(4, "big"))
        await asyncio.to_thread(pooler.reload, config("another"))
        client.send(message(b"p", b"secret\0"))
        assert await client.read() == (b"R", bytes(4)), "it was right"
        tag, body = await client.read()
        assert tag == b"E" and error_fields(body)["C"] == "57P03"
        client.abort()
        assert await login(pooler, "app", "another") == "in"

    run(story())


def test_each_user_has_servers_of_its_own(run_pgweir, postgres):
    where = {"app": {"host": postgres.host, "port": postgres.port}}
    users = {"app": {"password": "secret"}, "other": {"password": "secret"}}
    pooler = run_pgweir(config=file(postgres) | {"databases": where, "users": users})

    async def who(user: str) -> str:
        client = await Wire.login(pooler.host, pooler.port, user, "app", "secret")
        rows = await client.query("select current_user")
        await client.close()
        return rows[0][0]

    async def story():
        asked = ["app", "other"] * 20
        assert await asyncio.gather(*map(who, asked)) == asked

    run(story())


def test_servers_that_ask_for_md5(run_pgweir, postgres):
    for known in ("secret", md5_secret("app_md5", "secret")):
        databases = {"app": {"host": postgres.host, "port": postgres.port}}
        config = file(postgres) | {"databases": databases, "auth": {"auth_type": "md5"}}
        pooler = run_pgweir(config=config | {"users": {"app_md5": {"password": known}}})
        assert run(login(pooler, "app_md5", "secret")) == "in"


def test_a_server_that_refuses_us(run_pgweir, postgres):
    """The client hears what the server said; the operator, which server it was."""
    databases = {"app": {"url": postgres.url("app", "not the password")}}
    pooler = run_pgweir(config=file(postgres, databases=databases))

    async def story():
        with pytest.raises(ServerError, match="password authentication failed"):
            client = await Wire.login(pooler.host, pooler.port, "app", "app", "secret")
            await client.query("select 1")

    run(story())
    assert str(postgres.port) in str(pooler.wait_for_event("server_connect_failed"))


def test_passwords_with_every_kind_of_letter(run_pgweir, postgres):
    password = "p@ss:w/ör%d ✓ '\"\\"
    postgres.run("drop role if exists tricky")
    with postgres.connect() as connection:
        quoted = password.replace("'", "''")
        connection.execute(f"create role tricky login password '{quoted}'")
    pooler = run_pgweir(database_url=postgres.url("tricky", password))
    assert run(login(pooler, "tricky", password)) == "in"
    assert run(login(pooler, "tricky", "secret")) == "28P01"


def test_a_trusting_pgweir_stays_on_loopback(postgres):
    pooler = Pgweir(database_url=postgres.url("trusted"), listen="0.0.0.0:0")
    try:
        pooler.start()
        assert pooler.child.wait(10) == 1
        assert "loopback" in pooler.child.text() or "password" in pooler.child.text()
    finally:
        pooler.kill()
