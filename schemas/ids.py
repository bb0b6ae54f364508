"""Deterministic ids: the same log gives the same ids in every run.

A crash, a replay or a second worker can therefore never make two ids for one decision, and the sender
and analysts can tell a repetition even if a topic is restored from a backup.
"""

from collections.abc import Iterable
from hashlib import blake2b


def stable_hash(*parts: str) -> str:
    """128 bits in hex over the parts, each behind its length, so that no two part lists collide."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def decision_id(
    trigger_id: str, occasion: str, step: str | None, outcome: str, attempt: int, *, shadow: bool = False
) -> str:
    """hash(trigger, occasion, step id, outcome, attempt); decisions on a whole run have no step.

    For a shadow, `shadow` is hashed in too.
    """
    mark = ("shadow",) if shadow else ()
    return stable_hash("decision", trigger_id, occasion, step or "", outcome, str(attempt), *mark)


def send_id(trigger_id: str, occasion: str, step: str, *, shadow: bool = False) -> str:
    """hash(trigger, occasion, step id): one mail a step of a run, whatever is retried.

    For a shadow, whose mails are never sent, `shadow` is hashed in too.
    """
    return stable_hash("send", trigger_id, occasion, step, *(("shadow",) if shadow else ()))


def feedback_event_id(send_id: str, status: str, attempt: int) -> str:
    """The id of the event that tells the engine what became of a mail."""
    return stable_hash("feedback", send_id, status, str(attempt))


def marker_event_id(digest: str, partition: int, set_offset: int = 0) -> str:
    """The id of the marker that activates a rule set in a partition; a repeated publish repeats it.

    `set_offset` is that of the set's record on `tetik.rules`: a set that comes back after another one is
    written there again, and its markers are new ones.
    """
    return stable_hash("rules_activated", digest, str(partition), str(set_offset))


def snapshot_marker_id(version: str, made_at: str, partition: int) -> str:
    """The id of the marker that activates a snapshot in a partition.

    `made_at` is the snapshot's: one whose content comes back after another one has markers of its own.
    """
    return stable_hash("snapshot_activated", version, made_at, str(partition))


def snapshot_version(content: str) -> str:
    """The version of a snapshot: its content as it is written, without version and time."""
    return stable_hash("snapshot", content)


def product_event_id(event_type: str, product_id: str, content: str) -> str:
    """The id of the event that tells of a change of the catalogue.

    `content` is the entry as it is written, its `updated_at` in it; of a deletion, the instant alone.
    """
    return stable_hash("product", event_type, product_id, content)


def offer_codes_event_id(pool: str, codes: Iterable[str]) -> str:
    """The id of the event that brings codes into a pool; the same codes in the same order repeat it."""
    return stable_hash("offer_codes", pool, *codes)


def handover_ask_id(anonymous_key: str, customer_key: str, event_id: str) -> str:
    """The id of the event that asks a device for what it knows; `event_id` named both of them."""
    return stable_hash("handover-ask", anonymous_key, customer_key, event_id)


def handover_state_id(ask_id: str) -> str:
    """The id of the event that answers: what the device knew."""
    return stable_hash("handover-state", ask_id)


def device_erasure_id(anonymous_key: str, erasure_id: str) -> str:
    """The id of the event that erases a customer's device along with her."""
    return stable_hash("erase-device", anonymous_key, erasure_id)


def interest_id(event_id: str, customer_id: str, product_id: str, action: str) -> str:
    """The id of the record that notes or drops an interest; `event_id` names what it follows from."""
    return stable_hash("interest", event_id, customer_id, product_id, action)


def product_notice_id(product_event_id: str, customer_key: str) -> str:
    """The id of the notice that one customer gets of one change of a product."""
    return stable_hash("product-notice", product_event_id, customer_key)
