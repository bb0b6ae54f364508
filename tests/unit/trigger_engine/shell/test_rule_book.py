"""The rule book: which sets it compiles, and with which earlier versions at hand."""

import pytest

from schemas.rule_set import RuleSet
from tests.fixtures.engine_cases import CART, CONFIRMATION, rule_set
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.core.rules import Rules, load_rules


class BookOfSets(RuleBook):
    """A rule book on a topic in memory."""

    def __init__(self) -> None:
        super().__init__(KafkaLog("nowhere:9092"))
        self.topic: list[RuleSet] = []

    async def _read_to_end(self) -> None:
        for published in self.topic:
            self._admit(published.model_dump_json().encode())
        self.topic.clear()


def version_of(published: RuleSet, trigger_id: str) -> str:
    rules: Rules = load_rules(published)
    (version,) = (trigger.version for trigger in rules.versions if trigger.id == trigger_id)
    return version


async def test_after_a_roll_back_runs_keep_the_version_they_began_with() -> None:
    """Old rules, new rules, old rules again: a run begun under the new ones is pinned to them."""
    book = BookOfSets()
    old, new = rule_set(CART), rule_set({**CART, "wait": "30m"}, CONFIRMATION)
    book.topic = [old]
    await book.rules_of(old.digest)
    book.topic = [new]
    await book.rules_of(new.digest)
    back = await book.rules_of(old.digest)
    assert back.trigger_of("cart-abandoned", version_of(new, "cart-abandoned")) is not None
    assert back.trigger_of("cart-abandoned", version_of(old, "cart-abandoned")) is not None
    assert back.live_ids == {"cart-abandoned"}


async def test_a_set_known_long_ago_comes_with_the_versions_published_since() -> None:
    """Old rules, new rules, old rules again, while this worker owned none of the partitions: runs of what it
    takes over may have begun under the new ones. Found by the simulator (seed 70105)."""
    book = BookOfSets()
    old, new = rule_set(CART), rule_set({**CART, "wait": "30m"})
    book.topic = [old]
    await book.rules_of(old.digest)
    book.topic = [new, old]
    back = await book.rules_of(old.digest)
    assert back.trigger_of("cart-abandoned", version_of(new, "cart-abandoned")) is not None
    assert await book.rules_of(old.digest) is back, "compiled once"


@pytest.mark.parametrize("newest_first", [False, True])
async def test_what_is_at_hand_does_not_depend_on_the_order_of_the_topic(newest_first: bool) -> None:
    """The topic is compacted, so a set published again moves behind those published since."""
    book = BookOfSets()
    sets = [rule_set(CART), rule_set({**CART, "wait": "30m"}), rule_set({**CART, "wait": "20m"})]
    book.topic = sets[::-1] if newest_first else list(sets)
    for published in sets:
        rules = await book.rules_of(published.digest)
        assert {trigger.version for trigger in rules.versions} == {
            version_of(one, "cart-abandoned") for one in sets
        }


async def test_an_unusable_other_set_is_passed_over() -> None:
    book = BookOfSets()
    good = rule_set(CART)
    book.topic = [good.model_copy(update={"digest": "unusable", "segments": [{"id": "x"}]}), good]
    rules = await book.rules_of(good.digest)
    assert rules.live_ids == {"cart-abandoned"}
