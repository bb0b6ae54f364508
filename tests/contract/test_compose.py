"""docker-compose.yml, loaded by the compose-spec's own loader, says the same as services/platform/layout.py.

The loader is a Go program (deploy/compose/loader), built here. A machine without Go fails this test: a check
that was not made must not look like one that passed.
"""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.platform.layout import COMPOSE, Component, own_components, peer_components

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
LOADER = ROOT / "deploy" / "compose" / "loader"
VALUES = {"TETIK_WRITE_KEYS": "key-of-the-test", "TETIK_SECRET": "secret-of-the-test"}
COMPONENTS = {each.name: each for each in (*peer_components(), *own_components(COMPOSE))}


@pytest.fixture(scope="session")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    assert go is not None, "this test builds the compose-spec loader and needs Go on the PATH"
    program = tmp_path_factory.mktemp("loader") / "compose-loader"
    built = subprocess.run(
        [go, "build", "-mod=readonly", "-o", str(program), "."],
        cwd=LOADER,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert built.returncode == 0, built.stderr
    return program


def load(loader: Path, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("TETIK_", "COMPOSE_"))
    }
    return subprocess.run(
        [str(loader), str(COMPOSE_FILE)],
        env={**environment, **values},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="session")
def project(loader: Path) -> dict[str, Any]:
    done = load(loader, VALUES)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def expected_environment(component: Component) -> dict[str, str]:
    """The layout's values with the variables of compose filled in."""
    filled = dict(component.environment)
    for name, value in filled.items():
        for variable, content in VALUES.items():
            filled[name] = (
                filled[name].replace(f"${{{variable}}}", content) if variable in value else filled[name]
            )
    return filled


def test_the_services_are_those_of_the_layout(project: dict[str, Any]) -> None:
    assert set(project["services"]) == set(COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_image_command_environment_and_ports_are_the_layouts(project: dict[str, Any], name: str) -> None:
    service, component = project["services"][name], COMPONENTS[name]
    command = list(component.command)
    if component.command[:1] == ("-m",):
        command = ["python", *command]
    assert service["image"] == component.image
    assert (service.get("command") or []) == command
    assert service.get("environment", {}) == expected_environment(component)
    published = [(int(each["published"]), each["target"]) for each in service.get("ports", [])]
    assert published == [(port, port) for port in component.ports]
    assert {each["host_ip"] for each in service.get("ports", [])} <= {"127.0.0.1"}


@pytest.mark.parametrize("name", COMPONENTS)
def test_start_order_waits_for_health(project: dict[str, Any], name: str) -> None:
    waits = {
        other: details["condition"]
        for other, details in project["services"][name].get("depends_on", {}).items()
    }
    assert waits == {
        other: "service_completed_successfully" if COMPONENTS[other].once else "service_healthy"
        for other in COMPONENTS[name].after
    }


@pytest.mark.parametrize("name", [name for name, component in COMPONENTS.items() if not component.once])
def test_everything_that_runs_has_a_health_check(project: dict[str, Any], name: str) -> None:
    check, component = project["services"][name]["healthcheck"], COMPONENTS[name]
    if component.health_path is None:
        assert check["test"][0] == "CMD"
    else:
        url = f"http://127.0.0.1:{component.health_port}{component.health_path}"
        assert check["test"] == ["CMD", "python", "-m", "services.platform.healthcheck", url]


def test_data_is_kept_in_named_volumes(project: dict[str, Any]) -> None:
    mounts = {
        (name, each["type"], each["target"])
        for name, service in project["services"].items()
        for each in service.get("volumes", [])
    }
    assert mounts == {
        ("kafka", "volume", "/var/lib/kafka/data"),
        ("redis", "volume", "/data"),
        ("catcher", "volume", COMPOSE.mail_folder),
    }


@pytest.mark.parametrize("missing", VALUES)
def test_a_missing_secret_is_refused_by_name(loader: Path, missing: str) -> None:
    done = load(loader, {name: value for name, value in VALUES.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert ".env" in done.stderr


def test_the_image_holds_every_package_and_is_no_root() -> None:
    """A package forgotten in the Dockerfile, or kept from the build by .dockerignore, is found here."""
    steps = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in steps if line.startswith("COPY") and "--from" not in line}
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = {pattern.rstrip("*") for pattern in find["include"]}
    assert copied == packages | {"requirements.lock"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    user = [line.split()[1] for line in steps if line.startswith("USER")]
    assert user == ["10001:10001"]
