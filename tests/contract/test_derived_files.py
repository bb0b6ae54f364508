"""What is generated is up to date, and the tool says so when it is not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.asyncapi import HEADERS
from schemas.catalogue import CONTRACTS
from schemas.contract import Contract
from schemas.event import Event
from schemas.export import ASYNCAPI, EXAMPLES, PAGE, REPOSITORY, main, schema_file, stale_files
from schemas.field_tables import with_tables
from schemas.headers import cloud_event_headers
from schemas.instants import parse_instant
from schemas.topics import all_topics
from tests.contract.readers import FORMATS

DATA = Path(__file__).parent / "data"


def read_document() -> Any:
    return yaml.safe_load((REPOSITORY / ASYNCAPI).read_text("utf-8"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that the export reads and writes."""
    for part in (PAGE.parent, EXAMPLES, Path("schemas/json")):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    shutil.copy(REPOSITORY / ASYNCAPI, tmp_path / ASYNCAPI)
    return tmp_path


def test_regenerating_gives_no_diff() -> None:
    assert stale_files() == [], "run `python -m schemas.export` and commit"


def test_check_passes_on_what_is_up_to_date(checkout: Path) -> None:
    assert main(["--check"], checkout) == 0


@pytest.mark.parametrize("stale", [schema_file("event"), ASYNCAPI, PAGE])
def test_check_names_a_stale_file_writes_nothing_and_writing_mends_it(
    checkout: Path, stale: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = (checkout / stale).read_text("utf-8").replace("occurred_at", "happened_at")
    (checkout / stale).write_text(edited, "utf-8")
    assert main(["--check"], checkout) == 1
    assert str(stale) in capsys.readouterr().err
    assert (checkout / stale).read_text("utf-8") == edited
    assert main([], checkout) == 0
    assert main(["--check"], checkout) == 0


def test_check_names_missing_and_left_over_schemas(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / schema_file("event")).rename(checkout / "schemas/json/gone.v1.schema.json")
    assert main(["--check"], checkout) == 1
    complaint = capsys.readouterr().err
    assert "event.v1.schema.json" in complaint
    assert "gone.v1.schema.json" in complaint


def test_an_unknown_argument_writes_nothing(checkout: Path) -> None:
    (checkout / ASYNCAPI).write_text("stale", "utf-8")
    assert main(["--verify"], checkout) == 2
    assert (checkout / ASYNCAPI).read_text("utf-8") == "stale"


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="the page must hold"):
        with_tables("# Topics and records\n")


@pytest.mark.parametrize("name", CONTRACTS)
def test_exported_schemas_are_valid_for_both_drafts(name: str) -> None:
    """2020-12 by declaration; draft-07 because AsyncAPI tools read that."""
    schema = json.loads((REPOSITORY / schema_file(name)).read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft7Validator.check_schema(schema)
    assert "prefixItems" not in json.dumps(schema)


def test_the_asyncapi_document_is_valid_by_the_official_schema() -> None:
    official = json.loads((DATA / "asyncapi-3.0.0.schema.json").read_text("utf-8"))
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft7Validator(official).iter_errors(read_document())
    ]
    assert errors == []


def test_the_official_schema_refuses_a_broken_document() -> None:
    official = json.loads((DATA / "asyncapi-3.0.0.schema.json").read_text("utf-8"))
    document = read_document()
    document["operations"]["engine_reads_events"]["action"] = "subscribe"
    document["channels"]["events"]["bindings"]["kafka"]["partitons"] = 3
    assert len(list(Draft7Validator(official).iter_errors(document))) >= 2


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), f"{reference} leaves the document"
    node = document
    for part in reference[2:].split("/"):
        node = node[part]
    return node


def test_every_reference_of_the_document_leads_somewhere_inside() -> None:
    document = read_document()
    found = set(references(document))
    assert found
    assert all(resolve(document, reference) is not None for reference in found)


def test_the_document_says_what_topics_toml_says() -> None:
    document = read_document()
    by_address = {channel["address"]: (key, channel) for key, channel in document["channels"].items()}
    assert set(by_address) == set(all_topics())
    for topic in all_topics().values():
        key, channel = by_address[topic.name]
        binding = channel["bindings"]["kafka"]
        assert binding["topic"] == topic.name
        assert binding.get("partitions") == topic.partitions
        assert binding["topicConfiguration"]["cleanup.policy"] == [topic.config()["cleanup.policy"]]
        operations = {
            (operation["action"], operation["tags"][0]["name"])
            for operation in document["operations"].values()
            if operation["channel"] == {"$ref": f"#/channels/{key}"}
        }
        assert operations == {("send", w) for w in topic.writers} | {("receive", r) for r in topic.readers}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_a_message_of_the_document_takes_its_examples(contract: type[Contract]) -> None:
    """Also shows that the copied-in payload schema still finds its definitions."""
    document = read_document()
    message = document["components"]["messages"][contract.schema_name]
    schema = {"$ref": message["payload"]["$ref"], "components": document["components"]}
    validator = Draft7Validator(schema, format_checker=FORMATS)
    assert message["name"] == contract.ce_type()
    assert message["examples"]
    for example in message["examples"]:
        validator.validate(example["payload"])
        assert not validator.is_valid({})


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_the_headers_we_write_fit_the_documented_ones(contract: type[Contract]) -> None:
    document = read_document()
    message = document["components"]["messages"][contract.schema_name]
    schema = message["headers"] | {"components": document["components"]}
    written = dict(
        cloud_event_headers(
            contract,
            record_id="e-1",
            source="/tetik/ingest",
            time=parse_instant("2026-11-22T16:52:03.120Z"),
        )
    )
    headers = {name: value.decode() for name, value in written.items()}
    validator = Draft7Validator(schema, format_checker=FORMATS)
    validator.validate(headers)
    assert headers.keys() == HEADERS["properties"].keys()
    for name in headers:
        assert not validator.is_valid({key: each for key, each in headers.items() if key != name})
    assert not validator.is_valid(headers | {"ce_type": "tetik.other.v1"})


def test_a_field_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(Event):
        """An event with a field that nobody explained."""

        schema_name = "event"
        undescribed: int = 0

    monkeypatch.setattr("schemas.field_tables.CONTRACTS", {"event": Bare})
    page = (REPOSITORY / PAGE).read_text("utf-8")
    with pytest.raises(ValueError, match="undescribed has no description"):
        with_tables(page)
