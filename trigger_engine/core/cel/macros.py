"""The macros all, exists, exists_one, filter and map: one loop each over a list's items or a map's keys.

The variable lives in the meter, in a slot that the checker gave it. Each round pays for its body in steps, so
that nested macros over a large event end with an error and not with a stalled partition.
"""

from collections.abc import Callable, Iterator, Mapping

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.logic import not_bool
from trigger_engine.core.cel.running import Context, Run
from trigger_engine.core.cel.values import Meter, spend, type_name

_Rounds = Callable[[Context, Meter], Iterator[object]]


def compile_comprehension(
    macro: str, slot: int, *, ranged: Run, where: Run | None, body: Run, price: int
) -> Run:
    """The closure of one macro; `price` is the steps that a round costs."""

    def rounds(context: Context, meter: Meter) -> Iterator[object]:
        values = ranged(context, meter)
        if not isinstance(values, list | tuple | Mapping):
            raise EvaluationError(f".{macro}() works on a list or a map, this is {type_name(values)}")
        for value in values:
            spend(meter, price)
            meter[slot] = value
            yield value

    def exists_one(context: Context, meter: Meter) -> bool:
        return sum(_bool(macro, body(context, meter)) for _ in rounds(context, meter)) == 1

    def filtered(context: Context, meter: Meter) -> list[object]:
        return [value for value in rounds(context, meter) if _bool(macro, body(context, meter))]

    def mapped(context: Context, meter: Meter) -> list[object]:
        return [
            body(context, meter)
            for _ in rounds(context, meter)
            if where is None or _bool(macro, where(context, meter))
        ]

    loops: dict[str, Run] = {"exists_one": exists_one, "filter": filtered, "map": mapped}
    return loops.get(macro) or _decided(macro, rounds, body)


def _decided(macro: str, rounds: _Rounds, body: Run) -> Run:
    """`exists` is `||` and `all` is `&&` over all rounds: one that decides wins over errors of others."""
    decisive = macro == "exists"

    def run(context: Context, meter: Meter) -> bool:
        error: EvaluationError | None = None
        for _ in rounds(context, meter):
            try:
                answer = body(context, meter)
            except EvaluationError as raised:
                error = error or raised
                continue
            if answer is decisive:
                return decisive
            if answer is not True and answer is not False:
                error = error or not_bool(macro, answer)
        if error is not None:
            raise error
        return not decisive

    return run


def _bool(macro: str, value: object) -> bool:
    if value is True or value is False:
        return value
    raise not_bool(macro, value)
