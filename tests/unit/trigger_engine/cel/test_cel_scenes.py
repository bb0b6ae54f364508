"""Conditions that read a scene through accessors: each path once, only when needed, whole records too."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    WITH_NOW,
    Access,
    CelType,
    Duration,
    EvaluationError,
    Timestamp,
    compile_condition,
    compile_value,
    list_of,
    map_of,
    nullable,
    record,
)

EVENT = record({"type": STRING, "properties": map_of(DYN)})
DECLARATIONS: dict[str, CelType] = {
    "event": EVENT,
    "answer": nullable(EVENT),
    "cart": record(
        {
            "id": nullable(STRING),
            "value": DOUBLE,
            "age": nullable(DURATION),
            "items": list_of(record({"price": nullable(DOUBLE), "quantity": INT})),
        }
    ),
    "profile": record({"country": nullable(STRING), "traits": map_of(DYN)}),
    "consent": record({"marketing_email": BOOL}),
    "now": TIMESTAMP,
}


class Scene(SimpleNamespace):
    """Counts what is read of it."""

    def __init__(self, **values: Any) -> None:
        super().__init__(reads=Counter(), **values)

    def read(self, path: str) -> Any:
        self.reads[path] += 1
        return self.values[path]


VALUES: dict[str, Any] = {
    "event.type": "product_viewed",
    "event.properties": {"total": 120, "name": "Kuş", "nothing": None},
    "answer": None,
    "cart.id": None,
    "cart.value": 1200,
    "cart.age": 7_200_000,
    "cart.items": [{"price": 10, "quantity": 1}, {"price": None, "quantity": 2}],
    "profile.country": "TR",
    "profile.traits": {"vip": True},
    "consent.marketing_email": True,
    "now": 1_717_135_200_000,
}
ACCESS: Access = {
    path: (lambda scene, path=path: scene.read(path)) for path in VALUES if path != "profile.country"
} | {"profile.country": "shopper.country"}


def scene(**changed: Any) -> Scene:
    values = {**VALUES, **{path.replace("__", "."): value for path, value in changed.items()}}
    return Scene(values=values, shopper=SimpleNamespace(country=values["profile.country"]))


HOLD = [
    "event.properties.total >= 100 && profile.country == 'TR' && cart.value > 0",
    "cart.value == 1200.0 && cart.value * 2.0 == 2400.0",
    "consent.marketing_email",
    "cart.age > duration('1h') && now - cart.age < now",
    "cart.id == null && has(cart.id) && !has(event.properties.missing)",
    "has(event.properties.nothing) && event.properties.nothing == null",
    "answer == null",
    "cart.items.exists(item, item.price == null) && cart.items.map(item, item.quantity) == [1, 2]",
    "cart.items[0].price + 0.5 == 10.5",
    "cart == cart && cart.items == cart['items'] && size(cart) == 4 && 'value' in cart",
    "profile == {'country': 'TR', 'traits': {'vip': true}}",
    "cart['val' + 'ue'] == 1200",
    "[profile][0].country == 'TR' && [cart.items][0][0].price == 10.0",
    "event.type.startsWith('product') && event.properties.name.size() == 3",
    "now.getFullYear() == 2024",
]


@pytest.mark.parametrize("source", HOLD)
def test_holds(source: str) -> None:
    assert compile_condition(source, DECLARATIONS, ACCESS).holds(scene()) is True


@pytest.mark.parametrize("source", HOLD)
def test_reads_each_path_at_most_once(source: str) -> None:
    looked_at = scene()
    compile_condition(source, DECLARATIONS, ACCESS).evaluate(looked_at)
    assert set(looked_at.reads.values()) <= {1}


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("cart.value > 5000 && event.properties.total > 1", {"cart.value"}),
        ("cart.value > 5 || event.properties.total > 1", {"cart.value"}),
        ("cart.value > 5 ? cart.id == null : event.type == ''", {"cart.value", "cart.id"}),
        ("event.type == 'x' && (cart.value > 5 || now > now)", {"event.type"}),
        ("has(cart.id)", set()),
        ("[].exists(x, cart.value > 5)", set()),
        ("event.properties.a == event.properties.b", {"event.properties"}),
        ("cart.items.all(item, item.price != 3.0 && cart.value > 1)", {"cart.items", "cart.value"}),
        ("cart.items.exists(item, cart == {} || 'id' in cart)", {path for path in VALUES if "cart" in path}),
    ],
)
def test_reads_only_what_is_needed(source: str, reads: set[str]) -> None:
    looked_at = scene(event__properties={"a": 1, "b": 2})
    compile_condition(source, DECLARATIONS, ACCESS).evaluate(looked_at)
    assert looked_at.reads.keys() == reads
    assert set(looked_at.reads.values()) <= {1}


ANSWER = {"type": "bought", "properties": {"total": 5}}


def test_a_nullable_record_is_null_until_it_is_there() -> None:
    condition = compile_condition("answer != null && answer.properties.total > 3", DECLARATIONS, ACCESS)
    assert condition.holds(scene()) is False
    assert condition.holds(scene(answer=ANSWER)) is True


@pytest.mark.parametrize(
    "source", ["answer.type == 'bought'", "has(answer.type)", "answer.properties.total > 1"]
)
def test_a_field_of_null_is_an_error(source: str) -> None:
    condition = compile_condition(source, DECLARATIONS, ACCESS)
    with pytest.raises(EvaluationError, match=r"null (and )?has no fields"):
        condition.holds(scene())
    assert condition.holds(scene(answer=ANSWER)) is True


@pytest.mark.parametrize(
    ("changed", "source", "message"),
    [
        ({"cart__value": "much"}, "cart.value > 1.0", "cart.value should be double, it is string"),
        ({"cart__value": None}, "cart.value > 1.0", "cart.value should be double, it is null"),
        ({"cart__value": True}, "cart.value > 1.0", "cart.value should be double, it is bool"),
        ({"consent__marketing_email": 1}, "consent.marketing_email", "should be bool, it is int"),
        ({"profile__country": 90}, "profile.country == 'TR'", "profile.country should be string, it is int"),
        (
            {"cart__items": [{"quantity": "2"}]},
            "cart.items[0].quantity > 1",
            "quantity should be int, it is string",
        ),
        ({"now": 10**18}, "now > now", "outside the years 1 to 9999"),
        (
            {"event__properties": None},
            "event.properties.total > 1",
            "event.properties is null and has no fields",
        ),
    ],
)
def test_a_value_of_another_type_than_declared_is_an_error(
    changed: dict[str, Any], source: str, message: str
) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_condition(source, DECLARATIONS, ACCESS).holds(scene(**changed))
    assert message in caught.value.message


def test_whole_numbers_of_json_are_taken_for_the_declared_type() -> None:
    assert compile_value("cart.value", DECLARATIONS, ACCESS).evaluate(scene()) == 1200.0
    assert compile_value("cart.age", DECLARATIONS, ACCESS).evaluate(scene()) == Duration(7_200_000)
    assert compile_value("now", DECLARATIONS, ACCESS).evaluate(scene()) == Timestamp(1_717_135_200_000)
    quantity = compile_value("cart.items[0].quantity", DECLARATIONS, ACCESS)
    value = quantity.evaluate(scene(cart__items=[{"quantity": 2.0}]))
    assert (type(value), value) == (int, 2)


def test_an_attribute_is_read_in_place() -> None:
    condition = compile_condition("profile.country == 'TR'", DECLARATIONS, ACCESS)
    assert "subject.shopper.country" in condition.python
    assert condition.holds(scene(profile__country="DE")) is False


@pytest.mark.parametrize("source", ["cart.value > 1.0", "cart == {}"])
def test_every_variable_needs_an_accessor(source: str) -> None:
    access = {path: how for path, how in ACCESS.items() if path != "cart.value"}
    with pytest.raises(ValueError, match=r"no accessor for cart\.value"):
        compile_condition(source, DECLARATIONS, access)


@pytest.mark.parametrize("path", ["cart.vlaue", "crt", "cart.value.x"])
def test_an_accessor_is_for_something_declared(path: str) -> None:
    with pytest.raises(ValueError, match="is not declared"):
        compile_condition("true", DECLARATIONS, {**ACCESS, path: "x"})


@pytest.mark.parametrize("name", ["", "a b", "__class__", "a.__class__", "a()", "a\nb", ".a", "a.", "A"])
def test_an_attribute_accessor_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="no dotted name"):
        compile_condition("true", DECLARATIONS, {**ACCESS, "cart.value": name})


def test_time_moves_in_scenes_too() -> None:
    moving = {"now": WITH_NOW, "cart.age": WITH_NOW}
    condition = compile_condition("cart.age >= duration('3h')", DECLARATIONS, ACCESS, moving)
    looked_at = scene()
    assert condition.next_flip(looked_at, VALUES["now"]) == VALUES["now"] + 3_600_000
    assert looked_at.reads == {"cart.age": 1}
