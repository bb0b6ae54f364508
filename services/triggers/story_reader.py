"""From the plain data of a story file to stories, or to everything that is wrong with it.

All instants are reckoned here: `after` counts from the step before, `at` from the story's start unless it is
a date. A story can go forward only.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

from schemas.decision import Outcome
from schemas.instants import DAY_MS, Instant, datetime_of, format_instant
from schemas.keys import ANONYMOUS_PREFIX
from services.triggers.story import (
    CUSTOMER_DEFAULT,
    Becomes,
    Expects,
    ExpectsNone,
    Happens,
    MailOutcome,
    Names,
    Passes,
    Step,
    Story,
    Wanted,
)
from services.triggers.story_codes import read_codes
from services.triggers.story_times import read_date
from trigger_engine.core.durations import format_duration, parse_duration
from trigger_engine.core.language.problems import Check, Path, Problem, nearest, shown
from trigger_engine.core.limits import ID_LENGTH_MAX
from trigger_engine.core.lint import NEVER_SENT, usual_type

START_DEFAULT = "2026-03-02 09:00"
"""A Monday, far from feasts and changes of the clock."""
LENGTH_MAX_MS = 3660 * DAY_MS
"""From the start of a story to its end, and back to what happened before it: ten years."""
YEARS = (2000, 2100)
STORIES_MAX = 200
STEPS_MAX = 500

SHARED = ("triggers", "start", "customer", "profile", "codes", "mails")
FILE_FIELDS = (*SHARED, "stories")
STORY_FIELDS = ("story", *SHARED, "steps")
TIMES = ("after", "at")
STEP_FIELDS: dict[str, tuple[str, ...]] = {
    "event": ("properties", "context", "customer", "anonymous", "id", "ago", "backfill"),
    "profile": ("customer",),
    "mail": ("outcome", "properties"),
    "expect": (),
    "expect_none": (),
}
WANTED_FIELDS = ("mail", "trigger", "step", "outcome", "variant", "customer", "reason", "at", "data")
OUTCOMES: tuple[str, ...] = get_args(Outcome)
MAIL_OUTCOMES: tuple[MailOutcome, ...] = get_args(MailOutcome)


def stories_of(data: object, names: Names) -> tuple[list[Story], list[Problem]]:
    """The stories of a file's plain data and all problems; use the stories only if there are none."""
    reader = _Reader(names)
    return reader.file(data), list(dict.fromkeys(reader.problems))


