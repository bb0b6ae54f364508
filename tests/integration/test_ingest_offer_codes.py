"""Codes for offers on a real Kafka: imported and imported again, each is in its one partition."""

import json
from collections import defaultdict
from pathlib import Path

import httpx
import pytest

from schemas.keys import code_partition
from tests.fixtures.ingest_server import KEY, IngestTopics, RunningIngest, tetik_import
from trigger_engine.core.pools import Pools
from trigger_engine.core.reading import NewCodes, read_record

PARTITIONS = 4
CODES = [f"CART-{number:05}" for number in range(2_000)]


@pytest.fixture(scope="module")
def topics(kafka_bootstrap: str) -> IngestTopics:
    topics = IngestTopics(kafka_bootstrap, partitions=PARTITIONS)
    topics.create()
    return topics


def by_partition(topics: IngestTopics, pool: str) -> dict[int, list[list[str]]]:
    """The codes of each event of a pool, as the engine reads them from the log."""
    found: dict[int, list[list[str]]] = defaultdict(list)
    for each in topics.read(topics.events):
        source = (each.topic(), each.offset(), each.key(), each.value())
        _, codes = read_record(source, each.partition())
        assert isinstance(codes, NewCodes)
        if codes.pool == pool:
            found[each.partition()].append(codes.codes)
    return found


def test_an_import_and_its_repetition_bring_each_code_to_one_partition(
    ingest: RunningIngest, topics: IngestTopics, tmp_path: Path
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("\n".join(["Name,Value", *(f"{code},-10" for code in CODES), "NO CODE,-10"]), "utf-8")
    first = tetik_import(ingest, "codes", "cart-10", str(file))
    once = by_partition(topics, "cart-10")
    again = tetik_import(ingest, "codes", "cart-10", str(file))
    twice = by_partition(topics, "cart-10")
    for result in (first, again):
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{file}:2002: 'NO CODE' is no code" in result.stderr
        assert result.stderr.splitlines()[-1] == "import: 2,000 codes taken, 1 row not"
    assert set(once) == set(range(PARTITIONS))
    assert sorted(code for events in once.values() for codes in events for code in codes) == CODES
    assert twice == {partition: events * 2 for partition, events in once.items()}
    for partition, events in twice.items():
        pools = Pools({}, {})
        for codes in events:
            pools.add("cart-10", codes)
        mine = [code for code in CODES if code_partition("cart-10", code, PARTITIONS) == partition]
        assert [pools.code_of("cart-10", "", number) for number in range(len(mine) + 1)] == [*mine, None]


def test_bad_codes_are_kept_with_their_reason(ingest: RunningIngest, topics: IngestTopics) -> None:
    body = {"pool": "few", "codes": ["A", "no code", "B", "A"]}
    answer = httpx.post(f"{ingest.url}/v1/offer-codes", json=body, auth=(KEY, ""), trust_env=False)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["accepted"], found["repeated"], found["rejected"][0]["index"]) == (2, 1, 1)
    events = by_partition(topics, "few").values()
    assert sorted(code for each in events for codes in each for code in codes) == ["A", "B"]
    (letter,) = [json.loads(each.value()) for each in topics.read(topics.dead_letters)]
    assert json.loads(letter["value"]) == {"pool": "few", "codes": ["no code"]}
