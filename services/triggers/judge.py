"""Tells a story: plays it and holds what was decided against what is expected.

What is expected is looked for among the decisions since something was last expected (expectations that
follow each other directly look at the same ones), in any order. Mails are held more strictly than other
decisions: each one sent has to be expected, there or at the end. A story that says nothing of a mail would
else pass although somebody gets one too many.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.instants import format_instant, parse_instant
from services.triggers.fates import counted
from services.triggers.player import Decided, Noted, Player, StoryRunsAway
from services.triggers.story import Becomes, Expects, ExpectsNone, Happens, Passes, Step, Story, Wanted
from services.triggers.story_times import since
from trigger_engine.core.language import Path
from trigger_engine.core.rules import Rules


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not come as told: where in the file, and a sentence."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Told:
    """A story, how it ended, and everything that was decided in it."""

    story: Story
    failures: tuple[Failure, ...]
    timeline: tuple[Decided | Noted, ...]


def tell(story: Story, rules: Rules) -> Told:
    """Play a story by these rules."""
    judge = _Judge(story, rules)
    return Told(story, tuple(judge.failures()), tuple(judge.player.timeline))


class _Judge:
    """One telling of one story. `_window` is where the decisions begin that are looked at now."""

    def __init__(self, story: Story, rules: Rules) -> None:
        self.player = Player(rules, story.start_at, mails_held=story.mails_held)
        self._story = story
        self._failures: list[Failure] = []
        self._window = 0
        self._claimed: set[int] = set()
        self._expected_at: Path | None = None

    def failures(self) -> list[Failure]:
        story = self._story
        step: Step | None = story.before
        try:
            for pool, codes in story.codes.items():
                self.player.take_in(pool, codes)
            if story.before is not None:
                self.player.happen(story.before)
            for step in story.steps:
                self._take(step)
            self.player.pass_time(self.player.now)
            self._close_window(story.path if self._expected_at is None else self._expected_at)
        except StoryRunsAway as error:
            self._fail(story.path if step is None else step.path, str(error))
        return self._failures

    def _take(self, step: Step) -> None:
        if isinstance(step, Happens | Passes | Becomes) and self._expected_at is not None:
            self._close_window(self._expected_at)
            self._expected_at = None
        if isinstance(step, Happens):
            before = len(self.player.rejected)
            self.player.happen(step)
            for reason in self.player.rejected[before:]:
                self._fail(step.path, f"the event could not be used: {reason}")
            return
        self.player.pass_time(step.at)
        if isinstance(step, Becomes):
            self._become(step)
        elif isinstance(step, Expects):
            self._expected_at = step.path
            for wanted in step.wanted:
                self._look_for(wanted)
        elif isinstance(step, ExpectsNone):
            self._expected_at = step.path
            self._look_out_for(step)

    def _become(self, step: Becomes) -> None:
        request = self.player.request_of(step.mail)
        if request is None:
            self._fail(step.path, f"no mail {step.mail} was requested until now, so nothing can become of it")
        else:
            self.player.become(request, step.outcome, step.properties)

    def _look_for(self, wanted: Wanted) -> None:
        present = range(self._window, len(self.player.decided))
        for number in present:
            if number not in self._claimed and self._fits(wanted, self.player.decided[number]):
                self._claimed.add(number)
                return
        near = [number for number in present if self._alike(wanted, self.player.decided[number])]
        self._claimed.update(near)  # said here, not again as mails that nobody expected
        instead = self._instead(
            wanted, [self.player.decided[number] for number in near or present], bool(near)
        )
        self._fail(wanted.path, f"expected {self._described(wanted)}, but {instead}")

    def _look_out_for(self, step: ExpectsNone) -> None:
        for number in range(self._window, len(self.player.decided)):
            decided = self.player.decided[number]
            if number in self._claimed:
                continue
            fits = step.unwanted is None or self._fits(step.unwanted, decided)
            if fits and (decided.request is not None or not step.mails_only):
                self._claimed.add(number)  # said once, not again as a mail that nobody expected
                what = (
                    self._described(step.unwanted)
                    if step.unwanted
                    else "mail"
                    if step.mails_only
                    else "decision"
                )
                self._fail(step.path, f"expected no {what}, but {self._said(decided)}")

    def _close_window(self, path: Path) -> None:
        """Mails that nobody expected; then the next decisions are looked at."""
        for number in range(self._window, len(self.player.decided)):
            decided = self.player.decided[number]
            if decided.request is not None and number not in self._claimed:
                self._fail(path, f"a mail was sent that is not expected: {self._said(decided)}")
        self._window = len(self.player.decided)

    def _fits(self, wanted: Wanted, decided: Decided) -> bool:
        decision, request = decided.decision, decided.request
        if wanted.mail is not None and (
            request is None or wanted.mail not in (request.step, request.template)
        ):
            return False
        exact = (
            (wanted.trigger, decision.trigger_id),
            (wanted.step, decision.step),
            (wanted.outcome, decision.outcome),
            (wanted.variant, decision.variant),
            (wanted.customer, decision.customer_key),
            (wanted.at, decided.at),
        )
        if any(expected is not None and expected != actual for expected, actual in exact):
            return False
        if wanted.reason is not None and wanted.reason.lower() not in decision.reason.lower():
            return False
        return not wanted.data or (request is not None and _holds(request.data, wanted.data))

    def _instead(self, wanted: Wanted, decisions: list[Decided], alike: bool) -> str:
        """What comes nearest to it, so that nobody has to search the timeline."""
        if alike:
            return "; ".join(self._said(decided, wanted) for decided in decisions[-3:])
        if not decisions:
            return f"nothing was decided until {since(self._story.start_at, self.player.now)}"
        return f"the last of {counted(len(decisions), 'decision')} was: {self._said(decisions[-1])}"

    @staticmethod
    def _alike(wanted: Wanted, decided: Decided) -> bool:
        decision, request = decided.decision, decided.request
        if wanted.mail is not None:
            return wanted.mail == decision.step or (request is not None and request.template == wanted.mail)
        if wanted.step is not None:
            return wanted.step == decision.step
        return wanted.trigger is not None and wanted.trigger == decision.trigger_id

    def _said(self, decided: Decided, wanted: Wanted | None = None) -> str:
        decision = decided.decision
        name = f"{decision.trigger_id}/{decision.step}" if decision.step else decision.trigger_id
        arm = f" (variant {decision.variant})" if decision.variant else ""
        text = f"{name}{arm} was decided {decision.outcome} at {since(self._story.start_at, decided.at)}"
        text += f" for {decision.customer_key}: {decision.reason}"
        if wanted is not None and wanted.data and decided.request is not None:
            text += f" It was given {_differing(decided.request.data, wanted.data)}."
        return text

    def _described(self, wanted: Wanted) -> str:
        words = [f"mail {wanted.mail}"] if wanted.mail else []
        for name in ("trigger", "step", "outcome", "variant", "customer"):
            value = getattr(wanted, name)
            words += [f"{name} {value}"] if value is not None else []
        if wanted.reason is not None:
            words.append(f"a reason with {wanted.reason!r}")
        if wanted.data:
            words.append(f"data with {dict(wanted.data)}")
        if wanted.at is not None:
            words.append(f"at {since(self._story.start_at, wanted.at)} ({format_instant(wanted.at)})")
        return ", ".join(words)

    def _fail(self, path: Path, message: str) -> None:
        self._failures.append(Failure(path, message))


def _holds(actual: Any, wanted: Any) -> bool:
    """Whether `wanted` is a part of `actual`: fields may be left out, a list is compared as a whole."""
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(
            name in actual and _holds(actual[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(actual, list) and len(actual) == len(wanted) and all(map(_holds, actual, wanted))
    return bool(actual == wanted)


def _differing(actual: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The fields asked for, as they were."""
    return ", ".join(f"{name}={actual.get(name)!r}" for name in wanted)


def timeline_of(told: Told) -> list[str]:
    """What happened and was decided, a line each: when, what, why."""
    lines = []
    for entry in told.timeline:
        moment = (
            f"{since(told.story.start_at, entry.at):>10}  {format_instant(entry.at)[5:16].replace('T', ' ')}"
        )
        if isinstance(entry, Noted):
            lines.append(f"{moment}  {entry.text}")
            continue
        decision = entry.decision
        name = f"{decision.trigger_id}/{decision.step}" if decision.step else decision.trigger_id
        details = [
            decision.variant and f"variant {decision.variant}",
            _due(decision.due_at, decision.outcome),
        ]
        told_more = "".join(f" [{detail}]" for detail in details if detail)
        mailed = f" -> {entry.request.template} to {entry.request.to}" if entry.request else ""
        lines.append(f"{moment}    {decision.outcome:<11} {name}{told_more}{mailed}: {decision.reason}")
    return lines


def _due(due_at: str | None, outcome: str) -> str | None:
    if due_at is None or outcome not in ("started", "rescheduled"):
        return None
    return f"due {format_instant(parse_instant(due_at))[5:16].replace('T', ' ')}"
