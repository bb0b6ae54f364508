"""The model's face: records of `tetik.events` and the passing of time in, decisions and requests out.

Every partition keeps the rules of its last marker and the running maximum of `received_at`; every customer
lives in the partition that her events come from. Everything is recomputed from her histories; what a page of
the contract bounds is bounded by a plain check.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from schemas.event import CONTROL_TYPES, OFFER_CODES, RULES_ACTIVATED
from schemas.instants import parse_instant
from schemas.keys import customer_key
from schemas.records import EventRecord
from schemas.rule_set import RuleSet
from tests.model import edits, identity, known, mails, starts, steps, watches
from tests.model.customer import RECENT_IDS, Customer, Happening
from tests.model.pools import Pools
from tests.model.reading import NO_RULES, Rules, read_rules
from tests.model.turn import Expected, HandOver, Request, Results, Turn

RUN, FLIP, WATCH = range(3)
"""Section 2: at one instant first runs, then segment flips, then watches."""


class Due(NamedTuple):
    """Something that falls due. The first fields are the order in which things are handed in."""

    at: int
    rank: int
    minus_priority: int
    trigger_id: str
    occasion: str
    perform: Callable[[Turn], None]


class Model:
    """What the engine should decide, for all customers of all partitions.

    `rule_sets` holds every set that a marker may name, by digest. Who never goes beyond an instant says so by
    `horizon`: it saves looking for flips of segments behind it, which is most of the work.
    """

    def __init__(
        self, rule_sets: Mapping[str, RuleSet], partitions: int = 1, horizon: int | None = None
    ) -> None:
        self._rule_sets = {digest: read_rules(rule_set) for digest, rule_set in rule_sets.items()}
        self._rules: list[Rules] = [NO_RULES] * partitions
        self._activated = [0] * partitions
        self._received: list[int | None] = [None] * partitions
        self._customers: dict[str, Customer] = {}
        self._snapshots: dict[str, Customer] = {}
        self._results = Results()
        self._horizon = horizon
        self.pools = [Pools() for _ in range(partitions)]

    def of_the_same_rules(self) -> "Model":
        """Another model that may be told of the same sets, of one partition, and has met nobody."""
        other = Model({}, horizon=self._horizon)
        other._rule_sets = self._rule_sets
        return other

    @property
    def decisions(self) -> list[Expected]:
        """Every decision, in order."""
        return self._results.decisions

    @property
    def requests(self) -> list[Request]:
        """Every request to the sender, in order."""
        return self._results.requests

    @property
    def hand_overs(self) -> list[HandOver]:
        """Events that the engine has to write."""
        return self._results.hand_overs

    def event(self, partition: int, offset: int, record: EventRecord, now: int) -> None:
        """A record of `tetik.events`, in the order of its partition; `offset` says where it stands.

        First comes the rule of section 2 for reading the log: what it has passed, of this customer, or before
        a control record of all. Raises KeyError for a marker that names an unknown set.
        """
        received_at = parse_instant(record.received_at)
        running = max(self._received[partition] or received_at, received_at)
        self._received[partition] = running
        passed = min(running - 1, now)
        if record.type in CONTROL_TYPES:
            self.time(partition, passed, now)
        if record.type == OFFER_CODES:
            self.pools[partition].arrive(record.properties)
            return
        if record.type == RULES_ACTIVATED:
            self._change_rules(partition, record.properties["digest"], received_at)
            return
        key = customer_key(record.customer_id, record.anonymous_id)
        if key is not None:
            if key in self._customers:
                self._wake(self._customers[key], passed, now)
            self._meet(partition, key, record, now)

    def time(self, partition: int, until: int, now: int) -> None:
        """Every wake-up of the partition due at or before `until` is handed in at `now`, customer by
        customer: who has waited longest first, ties by key."""
        rules = self._rules[partition]
        dues = [
            (min(item.at for item in items), customer.key)
            for customer in self._customers.values()
            if customer.partition == partition and (items := list(self._due(customer, rules)))
        ]
        for _, key in sorted(dues):
            self._wake(self._customers[key], until, now)

    def _wake(self, customer: Customer, until: int, now: int) -> None:
        """What is due for one customer at or before `until`, one thing after the other."""
        rules = self._rules[customer.partition]
        while due := min(
            (item for item in self._due(customer, rules) if item.at <= until),
            key=lambda item: item[:-1],
            default=None,
        ):
            due.perform(self._turn(customer, rules, now, at=due.at))

    def customer(self, key: str) -> Customer | None:
        """What is remembered of one customer."""
        return self._customers.get(key)

    def next_due(self, partition: int) -> int | None:
        """When the partition's next wake-up falls due; None: never."""
        items = [
            item.at
            for customer in self._customers.values()
            if customer.partition == partition
            for item in self._due(customer, self._rules[partition])
        ]
        return min(items, default=None)

    def _turn(
        self, customer: Customer, rules: Rules, now: int, event: Happening | None = None, at: int = 0
    ) -> Turn:
        return Turn(
            customer=customer,
            rules=rules,
            now=now,
            results=self._results,
            pools=self.pools[customer.partition],
            event=event,
            at=at if event is None else event.at,
            activated=self._activated[customer.partition],
            since=len(self.decisions),
            horizon=self._horizon,
        )

    def _due(self, customer: Customer, rules: Rules) -> Iterator[Due]:
        """Everything of hers that has a due time."""
        for run in customer.live_runs():
            if not run.still:
                due = run.due
                trigger = run.trigger
                yield Due(
                    due,
                    RUN,
                    -trigger.priority,
                    trigger.id,
                    run.occasion,
                    lambda turn, run=run, due=due: steps.go_on(turn, run, due),  # type: ignore[misc]
                )
        if customer.flips:
            flip = min(customer.flips.values())
            yield Due(flip, FLIP, 0, "", "", lambda turn: watches.evaluate_segments(turn, flip, None))
        for number, watch in enumerate(customer.watches):
            trigger = rules.triggers[watch.trigger_id]
            if trigger.status == "paused":
                continue
            yield Due(
                watch.due,
                WATCH,
                -trigger.priority,
                trigger.id,
                f"{watch.value}/{number}",
                lambda turn, watch=watch: watches.fall_due(turn, watch),  # type: ignore[misc]
            )

    def _change_rules(self, partition: int, digest: str, activated: int) -> None:
        """Section 8: a marker counts for its partition from its offset on."""
        earlier, self._rules[partition] = self._rules[partition], self._rule_sets[digest]
        self._activated[partition] = activated
        if earlier.digest == digest:
            return
        for customer in sorted(self._customers.values(), key=lambda customer: customer.key):
            if customer.partition == partition and customer.alias_of is None:
                turn = self._turn(customer, self._rules[partition], activated, at=activated)
                edits.apply(turn, earlier, activated)

    def _meet(self, partition: int, key: str, record: EventRecord, now: int) -> None:
        """Section 3, an event, in this order."""
        is_new = key not in self._customers
        customer = self._customers.setdefault(key, Customer(key, partition))
        received_at = parse_instant(record.received_at)
        if customer.alias_of is not None and received_at > customer.alias_since + identity.ALIAS_MS:
            customer = self._customers[key] = Customer(key, partition)
        rules = self._rules[partition]
        event = _happening(record, received_at, rules.policy.lateness_ms)
        turn = self._turn(customer, rules, now, event)
        # 1. Known already, or from before an erasure: nothing.
        if event.id in customer.ids[-RECENT_IDS:]:
            return
        if customer.erased_at is not None and event.at <= customer.erased_at:
            if event.type == "handover_state" and event.id in self._snapshots:
                customer.ids.append(event.id)
                identity.turn_away(turn, event, self._snapshots[event.id])
            return
        # Section 9: asked for its history, an anonymous side becomes an alias, also of somebody else.
        if event.type == "handover_asked":
            customer.ids.append(event.id)
            if customer.alias_of != event.properties["customer_id"]:
                identity.asked(turn, event, self._snapshots, is_new=is_new)
            return
        # Section 10: a device is erased with its customer, unless it has become somebody else's.
        if event.type == "customer_erased" and isinstance(event.properties.get("customer_id"), str):
            if customer.alias_of in (None, event.properties["customer_id"]):
                customer.ids.append(event.id)
                identity.erase(turn, event)
            return
        # 2. An alias forwards it, and does nothing else.
        if customer.alias_of is not None:
            customer.ids.append(event.id)
            identity.forward(turn, record)
            return
        customer.ids.append(event.id)
        if record.customer_id is not None and record.anonymous_id is not None:
            identity.meet_device(turn, event, record.anonymous_id)
        if event.type == "customer_erased":
            identity.erase(turn, event)
            return
        self._apply(turn, event)

    def _apply(self, turn: Turn, event: Happening) -> None:
        """Steps 4 to 9."""
        known.project(turn.customer, event)
        if event.type == "handover_state" and event.id in self._snapshots:
            identity.merge(turn, event, self._snapshots[event.id])
        mails.meet_outcome(turn, event)
        steps.meet_endings(turn, event)
        starts.meet(turn, event)
        starts.remember_endings(turn, event)
        watches.evaluate_segments(turn, event.at, event)
        watches.replan(turn, event)


def _happening(record: EventRecord, received_at: int, lateness_ms: int) -> Happening:
    """Section 2: `occurred_at` is clamped to `received_at`; late is what took longer than the policy says."""
    at = min(parse_instant(record.occurred_at), received_at)
    return Happening(
        id=record.event_id,
        type=record.type,
        at=at,
        received_at=received_at,
        properties=record.properties,
        context=record.context,
        backfill=record.backfill,
        late=received_at - at > lateness_ms,
        types=(record.type,),
    )
