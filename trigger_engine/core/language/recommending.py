"""`recommend`: where the products that a mail recommends are from."""

from typing import Any

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.problems import Check, Path
from trigger_engine.core.limits import RECOMMENDED_DEFAULT, RECOMMENDED_MAX
from trigger_engine.core.recommending import SOURCES

Form = dict[str, Any]


def recommend(check: Check, path: Path, value: Any) -> Form:
    """The normal form: sources in order, how many products at most, and perhaps of which category."""
    if not isinstance(value, dict):
        return {"from": _sources(check, path, value), "at_most": RECOMMENDED_DEFAULT}
    example = "recommend: {from: [bought_together, similar], at_most: 4}"
    given = check.fields(path, value, ("from", "at_most", "category"), ("from",), example)
    if given is None or "from" not in given:
        return {}
    form: Form = {
        "from": _sources(check, (*path, "from"), given["from"]),
        "at_most": RECOMMENDED_DEFAULT,
    }
    if "at_most" in given:
        form["at_most"] = values.integer(check, (*path, "at_most"), given["at_most"], 1, RECOMMENDED_MAX)
    if "category" in given:
        at = (*path, "category")
        form["category"] = expressions.expression(check, at, given["category"], expressions.RUN, "category")
    return form


def _sources(check: Check, path: Path, value: Any) -> list[str]:
    found = values.listed(check, path, value, lambda at, item: values.choice(check, at, item, SOURCES))
    values.once(check, path, found, value)
    return found
