"""Laws of `schemas/topics.toml`."""

import importlib.util
from pathlib import Path

import pytest

from schemas import topics
from schemas.catalogue import CONTRACTS
from schemas.export import PAGE, REPOSITORY
from schemas.instants import DAY_MS
from schemas.topics import Topic, all_topics

COMPACTED = {"tetik.rules", "tetik.products", "tetik.snapshots", "tetik-state-changelog"}
INTERNAL = {"tetik-state-changelog"}
EVERY_TOPIC = pytest.mark.parametrize("topic", all_topics().values(), ids=lambda topic: topic.name)


def test_constants_and_file_name_the_same_topics() -> None:
    constants = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and isinstance(value, str) and value.startswith("tetik")
    }
    assert constants == set(all_topics())


@EVERY_TOPIC
def test_its_owner_is_a_package(topic: Topic) -> None:
    assert importlib.util.find_spec(topic.owner) is not None


@EVERY_TOPIC
def test_its_value_is_a_contract_or_declared_internal(topic: Topic) -> None:
    assert (topic.value == "internal") == (topic.name in INTERNAL)
    assert topic.value in CONTRACTS or topic.name in INTERNAL


def test_every_contract_travels_on_one_topic() -> None:
    carried = [topic.value for topic in all_topics().values() if topic.value != "internal"]
    assert sorted(carried) == sorted(CONTRACTS)


@EVERY_TOPIC
def test_customer_keyed_topics_share_their_partitions(topic: Topic) -> None:
    """A customer lives in one partition number, whichever topic is read, and so does a product."""
    assert (topic.partitions is None) == topic.key.startswith(("customer key", "product:<id>"))
    assert topic.partition_count(7) == (7 if topic.partitions is None else topic.partitions)


@EVERY_TOPIC
def test_only_the_stated_topics_are_compacted(topic: Topic) -> None:
    config = topic.config()
    assert config["cleanup.policy"] == ("compact" if topic.name in COMPACTED else "delete")
    assert ("retention.ms" in config) == (topic.name not in COMPACTED)


@EVERY_TOPIC
def test_retention_counts_from_arrival(topic: Topic) -> None:
    """Imports and the demo write events of the past: by their own time they would be deleted at once."""
    assert topic.config()["message.timestamp.type"] == "LogAppendTime"


@EVERY_TOPIC
def test_the_broker_compresses_snapshots_alone(topic: Topic) -> None:
    assert topic.config().get("compression.type") == ("gzip" if topic.name == "tetik.snapshots" else None)


def test_backtests_find_a_month_of_events() -> None:
    assert int(all_topics()["tetik.events"].config()["retention.ms"]) >= 30 * DAY_MS


@EVERY_TOPIC
def test_somebody_writes_and_reads_it(topic: Topic) -> None:
    assert topic.writers
    assert topic.readers


@EVERY_TOPIC
def test_it_is_documented(topic: Topic) -> None:
    assert f"| `{topic.name}` |" in (REPOSITORY / PAGE).read_text("utf-8")


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_has_a_module_of_its_name(name: str) -> None:
    """`topics.toml` says so; the clock's two records share one."""
    module = "clock" if name.startswith("clock_") else name
    assert CONTRACTS[name].__module__ == f"schemas.{module}"


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("partitions", "many", "partitions must be"),
        ("retention", "forever", "retention must be"),
        ("readers", "engine", "must be lists"),
        ("record_bytes_max", "16 MB", "record_bytes_max must be"),
        ("compression", "zstd", "compression must be"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    field: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (REPOSITORY / "schemas/topics.toml").read_text("utf-8")
    (block,) = [part for part in text.split("\n\n") if part.startswith('[topics."tetik.rules"]')]
    kept = [line for line in block.splitlines() if not line.startswith(f"{field} ")]
    (tmp_path / "topics.toml").write_text("\n".join([*kept, f'{field} = "{value}"']), "utf-8")
    monkeypatch.setattr(topics, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=rf"topics\.toml: tetik\.rules: .*{complaint}"):
        all_topics.__wrapped__()
