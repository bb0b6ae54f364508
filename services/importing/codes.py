"""A row as a code for offers: one a line, or in a column by the names that shops and apps give it.

What a code may be is ingest's to say: its own reader judges each before anything is sent.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ingest.core.offer_codes import read_code
from ingest.core.outcomes import Unacceptable
from services.importing.columns import Names
from services.importing.kinds import Kind, Unusable

CODE = "code"
ALIASES = dict.fromkeys(("discount_code", "coupon_code", "coupon", "name"), CODE)
"""In the order in which they count: where a file names a code and a discount, the discount is the `Name`."""
NAMES = Names(
    (CODE,), ALIASES, needed=(CODE,), hint=". For one code a line, without a header, say --format list"
)
BATCH_CODES = 2_000
"""More than of other items: what a partition does with each event of codes grows with its whole pool."""


def codes(pool: str) -> Kind:
    """Codes for this pool."""
    return Kind(
        noun="codes",
        path="/v1/offer-codes",
        names=NAMES,
        item_of=code_of,
        batch_rows=BATCH_CODES,
        opening=b'{"pool":%s,"codes":[' % msgspec.json.encode(pool),
        closing=b"]}",
    )


def code_of(cells: Mapping[str, Any]) -> str:
    """The code, as the API takes it. Raises Unusable."""
    text = cells[NAMES.columns_of(tuple(cells)).by_field[CODE]].strip()
    try:
        return read_code(text)
    except Unacceptable as reason:
        raise Unusable(reason.message) from reason
