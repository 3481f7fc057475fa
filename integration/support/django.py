"""Django, configured once and pointed at one pgweir after the other. Importing this makes `shop.models` importable."""

import threading
from pathlib import Path

import django
from django.conf import settings
from django.db import connections

from support.crowd import at_once

# Clients at once: Django keeps a connection for each thread.
THREADS = 24

# The entries of DATABASES whose values are bound by the client and by the server.
BINDINGS = ["default", "server_binding"]

# Longer than any test: a connection lives until its thread has ended or the test closes it.
CONN_MAX_AGE = 600


def database(options: dict | None = None, **more) -> dict:
    """One entry of DATABASES. The port is that of the pgweir that the test has."""
    place = {"ENGINE": "django.db.backends.postgresql", "HOST": "localhost", "NAME": "app"}
    return place | {"USER": "app", "PASSWORD": "secret", "CONN_MAX_AGE": CONN_MAX_AGE, "OPTIONS": options or {}} | more


# By name, how Django may be told to speak; each is another set of connections.
DATABASES = {
    "default": database(),
    "server_binding": database({"server_side_binding": True}),
    "short": database(CONN_MAX_AGE=0, CONN_HEALTH_CHECKS=True),
    "healthy": database(CONN_HEALTH_CHECKS=True),
    "serializable": database({"isolation_level": 4}),
    "tokyo": database(TIME_ZONE="Asia/Tokyo"),
    "hurried": database({"options": "-c statement_timeout=1234 -c lock_timeout=567"}),
    # Who waits for a lock that will not come says so.
    "patient": database({"options": "-c lock_timeout=20s"}),
}

if not settings.configured:
    settings.configure(
        DATABASES=DATABASES,
        INSTALLED_APPS=["django.contrib.postgres", "shop"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def point_at(port: int, ca: Path) -> None:
    """All connections that will be made from now on reach this port, TLS checked; the old ones are closed."""
    connections.close_all()
    for name, entry in connections.settings.items():
        entry["PORT"] = str(port)
        entry["OPTIONS"] |= {"sslmode": "verify-full", "sslrootcert": str(ca)}
        if hasattr(connections._connections, name):
            del connections[name]


def ask(using: str, sql: str, parameters=None):
    """The one value of a query past the ORM."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def in_threads(using: str, work) -> None:
    """`work(number)` in many threads, each with a connection of its own, all open at once."""
    everyone = threading.Barrier(THREADS)

    def one(number: int) -> None:
        try:
            connections[using].ensure_connection()
            everyone.wait()
            work(number)
            everyone.wait()
        except BaseException:
            everyone.abort()
            raise
        finally:
            connections.close_all()

    at_once(THREADS, one)
