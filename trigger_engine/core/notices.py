"""The product side of a partition: what its products cost and whether they are there, who is interested in
them, and telling these when that changes (semantics, section 11). Pure.

A change that is news queues a fan-out; the shell has it worked off a slice at a time, and each slice's
notices, with how far it has come, are part of one flush. A crash therefore repeats a slice as a whole or
not at all, and a million customers hold up nobody.

Rules of this file:
- Fan-outs of a partition are worked one after the other, in the order that their products came to wait.
- One that has not begun gives way to a newer one of its kind: nobody needs yesterday's price. So a product
  has one under way and one of each kind behind it, at most.
- One begins only when the interests are read as far as they were written when it was queued: who looked at
  the product a second before is told.
"""

import msgspec

from schemas.instants import Instant, parse_instant
from schemas.records import EventRecord, InterestRecord
from trigger_engine.core.interest_buckets import Size, drop, note, read_bucket
from trigger_engine.core.limits import PRODUCTS_MAX
from trigger_engine.core.product_changes import (
    FanOut,
    KnownProduct,
    ProductChange,
    fan_out_of,
    kind_of,
    learn,
    notice_of,
)
from trigger_engine.core.product_store import (
    FAN_OUT_KEY_PREFIX,
    ProductStore,
    fan_out_key,
    product_key,
)

_encode = msgspec.msgpack.Encoder().encode
_decode_product = msgspec.msgpack.Decoder(KnownProduct).decode
_decode_fan_outs = msgspec.msgpack.Decoder(list[FanOut]).decode


