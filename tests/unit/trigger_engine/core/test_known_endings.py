"""In a merge, endings known on one side are held against what the other has begun (semantics, section 9)."""

from tests.unit.trigger_engine.core.history import KNOWN
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town

AFTER_ORDER = """
id: after-order
status: live
kind: marketing
when: {event: order_completed}
steps: [{wait: 1d}, {mail: how-was-it}]
exit: order_completed
"""
AFTER_BIG_ORDER = AFTER_ORDER.replace(
    "exit: order_completed",
    "exit: {event: order_completed, where: event.properties.total >= start.properties.total}",
)


def test_the_event_that_started_a_run_does_not_end_it_in_a_merge() -> None:
    for text in (AFTER_ORDER, AFTER_BIG_ORDER):
        town = Town(text)
        town.customer("profile_updated", "0s", **KNOWN)
        town.device("page_viewed", "1m")
        town.customer("order_completed", "2m", order_id="o1", total=5)
        town.both("page_viewed", "3m")
        assert [run.trigger_id for run in town.state(CUSTOMER).runs] == ["after-order"]
        town.until("2d")
        assert town.told == ["started after-order", "fired after-order/how-was-it", "send how-was-it"]


def test_a_later_order_on_the_device_ends_it() -> None:
    for text in (AFTER_ORDER, AFTER_BIG_ORDER):
        town = Town(text)
        town.customer("profile_updated", "0s", **KNOWN)
        town.customer("order_completed", "2m", order_id="o1", total=5)
        town.device("order_completed", "3m", order_id="o2", total=5)
        town.both("page_viewed", "4m")
        assert [line for line in town.told if line.startswith("exited")] == ["exited after-order"]
