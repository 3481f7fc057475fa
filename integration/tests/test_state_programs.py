"""What sessions remember beyond transactions, as drivers of other languages make use of it."""

import pytest

from support.crowd import environment, run_program
from tests.test_jdbc import DRIVER, JAVA, classes  # noqa: F401


def test_node(two_servers, certificates):
    command = ["node", "--test", "--test-reporter=spec", "state.test.mjs"]
    run_program("node", command, environment(two_servers, certificates), r"pass (\d+)", 8)


def test_jdbc(two_servers, certificates, classes):  # noqa: F811
    command = [*JAVA, "-cp", f"{classes}:{DRIVER}", "State"]
    run_program("jdbc", command, environment(two_servers, certificates), r"passed (\d+) of", 9)


@pytest.mark.parametrize("prepared", ["true", "false"])
def test_active_record(two_servers, certificates, prepared):
    env = environment(two_servers, certificates) | {"PREPARED": prepared}
    run_program("ruby", ["ruby", "state.rb", "--verbose"], env, r"(\d+) runs, \d+ assertions, 0 failures, 0 errors, 0 skips", 7)
