"""Who is interested in one product, in buckets that grow by linear hashing.

A product may have a million interested customers, and each of them comes alone: one record for all would be
written again with each. So they lie in buckets of some 64, chosen by a hash of the customer's key. There are
as many as the customers need on average; each time one more is needed, one bucket is split in two, the next
in turn, and nothing else moves. Buckets are never joined: who has had many interested customers may again.

A walk meets the customers bucket by bucket, in each by key. While one is under way nothing is split, so that
a customer's place in it is always the same: who comes ahead of it is met, who comes behind it is not, and
nobody twice.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.instants import Instant
from trigger_engine.core.limits import BUCKET_INTERESTS, PRODUCT_INTERESTS_MAX
from trigger_engine.core.product_store import ProductStore, bucket_key

SPLITS_PER_NOTE = 2
"""More than one, so that splits put off by a walk are made up for."""

Bucket = dict[str, Instant]
"""By customer key, since when."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Bucket).decode


class Size(NamedTuple):
    """How many customers a product has, in how many buckets."""

    interests: int
    buckets: int


def bucket_of(customer_key: str, buckets: int) -> int:
    """The bucket of a customer where there are so many."""
    digest = int.from_bytes(blake2b(customer_key.encode(), digest_size=8).digest(), "big")
    span = 1 << (buckets - 1).bit_length()
    number = digest % span
    return number if number < buckets else number - span // 2


def read_bucket(store: ProductStore, product_id: str, number: int) -> Bucket:
    """An empty one has no record."""
    data = store.get(bucket_key(product_id, number))
    return {} if data is None else _decode(data)


def note(
    store: ProductStore, product_id: str, size: Size, customer_key: str, at: Instant, *, may_split: bool
) -> tuple[Size, int]:
    """Add a customer, or leave her the earlier of two instants. The new size, and how many others had to go:
    of a bucket of a product that has too many, who came first."""
    interests, buckets = size
    number = bucket_of(customer_key, buckets)
    bucket = read_bucket(store, product_id, number)
    dropped = 0
    if customer_key in bucket:
        bucket[customer_key] = min(at, bucket[customer_key])
    else:
        if interests >= PRODUCT_INTERESTS_MAX and bucket:
            del bucket[min(bucket, key=lambda key: (bucket[key], key))]
            interests -= 1
            dropped = 1
        bucket[customer_key] = at
        interests += 1
    _write(store, product_id, number, bucket)
    splits = SPLITS_PER_NOTE if may_split else 0
    while splits and buckets * BUCKET_INTERESTS < interests:
        _split(store, product_id, buckets)
        buckets += 1
        splits -= 1
    return Size(interests, buckets), dropped


def drop(store: ProductStore, product_id: str, size: Size, customer_key: str) -> Size:
    """Take a customer out, if she is in."""
    number = bucket_of(customer_key, size.buckets)
    bucket = read_bucket(store, product_id, number)
    if bucket.pop(customer_key, None) is None:
        return size
    _write(store, product_id, number, bucket)
    return size._replace(interests=size.interests - 1)


def _split(store: ProductStore, product_id: str, buckets: int) -> None:
    """Make one bucket more than there are: it takes its share of the one whose turn it is."""
    source = buckets - (1 << (buckets.bit_length() - 1))
    stay: Bucket = {}
    go: Bucket = {}
    for customer_key, at in read_bucket(store, product_id, source).items():
        (stay if bucket_of(customer_key, buckets + 1) == source else go)[customer_key] = at
    _write(store, product_id, source, stay)
    _write(store, product_id, buckets, go)


def _write(store: ProductStore, product_id: str, number: int, bucket: Bucket) -> None:
    store.put(bucket_key(product_id, number), _encode(bucket) if bucket else None)
