"""Keys: whom a record concerns, and so which partition it lives in.

A customer key is the customer id if known, else `anon:<anonymous id>`; product events are keyed
`product:<id>`. Ids from outside that begin with one of our prefixes would forge another key, so ingest
refuses them. All producers use Kafka's default partitioner (murmur2), or a customer would live in two
partitions (with confluent-kafka: `partitioner=murmur2_random`).
A code for offers has no key: `code_partition` says where it lives.
"""

from schemas.ids import stable_hash

ANONYMOUS_PREFIX = "anon:"
PRODUCT_PREFIX = "product:"
RESERVED_STATE_PREFIX = "tetik:"
"""Keys of our own records beside the customers' in the state changelog."""
RESERVED_PREFIXES = (ANONYMOUS_PREFIX, PRODUCT_PREFIX, RESERVED_STATE_PREFIX)
RESERVED_ANONYMOUS_PREFIXES = (*RESERVED_PREFIXES, "cart:", "email:")
"""`anon:cart:<token>` and `anon:email:<hash>` are made by our own webhooks only."""


def customer_key(customer_id: str | None, anonymous_id: str | None) -> str | None:
    """The key of a shopper: the customer id, else the anonymous one behind its prefix, else None."""
    if customer_id is not None:
        return customer_id
    if anonymous_id is not None:
        return ANONYMOUS_PREFIX + anonymous_id
    return None


def record_key(customer_id: str | None, anonymous_id: str | None, product_id: str | None) -> str | None:
    """The Kafka key of an event: the shopper's, else the product's, else None (control markers)."""
    shopper = customer_key(customer_id, anonymous_id)
    if shopper is not None:
        return shopper
    return None if product_id is None else PRODUCT_PREFIX + product_id


def ids_of_key(key: str) -> tuple[str | None, str | None]:
    """(customer_id, anonymous_id) of a customer key: what `customer_key` was made from."""
    if key.startswith(ANONYMOUS_PREFIX):
        return None, key[len(ANONYMOUS_PREFIX) :]
    return key, None


def code_partition(pool: str, code: str, partitions: int) -> int:
    """The partition of `tetik.events` that gives this code out, of so many.

    It must never change: a code that comes again elsewhere is given to two people.
    """
    return int(stable_hash("offer-code", pool, code), 16) % partitions
