"""Looks at Postgres while clients work: how many servers a pooler has really opened."""

import threading

LOOK_EVERY = 0.02


class Watch:
    """Asks Postgres all the time how many sessions a user has, past the pooler, until told to stop; not counting the one that
    listens. `most` is the answer."""

    def __init__(self, postgres, user: str):
        self.postgres, self.user = postgres, user
        self.most = 0
        self.looks = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        with self.postgres.connect() as connection:
            while not self.over.wait(LOOK_EVERY):
                self._look(connection)
            self._look(connection)

    def _look(self, connection) -> None:
        query = "select count(*) from pg_stat_activity where usename = %s and application_name <> 'pgweir'"
        asked = connection.execute(query, [self.user])
        self.most = max(self.most, asked.fetchone()[0])
        self.looks += 1

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
