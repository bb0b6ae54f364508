"""Who is in which segment, kept up to date; and what coming in or dropping out starts.

Segments are evaluated after an event, but only those that it can have changed, and at the instants at which
time alone may change one. `follow` is all that comes after an event, `evaluate` what comes at such an
instant; `baseline` what a change of rules asks for.
"""

from collections.abc import Collection, Iterable

from schemas.ids import stable_hash
from schemas.instants import DAY_MS, Instant, format_instant
from trigger_engine.core import watches
from trigger_engine.core.conditions import Scene
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.patterns import SegmentPattern
from trigger_engine.core.rules import Held, Rules, Trigger
from trigger_engine.core.runs import begin
from trigger_engine.core.segments import Segment
from trigger_engine.core.state import CustomerState, Happening
from trigger_engine.core.turn import Turn

ENTERED = "segment_entered"
LEFT = "segment_left"

_DECADE_MS = 3650 * DAY_MS

Transition = tuple[str, bool]
"""A segment, and whether she came in."""


def concerned(rules: Rules, state: CustomerState, event: EventInput) -> bool:
    """Whether `follow` has anything to do."""
    touches = rules.touches
    if not touches.anything:
        return False
    flip_at, now = state.segments_flip_at, event.received_at
    return (
        touches.of(event.type) is not None
        or state.segments_at < 0
        or (flip_at is not None and flip_at <= now)
        or (now < state.segments_at and touches.by_time)
    )


def follow(turn: Turn, event: EventInput) -> None:
    """After an event: segments are evaluated, transitions start runs, watches are planned anew.

    All of them, if that was done for a later instant already: events may reach the log in another order than
    they were received in.
    """
    before = turn.state.segments_at
    anew = before < 0 or event.received_at < before
    evaluate(turn, turn.at, event.received_at, event=event)
    watches.replan(turn, event, everything=anew)


def evaluate(turn: Turn, at: Instant, now: Instant, *, event: EventInput | None) -> None:
    """Evaluate what may have changed, as of `now`; transitions count as of `at`.

    With an event: the segments that it touches, and those whose time has come. Without: only the latter.
    """
    state = turn.state
    touches = turn.rules.touches
    if event is not None and state.segments_at < 0:
        asked: Collection[Segment] = touches.all.segments
    else:
        asked = _asked(turn, now, at, event)
    if event is not None or state.segments_at >= 0:
        state.segments_at = now
    if asked:
        transitions = _change(state, asked, now, at, look_ahead=event is None)
        if transitions:
            _start(turn, transitions, at, event)


def doubt(state: CustomerState) -> None:
    """What is known of her changed outside an event, by a `set` step, or how it is judged, by a change of
    rules: look at all segments and watches at the next event."""
    state.segments_at = -1


def _asked(turn: Turn, now: Instant, at: Instant, event: EventInput | None) -> list[Segment]:
    state, touches = turn.state, turn.rules.touches
    asked: list[Segment] = []
    if event is not None:
        touched = touches.of(event.type)
        asked = [] if touched is None else list(touched.segments)
        if now < state.segments_at:
            asked += [segment for segment in touches.timed if segment not in asked]
            return asked
    until = at if event is None else now
    if state.segments_flip_at is not None and state.segments_flip_at <= until:
        due = [segment for segment in touches.timed if state.flips.get(segment.id, until + 1) <= until]
        if event is None:
            return _put_off(state, due, at)
        asked += [segment for segment in due if segment not in asked]
    return asked


def _change(
    state: CustomerState, asked: Iterable[Segment], now: Instant, since: Instant, *, look_ahead: bool
) -> list[Transition]:
    """Bring these segments up to date as of `now`; returns what changed."""
    scene = Scene(state, None, None, now)
    transitions = []
    for segment in asked:
        inside = segment.holds(scene)
        changed = inside != (segment.id in state.segments)
        if changed:
            transitions.append((segment.id, inside))
            if inside:
                state.segments[segment.id] = since
            else:
                del state.segments[segment.id]
        if segment.timed and not (
            segment.puts_off and not look_ahead and not changed and _ahead(state, segment, now)
        ):
            _note_flip(state, segment, segment.next_flip(scene, look_ahead))
    state.segments_flip_at = min(state.flips.values(), default=None)
    return transitions


