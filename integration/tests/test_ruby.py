"""ActiveRecord, Debian's. Its tests are Ruby, in ruby/."""

import pytest

from support.crowd import environment, run_program


@pytest.mark.parametrize("prepared", ["true", "false"])
def test_active_record(two_servers, certificates, prepared):
    env = environment(two_servers, certificates) | {"PREPARED": prepared}
    run_program("ruby", ["ruby", "driver.rb", "--verbose"], env, r"(\d+) runs, \d+ assertions, 0 failures, 0 errors, 0 skips", 13)
