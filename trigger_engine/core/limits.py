"""Every bound on what one customer can make us keep, with the reason for each number.

A customer's state is read, decided on and written again whenever she is touched, so its size is the
engine's speed; and a bot must not be able to grow it. What is beyond a bound is cut or dropped, oldest
first, except where that could mail somebody twice: there the engine starts nothing and says `state_limit`.
"""

from schemas.instants import DAY_MS, HOUR_MS

EVENT_DEPTH_MAX = 400
"""Nesting of an event; ingest allows 128 at most. What is read must be writable again, in a mail's
data: Python's readers and writers stop at about 980, each at another depth."""

RECENT_EVENTS_MAX = 256
"""Event ids remembered for the dedup window, 8 bytes each: a repetition comes from a retry or a replayed
spool within minutes, and 256 events are more than an hour of a busy shopper."""

RUNS_MAX = 32
"""Live runs of one customer, over all triggers: the shipped library has 25 triggers. Beyond: state_limit."""

MAILS_PENDING_MAX = 64
"""Requested mails whose outcome has not come back. Beyond, the oldest can no longer be cancelled."""

OCCASIONS_MAX = 1024
"""Occasions remembered per trigger, 12 bytes each: a wholesaler orders some 250 times a year, each with its
confirmation, and forgetting an occasion early could mail it twice. Beyond: state_limit."""

OCCASION_MEMORY_MS = 400 * DAY_MS
"""How long an occasion is remembered: more than a year, so that a yearly one is never met twice."""

TRIGGERS_MAX = 256
"""Triggers one customer has memories of (occasions, cooldown). Beyond: state_limit."""

ENDINGS_MAX = 64
"""Kinds of `unless`/`exit` whose last time is kept: each is an event type, or a type with a condition."""

PAST_ENDERS_MAX = 16
"""Events kept for `unless`/`exit` conditions that compare with `start.*`: they can be judged only when the
starting event is known, and 16 such events (orders, mostly) reach back further than lateness does."""

LATENESS_DEFAULT_MS = 24 * HOUR_MS
"""An event received later than this after it happened starts nothing (policy.lateness)."""

CART_ITEMS_MAX = 100
"""Lines of a cart; a mail shows a handful."""

QUANTITY_MAX = 1_000_000
PRICE_MAX = 1_000_000_000.0
"""Beyond these a number is a mistake or an attack, and would spoil cart.value."""

TRAITS_MAX = 50
"""Traits of a profile beside the named ones."""

ID_LENGTH_MAX = 256
"""As `schemas.contract.Identifier`."""

TEXT_LENGTH_MAX = 256
"""Names, traits, product names: what is shown in a line of a mail or compared in a condition."""

URL_LENGTH_MAX = 1_000
"""Addresses of products and pictures; longer ones are dropped, as a cut one leads nowhere."""

EMAIL_LENGTH_MAX = 254
"""RFC 5321's path of 256 octets without the angle brackets."""

KEPT_NODES_MAX = 400
KEPT_TEXT_MAX = 4_000
KEPT_DEPTH_MAX = 6
"""Of a starting event's properties while its run waits: values, characters and nesting. About 6 kB."""

FACTS_BYTES_MAX = 4_096
FACT_TEXT_MAX = 200
FACT_ITEMS_MAX = 5
"""Of a decision's facts; DESIGN section 2 promises 4 kB at most."""

REASON_LENGTH_MAX = 1_000
"""As `schemas.decision.Decision`."""

STEPS_MAX = 40
"""Steps of a trigger file, branches included: a series longer than that is a newsletter."""

DURATION_MAX_MS = 400 * DAY_MS
"""A wait beyond the memory of occasions could meet its own occasion again."""

EXPIRES_AFTER_MARKETING_MS = 12 * HOUR_MS
"""A reminder half a day late is a nuisance."""

EXPIRES_AFTER_TRANSACTIONAL_MS = 3 * DAY_MS
"""An order confirmation is wanted even after a long week-end's outage."""

ARMS_MAX = 64
"""Experiments whose arm is remembered for a customer."""

SLOTS_MAX = 64
"""Places under the frequency caps kept for real mails, and as many for shadows: a cap allows 50 at most."""

OFFERS_MAX = 32
"""Offers given, kept for the limit on offers."""

POOLS_MAX = 64
"""Pools of codes a partition has."""

POOL_CODES_MAX = 200_000
POOL_GIVEN_MAX = 200_000
"""Codes of a pool that one partition keeps, and given ones that it remembers (8 bytes each), so that they
are not given again when a file is imported again. At 64 characters a code it all fits one record (16 MiB)."""

PREFERENCES_MAX = 50
"""Preferences that `set` steps write."""

HAND_OVERS_MAX = 64
"""Hand-overs whose ids a customer remembers, 8 bytes each: a repetition comes within minutes."""

