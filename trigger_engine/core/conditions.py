"""The conditions of trigger files: what they may read, and reading just that.

A condition is compiled once. Of the state it is given only the fields it refers to, worked out when it is
evaluated: `cart.value > 0` never meets the profile. `now` is the instant the condition is asked about: an
event's `received_at`, or the time at which a mail's checks run.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from schemas.instants import Instant, format_instant
from trigger_engine.core.carts import cart_value
from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    CelType,
    Duration,
    Expression,
    Timestamp,
    compile_condition,
    compile_value,
    list_of,
    map_of,
    nullable,
    record,
)
from trigger_engine.core.durations import format_duration
from trigger_engine.core.state import CustomerState, Item


class Event(Protocol):
    """What conditions see of an event, whether it has just come or was kept."""

    @property
    def type(self) -> str: ...
    @property
    def occurred_at(self) -> Instant: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    @property
    def context(self) -> dict[str, Any]: ...


class Scene:
    """All that a condition can be asked about: a customer, the event, the run's starting event, the time."""

    __slots__ = ("event", "now", "start", "state")

    def __init__(self, state: CustomerState, event: Event | None, start: Event, now: Instant) -> None:
        self.state = state
        self.event = event
        self.start = start
        self.now = now


_TEXT = nullable(STRING)
_EVENT = record({"type": STRING, "occurred_at": TIMESTAMP, "properties": map_of(DYN), "context": map_of(DYN)})
_ITEM = record(
    {
        "product_id": _TEXT,
        "name": _TEXT,
        "price": nullable(DOUBLE),
        "quantity": INT,
        "url": _TEXT,
        "image_url": _TEXT,
    }
)
_STATE: dict[str, CelType] = {
    "profile": record(
        {
            "email": _TEXT,
            "first_name": _TEXT,
            "last_name": _TEXT,
            "locale": _TEXT,
            "time_zone": _TEXT,
            "country": _TEXT,
            "traits": map_of(DYN),
        }
    ),
    "cart": record(
        {
            "id": _TEXT,
            "value": DOUBLE,
            "count": INT,
            "items": list_of(_ITEM),
            "currency": _TEXT,
            "age": nullable(DURATION),
            "updated_at": nullable(TIMESTAMP),
        }
    ),
    "orders": record({"count": INT, "last_at": nullable(TIMESTAMP), "total": DOUBLE}),
    "activity": record({"last_seen_at": nullable(TIMESTAMP)}),
    "consent": record({"marketing_email": BOOL}),
    "now": TIMESTAMP,
    "start": _EVENT,
}
DECLARATIONS: Mapping[str, CelType] = {**_STATE, "event": _EVENT}
"""For conditions asked when an event comes: `where`, `unless`, `exit`, `once_per`."""
MAIL_DECLARATIONS: Mapping[str, CelType] = _STATE
"""For conditions asked when a mail is due (`audience`): then there is no event, only the run's start."""


def _instant(at: Instant | None) -> Timestamp | None:
    return None if at is None else Timestamp(at)


def cart_item(item: Item) -> dict[str, Any]:
    """A line of the cart as conditions and templates see it."""
    return {
        "product_id": item.product_id,
        "name": item.name,
        "price": item.price,
        "quantity": item.quantity,
        "url": item.url,
        "image_url": item.image_url,
    }


_Getter = Callable[[Scene], object]

_EVENT_FIELDS: dict[str, Callable[[Event], object]] = {
    "type": lambda event: event.type,
    "occurred_at": lambda event: Timestamp(event.occurred_at),
    "properties": lambda event: event.properties,
    "context": lambda event: event.context,
}


def _of_event(read: Callable[[Event], object]) -> _Getter:
    return lambda scene: None if scene.event is None else read(scene.event)


def _of_start(read: Callable[[Event], object]) -> _Getter:
    return lambda scene: read(scene.start)


def _cart_updated_at(scene: Scene) -> Instant | None:
    cart = scene.state.cart
    return cart.updated_at if cart.items else None


def _cart_age(scene: Scene) -> Duration | None:
    updated_at = _cart_updated_at(scene)
    return None if updated_at is None else Duration(scene.now - updated_at)


