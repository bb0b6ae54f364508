"""`&&` and `||` over any number of terms, commutative over errors as CEL specifies.

One term that decides (false for `&&`, true for `||`) wins over errors before and after it. A term that is no
bool counts as an error. Terms run from left to right and stop at the first that decides.
"""

from collections.abc import Sequence

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.running import Context, Run
from trigger_engine.core.cel.values import Meter, type_name


def compile_logic(operator: str, terms: Sequence[Run]) -> Run:
    """The closure of one chain; the operator is `&&` or `||`."""
    decisive = operator == "||"
    chain = tuple(terms)

    def run(context: Context, meter: Meter) -> bool:
        error: EvaluationError | None = None
        for term in chain:
            try:
                value = term(context, meter)
            except EvaluationError as raised:
                error = error or raised
                continue
            if value is decisive:
                return decisive
            if value is not True and value is not False:
                error = error or not_bool(operator, value)
        if error is not None:
            raise error
        return not decisive

    return run


def not_bool(wanted_by: str, value: object) -> EvaluationError:
    return EvaluationError(f"{wanted_by!r} needs true or false, this is {type_name(value)}")
