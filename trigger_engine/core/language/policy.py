"""The policy: what stands above single triggers. All fields may be left out."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.instants import DAY_MS
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.language import values
from trigger_engine.core.language.dates import Moments, known_zone, zone
from trigger_engine.core.language.problems import Check, Path, Problem, shown
from trigger_engine.core.language.triggers import holdout
from trigger_engine.core.limits import OCCASION_MEMORY_MS

FIELDS = (
    *("time_zone", "lateness", "occasion_memory", "date_grace", "arbitration_hold", "holdout"),
    *("caps", "offers", "quiet_hours", "calendar", "engagement"),
)
AT_MOST_MAX = 50
CAPS_MAX = 10
TRAINED_AFTER_MAX = 100
INTERVALS_MAX = 400
POINTS_MAX = 64

Form = dict[str, Any]


def check_policy(data: object, *, written: bool = False) -> tuple[Form, list[Problem]]:
    """The normal form of the policy and all problems; the form is to be used only if there are none."""
    reading = _Policy(Check(written=written))
    return reading.read(data), reading.check.problems


class _Policy:
    """Reads the policy."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def read(self, data: object) -> Form:
        check = self.check
        if not isinstance(data, Mapping):
            check.say((), f"a policy file holds fields ({', '.join(FIELDS)}), this one does not")
            return {}
        if "steps" in data and not set(FIELDS) & set(data):
            check.say_key(
                ("steps",), "this is a trigger, and policy.yaml holds the policy", "rename the file"
            )
            return {}
        check.names((), data, FIELDS)
        moments = Moments(check, data["time_zone"] if known_zone(data.get("time_zone")) else "UTC")
        readers: dict[str, Callable[[Path, Any], Any]] = {
            "time_zone": lambda path, value: zone(check, path, value),
            "lateness": lambda path, value: values.duration(check, path, value),
            "occasion_memory": self._occasion_memory,
            "date_grace": lambda path, value: values.duration(check, path, value),
            "arbitration_hold": lambda path, value: values.duration(check, path, value),
            "holdout": lambda path, value: holdout(check, path, value),
            "caps": lambda path, value: values.listed(check, path, value, self._cap, CAPS_MAX),
            "offers": self._offers,
            "quiet_hours": self._quiet_hours,
            "calendar": lambda path, value: self._calendar(path, value, moments),
            "engagement": self._engagement,
        }
        return {name: readers[name]((name,), data[name]) for name in FIELDS if name in data}

    def _occasion_memory(self, path: Path, value: Any) -> str:
        form = values.duration(self.check, path, value)
        if form and parse_duration(form) < DAY_MS:
            said = f"{shown(value)} is too short to keep anybody from being mailed twice"
            self.check.say(path, said, f"write 1d to {OCCASION_MEMORY_MS // DAY_MS}d")
        return form

    def _cap(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "caps: [{at_most: 3, within: 7d}]"
        given = check.fields(
            path, value, ("at_most", "within", "on_sale_days"), ("at_most", "within"), example
        )
        if given is None:
            return {}
        form: Form = {}
        for name in ("at_most", "within", "on_sale_days"):
            if name in given:
                at = (*path, name)
                form[name] = (
                    values.duration(check, at, given[name])
                    if name == "within"
                    else values.integer(check, at, given[name], 1, AT_MOST_MAX)
                )
        return form

    def _offers(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "offers: {at_most: 1, within: 90d}"
        known = ("at_most", "within", "trained_after")
        given = check.fields(path, value, known, ("at_most", "within"), example)
        if given is None:
            return {}
        form: Form = {}
        if "at_most" in given:
            form["at_most"] = values.integer(check, (*path, "at_most"), given["at_most"], 1, AT_MOST_MAX)
        if "within" in given:
            form["within"] = values.duration(check, (*path, "within"), given["within"])
        if "trained_after" in given:
            at = (*path, "trained_after")
            form["trained_after"] = values.integer(check, at, given["trained_after"], 1, TRAINED_AFTER_MAX)
        return form

    def _quiet_hours(self, path: Path, value: Any) -> Form:
        check = self.check
        example = 'quiet_hours: {from: "22:00", to: "08:00"}'
        given = check.fields(path, value, ("from", "to"), ("from", "to"), example)
        if given is None:
            return {}
        form = {
            name: values.clock(check, (*path, name), given[name]) for name in ("from", "to") if name in given
        }
        if len(form) == 2 and form["from"] == form["to"] and not check.problems:
            check.say(path, "quiet hours that begin and end at the same time are none", f"write {example}")
        return form

    def _calendar(self, path: Path, value: Any, moments: Moments) -> Form:
        check = self.check
        example = "calendar: {blackouts: [{from: 2026-12-31, to: 2027-01-01}]}"
        given = check.fields(path, value, ("blackouts", "sale_days", "campaigns"), (), example)
        if given is None:
            return {}
        form: Form = {}
        for name in ("blackouts", "sale_days"):
            if name in given:
                form[name] = values.listed(
                    check,
                    (*path, name),
                    given[name],
                    lambda at, item: self._interval(at, item, moments),
                    INTERVALS_MAX,
                )
        if "campaigns" in given:
            form["campaigns"] = values.listed(
                check,
                (*path, "campaigns"),
                given["campaigns"],
                lambda at, item: self._campaign(at, item, moments),
                INTERVALS_MAX,
            )
            ids = [each.get("id", "") for each in form["campaigns"]]
            values.once(check, (*path, "campaigns"), ids, given["campaigns"])
        return form

    def _interval(self, path: Path, value: Any, moments: Moments) -> Form:
        check = self.check
        example = "{from: 2026-11-27, to: 2026-11-30}"
        given = check.fields(path, value, ("from", "to"), ("from", "to"), example)
        if given is None:
            return {}
        form: Form = {}
        if "from" in given:
            form["from"] = moments.begin((*path, "from"), given["from"])
        if "to" in given:
            form["to"] = moments.end((*path, "to"), given["to"])
        if form.get("from") and form.get("to") and form["from"] >= form["to"]:
            check.say(path, "it ends before it begins", "let to: be the same day as from:, or a later one")
        return form

    def _campaign(self, path: Path, value: Any, moments: Moments) -> Form:
        check = self.check
        example = "{id: black-friday, at: 2026-11-27 10:00}"
        given = check.fields(path, value, ("id", "at"), ("id", "at"), example)
        if given is None:
            return {}
        form: Form = {}
        if "id" in given:
            form["id"] = values.identifier(check, (*path, "id"), given["id"], "black-friday")
        if "at" in given:
            form["at"] = moments.begin((*path, "at"), given["at"])
        return form

    def _engagement(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "engagement: {half_life: 30d, points: {product_viewed: 1, order_completed: 10}}"
        given = check.fields(path, value, ("half_life", "points"), (), example)
        if given is None:
            return {}
        form: Form = {}
        if "half_life" in given:
            at = (*path, "half_life")
            form["half_life"] = values.duration(check, at, given["half_life"])
            if form["half_life"] and parse_duration(form["half_life"]) % DAY_MS:
                check.say(at, f"{shown(given['half_life'])} is no number of whole days", "write 30d")
        if "points" in given:
            form["points"] = self._points((*path, "points"), given["points"])
        return form

    def _points(self, path: Path, value: Any) -> dict[str, int | float]:
        check = self.check
        if not isinstance(value, Mapping) or not value:
            check.say(path, "points are event types with numbers", "write {product_viewed: 1}")
            return {}
        if len(value) > POINTS_MAX:
            check.say(path, f"{len(value)} event types are too many; at most {POINTS_MAX}")
        form = {}
        for name, points in value.items():
            at = (*path, str(name))
            values.event_type(check, at, name)
            form[str(name)] = values.number(check, at, points)
        return form
