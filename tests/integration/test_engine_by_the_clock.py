"""What fires because time passes, on a real Kafka: segments, inactivity and dates, and a threshold's wait.

Engines follow the clock topic; one is killed (-9) after everything is planned, and its successor fires it.
"""

from schemas.instants import DAY_MS, format_instant
from schemas.topics import OUTBOUND, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import MINUTE, T0, event, profile, rules_from

THRESHOLD = """
id: keen
status: live
kind: marketing
when: {count: product_viewed, per: event.properties.product_id, within: 2h, at_least: 3}
wait: 30m
unless: order_completed
steps: [{mail: keen}]
"""
SEGMENT = """
id: asleep
status: live
kind: marketing
when: {enters: quiet}
steps: [{mail: wake-up}]
"""
INACTIVITY = """
id: away
status: live
kind: marketing
when: {inactive: 10d}
steps: [{mail: come-back}]
"""
DATE = """
id: birthday
status: live
kind: marketing
when: {date: profile.traits.birthday, at: "09:00", repeat: yearly}
steps: [{mail: birthday}]
"""
QUIET = {"quiet": "activity.last_seen_at != null && now - activity.last_seen_at > duration('120h')"}


async def test_what_is_due_by_time_alone_fires_then_and_once(bench: EngineBench) -> None:
    await bench.tick(T0)
    rules = rules_from(THRESHOLD, SEGMENT, INACTIVITY, DATE, segments=QUIET)
    await publish(bench.kafka, rules, PARTITIONS, T0)
    first = bench.start(TETIK_CLOCK="topic", TETIK_ENGINE_INSTANCE="the-only-one")
    # Only the last three lie within two hours.
    views = [T0 + minutes * MINUTE for minutes in (1, 90, 125, 150)]
    await bench.tick(views[-1])
    await bench.produce(
        [
            ("ada", profile("ada", "profile")),
            ("ada", event("profile_updated", "ada", "birthday", birthday="1990-11-27")),
            *(
                ("ada", event("product_viewed", "ada", f"view {at}", at, product_id="p1"))
                for at in views
            ),
        ]
    )  # fmt: skip
    await bench.until(TRIGGERS, lambda found: [each["trigger_id"] for each in found] == ["keen"])
    first.kill()
    bench.start(TETIK_CLOCK="topic", TETIK_ENGINE_INSTANCE="the-only-one")
    seen_at = views[-1]
    due = {
        "keen": seen_at + 30 * MINUTE,
        "asleep": seen_at + 5 * DAY_MS + 1,
        "away": seen_at + 10 * DAY_MS,
        "birthday": 1_701_075_600_000,
    }
    for mails, (trigger, at) in enumerate(sorted(due.items(), key=lambda item: item[1]), 1):
        await bench.tick(at - 1)
        await bench.settled()
        assert len(await bench.committed(OUTBOUND)) == mails - 1
        await bench.tick(at)
        decisions = await bench.until(
            TRIGGERS, lambda found, n=mails: sum(each["outcome"] == "fired" for each in found) >= n
        )
        (fired,) = (each for each in decisions if (each["trigger_id"], each["outcome"]) == (trigger, "fired"))
        assert fired["due_at"] == fired["decided_at"] == format_instant(at)
    await bench.tick(max(due.values()) + 30 * DAY_MS)
    await bench.settled()
    assert len(await bench.committed(OUTBOUND)) == len(due)
    assert len(await bench.committed(TRIGGERS)) == 2 * len(due)
