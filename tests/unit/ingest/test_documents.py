"""`docs/ingest.md` names what exists: every route, error code, setting and metric."""

import re
from pathlib import Path

import pytest

from ingest.adapters.http import CODES_ROUTE, EVENT_ROUTES, PRODUCT_ROUTE, PRODUCTS_ROUTE, SHORT_ROUTES
from ingest.core.outcomes import Limits, Rejected
from ingest.settings import IngestSettings
from tests.unit.ingest.calls import outcomes_of
from tests.unit.ingest.test_offer_codes import outcomes_of as codes_of
from tests.unit.ingest.test_products import outcomes_of as products_of

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "ingest.md").read_text("utf-8")
OWN_READERS = {PRODUCTS_ROUTE: products_of, CODES_ROUTE: codes_of}
SOURCES = [path.read_text("utf-8") for path in (ROOT / "ingest").rglob("*.py")]


def test_every_route_is_there() -> None:
    for path in [
        *EVENT_ROUTES,
        *SHORT_ROUTES,
        PRODUCTS_ROUTE,
        PRODUCT_ROUTE,
        CODES_ROUTE,
        "/healthz",
        "/readyz",
        "/metrics",
    ]:
        assert f"{path}`" in TEXT


def test_every_code_is_there() -> None:
    raised = re.compile(r'(?:Unacceptable|Refused)\(\s*"([a-z_]+)"')
    codes = {code for source in SOURCES for code in raised.findall(source)}
    assert len(codes) > 15
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()


def test_the_defaults_are_as_stated() -> None:
    defaults = {name: field.default for name, field in IngestSettings.model_fields.items()}
    stated = re.findall(r"^\| (`[a-z_`, ]+) \| ([\d,; ]+) \|", TEXT.partition("## Settings")[2], re.MULTILINE)
    for names, values in stated:
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split("; "), strict=True):
            assert defaults[name] == int(value.replace(",", ""))
    assert len(stated) == 5
    built = IngestSettings.model_validate({"kafka": "k:1", "write_keys": {"a": "b"}}).limits()
    assert built == Limits()


def test_every_metric_is_there() -> None:
    named = {name for source in SOURCES for name in re.findall(r'"(tetik_ingest_\w+)"', source)}
    assert len(named) == 6
    assert {name for name in named if name not in TEXT} == set()


@pytest.mark.parametrize("call", re.findall(r"\$INGEST(/v1/[\w-]+) -d '(.*?)'", TEXT, re.DOTALL))
def test_the_examples_can_be_read(call: tuple[str, str]) -> None:
    path, body = call
    if path in OWN_READERS:
        assert not any(isinstance(each, Rejected) for each in OWN_READERS[path](body.encode()))
    else:
        assert outcomes_of(body.encode(), EVENT_ROUTES[path])