_FIELDS: dict[str, dict[str, _Getter]] = {
    "event": {name: _of_event(read) for name, read in _EVENT_FIELDS.items()},
    "start": {name: _of_start(read) for name, read in _EVENT_FIELDS.items()},
    "profile": {
        "email": lambda scene: scene.state.profile.email,
        "first_name": lambda scene: scene.state.profile.first_name,
        "last_name": lambda scene: scene.state.profile.last_name,
        "locale": lambda scene: scene.state.profile.locale,
        "time_zone": lambda scene: scene.state.profile.time_zone,
        "country": lambda scene: scene.state.profile.country,
        "traits": lambda scene: scene.state.profile.traits,
    },
    "cart": {
        "id": lambda scene: scene.state.cart.id,
        "value": lambda scene: cart_value(scene.state.cart),
        "count": lambda scene: sum(item.quantity for item in scene.state.cart.items),
        "items": lambda scene: [cart_item(item) for item in scene.state.cart.items],
        "currency": lambda scene: scene.state.cart.currency,
        "age": _cart_age,
        "updated_at": lambda scene: _instant(_cart_updated_at(scene)),
    },
    "orders": {
        "count": lambda scene: scene.state.orders.count,
        "last_at": lambda scene: _instant(scene.state.orders.last_at),
        "total": lambda scene: scene.state.orders.total,
    },
    "activity": {"last_seen_at": lambda scene: _instant(scene.state.last_seen_at)},
    "consent": {"marketing_email": lambda scene: scene.state.profile.marketing_email is True},
}

_PERSONAL = frozenset({"profile.email", "profile.first_name", "profile.last_name", "profile"})
"""Not shown in facts: the decision log is kept longer than a person's details should be."""


def _reader(references: frozenset[str]) -> Callable[[Scene], dict[str, object]]:
    """A function that works out just what these paths need."""
    wanted: dict[str, dict[str, _Getter]] = {}
    for reference in sorted(references - {"now"}):
        root, _, rest = reference.partition(".")
        fields = _FIELDS[root]
        field = rest.partition(".")[0]
        wanted.setdefault(root, {}).update({field: fields[field]} if field else fields)
    plan = [(root, tuple(fields.items())) for root, fields in wanted.items()]
    with_now = "now" in references

    def read_one(scene: Scene) -> dict[str, object]:
        return {root: {field: getter(scene)}}

    def read(scene: Scene) -> dict[str, object]:
        context: dict[str, object] = {
            root: {field: get(scene) for field, get in fields} for root, fields in plan
        }
        if with_now:
            context["now"] = Timestamp(scene.now)
        return context

    if len(plan) == 1 and len(plan[0][1]) == 1 and not with_now:
        root, ((field, getter),) = plan[0]
        return read_one
    return read


class _Clause:
    """A compiled expression with what it reads."""

    __slots__ = ("_paths", "_read", "reads_start", "source")

    def __init__(self, expression: Expression) -> None:
        self.source = expression.source
        self.reads_start = any(path.partition(".")[0] == "start" for path in expression.references)
        self._paths = tuple(sorted(expression.references))
        self._read = _reader(expression.references)

    def facts(self, scene: Scene) -> dict[str, Any]:
        """The values it reads, by path, as JSON; personal ones only as given or not."""
        context = self._read(scene)
        return {path: _fact(path, _look_up(context, path)) for path in self._paths}


class Where(_Clause):
    """A condition."""

    __slots__ = ("_condition",)

    def __init__(self, source: str, declarations: Mapping[str, CelType] = DECLARATIONS) -> None:
        """Raises CelError."""
        self._condition = compile_condition(source, declarations)
        super().__init__(self._condition)

    def holds(self, scene: Scene) -> bool:
        """Raises EvaluationError, which callers count as false and record."""
        return self._condition.evaluate(self._read(scene))


class Value(_Clause):
    """An expression with a value of any type."""

    __slots__ = ("_expression",)

    def __init__(self, source: str, declarations: Mapping[str, CelType] = DECLARATIONS) -> None:
        """Raises CelError."""
        self._expression = compile_value(source, declarations)
        super().__init__(self._expression)

    def of(self, scene: Scene) -> object:
        """Raises EvaluationError."""
        return self._expression.evaluate(self._read(scene))


def _look_up(context: Mapping[str, object], path: str) -> object:
    value: object = context
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _fact(path: str, value: object) -> Any:
    if path in _PERSONAL:
        return None if value is None else "(given)"
    return plain(value)


def plain(value: object) -> Any:
    """A CEL value as JSON: instants as RFC 3339, durations as `1h30m`."""
    if isinstance(value, Timestamp):
        return format_instant(value.ms)
    if isinstance(value, Duration):
        return format_duration(value.ms) if value.ms >= 0 else f"-{format_duration(-value.ms)}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
