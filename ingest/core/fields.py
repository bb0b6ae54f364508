"""Single fields of an event: ids, objects, texts.

Ids are numbers or texts on the wire and texts with us; null and empty count as absent. An id that
begins with one of our key prefixes would forge another customer's key. `undefined` and its like come
from a bug in a page; as ids they would make one customer out of thousands, and mail him.
"""

import re
from typing import Any

from ingest.core.outcomes import Refused, Unacceptable
from schemas.keys import RESERVED_ANONYMOUS_PREFIXES, RESERVED_PREFIXES

ID_LENGTH_MAX = 256
SOURCE_LENGTH_MAX = 64
_POOL = re.compile(r"[a-z][a-z0-9-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACEHOLDERS = frozenset({"undefined", "null", "none", "nil", "nan", "true", "false", "[object object]"})


def customer_id(value: Any, field: str) -> str | None:
    """A customer's id, or None. Raises Unacceptable: `bad_id`, `reserved_prefix`."""
    return _outside_id(value, field, RESERVED_PREFIXES)


def anonymous_id(value: Any, field: str) -> str | None:
    """A device's id, or None. Raises Unacceptable: `bad_id`, `reserved_prefix`."""
    return _outside_id(value, field, RESERVED_ANONYMOUS_PREFIXES)


def product_id(value: Any, field: str) -> str | None:
    """A product's id, or None. Raises Unacceptable: `bad_id`, `reserved_prefix`."""
    return _outside_id(value, field, RESERVED_PREFIXES)


def record_id(value: Any, field: str) -> str | None:
    """An event's own id, or None. Raises Unacceptable `bad_id`."""
    if isinstance(value, bool):
        raise Unacceptable("bad_id", f"{field} must be a text, not a boolean")
    if isinstance(value, float):
        value = str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        value = str(value)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unacceptable("bad_id", f"{field} must be a text")
    if len(value) > ID_LENGTH_MAX:
        raise Unacceptable("bad_id", f"{field} has more than {ID_LENGTH_MAX} characters")
    if _CONTROL.search(value):
        raise Unacceptable("bad_id", f"{field} holds a control character")
    return value


def pool_name(value: Any) -> str:
    """The name of a pool of codes, as triggers name it. Raises Refused `bad_pool`."""
    if not isinstance(value, str) or not _POOL.fullmatch(value):
        said = f"{value[:60]!r} cannot be its name" if isinstance(value, str) else "it must be a text"
        raise Refused(
            "bad_pool",
            f"`pool` names the pool that a trigger's offer draws from, as cart-10; {said}: "
            "at most 64 of a-z, 0-9 and -, beginning with a letter",
        )
    return value


def json_object(value: Any, field: str) -> dict[str, Any]:
    """A JSON object; null counts as empty. Raises Unacceptable `bad_field`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unacceptable("bad_field", f"{field} must be a JSON object")
    return value


def bounded_text(value: Any, field: str, length_max: int) -> str:
    """A text; null counts as empty. Raises Unacceptable `bad_field`."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unacceptable("bad_field", f"{field} must be a text")
    if len(value) > length_max:
        raise Unacceptable("bad_field", f"{field} has {len(value)} characters; at most {length_max}")
    if _CONTROL.search(value):
        raise Unacceptable("bad_field", f"{field} holds a control character")
    return value


def _outside_id(value: Any, field: str, reserved: tuple[str, ...]) -> str | None:
    text = record_id(value, field)
    if text is None or not text.strip():
        return None
    if text.lower() in _PLACEHOLDERS:
        raise Unacceptable("bad_id", f"{field} is {text!r}, which is a placeholder and nobody's id")
    for prefix in reserved:
        if text.startswith(prefix):
            raise Unacceptable("reserved_prefix", f"{field} begins with {prefix!r}, which is Tetik's own")
    return text