def _ahead(state: CustomerState, segment: Segment, now: Instant) -> bool:
    """Whether the flip noted is still to come, so that it can be put off then. One in decades is the end of
    the calendar."""
    flip_at = state.flips.get(segment.id)
    return flip_at is not None and now < flip_at < now + _DECADE_MS


def _note_flip(state: CustomerState, segment: Segment, flip_at: Instant | None) -> None:
    if flip_at is not None:
        state.flips[segment.id] = flip_at
    else:
        state.flips.pop(segment.id, None)


def _put_off(state: CustomerState, due: list[Segment], at: Instant) -> list[Segment]:
    """At a wake-up: the segments that are really due. A flip that events have put off since is noted anew."""
    really = []
    for segment in due:
        flip_at: Instant | None = at
        if segment.puts_off:
            flip_at = segment.next_flip(Scene(state, None, None, at - 1), False)
        if flip_at == at:
            really.append(segment)
        else:
            _note_flip(state, segment, flip_at)
    state.segments_flip_at = min(state.flips.values(), default=None)
    return really


def _start(turn: Turn, transitions: list[Transition], at: Instant, event: EventInput | None) -> None:
    """Runs of the triggers that wait for these transitions, by trigger id; at a flip by priority first."""
    if event is not None and event.backfill:
        return
    changed = dict(transitions)
    starting = [
        trigger
        for trigger in turn.rules.segment_starts
        if isinstance(trigger.pattern, SegmentPattern)
        and changed.get(trigger.pattern.segment) is trigger.pattern.enters
    ]
    if event is None:
        starting.sort(key=lambda trigger: (-trigger.priority, trigger.id))
    for trigger in starting:
        assert isinstance(trigger.pattern, SegmentPattern), "as chosen above"
        segment = trigger.pattern.segment
        kind = ENTERED if trigger.pattern.enters else LEFT
        value = f"{segment}/{format_instant(at)}"
        identity = stable_hash(kind, turn.state.customer_key, value)
        start = Happening(identity, kind, at, {"segment": segment})
        now = turn.now if event is None else event.received_at
        begin(turn, trigger, start, value, event=event, now_for_conditions=now)


def bring_in_line(turn: Turn, earlier_digest: str) -> None:
    """At a change of rules, as of `turn.at`: segments get their members, watches are planned.

    `earlier_digest` names the rules she was in line with before. Of what changed since, nothing fires that
    would have been due before; if those rules are no longer at hand, all counts as changed.
    """
    rules, state = turn.rules, turn.state
    earlier = rules.known(earlier_digest)
    known = Held({}, {}, "") if earlier is None else earlier
    changed = {one.id for one in rules.segments if known.segments.get(one.id) != one.digest}
    baseline(turn, changed)
    for gone in [name for name in state.windows if rules.present(name) is None]:
        del state.windows[gone]
    moved = rules.policy.time_zone != known.time_zone
    edited = [
        one
        for one in (*rules.inactivity, *rules.dates)
        if known.triggers.get(one.id, ("", ""))[0] != one.version or (moved and one in rules.dates)
    ]
    watches.replan_as_of(turn, edited, turn.at)
    if earlier is not None or not earlier_digest:
        watches.plan_existing(turn, _new_starts(rules, known, changed), turn.at)


def _new_starts(rules: Rules, known: Held, changed: Collection[str]) -> list[Trigger]:
    """The triggers that were not there before, or whose segment is new or another one."""
    return [
        trigger
        for trigger in rules.segment_starts
        if known.triggers.get(trigger.id, ("", "draft"))[1] == "draft"
        or (isinstance(trigger.pattern, SegmentPattern) and trigger.pattern.segment in changed)
    ]


def baseline(turn: Turn, changed_ids: Collection[str]) -> None:
    """New and changed segments are set as of `turn.at`, without transitions; what the rules have no longer is
    forgotten."""
    state, rules, at = turn.state, turn.rules, turn.at
    known = {segment.id for segment in rules.segments}
    for gone in [name for name in state.segments if name not in known]:
        del state.segments[gone]
    for gone in [name for name in state.flips if name not in known]:
        del state.flips[gone]
    state.engagement.half_life = rules.policy.engagement.half_life_days
    for one in changed_ids:
        state.flips.pop(one, None)
    changed = [segment for segment in rules.segments if segment.id in changed_ids]
    _change(state, changed, at, at, look_ahead=True)
    doubt(state)
