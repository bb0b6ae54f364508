"""No file names a machine of its author or a registry host: a clone works with anybody's mirrors."""

import re

import pytest

from tests.tidy.repository import own_texts

TOPS = ("wo" + "rk", "ro" + "ot")
HOMES = ("ho" + "me", "Us" + "ers", "m" + "nt")
HOSTS = (
    "py" + "pi.org", "py" + "thonhosted", "registry.np" + "mjs", "registry.ya" + "rnpkg", "proxy.go" + "lang",
    "sum.go" + "lang", "repo1.ma" + "ven", "repo.ma" + "ven", "crates" + ".io", "registry-1.do" + "cker",
)  # fmt: skip
_START = r"(?<![\w.)}>*-])/"
BANNED = re.compile(
    "|".join(
        (
            rf"{_START}(?:{'|'.join(TOPS)})(?![\w-])",
            rf"{_START}(?:{'|'.join(HOMES)})/",
            *map(re.escape, HOSTS),
            r"(?<!-emit-)\b(?:extra-)?index-" + r"url\b",
        )
    )
)


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{name}:{content.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, content in own_texts()
        for match in BANNED.finditer(content)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "cd /wo" + "rk/main && make",
        "see /ro" + "ot/.cache",
        'Path("/ho' + 'me/ada/tetik")',
        "--index-" + "url https://mirror.example/simple",
        "https://files.py" + "thonhosted.org/packages/x.whl",
        '"resolved": "https://registry.np' + 'mjs.org/x.tgz"',
    ],
)
def test_they_would_be_found(line: str) -> None:
    assert BANNED.search(line)


@pytest.mark.parametrize(
    "line",
    ["--no-emit-index-" + "url", "WORKDIR /app", "deploy/wo" + "rk", "the /wo" + "rkers page", "a/ro" + "ot"],
)
def test_what_looks_alike_is_allowed(line: str) -> None:
    assert not BANNED.search(line)
