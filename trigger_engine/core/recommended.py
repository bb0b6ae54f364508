"""What a mail recommends: the step's wish, the customer and the active snapshot brought together."""

from typing import Any

from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.limits import TEXT_LENGTH_MAX
from trigger_engine.core.question import Question, scene_of
from trigger_engine.core.recommending import Wanted, recommend
from trigger_engine.core.template_names import RECOMMENDED


def recommended_in(question: Question) -> dict[str, Any]:
    """The data of a mail that recommends: the products, the reason and the snapshot; empty if there is none.

    What was chosen is noted in the facts.
    """
    snapshot = question.turn.rules.snapshot
    if snapshot is None:
        return {}
    form = question.step.recommend
    wanted = Wanted(form.sources, form.at_most, _category(question))
    chosen = recommend(snapshot, question.state, question.run.start, wanted, question.now)
    if chosen is None:
        return {}
    question.facts[RECOMMENDED] = f"{chosen.reason} (snapshot {chosen.version})"
    return {RECOMMENDED: chosen.data()}


def _category(question: Question) -> str | None:
    """The category that the step names; none if that is no text, or cannot be worked out."""
    form = question.step.recommend
    if form.category is None:
        return None
    try:
        value = form.category.of(scene_of(question.turn, question.run))
    except EvaluationError as error:
        question.facts["recommend"] = error.message
        return None
    return value[:TEXT_LENGTH_MAX] if isinstance(value, str) and value else None
