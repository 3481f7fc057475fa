"""pgjdbc, Debian's. Its tests are Java, in jdbc/."""

import subprocess

import pytest

from support.crowd import environment, run_program
from support.places import ROOT

# Debian's libpostgresql-jdbc-java puts it there.
DRIVER = "/usr/share/java/postgresql.jar"


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The tests, compiled."""
    directory = tmp_path_factory.mktemp("classes")
    sources = sorted((ROOT / "integration/jdbc").glob("*.java"))
    done = subprocess.run(["javac", "-cp", DRIVER, "-d", directory, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return directory


# A small heap and the quick compiler: it lives for seconds.
JAVA = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1"]


def test_jdbc(two_servers, certificates, classes):
    command = [*JAVA, "-cp", f"{classes}:{DRIVER}", "Driver"]
    run_program("jdbc", command, environment(two_servers, certificates), r"passed (\d+) of", 26)
