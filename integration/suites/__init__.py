"""The drivers' own test suites, run against Postgres and against pgweir, and compared test by test."""
