"""One command: a throw-away Postgres, pgweir in front of it with nothing but a DATABASE_URL, and a shop with a thousand users.
FIXED=1 is the cured shop.

What happens is told every other second, and what pgweir finds as it finds it, until Ctrl-C or for DEMO_SECONDS; then
everything is gone."""

import asyncio
import logging
import os
import sys
import time

from demo import cured, sick
from demo.story import Story
from demo.tables import DATABASE, PASSWORD, ROLE, SETTINGS, fill
from demo.users import Users
from demo.view import Sight, heading, line
from support.children import free_port, obey_signals, raise_open_files
from support.pgweir import Pgweir
from support.postgres import Postgres

# The ports of the manual, if nobody has them.
PORT = 6432
HTTP_PORT = 6433

# Seconds between two looks.
LOOK = 2.0


def main() -> None:
    """Sets the stage, plays, strikes it."""
    obey_signals()
    raise_open_files()
    # What the drivers say of statements that the end of it all interrupts.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    is_fixed = os.environ.get("FIXED", "0") not in ("", "0")
    count = int(os.environ.get("DEMO_USERS") or 1000)
    seconds = float(os.environ.get("DEMO_SECONDS") or "inf")
    say("starting a throw-away Postgres …")
    with Postgres(settings=SETTINGS) as postgres:
        say("filling the shop …")
        fill(postgres, is_fixed)
        say("starting pgweir …")
        with start(postgres) as pooler:
            say(heading(pooler, count, is_fixed))
            story = Story(pooler)
            try:
                asyncio.run(play(Users(pooler, cured if is_fixed else sick, count), story, seconds))
            except KeyboardInterrupt:
                pass
            say(f"\n{story.summary()}\nstopping, and removing everything …")
    say("gone.")


def start(postgres: Postgres) -> Pgweir:
    """pgweir as a sidecar: one environment variable; ten servers, and slow is what takes 20 ms, to make its points sooner and on
    fast machines."""
    return Pgweir(
        database_url=postgres.url(ROLE, PASSWORD, dbname=DATABASE),
        env={
            "PGWEIR_POOL_POOL_SIZE": 10,
            "PGWEIR_OBSERVE_SLOW_QUERY": "20ms",
            "PGWEIR_LOG_LOG_CONNECTIONS": "false",
            "PGWEIR_LOG_LOG_DISCONNECTIONS": "false",
        },
        listen=f"127.0.0.1:{free_port(PORT)}",
        http=f"127.0.0.1:{free_port(HTTP_PORT)}",
    )


async def play(users: Users, story: Story, seconds: float) -> None:
    """The users work while we look at them."""
    end, sight = time.monotonic() + seconds, Sight(users.pooler)
    working = asyncio.create_task(users.work())
    try:
        while time.monotonic() < end and not working.done():
            await asyncio.sleep(LOOK)
            seen, news = await asyncio.to_thread(lambda: (sight.look(), story.news()))
            trouble = users.trouble
            say(line(seen, users.take_counts(), LOOK) + (f"   {trouble}" if trouble else ""))
            for named in news:
                say(story.tell(named))
        if working.done():
            working.result()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        sight.close()


def say(text: str) -> None:
    """To the person in front of the terminal."""
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
