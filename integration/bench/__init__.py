"""`make bench`: this pooler and PgBouncer in turns, against one Postgres, on this machine."""
