"""Many wake-ups at once: no event waits for those of others, and each comes after her own."""

from msgspec.msgpack import decode

from schemas.topics import EVENTS
from tests.fixtures.engine_cases import CONFIRMATION, HOUR, T0, added, marker, ordered, profile, rule_set
from tests.unit.trigger_engine.shell.test_partition_writer import RULES, running, until
from trigger_engine.core.effects import Decide
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.limits import WAKE_UPS_PER_FLUSH_MAX
from trigger_engine.core.rules import load_rules

MANY = [f"c{number}" for number in range(2 * WAKE_UPS_PER_FLUSH_MAX + 10)]
"""A million runs started by one import are due at one moment."""


async def test_an_event_does_not_wait_for_the_wake_ups_of_others() -> None:
    async with running() as shell:
        at = T0 + HOUR
        shell.writer.log_ended(T0, end=0)
        await shell.read(*(added(name, f"a{name}") for name in MANY), start=0)
        shell.flushes.clear()
        shell.acts.clear()
        shell.now[0] = at
        await shell.read(profile("ada", "1", at), ordered("ada", "2", at), start=len(MANY))
        await until(lambda: shell.writer.settled(at))
        assert shell.acts == ["commit", "acknowledge", "commit", "commit"]
        most = WAKE_UPS_PER_FLUSH_MAX
        assert [len(flush.states) for flush in shell.flushes] == [most + 1, most, 10]
        positions = [decode(f.record, type=PartitionRecord).next_offsets[EVENTS] for f in shell.flushes]
        assert positions == [len(MANY) + 2] * 3


async def test_her_own_wake_up_comes_before_her_event() -> None:
    """Though many others were due before her, more than fit a slice."""
    async with running() as shell:
        at = T0 + HOUR
        shell.writer.log_ended(T0, end=0)
        await shell.read(*(added(name, f"a{name}") for name in MANY), start=0)
        last = MANY[-1]
        await shell.read(profile(last, "p"), added(last, "again", T0 + 1), start=len(MANY))
        shell.flushes.clear()
        shell.now[0] = at
        await shell.read(ordered(last, "order", at), start=len(MANY) + 2)
        hers = [
            (each.record.trigger_id, each.record.outcome)
            for each in shell.flushes[0].effects
            if isinstance(each, Decide) and each.record.customer_key == last
        ]
        assert hers[:2] == [("cart-abandoned", "fired"), ("cart-abandoned", "exited")]


async def test_a_change_of_rules_waits_for_all_that_was_due_before() -> None:
    async with running() as shell:
        at = T0 + HOUR
        shell.other_rules = load_rules(rule_set(CONFIRMATION))
        shell.writer.log_ended(T0, end=0)
        await shell.read(*(added(name, f"a{name}") for name in MANY), start=0)
        shell.flushes.clear()
        shell.now[0] = at
        await shell.read(marker(shell.other_rules.digest, at=at), start=len(MANY))
        fired = [len(flush.states) for flush in shell.flushes if flush.rules_digest == RULES.digest]
        assert fired[:3] == [WAKE_UPS_PER_FLUSH_MAX, WAKE_UPS_PER_FLUSH_MAX, 10]


async def test_nothing_fires_in_the_middle_of_a_rebalance() -> None:
    """What the log has passed waits until the timekeeper has asked again, which it does when that is over."""
    async with running() as shell:
        await shell.read(added("ada", "1"), start=0)
        shell.now[0] = T0 + HOUR
        await shell.read(profile("bob", "2", T0 + HOUR), start=1)
        assert shell.writer.next_due_at < T0 + HOUR
        shell.writer.log_ended(T0 + HOUR, end=3)
        await until(lambda: shell.writer.settled(T0 + HOUR))
        assert shell.writer.next_due_at > T0 + HOUR
