"""TLS: every mode towards clients, every mode towards servers, right and wrong."""

import asyncio
import socket
import ssl
import struct

import psycopg
import pytest

from support.between import Between
from support.certificates import Authority, self_signed
from support.children import Scratch
from support.postgres import Postgres, create_roles
from support.wire import GSSENC_REQUEST, SSL_REQUEST, ServerError, Wire, startup
from tests.conftest import dsn, file, run, secure_dsn

ASK_TLS = struct.pack("!ii", 8, SSL_REQUEST)

# pgweir's mode, libpq's mode, and what comes of it: with TLS, in the clear, refused.
TO_CLIENTS = [
    ("disable", "disable", "clear"),
    ("disable", "prefer", "clear"),
    ("disable", "require", "refused"),
    ("allow", "disable", "clear"),
    ("allow", "require", "tls"),
    ("prefer", "disable", "clear"),
    ("prefer", "prefer", "tls"),
    ("prefer", "verify-full", "tls"),
    ("require", "disable", "refused"),
    ("require", "require", "tls"),
    ("require", "verify-full", "tls"),
    ("verify-ca", "disable", "refused"),
    ("verify-ca", "require", "refused"),
]


def client_section(certificates, mode: str) -> dict:
    """`[tls.client]`."""
    if mode == "disable":
        return {"mode": mode}
    own = {"cert_file": certificates.server.cert, "key_file": certificates.server.key}
    return {"mode": mode, "ca_file": certificates.ca} | own


