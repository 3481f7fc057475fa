"""node-postgres. Its tests are JavaScript, in node/driver.test.mjs; each must pass, and there must be some."""

import re
import subprocess

from support.places import ROOT


def test_node_postgres(secure, certificates):
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PGHOST": "localhost",
        "PGPORT": str(secure.port),
        "PGUSER": "app",
        "PGPASSWORD": "secret",
        "PGDATABASE": "app",
        "CA": str(certificates.ca),
    }
    command = ["node", "--test", "--test-reporter=spec", "driver.test.mjs"]
    done = subprocess.run(command, cwd=ROOT / "integration/node", env=env, capture_output=True, text=True, timeout=120)
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    assert int(re.search(r"pass (\d+)", report)[1]) >= 10, report