class _Reader(Check):
    """Walks one file and collects what is wrong."""

    def __init__(self, names: Names) -> None:
        super().__init__(written=True)
        self._names = names
        self._start: Instant = 0
        self._now: Instant = 0
        self._customer = CUSTOMER_DEFAULT

    def file(self, data: object) -> list[Story]:
        if not isinstance(data, Mapping):
            self.say(
                (), "a story file holds stories: and, if need be, triggers:", "see docs/reference/stories.md"
            )
            return []
        self.names((), data, FILE_FIELDS)
        stories = data.get("stories")
        if not isinstance(stories, list) or not stories:
            at: Path = ("stories",) if "stories" in data else ()
            self.say(at, "stories: is a list of stories", "write stories: and below it - story: A reminder")
            return []
        if len(stories) > STORIES_MAX:
            self.say(("stories",), f"{len(stories)} stories are too many for a file; at most {STORIES_MAX}")
            return []
        shared = {name: data[name] for name in SHARED if name in data}
        found = [self._story(("stories", number), story, shared) for number, story in enumerate(stories)]
        return [story for story in found if story is not None]

    def _story(self, path: Path, story: object, shared: Mapping[str, Any]) -> Story | None:
        if not isinstance(story, Mapping):
            self.say(path, f"{shown(story)} is no story", "a story has story: (its title) and steps:")
            return None
        self.names(path, story, STORY_FIELDS)
        whose: dict[str, Path] = {name: (*path, name) if name in story else (name,) for name in SHARED}
        both = {**shared, **story}
        self._start = self._now = self._start_of(whose["start"], both.get("start", START_DEFAULT))
        self._customer = (
            self._id(whose["customer"], both.get("customer", CUSTOMER_DEFAULT)) or CUSTOMER_DEFAULT
        )
        mails = both.get("mails", "sent")
        if mails not in ("sent", "held"):
            self.say(whose["mails"], f"mails: is sent (each at once) or held, not {shown(mails)}")
        before = None
        if "profile" in both:
            before = replace(self._profile(whose["profile"], both["profile"], self._customer), backfill=True)
        return Story(
            path=path,
            title=self._title(path, story),
            triggers=self._triggers(whose["triggers"], both["triggers"]) if "triggers" in both else (),
            start_at=self._start,
            mails_held=mails == "held",
            before=before,
            steps=self._steps(path, story),
            codes=read_codes(self, whose["codes"], both["codes"], self._names) if "codes" in both else {},
        )

    def _title(self, path: Path, story: Mapping[str, Any]) -> str:
        if "story" not in story:
            self.say(path, "the story has no title", "begin it with story: and what happens in it")
            return ""
        return self._text((*path, "story"), story["story"])

    def _start_of(self, path: Path, value: object) -> Instant:
        start = read_date(value)
        if start is None:
            self.say(path, f"{shown(value)} is no date with a time", f"write it as {START_DEFAULT} (UTC)")
        elif not YEARS[0] <= datetime_of(start).year <= YEARS[1]:
            self.say(
                path, f"{shown(value)} is no year to tell stories of", f"begin in {YEARS[0]} to {YEARS[1]}"
            )
        else:
            return start
        return self._start_of(path, START_DEFAULT)

    def _triggers(self, path: Path, value: object) -> tuple[str, ...]:
        names = value if isinstance(value, list) else [value]
        if not names:
            self.say(path, "the list is empty", "name the triggers that take part, or leave triggers: out")
        for position, name in enumerate(names):
            self._known((*path, position) if isinstance(value, list) else path, name, "trigger")
        return tuple(str(name) for name in names)

    def _steps(self, path: Path, story: Mapping[str, Any]) -> tuple[Step, ...]:
        steps = story.get("steps")
        at = (*path, "steps") if "steps" in story else path
        if not isinstance(steps, list) or not steps:
            self.say(at, "steps: is a list of event:, after:, expect: …", "write - event: product_added")
            return ()
        if len(steps) > STEPS_MAX:
            self.say(at, f"{len(steps)} steps are too many; at most {STEPS_MAX}")
            return ()
        found = [self._step((*at, number), step) for number, step in enumerate(steps)]
        if not any(isinstance(step, Mapping) and {"expect", "expect_none"} & set(step) for step in steps):
            self.say(at, "nothing is expected, so the story cannot fail", "add expect: or expect_none:")
        return tuple(step for step in found if step is not None)

    def _step(self, path: Path, step: object) -> Step | None:
        if not isinstance(step, Mapping):
            self.say(path, f"{shown(step)} is no step", "write - event: product_added or - after: 45m")
            return None
        kinds = [name for name in STEP_FIELDS if name in step]
        if len(kinds) > 1:
            self.say(
                path, f"{kinds[0]}: and {kinds[1]}: are steps of their own", "give each its own line with -"
            )
            return None
        kind = kinds[0] if kinds else ""
        self.names(path, step, ((kind,) if kind else tuple(STEP_FIELDS)) + STEP_FIELDS.get(kind, ()) + TIMES)
        self._move(path, step)
        if not kind:
            if not any(name in step for name in TIMES):
                self.say(
                    path, "the step says nothing that happens", "write - event: product_added or - after: 45m"
                )
            return Passes(path, self._now)
        readers: dict[str, Callable[[Path, Mapping[str, Any]], Step | None]] = {
            "event": self._event,
            "profile": lambda path, step: self._profile(
                (*path, "profile"), step["profile"], self._whom(path, step)
            ),
            "mail": self._mail,
            "expect": self._expect,
            "expect_none": self._expect_none,
        }
        return readers[kind](path, step)

    def _move(self, path: Path, step: Mapping[str, Any]) -> None:
        """`after` and `at` of a step: when it takes place."""
        before = self._now
        self._go_on(path, step)
        if self._now > self._start + LENGTH_MAX_MS:
            said = f"the story is longer than {format_duration(LENGTH_MAX_MS)}"
            self.say((*path, "after" if "after" in step else "at"), said, "tell a shorter one")
            self._now = before

    def _go_on(self, path: Path, step: Mapping[str, Any]) -> None:
        if "after" in step and "at" in step:
            self.say((*path, "at"), "after: and at: both say when", "keep one of them")
        elif "after" in step:
            self._now += self._duration((*path, "after"), step["after"])
        elif "at" in step:
            moment = self._moment((*path, "at"), step["at"])
            if moment is not None and moment < self._now:
                present = f"the story is at {format_instant(self._now)} already"
                self.say(
                    (*path, "at"),
                    f"{shown(step['at'])} lies in the past: {present}",
                    "put the steps in order",
                )
            self._now = max(self._now, moment or 0)

    def _event(self, path: Path, step: Mapping[str, Any]) -> Happens:
        named = "anonymous" in step and "customer" not in step
        ago = self._duration((*path, "ago"), step["ago"]) if "ago" in step else 0
        if ago > LENGTH_MAX_MS:
            self.say((*path, "ago"), f"{shown(step['ago'])} is too long ago", "at most ten years")
            ago = 0
        if "backfill" in step and not isinstance(step["backfill"], bool):
            self.say((*path, "backfill"), "backfill: is true or false")
        return Happens(
            path=path,
            at=self._now,
            type=self._event_type((*path, "event"), step["event"]),
            properties=self._mapping(path, step, "properties"),
            context=self._mapping(path, step, "context"),
            customer_id=None if named else self._whom(path, step),
            anonymous_id=self._id((*path, "anonymous"), step["anonymous"]) if "anonymous" in step else None,
            occurred_at=self._now - ago,
            event_id=self._id((*path, "id"), step["id"]) if "id" in step else None,
            backfill=step.get("backfill") is True,
        )

    def _whom(self, path: Path, step: Mapping[str, Any]) -> str:
        return self._id((*path, "customer"), step["customer"]) if "customer" in step else self._customer

    def _id(self, path: Path, value: object) -> str:
        """The id of a customer, a device or an event."""
        text = self._text(path, value)
        if len(text) > ID_LENGTH_MAX:
            said = f"{shown(text)} has {len(text)} characters"
            self.say(path, said, f"an id has {ID_LENGTH_MAX} at most")
        if text.startswith(ANONYMOUS_PREFIX):
            device = text.removeprefix(ANONYMOUS_PREFIX)
            self.say(path, f"{shown(text)} is a device, not a customer", f"write anonymous: {device[:60]}")
        return text

    def _profile(self, path: Path, value: object, customer: str) -> Happens:
        if not isinstance(value, Mapping):
            self.say(path, f"{shown(value)} is no profile", "write {email: ada@example.com, consent: true}")
            value = {}
        traits = dict(value)
        consent = traits.get("consent")
        if isinstance(consent, bool):
            traits["consent"] = {"marketing_email": consent}
        elif isinstance(consent, Mapping):
            self.names((*path, "consent"), consent, ("marketing_email",))
            for name, given in consent.items():
                if name == "marketing_email" and not isinstance(given, bool):
                    said = f"marketing_email: is true or false, not {shown(given)}"
                    self.say((*path, "consent", name), said)
        elif "consent" in traits:
            self.say((*path, "consent"), f"consent: is true or false, not {shown(consent)}")
        return Happens(path, self._now, "profile_updated", traits, {}, customer, None, self._now)

    def _mail(self, path: Path, step: Mapping[str, Any]) -> Becomes:
        outcome = step.get("outcome")
        if outcome not in MAIL_OUTCOMES:
            said = (
                "what became of it is missing" if outcome is None else f"{shown(outcome)} is no such outcome"
            )
            at = path if outcome is None else (*path, "outcome")
            self.say(at, said, f"write outcome: {' or '.join(MAIL_OUTCOMES)}")
        mail = self._mail_name((*path, "mail"), step["mail"])
        return Becomes(path, self._now, mail, outcome or "sent", self._mapping(path, step, "properties"))

    def _expect(self, path: Path, step: Mapping[str, Any]) -> Expects:
        value = step["expect"]
        at = (*path, "expect")
        if isinstance(value, list):
            wanted = [self._wanted((*at, number), each) for number, each in enumerate(value)]
        else:
            wanted = [self._wanted(at, value)]
        if not wanted:
            self.say(at, "the list is empty", "name a mail, or write expect_none: mail")
        return Expects(path, self._now, tuple(wanted))

    def _expect_none(self, path: Path, step: Mapping[str, Any]) -> ExpectsNone:
        value = step["expect_none"]
        at = (*path, "expect_none")
        if value in ("mail", "anything"):
            return ExpectsNone(path, self._now, None, value == "mail")
        if not isinstance(value, Mapping):
            said = f"{shown(value)} is not understood"
            hint = "write expect_none: mail, expect_none: anything, or {trigger: …, outcome: …}"
            if isinstance(value, str) and value in self._names.templates | self._names.steps:
                hint = f"write expect_none: {{mail: {value}}}"
            self.say(at, said, hint)
            return ExpectsNone(path, self._now, None, False)
        return ExpectsNone(path, self._now, self._wanted(at, value), False)

    def _wanted(self, path: Path, value: object) -> Wanted:
        if isinstance(value, str):
            return Wanted(path, mail=self._mail_name(path, value))
        if not isinstance(value, Mapping) or not value:
            self.say(
                path,
                f"{shown(value)} is nothing to expect",
                "name a mail, or write {mail: cart-reminder, at: 45m}",
            )
            return Wanted(path)
        self.names(path, value, WANTED_FIELDS)
        given: dict[str, Any] = {}
        for name in ("variant", "customer", "reason"):
            if name in value:
                given[name] = self._text((*path, name), value[name])
        for name in ("trigger", "step"):
            if name in value:
                given[name] = self._known((*path, name), value[name], name)
        if "mail" in value:
            given["mail"] = self._mail_name((*path, "mail"), value["mail"])
        if "outcome" in value:
            given["outcome"] = self._one_of((*path, "outcome"), value["outcome"], OUTCOMES, "outcome")
        if "at" in value:
            given["at"] = self._moment((*path, "at"), value["at"])
        if "data" in value:
            given["data"] = self._mapping(path, value, "data")
            if "mail" not in value:
                self.say((*path, "data"), "only a mail has data", "add mail:")
        return Wanted(path, **given)

    def _known(self, path: Path, name: object, kind: str) -> str:
        known = self._names.triggers if kind == "trigger" else self._names.steps
        return self._one_of(path, name, sorted(known), kind)

    def _mail_name(self, path: Path, name: object) -> str:
        return self._one_of(path, name, sorted(self._names.templates | self._names.steps), "mail")

    def _one_of(self, path: Path, name: object, known: "list[str] | tuple[str, ...]", kind: str) -> str:
        if isinstance(name, str) and name in known:
            return name
        there = f"there are: {', '.join(known)}" if known else "there are none"
        self.say(path, f"there is no {kind} {shown(name)}", nearest(str(name), known) or there)
        return ""

    def _event_type(self, path: Path, value: object) -> str:
        text = self._text(path, value)
        snake = "_".join(text.strip().lower().replace("-", " ").split())
        if text and (text != snake or not snake.replace("_", "").isalnum() or len(snake) > 64):
            self.say(path, f"{shown(text)} is no event type", f"did you mean {shown(snake)}?")
        elif text in NEVER_SENT:
            said = f"{text!r} is what the engine says to itself; nobody can send it"
            self.say(path, said, "let time pass, or tell what leads to it")
        elif text not in self._names.events and (meant := usual_type(text)) is not None:
            self.say(
                path, f"no trigger reads {text!r}, and it is not a usual one", f"did you mean {meant!r}?"
            )
        return text

    def _mapping(self, path: Path, step: Mapping[str, Any], name: str) -> dict[str, Any]:
        value = step.get(name, {})
        if isinstance(value, Mapping):
            return dict(value)
        self.say((*path, name), f"{name}: holds fields, not {shown(value)}", "write {product_id: p1}")
        return {}

    def _text(self, path: Path, value: object) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value
        self.say(path, f"a text is expected here, not {shown(value)}")
        return ""

    def _duration(self, path: Path, value: object) -> int:
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            self.say(path, f"{shown(value)} is no duration", "write it as 45m, 24h, 7d or 2d12h")
            return 0

    def _moment(self, path: Path, value: object) -> Instant | None:
        """A duration from the start, or a date with a time."""
        instant = read_date(value)
        if instant is not None:
            return instant
        try:
            return self._start + parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            said = f"{shown(value)} is neither a duration from the start of the story nor a date with a time"
            self.say(path, said, "write it as 45m, 2d12h or 2026-03-04 09:30")
            return None