DEVICES_MAX = 32
"""Anonymous ids a customer remembers. A device beyond is asked again when it is seen again, and has nothing
to hand over then."""

DEVICE_ANSWERS_MS = 30_000
"""How long a mail is not given up for what a device that was asked may know: the answer takes milliseconds,
unless the device's partition is behind or being taken over."""

ALIAS_KEPT_MS = 400 * DAY_MS
"""How long an anonymous id forwards to its customer: as long as a browser keeps its cookie, at most."""

EVENT_TYPES_MAX = 64
"""Event types whose last time is kept; the one longest unseen goes first."""

VIEWS_MAX = 20
"""Products looked at that are kept: a mail shows a handful, a threshold keeps its own."""

PURCHASES_MAX = 40
"""Lines of her last orders that are kept, and lines of one order that are read: some ten orders, enough to
tell what she has and how often she buys it."""

PRODUCTS_DUE_MAX = 8
"""Products that run out on one day, as the day's starting event names them: a mail shows as many."""

CONSUMABLE_DAYS_MAX = 3_650
"""How long a product may last, as the shop says."""

INTERESTS_MAX = 32
"""Products a customer is interested in: more than she can remember herself, and as many notes of her lie with
the products."""

PRODUCT_INTERESTS_MAX = 1_000_000
"""Customers one product knows of; beyond, the oldest of the newcomer's bucket goes. About 30 MB."""

BUCKET_INTERESTS = 64
"""Customers a bucket of interests holds on average, some 2 kB: what one more of them has written again."""

PRODUCTS_MAX = 1_000_000
"""Products a partition remembers, some 200 bytes each. A new one beyond is not watched."""

THRESHOLD_VALUES_MAX = 64
THRESHOLD_EVENTS_MAX = 256
THRESHOLD_WINDOWS_MAX = 512
"""Values of `per` a trigger keeps windows for, and events of a window: a threshold counts to 100 at most.
Windows over all triggers: eight that count by many values. Beyond, the one longest without an event goes."""

AMOUNT_MAX = 1e12
"""Of one event that a threshold adds up, either way: beyond it is no amount of anything, and a few such would
overflow the sum."""

BASKETS_MAX = 20_000
BASKETS_COUNT_MS = 30 * DAY_MS
BASKET_LINES_MAX = 20
BASKET_PAIR_LINES_MAX = 8
BASKET_ID_LENGTH_MAX = 128
"""Orders that a partition remembers for recommendations, for how long they count, the products of each, and
of how many each pair is counted: 28 pairs an order. Longer ids are not counted; no shop has such."""

WAKE_UPS_PER_FLUSH_MAX = 250
"""Customers woken in one turn of a partition, some 30 ms: a burst must hold up neither events nor heartbeats.
A slice of 1,000 saves 8 % of the CPU of a wake-up, and has each event wait four times as long."""

BASKETS_PER_TURN = 1_000
"""Baskets counted in one turn of a partition: some 20 ms, which no mail waits for."""

PART_PAIRS_MAX = 200_000
PART_PARTNERS_MAX = 50
"""Pairs of products that a partition tells of, and products along with one: some 4 MB."""

CATALOGUE_MAX = 200_000
"""Products held in memory where snapshots are made: some 200 MB. Others are not recommended."""

SNAPSHOT_PRODUCTS_BYTES_MAX = 10_000_000
SNAPSHOT_PARTNERS_BYTES_MAX = 5_000_000
"""Of a snapshot's products and best-sellers, and of what was bought together: both fit one record
(16 MiB)."""

SNAPSHOTS_KEPT_MAX = 100
SNAPSHOTS_KEPT_MS = 30 * DAY_MS
"""Versions of snapshots that can be read again: as long as events are kept, and no more than so many, as each
holds the catalogue and a worker reads past all of them when it starts."""

RECOMMENDED_MAX = 12
RECOMMENDED_DEFAULT = 4
"""Products recommended in one mail."""

SIMILAR_MAX = 500
"""Products of a category, the most ordered, among which similar ones are looked for."""

HANDOVER_STATE_BYTES_MAX = 12_000_000
"""A state as a hand-over carries it: in base64, in an event, it has to fit the log's records (16 MiB).
Runs (2.6 MB), mails (2.6 MB), occasions (3.8 MB), cart (1.2 MB) and the rest without windows stay below it at
all their bounds, with four bytes a character; what windows take beyond is cut (`hand_over.within_bounds`)."""

STATE_BYTES_MAX = 15_000_000
"""A customer's record, whatever she or a bot sends: all of the above at their bounds, with four bytes a
character. It fits the changelog's records (16 MiB). What the rules alone determine (segments, watches,
memories of more than 256 triggers) comes on top and is small."""
