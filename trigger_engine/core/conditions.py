"""The conditions of trigger files, compiled once and asked about a scene.

What they may read stands in `variables`. `now` is the instant the condition is asked about: an event's
`received_at`, or the time at which a step is due to be performed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.ids import stable_hash
from schemas.instants import format_instant
from trigger_engine.core.cel import (
    CelType,
    Duration,
    Expression,
    Timestamp,
    compile_condition,
    compile_value,
)
from trigger_engine.core.durations import format_duration
from trigger_engine.core.limits import ID_LENGTH_MAX
from trigger_engine.core.scene import Event as Event
from trigger_engine.core.scene import Scene as Scene
from trigger_engine.core.variables import ACCESS, access_to, getter
from trigger_engine.core.variables import DATE_DECLARATIONS as DATE_DECLARATIONS
from trigger_engine.core.variables import DECLARATIONS as DECLARATIONS
from trigger_engine.core.variables import MAIL_DECLARATIONS as MAIL_DECLARATIONS
from trigger_engine.core.variables import SEGMENT_DECLARATIONS as SEGMENT_DECLARATIONS
from trigger_engine.core.variables import cart_item as cart_item

_PERSONAL = frozenset({"profile.email", "profile.first_name", "profile.last_name", "profile"})
"""Not shown in facts: the decision log is kept longer than a person's details should be."""
_PLAIN = frozenset({str, int, float, bool})


class _Clause:
    """A compiled expression with what it reads. `answers` gives its value for a scene."""

    __slots__ = ("_facts", "reads_start", "references", "source")

    def __init__(self, expression: Expression) -> None:
        self.source = expression.source
        self.references = expression.references
        self.reads_start = any(path.partition(".")[0] == "start" for path in expression.references)
        self._facts = [(path, _fact_reader(path)) for path in sorted(expression.references)]

    def facts(self, scene: Scene) -> dict[str, Any]:
        """The values it reads, by path, as JSON; personal ones only as given or not."""
        return {path: _fact(path, read(scene)) for path, read in self._facts}


class Where(_Clause):
    """A condition. `holds(scene)` raises EvaluationError, which callers count as false and record."""

    __slots__ = ("holds",)

    def __init__(self, source: str, declarations: Mapping[str, CelType] = DECLARATIONS) -> None:
        """Raises CelError."""
        condition = compile_condition(source, declarations, access_to(declarations))
        self.holds: Callable[[Scene], bool] = condition.evaluate
        super().__init__(condition)


class Value(_Clause):
    """An expression with a value of any type. `of(scene)` raises EvaluationError."""

    __slots__ = ("of",)

    def __init__(self, source: str, declarations: Mapping[str, CelType] = DECLARATIONS) -> None:
        """Raises CelError."""
        expression = compile_value(source, declarations, access_to(declarations))
        self.of: Callable[[Scene], object] = expression.evaluate
        super().__init__(expression)


def _fact_reader(path: str) -> Callable[[Scene], object]:
    """Reads a path of any length: the longest front that has an accessor, and keys in its answer."""
    keys = path.split(".")
    for length in range(len(keys), 0, -1):
        front = ".".join(keys[:length])
        if front in ACCESS:
            return _look_up(getter(ACCESS[front]), keys[length:])
    inside = [
        (name.removeprefix(f"{path}."), getter(how))
        for name, how in ACCESS.items()
        if name.startswith(f"{path}.")
    ]
    return lambda scene: {name: read(scene) for name, read in inside}


def _look_up(read: Callable[[Scene], object], keys: list[str]) -> Callable[[Scene], object]:
    def look_up(scene: Scene) -> object:
        value = read(scene)
        for key in keys:
            try:
                value = value[key]  # type: ignore[index]  # whatever has no keys says so
            except (KeyError, TypeError):
                return None
        return value

    return look_up if keys else read


def _fact(path: str, value: object) -> Any:
    if path in _PERSONAL:
        return None if value is None else "(given)"
    return plain(value)


def plain(value: object) -> Any:
    """A CEL value as JSON: instants as RFC 3339, durations as `1h30m`."""
    if value is None or type(value) in _PLAIN:  # nearly all; it takes long to see that they are no Mapping
        return value
    if isinstance(value, Timestamp):
        return format_instant(value.ms)
    if isinstance(value, Duration):
        return format_duration(value.ms) if value.ms >= 0 else f"-{format_duration(-value.ms)}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def text_of(value: object) -> str | None:
    """A value as the text that names an occasion or a window; None for null, a list or a map.

    What is too long for an id is hashed.
    """
    if type(value) is not str:
        value = plain(value)
    if value is None or isinstance(value, (dict, list)):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= ID_LENGTH_MAX else stable_hash(text)
