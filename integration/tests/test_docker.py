"""docker/ as far as it can be tried without a registry: the compose file means what it should, what it and the Dockerfile
name exists. Where Docker has its compose plugin, that reads the file too; building the image needs a registry."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib

import pytest
import yaml

from support.places import ROOT, pgweir_program

DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"

# Keys of the Compose specification that we use; another one is a slip of the pen, or belongs here.
TOP = {"name", "services", "volumes"}
SERVICE = {"image", "build", "environment", "ports", "volumes", "healthcheck", "depends_on", "read_only", "cap_drop"}
SERVICE |= {"security_opt", "ulimits", "stop_grace_period"}
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}


def compose() -> dict:
    """The compose file."""
    return yaml.safe_load(COMPOSE.read_text())


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's: word and arguments, continued lines joined."""
    lines = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def arguments(word: str) -> list[str]:
    """Of all instructions of one kind."""
    return [rest for found, rest in instructions() if found == word]


def has_compose() -> bool:
    """Whether this machine's Docker can read compose files; no daemon is needed for it."""
    docker = shutil.which("docker")
    return bool(docker) and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="no `docker compose` here; the tests below read the file themselves")
def test_compose_reads_it():
    args = ["docker", "compose", "--file", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(args, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_compose_file_has_known_keys():
    assert compose().keys() <= TOP
    assert set(compose()["services"]) == {"postgres", "pgweir", "prometheus", "grafana"}
    for name, service in compose()["services"].items():
        assert service.keys() <= SERVICE, name
        assert service.get("healthcheck", {}).keys() <= HEALTH, name


def test_what_the_compose_file_names_exists():
    for service in compose()["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DOCKER / source).is_dir() if source.startswith(".") else source in compose()["volumes"], volume
    build = compose()["services"]["pgweir"]["build"]
    assert (DOCKER / build["context"]).resolve() == ROOT and (ROOT / build["dockerfile"]).is_file()


def test_who_waits_for_whom():
    services = compose()["services"]
    healthy = {name for name, service in services.items() if "healthcheck" in service} | {"pgweir"}
    for service in services.values():
        for name, how in as_dict(service.get("depends_on", {})).items():
            assert name in services and (how["condition"] != "service_healthy" or name in healthy), name


def as_dict(depends_on) -> dict:
    """A list of names means that they have been started."""
    return depends_on if isinstance(depends_on, dict) else {name: {"condition": "service_started"} for name in depends_on}


def test_nothing_is_open_to_others():
    for service in compose()["services"].values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))


def test_images_are_pinned():
    images = [service["image"] for service in compose()["services"].values() if "build" not in service]
    images += [rest.split()[0] for rest in arguments("FROM") if not rest.startswith("scratch")]
    for image in images:
        assert re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", image), image


def test_names_agree():
    """The same names in all files: a container's is its host name, a directory is where the other file says."""
    services = compose()["services"]
    [job] = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    [[target]] = [static["targets"] for static in job["static_configs"]]
    assert target.split(":")[0] in services and f"127.0.0.1:6433:{target.split(':')[1]}" in services["pgweir"]["ports"]
    [source] = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    board = json.loads((DOCKER / "grafana/dashboards/pgweir.json").read_text())
    [default] = [one["current"]["value"] for one in board["templating"]["list"] if one["type"] == "datasource"]
    assert source["uid"] == default
    [provider] = yaml.safe_load((DOCKER / "grafana/provisioning/dashboards/pgweir.yaml").read_text())["providers"]
    mounts = {volume.split(":")[1]: volume.split(":")[0] for volume in services["grafana"]["volumes"]}
    assert mounts[provider["options"]["path"]] == "./grafana/dashboards"
    assert services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(provider["options"]["path"])


def test_the_dockerfile():
    words = [word for word, _ in instructions()]
    assert words[0] == "FROM" and arguments("FROM")[-1] == "scratch"
    [user] = arguments("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number, and not root's"
    [entry] = arguments("ENTRYPOINT")
    assert json.loads(entry) == ["/bin/pgweir"], "no shell is in the image"
    [health] = arguments("HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    copied = [shlex.split(rest)[-1] for rest in arguments("COPY") if rest.startswith("--from")]
    assert command[0] in copied and entry[2:-2] in copied
    listen = tomllib.loads((DOCKER / "pgweir.toml").read_text())["listen"]
    assert f"COPY docker/pgweir.toml {variable('PGWEIR_CONFIG')}" in [" ".join(line) for line in instructions()]
    port = listen["http"].rpartition(":")[2]
    assert command[-1] == f"http://127.0.0.1:{port}/healthz" and port in arguments("EXPOSE")[0].split()


def variable(name: str) -> str:
    """What the image sets it to."""
    pairs = [pair.split("=", 1) for rest in arguments("ENV") for pair in shlex.split(rest)]
    return dict(pairs)[name]


def test_the_file_in_the_image_gives_way():
    """DATABASE_URL is enough beside it, and what somebody says otherwise holds."""
    env = {"DATABASE_URL": "postgres://app:secret@db/app", "PGWEIR_CONFIG": str(DOCKER / "pgweir.toml")}
    shown = lambda more: subprocess.run(
        [str(pgweir_program()), "check"], env=env | more, capture_output=True, text=True, check=True
    ).stdout
    plain, other = tomllib.loads(shown({})), tomllib.loads(shown({"PGWEIR_HTTP": "off"}))
    assert plain["listen"]["addr"] == ["0.0.0.0:6432"] and list(plain["databases"]) == ["app"]
    assert other["listen"]["http"] == "off" and other["listen"]["addr"] == ["0.0.0.0:6432"]


def test_what_the_dockerfile_copies_is_there():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for rest in arguments("COPY"):
        if not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                source = source.removeprefix("./")
                assert (ROOT / source).exists() and source in allowed, source


def test_rust_is_new_enough():
    wanted = re.search(r'^rust-version = "(\d+)\.(\d+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).groups()
    image = re.match(r"rust:(\d+)\.(\d+)", arguments("FROM")[0]).groups()
    assert [int(part) for part in image] >= [int(part) for part in wanted]
