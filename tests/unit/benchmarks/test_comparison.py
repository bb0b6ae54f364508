"""Each fault of a contender's outputs is found, and named; so are those of the jobs."""

import json

import pytest

from benchmarks.comparison import compare
from benchmarks.expected import Output, expected_of
from benchmarks.job_log import LogPlan, log_records
from benchmarks.kafka_log import Seen
from benchmarks.outputs import Decided, ReadBack, compare_mails, events_behind, read_back

WANTED = {"ada": ["a1", "a2", "a3"], "bob": ["b1"]}
PLAN = LogPlan(customers=60, warm_up=200, measured=600, tail=100, seed=3, now=1_763_826_773_000)
EXPECTED = expected_of(log_records(PLAN), PLAN.partitions)


def test_equal_outputs_differ_in_nothing() -> None:
    difference = compare(WANTED, {"bob": ["b1"], "ada": ["a1", "a2", "a3"]})
    assert not difference.found
    assert difference.compared == 4


@pytest.mark.parametrize(
    ("got", "said"),
    [
        ({"ada": ["a1", "a3"], "bob": ["b1"]}, "1 lost, 0 doubled, 0 unexpected, 0 out of order"),
        ({"ada": ["a1", "a2", "a3"]}, "1 lost, 0 doubled, 0 unexpected, 0 out of order"),
        ({"ada": ["a1", "a2", "a2", "a3"], "bob": ["b1"]}, "0 lost, 1 doubled, 0 unexpected, 0 out of order"),
        ({"ada": ["a2", "a1", "a3"], "bob": ["b1"]}, "0 lost, 0 doubled, 0 unexpected, 2 out of order"),
        ({"ada": ["a1", "a2", "a9"], "bob": ["b1"]}, "1 lost, 0 doubled, 1 unexpected, 0 out of order"),
        ({**WANTED, "eve": ["e1"]}, "0 lost, 0 doubled, 1 unexpected, 0 out of order"),
    ],
    ids=["lost", "customer lost", "doubled", "swapped", "differing", "unknown customer"],
)
def test_each_fault_is_named(got: dict[str, list[str]], said: str) -> None:
    difference = compare(WANTED, got)
    assert difference.found
    assert difference.describe().startswith(said)


def thin_outputs() -> list[Seen]:
    return [
        Seen(
            json.dumps(
                {"customer_key": customer, "order_id": one.order_id, "count": one.events, "value": one.value}
            ).encode(),
            1.0,
        )
        for customer, outputs in EXPECTED.outputs.items()
        for one in outputs
    ]


def test_the_thin_job_is_what_a_second_reading_of_the_page_gives() -> None:
    """Here by the whole history of each customer instead of a running state."""
    history: dict[str, dict[str, dict[str, object]]] = {}
    wanted: dict[str, list[Output]] = {}
    for key, value in log_records(PLAN):
        event = json.loads(value)
        known = history.setdefault(key.decode(), {})
        if event["event_id"] in known:
            continue
        known[event["event_id"]] = event
        if event["type"] == "order_completed":
            totals = [float(each["properties"].get("total", 0)) for each in known.values()]  # type: ignore[attr-defined]
            output = Output(event["properties"]["order_id"], len(known), sum(totals))
            wanted.setdefault(key.decode(), []).append(output)
    assert not compare(wanted, EXPECTED.outputs).found
    assert sum(map(len, wanted.values())) > 2 * PLAN.partitions


def test_outputs_of_new_events_are_told_apart() -> None:
    newer = Seen(b'{"customer_key": "c-1", "order_id": "o-1-0000001", "count": 9, "value": 1.25}', 2.0)
    found = read_back("thin", [*thin_outputs(), newer], EXPECTED)
    assert not compare(EXPECTED.outputs, found.thin).found
    assert found.orders[-1] == ("o-1-0000001", 2.0)


def test_decisions_behind_the_logs_end_are_not_compared() -> None:
    def decision(occurred_at: str, due_at: str | None) -> Seen:
        return Seen(
            json.dumps(
                {
                    "customer_key": "ada",
                    "trigger_id": "order-confirmation",
                    "occasion": "ada/o-0-0000001",
                    "outcome": "fired",
                    "step": "order-confirmation",
                    "occurred_at": occurred_at,
                    "due_at": due_at,
                }
            ).encode(),
            3.0,
        )

    early, late = "2025-11-21T10:00:00.250Z", "2027-01-01T00:00:00.000Z"
    found = read_back("ten", [decision(early, early), decision(late, None)], EXPECTED)
    (only,) = found.decided["ada"]
    assert only == Decided(
        "order-confirmation", "ada/o-0-0000001", "order-confirmation", "fired", 1_763_719_200_250
    )
    assert [order for order, _ in found.orders] == ["o-0-0000001"] * 2
    assert found.outcomes == {"fired": 1}


@pytest.mark.parametrize(
    ("send_ids", "said"),
    [
        (["m-1", "m-2"], "0 lost, 0 doubled, 0 unexpected"),
        (["m-1"], "1 lost, 0 doubled, 0 unexpected"),
        (["m-1", "m-2", "m-2"], "0 lost, 1 doubled, 0 unexpected"),
        (["m-1", "m-2", "m-9"], "0 lost, 0 doubled, 1 unexpected"),
    ],
    ids=["all", "lost", "doubled", "unexpected"],
)
def test_each_fired_decision_has_its_request(send_ids: list[str], said: str) -> None:
    found = ReadBack(mails={"ada": ["m-2", "m-1"]}, later_mails={"m-3"})
    requests = [request(send_id) for send_id in (*send_ids, "m-3")] + [request("m-1", action="cancel")]
    difference = compare_mails(found, requests)
    assert difference.compared == 2
    assert difference.describe().startswith(said)


def request(send_id: str, **more: str) -> Seen:
    return Seen(json.dumps({"send_id": send_id, "customer_key": "ada", **more}).encode(), 4.0)


def test_progress_is_told_by_the_last_order_seen_in_each_partition() -> None:
    warm = [(f"sentinel-warm-{number}", 5.0) for number in range(PLAN.partitions)]
    behind = events_behind(warm, EXPECTED.places, until=5.0)
    assert behind == 60 + PLAN.partitions + 200 + PLAN.partitions
    assert events_behind(warm, EXPECTED.places, until=4.0) == 0
    ends = [(f"sentinel-end-{number}", 6.0) for number in range(PLAN.partitions)]
    assert events_behind([*warm, *ends], EXPECTED.places, until=6.0) == EXPECTED.records - PLAN.tail