class Notices:
    """The products of one partition. A call that raises has changed nothing."""

    def __init__(self, records: dict[str, bytes]) -> None:
        """`records`: what the changelog holds of products, by key."""
        self._store = ProductStore(records)
        self.queued = 0
        """How many fan-outs were queued, those of the changelog included."""
        self._dropped = 0
        self._waiting: dict[str, int] = {}
        """Products with fan-outs, in the order of work, and which was queued last for each."""
        self._walked = ""
        for product_id in _waiting_in(records):
            self._queue(product_id)

    @property
    def waiting(self) -> int:
        """How many products have fan-outs to be worked off."""
        return len(self._waiting)

    def tell(self, change: ProductChange, now: Instant, lateness_ms: int, *, wanted: bool) -> None:
        """A product has changed. `wanted`: the rules have a use for notices."""
        try:
            queued = self._take_in(change, now, lateness_ms, wanted=wanted)
        except BaseException:
            self._store.undo()
            raise
        self._store.keep()
        if queued:
            self._queue(change.product_id)
        elif self._store.get(fan_out_key(change.product_id)) is None:
            self._waiting.pop(change.product_id, None)

    def note(self, interest: InterestRecord) -> None:
        """A customer is interested, or no more."""
        try:
            dropped = self._note(interest)
        except BaseException:
            self._store.undo()
            raise
        self._store.keep()
        self._dropped += dropped

    def fan_out(self, limit: int, now: Instant, *, queued: int) -> list[EventRecord]:
        """The notices of the next slice: at most `limit` customers, or buckets, are looked at. Of fan-outs
        that have not begun, only the first so many that were `queued` do."""
        notices: list[EventRecord] = []
        done: list[str] = []
        try:
            for product_id, number in self._waiting.items():
                fan_outs = self._fan_outs(product_id)
                if limit <= 0 or (number > queued and not fan_outs[0].begun):
                    break
                self._walked = product_id
                limit -= self._walk(product_id, fan_outs[0], limit, now, notices)
                if fan_outs[0].bucket >= self._known(product_id).buckets:
                    del fan_outs[0]
                self._store.put(fan_out_key(product_id), _encode(fan_outs) if fan_outs else None)
                if fan_outs:
                    break
                done.append(product_id)
        except BaseException:
            self._store.undo()
            raise
        self._store.keep()
        for product_id in done:
            del self._waiting[product_id]
        return notices

    def give_up(self) -> tuple[str, bytes]:
        """Forget the fan-outs of the product at which `fan_out` raised. Key and value of their record."""
        product_id = self._walked
        key = fan_out_key(product_id)
        value = self._store.get(key) or b""
        self._store.put(key, None)
        self._store.keep()
        del self._waiting[product_id]
        return key, value

    def may_begin(self, queued: int) -> bool:
        """Whether `fan_out` has anything to do."""
        for product_id, number in self._waiting.items():
            return number <= queued or self._fan_outs(product_id)[0].begun
        return False

    def take_dropped(self) -> int:
        """How many interests went, or never came, since the last call, because there were too many."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def changed(self) -> list[tuple[str, bytes | None]]:
        """Records of the present flush, by key; None: gone."""
        return self._store.changed()

    def committed(self) -> None:
        """The present flush is durable."""
        self._store.committed()

    def _queue(self, product_id: str) -> None:
        self.queued += 1
        self._waiting[product_id] = self.queued

    def _take_in(self, change: ProductChange, now: Instant, lateness_ms: int, *, wanted: bool) -> bool:
        """Whether a fan-out was queued."""
        known = self._known(change.product_id)
        if change.occurred_at < known.told_at:
            return False
        entry = change.entry
        if entry is None:
            self._store.put(fan_out_key(change.product_id), None)
            learn(known, change)
            self._put(change.product_id, known)
            return False
        starts = wanted and not change.backfill and change.received_at - change.occurred_at <= lateness_ms
        kind = kind_of(known, entry) if starts else None
        if kind is not None:
            fan_outs = self._fan_outs(change.product_id)
            kept = [one for one in fan_outs if one.begun or one.kind != kind]
            kept.append(fan_out_of(change, known, kind, now))
            self._store.put(fan_out_key(change.product_id), _encode(kept))
        learn(known, change)
        self._put(change.product_id, known)
        return kind is not None

    def _note(self, interest: InterestRecord) -> int:
        product_id = interest.product_id
        known = self._known(product_id)
        before = Size(known.interests, known.buckets)
        dropped = 0
        if interest.action == "drop":
            size = drop(self._store, product_id, before, interest.customer_id)
        elif self._store.get(product_key(product_id)) is None and self._store.products >= PRODUCTS_MAX:
            return 1
        else:
            at = parse_instant(interest.occurred_at)
            fan_outs = self._fan_outs(product_id)
            may_split = not (fan_outs and fan_outs[0].begun)
            size, dropped = note(
                self._store, product_id, before, interest.customer_id, at, may_split=may_split
            )
        if size != before:
            known.interests, known.buckets = size
            self._put(product_id, known)
        return dropped

    def _walk(
        self, product_id: str, fan_out: FanOut, limit: int, now: Instant, notices: list[EventRecord]
    ) -> int:
        """Go on with one fan-out until it ends or `limit` is reached; how much of that was used up."""
        fan_out.begun = True
        buckets = self._known(product_id).buckets
        left = limit
        while left > 0 and fan_out.bucket < buckets:
            bucket = read_bucket(self._store, product_id, fan_out.bucket)
            met = sorted(key for key in bucket if key > fan_out.after)
            for key in met[:left]:
                if bucket[key] <= fan_out.occurred_at:
                    notices.append(notice_of(fan_out, key, now))
            if len(met) > left:
                fan_out.after = met[left - 1]
                return limit
            left -= max(len(met), 1)
            fan_out.bucket += 1
            fan_out.after = ""
        return limit - left

    def _known(self, product_id: str) -> KnownProduct:
        data = self._store.get(product_key(product_id))
        return KnownProduct() if data is None else _decode_product(data)

    def _put(self, product_id: str, known: KnownProduct) -> None:
        """What nobody tells of or is interested in is not kept, nor is a new product over the bound."""
        key = product_key(product_id)
        gone = known.price is None and known.stock is None and not known.interests
        new = self._store.get(key) is None
        if gone or (new and self._store.products >= PRODUCTS_MAX):
            self._store.put(key, None)
        else:
            self._store.put(key, _encode(known))

    def _fan_outs(self, product_id: str) -> list[FanOut]:
        data = self._store.get(fan_out_key(product_id))
        return [] if data is None else _decode_fan_outs(data)


def _waiting_in(records: dict[str, bytes]) -> list[str]:
    """The products that have fan-outs, in the order they came to wait."""
    first = [
        (_decode_fan_outs(data)[0].queued_at, key.removeprefix(FAN_OUT_KEY_PREFIX))
        for key, data in records.items()
        if key.startswith(FAN_OUT_KEY_PREFIX)
    ]
    return [product_id for _, product_id in sorted(first)]
