"""requirements.lock: every package pinned with hashes, no host, and what pyproject.toml asks for."""

import re
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tidy.repository import text

REQUIREMENT = re.compile(r"^[A-Za-z0-9][\w.-]*==")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def statements(lock: str) -> list[list[str]]:
    """Each statement of the file with its options, comments and line continuations removed."""
    joined = re.sub(r"^\s*#.*$", "", lock, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split() for line in joined.splitlines() if line.strip()]


def faults(lock: str) -> list[str]:
    """Statements that are not one pinned package with hashes."""
    return [
        " ".join(words)[:80]
        for words in statements(lock)
        if not REQUIREMENT.match(words[0]) or len(words) < 2 or not all(map(HASH.match, words[1:]))
    ]


def pinned() -> dict[str, str]:
    pairs = (words[0].split("==") for words in statements(text("requirements.lock")))
    return {canonicalize_name(name): version for name, version in pairs}


def asked() -> list[Requirement]:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in project["dependencies"] + extras]


def test_every_package_is_pinned_with_hashes() -> None:
    assert len(pinned()) > len(asked())
    assert faults(text("requirements.lock")) == []


def test_it_names_no_host() -> None:
    assert "://" not in text("requirements.lock")


@pytest.mark.parametrize("requirement", asked(), ids=str)
def test_what_we_ask_for_is_locked(requirement: Requirement) -> None:
    if requirement.marker is None or requirement.marker.evaluate(default_environment()):
        version = pinned().get(canonicalize_name(requirement.name))
        assert version is not None, "run `make lock`"
        assert requirement.specifier.contains(version, prereleases=True), f"{version}: run `make lock`"


@pytest.mark.parametrize(
    "lock",
    [
        "click==8.2.1\n",
        "click>=8.2 \\\n    --hash=sha256:" + "a" * 64 + "\n",
        "click==8.2.1 \\\n    --hash=md5:" + "a" * 32 + "\n",
        "--find-links elsewhere\n",
        "-e .\n",
    ],
)
def test_faults_are_found(lock: str) -> None:
    assert faults(lock)
