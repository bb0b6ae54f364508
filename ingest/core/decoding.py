"""JSON in: strict where we own the client, forgiving where old SDKs write what JSON does not allow.

Python's SDKs may write NaN and Infinity (read as null), and browsers may cut a string inside a surrogate
pair (read as U+FFFD). Such a body is repaired into valid JSON first, so that everything behind this
module meets valid JSON only. Nesting is bounded, because every later reader of the log recurses.
"""

import json
import math
from typing import Any

import msgspec

_decode_any = msgspec.json.Decoder().decode
_encode_any = msgspec.json.Encoder().encode


class Unreadable(ValueError):
    """The bytes are no JSON; the message says where."""


def decode_json(body: bytes) -> Any:
    """Read JSON. Raises Unreadable."""
    try:
        return _decode_any(body)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8: {error}") from error
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error


def repair_json(body: bytes) -> bytes:
    """The body with NaN, infinities and halves of surrogate pairs replaced, as valid JSON.

    Raises Unreadable if it is wrong in any other way.
    """
    try:
        text = body.decode("utf-8-sig")
        return _encode_any(
            _without_surrogates(json.loads(text, parse_constant=_no_number, parse_float=_finite))
        )
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


def nested_deeper(value: Any, brackets: int, depth_max: int) -> bool:
    """Whether a value nests deeper than allowed; `brackets` of its text settle nearly all cases."""
    return brackets > depth_max and _deeper(value, depth_max)


def count_brackets(raw: bytes) -> int:
    """An upper bound of how deep a JSON text can nest."""
    return raw.count(b"{") + raw.count(b"[")


def _deeper(value: Any, depth_max: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if depth_max == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_deeper(each, depth_max - 1) for each in inner)


def _no_number(_name: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value
