"""What a publish does to people who are in the middle of a series, and who it starts with, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas.rule_set import RuleSet
from services.triggers.changes import versions_of
from services.triggers.people import People, Place

Form = Mapping[str, Any]
_ON_EDIT = {
    "pin": "they go on with the version they began with (on_edit: pin)",
    "migrate": "they go over to the new version, right behind their last mail (on_edit: migrate)",
    "drain": "they do their next mail and end (on_edit: drain)",
}


def fate_of(place: Place, after: Form | None, version: str | None) -> str:
    """What becomes of the runs at a place; `after` is the trigger's new form, None if it is gone."""
    if after is None:
        return "they end (exited): the trigger is gone"
    if after["status"] == "draft":
        return "they end (exited): the trigger is a draft"
    if after["status"] == "paused":
        return "they wait until the trigger is live again; what ends them still does"
    if place.version == version:
        return "they go on"
    return _ON_EDIT[after.get("on_edit", "pin")]


def fates(people: People, after: RuleSet) -> Iterator[str]:
    """Lines for people: each trigger with runs, where they stand, and what becomes of them."""
    forms = {str(form["id"]): form for form in after.triggers}
    versions = versions_of(after)
    for trigger_id in sorted({place.trigger_id for place in people.runs}):
        places = people.of_trigger(trigger_id)
        yield f"{trigger_id}: {counted(sum(places.values()), 'run')}"
        for place, count in places.items():
            fate = fate_of(place, forms.get(trigger_id), versions.get(trigger_id))
            yield f"    {count} of version {place.version} {place}: {fate}"


def starting_with_existing(before: RuleSet | None, after: RuleSet) -> list[Form]:
    """The triggers that this publish starts for those who are in a segment already."""
    old_versions = versions_of(before) if before else {}
    old_segments = {segment["id"]: segment for segment in before.segments} if before else {}
    segments = {segment["id"]: segment for segment in after.segments}
    versions = versions_of(after)
    return [
        form
        for form in after.triggers
        if form["when"].get("start_with_existing")
        and form["status"] in ("live", "shadow")
        and (
            old_versions.get(form["id"]) != versions[form["id"]]
            or old_segments.get(form["when"]["enters"]) != segments.get(form["when"]["enters"])
        )
    ]


def existing_members(forms: Iterable[Form], counts: Mapping[str, int]) -> Iterator[str]:
    """Lines for people: how many start, and over what time."""
    for form in forms:
        segment = form["when"]["enters"]
        spread = form["when"].get("spread")
        over = f"spread over {spread}" if spread else "all at once"
        members = counted(counts.get(segment, 0), "member")
        yield f"{form['id']}: {members} of the segment {segment} now; they start too, {over}"


def counted(count: int, noun: str) -> str:
    """`1 run`, `2 runs`, `2 stories`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