def attempt(pooler, **more) -> str:
    """What comes of a login."""
    try:
        with psycopg.connect(dsn(pooler, host="localhost", **more)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            return "tls" if connection.pgconn.ssl_in_use else "clear"
    except psycopg.OperationalError:
        return "refused"


@pytest.mark.parametrize("mode, sslmode, expected", TO_CLIENTS, ids=lambda case: str(case))
def test_to_clients(run_pgweir, postgres, certificates, mode, sslmode, expected):
    pooler = run_pgweir(config=file(postgres, tls={"client": client_section(certificates, mode)}))
    assert attempt(pooler, sslmode=sslmode, sslrootcert=certificates.ca) == expected


def test_client_certificates(run_pgweir, postgres, certificates):
    pooler = run_pgweir(config=file(postgres, tls={"client": client_section(certificates, "verify-ca")}))
    ours, strange = certificates.client, certificates.stranger
    assert attempt(pooler, sslmode="require", sslcert=ours.cert, sslkey=ours.key) == "tls"
    assert attempt(pooler, sslmode="require", sslcert=strange.cert, sslkey=strange.key) == "refused"


# `[tls.server]`, the host in the URL, and whether a server can be had. Postgres' certificate is for `localhost` only.
TO_SERVERS = [
    ("disable", "127.0.0.1", None, True),
    ("prefer", "127.0.0.1", None, True),
    ("require", "127.0.0.1", None, True),
    ("verify-ca", "127.0.0.1", "ca", True),
    ("verify-ca", "localhost", "strange_ca", False),
    ("verify-full", "localhost", "ca", True),
    ("verify-full", "127.0.0.1", "ca", False),
    ("verify-full", "localhost", "strange_ca", False),
]


@pytest.mark.parametrize("mode, host, authority, served", TO_SERVERS, ids=lambda case: str(case))
def test_to_servers(run_pgweir, postgres, certificates, mode, host, authority, served):
    section = {"mode": mode} | ({"ca_file": getattr(certificates, authority)} if authority else {})
    databases = {"app": {"url": postgres.url("app", "secret", host=host)}}
    pooler = run_pgweir(config=file(postgres, databases=databases, tls={"server": section}))
    if not served:
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            psycopg.connect(dsn(pooler)).execute("select 1")
        assert pooler.wait_for_event("server_connect_failed")
        return
    with psycopg.connect(dsn(pooler)) as connection:
        asked = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        assert asked.fetchone()[0] is (mode != "disable")


def test_hostaddr_is_where_and_host_is_who(run_pgweir, postgres, certificates):
    databases = {"app": {"url": postgres.url("app", "secret", host="localhost", hostaddr="127.0.0.1")}}
    section = {"mode": "verify-full", "ca_file": certificates.ca}
    pooler = run_pgweir(config=file(postgres, databases=databases, tls={"server": section}))
    with psycopg.connect(dsn(pooler)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_server_that_wants_tls(run_pgweir, postgres):
    for mode, expected in (("require", "clear"), ("prefer", "clear"), ("disable", "refused")):
        databases = {"app": {"url": postgres.url("tls_only", "secret", sslmode=mode)}}
        pooler = run_pgweir(config=file(postgres, databases=databases))
        assert attempt(pooler, sslmode="disable") == expected, mode


def test_bytes_before_the_handshake_are_an_attack(run_pgweir, postgres, certificates):
    """CVE-2021-3935: what comes in the clear together with the SSLRequest is never taken for what came through TLS."""
    pooler = run_pgweir(config=file(postgres, tls={"client": client_section(certificates, "require")}))
    with socket.create_connection((pooler.host, pooler.port), timeout=10) as stranger:
        stranger.sendall(ASK_TLS + b"Q\0\0\0\x0dselect 1\0")
        received = b""
        try:
            while piece := stranger.recv(4096):
                received += piece
        except ConnectionResetError:
            pass
    assert received in (b"", b"S")
    assert attempt(pooler, sslmode="require") == "tls"


def secured(tcp: socket.socket) -> ssl.SSLSocket:
    """TLS on a connection whose SSLRequest was answered; nothing is checked. An end without a goodbye is an error."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    return anyone.wrap_socket(tcp, suppress_ragged_eofs=False)


# What is said once there is TLS, and brings nobody in.
IN_VAIN = {
    "a cancel of nobody": struct.pack("!iiii", 16, 80877102, 1, 2),
    "a second request": ASK_TLS,
    "not in time": b"\0",
}


@pytest.mark.parametrize("words", IN_VAIN.values(), ids=IN_VAIN.keys())
def test_tls_ends_with_a_goodbye(run_pgweir, postgres, certificates, words):
    """libpq from 17 on complains of a cancel's connection that ends without one."""
    tls = {"client": client_section(certificates, "require")}
    pooler = run_pgweir(config=file(postgres, tls=tls, pool={"client_login_timeout": "1s"}))
    with socket.create_connection((pooler.host, pooler.port), timeout=10) as tcp:
        tcp.sendall(ASK_TLS)
        assert tcp.recv(1) == b"S"
        with secured(tcp) as client:
            client.sendall(words)
            while client.recv(4096):
                pass


def test_certificates_are_read_again_on_reload(run_pgweir, postgres, certificates, tmp_path):
    cert, key = tmp_path / "now.crt", tmp_path / "now.key"

    def use(pair) -> None:
        cert.write_bytes(pair.cert.read_bytes())
        key.write_bytes(pair.key.read_bytes())

    use(certificates.stranger)
    config = file(postgres, tls={"client": {"mode": "require", "cert_file": cert, "key_file": key}})
    pooler = run_pgweir(config=config)
    assert attempt(pooler, sslmode="verify-full", sslrootcert=certificates.ca) == "refused"
    use(certificates.server)
    pooler.reload(config)
    assert attempt(pooler, sslmode="verify-full", sslrootcert=certificates.ca) == "tls"


async def conclude(client: Wire, rest: bytes, end_point: bytes = b"") -> str:
    """What comes of a login whose startup packet is complete with this: `in`, or the SQLSTATE."""
    client.send(rest)
    try:
        await client.authenticate("app", "secret", end_point)
        await client.until_ready()
        return "in"
    except ServerError as refusal:
        return refusal.sqlstate
    finally:
        client.abort()


def test_tls_that_is_required_in_the_middle_of_a_startup_packet(run_pgweir, postgres, certificates):
    config = lambda mode: file(postgres, tls={"client": client_section(certificates, mode)})
    pooler = run_pgweir(config=config("prefer"))

    async def story():
        client = await Wire.open(pooler.host, pooler.port)
        assert await client.ask(GSSENC_REQUEST) == b"N"
        packet = startup("app", "app")
        client.send(packet[:7])
        await asyncio.to_thread(pooler.reload, config("require"))
        assert await conclude(client, packet[7:]) == "28000"

    run(story())


def test_a_certificate_that_is_required_after_the_request_for_tls(run_pgweir, postgres, certificates):
    """Before the handshake and after it: what the client was not asked for then it has not shown."""
    config = lambda mode: file(postgres, tls={"client": client_section(certificates, mode)})
    pooler = run_pgweir(config=config("prefer"))

    async def story():
        clients = [await Wire.open(pooler.host, pooler.port) for _ in range(2)]
        assert [await client.ask(SSL_REQUEST) for client in clients] == [b"S", b"S"]
        await clients[0].secure()
        await asyncio.to_thread(pooler.reload, config("verify-full"))
        await clients[1].secure()
        for client in clients:
            assert await conclude(client, startup("app", "app")) == "57P03"

    run(story())
    ours = certificates.client
    assert attempt(pooler, sslmode="require", sslcert=ours.cert, sslkey=ours.key) == "tls"


def test_tls_that_is_required_before_it_is_asked_for(run_pgweir, postgres, certificates):
    """A client that has come before a reload is served by what holds when it speaks."""
    config = lambda mode: file(postgres, tls={"client": client_section(certificates, mode)})
    pooler = run_pgweir(config=config("disable"))

    async def story():
        client = await Wire.open(pooler.host, pooler.port)
        assert await client.ask(GSSENC_REQUEST) == b"N"
        await asyncio.to_thread(pooler.reload, config("require"))
        assert await client.ask(SSL_REQUEST) == b"S"
        end_point = await client.secure()
        assert await conclude(client, startup("app", "app"), end_point) == "in"

    run(story())


def test_a_login_is_bound_to_the_certificate_that_it_was_shown(run_pgweir, postgres, certificates):
    """It may be another's turn by then."""

    def config(pair) -> dict:
        return file(postgres, tls={"client": {"mode": "require", "cert_file": pair.cert, "key_file": pair.key}})

    pooler = run_pgweir(config=config(certificates.server))

    async def story():
        client = await Wire.open(pooler.host, pooler.port)
        assert await client.ask(SSL_REQUEST) == b"S"
        end_point = await client.secure()
        await asyncio.to_thread(pooler.reload, config(certificates.stranger))
        assert await conclude(client, startup("app", "app"), end_point) == "in"

    run(story())


@pytest.fixture
def authority():
    """Signs certificates for one test."""
    scratch = Scratch()
    yield Authority(scratch.path)
    scratch.remove()


@pytest.mark.parametrize("auth_type", ["scram-sha-256", "md5"])
def test_logins_are_bound_to_the_certificate(run_pgweir, postgres, certificates, auth_type):
    """As `channel_binding=require` has it: to Postgres directly, and through pgweir."""
    words = {"sslmode": "require", "channel_binding": "require"}
    psycopg.connect(dsn(postgres, **words)).close()
    verifier = postgres.run("select rolpassword from pg_authid where rolname = 'app'")[0][0]
    for password in ("secret", verifier):
        if (password, auth_type) == ("secret", "md5"):
            continue
        config = file(
            postgres,
            users={"app": {"password": password}},
            auth={"auth_type": auth_type},
            tls={"client": client_section(certificates, "prefer")},
        )
        config["databases"]["app"]["url"] = f"postgres://{postgres.host}:{postgres.port}/app?sslmode=require"
        pooler = run_pgweir(config=config)
        assert attempt(pooler, **words) == "tls"
        assert attempt(pooler, sslmode="require", channel_binding="disable") == "tls"
        assert attempt(pooler, sslmode="disable", channel_binding="require") == "refused"


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_binding_takes_the_hash_that_the_certificate_was_signed_with(run_pgweir, authority, digest):
    check_binding(run_pgweir, authority.sign("pgweir", digest=digest), authority.sign("postgres", digest=digest))


PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"]


@pytest.mark.parametrize("flags", [["-sha256"], ["-sha512"], ["-sha384", *PSS]], ids=["sha256", "sha512", "pss"])
def test_binding_to_certificates_with_rsa(run_pgweir, authority, flags):
    pair = self_signed(authority.directory, *flags)
    check_binding(run_pgweir, pair, pair)


def check_binding(run_pgweir, ours, theirs) -> None:
    """Bound logins to a pgweir with the one certificate in front of a Postgres with the other."""
    with Postgres(pair=theirs) as own:
        create_roles(own)
        psycopg.connect(dsn(own, sslmode="require", channel_binding="require")).close()
        certificate = {"cert_file": ours.cert, "key_file": ours.key}
        config = file(own, tls={"client": {"mode": "require"} | certificate})
        config["databases"]["app"]["url"] += "?sslmode=require"
        assert attempt(run_pgweir(config=config), sslmode="require", channel_binding="require") == "tls"


# Whether somebody in between passes the offer on, and what comes of it.
IN_BETWEEN = [(False, "channel binding check failed"), (True, "channel binding negotiation error")]


@pytest.mark.parametrize("keeps_back, complaint", IN_BETWEEN)
def test_nobody_between_client_and_pgweir_passes_a_login_on(secure, certificates, keeps_back, complaint):
    with Between(secure.port, certificates.stranger, keeps_back) as between:
        unbound = dsn(between, sslmode="require", channel_binding="disable")
        psycopg.connect(unbound).close()
        assert b"SCRAM-SHA-256" in between.heard
        with pytest.raises(psycopg.OperationalError, match=complaint):
            psycopg.connect(dsn(between, sslmode="require"))
    psycopg.connect(secure_dsn(secure, certificates)).close()


@pytest.mark.parametrize("keeps_back, complaint", IN_BETWEEN)
def test_nobody_between_pgweir_and_postgres_passes_a_login_on(run_pgweir, postgres, certificates, keeps_back, complaint):
    with Between(postgres.port, certificates.stranger, keeps_back) as between:
        url = f"postgres://app:secret@{between.host}:{between.port}/app?sslmode=require"
        pooler = run_pgweir(config=file(postgres, databases={"app": {"url": url}}))
        with pytest.raises(psycopg.OperationalError, match=complaint):
            psycopg.connect(dsn(pooler))
        assert b"SCRAM-SHA-256-PLUS" in between.heard


def test_a_server_with_a_certificate_of_the_first_version(run_pgweir, authority):
    """No library of ours can read it, so nothing is bound to it; the login works all the same."""
    with Postgres(pair=authority.sign("postgres", names=None)) as own:
        create_roles(own)
        databases = {"app": {"url": own.url("app", "secret", sslmode="require")}}
        assert attempt(run_pgweir(config=file(own, databases=databases))) == "clear"
