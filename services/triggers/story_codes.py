"""The codes that a story's pools hold: `codes: {cart: [CART-1, CART-2]}`.

Only pools that some offer names, and only what an import would take: a slip would else look like a pool that
is empty, and the story would tell of the mail without an offer.
"""

import re
from collections.abc import Mapping

from schemas.event import OFFER_CODE
from services.triggers.story import Names
from trigger_engine.core.language.problems import Check, Path, nearest, shown

CODES_MAX = 100
"""In one pool of a story."""

_CODE = re.compile(OFFER_CODE)


def read_codes(check: Check, path: Path, value: object, names: Names) -> dict[str, tuple[str, ...]]:
    """The codes by pool, in the order in which they are given; what is wrong is said."""
    if not isinstance(value, Mapping):
        said = f"codes: holds pools with their codes, not {shown(value)}"
        check.say(path, said, "write {cart: [CART-1, CART-2]}")
        return {}
    found = {}
    for pool, codes in value.items():
        at = (*path, str(pool))
        if pool not in names.pools:
            known = sorted(names.pools)
            there = f"there are: {', '.join(known)}" if known else "there are none"
            check.say(
                at, f"no offer takes codes from a pool {shown(pool)}", nearest(str(pool), known) or there
            )
        elif not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            check.say(at, "the codes of a pool are a list of texts", "write [CART-1, CART-2]")
        elif len(codes) > CODES_MAX:
            check.say(at, f"{len(codes)} codes are too many for a story; at most {CODES_MAX}")
        elif bad := [code for code in codes if not _CODE.fullmatch(code)]:
            check.say(at, f"{shown(bad[0])} is no code", "a code has 1 to 64 of A-Z, a-z, 0-9, - and _")
        else:
            found[str(pool)] = tuple(codes)
    return found
