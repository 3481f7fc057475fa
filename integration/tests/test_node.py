"""node-postgres, postgres.js and Drizzle. Their tests are JavaScript, in node/; each must pass, and there must be some."""

import pytest

from support.crowd import environment, run_program

FILES = [("driver.test.mjs", 10), ("postgres-js.test.mjs", 14), ("drizzle.test.mjs", 10)]


@pytest.mark.parametrize("file, at_least", FILES, ids=[file for file, _ in FILES])
def test_node(two_servers, certificates, file, at_least):
    command = ["node", "--test", "--test-reporter=spec", file]
    run_program("node", command, environment(two_servers, certificates), r"pass (\d+)", at_least)
