"""Deterministic ids: the same log gives the same ids in every run.

A crash, a replay or a second worker can therefore never make two ids for one decision, and the sender
and analysts can tell a repetition even if a topic is restored from a backup.
"""

from hashlib import blake2b


def stable_hash(*parts: str) -> str:
    """128 bits in hex over the parts, each behind its length, so that no two part lists collide."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def decision_id(trigger_id: str, occasion: str, step: str | None, outcome: str, attempt: int) -> str:
    """hash(trigger, occasion, step id, outcome, attempt); decisions on a whole run have no step."""
    return stable_hash("decision", trigger_id, occasion, step or "", outcome, str(attempt))


def send_id(trigger_id: str, occasion: str, step: str) -> str:
    """hash(trigger, occasion, step id): one mail a step of a run, whatever is retried."""
    return stable_hash("send", trigger_id, occasion, step)


def feedback_event_id(send_id: str, status: str, attempt: int) -> str:
    """The id of the event that tells the engine what became of a mail."""
    return stable_hash("feedback", send_id, status, str(attempt))


def marker_event_id(digest: str, partition: int) -> str:
    """The id of the marker that activates a rule set in a partition; a repeated publish repeats it."""
    return stable_hash("rules_activated", digest, str(partition))
