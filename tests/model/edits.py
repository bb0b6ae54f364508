"""Section 8: a change of rules, applied to a customer before anything else is done with her."""

from tests.model import steps, watches
from tests.model.conditions import holds
from tests.model.customer import Run
from tests.model.reading import Rules, Trigger, behind_mail
from tests.model.turn import Turn


def apply(turn: Turn, earlier: Rules, activated: int) -> None:
    """Bring her in line with `turn.rules`, which hold from `activated` on instead of `earlier`."""
    change_runs(turn, activated)
    _change_segments(turn, earlier, activated)
    for trigger_id in earlier.triggers.keys() | turn.rules.triggers.keys():
        _change_watches(turn, earlier, trigger_id, activated)


def change_runs(turn: Turn, activated: int) -> None:
    """Her runs alone. One that waited for rules as new as these (section 9) has its endings judged first."""
    for run in turn.customer.live_runs():
        if run.not_before > activated:
            continue
        waited, run.not_before = run.not_before > 0, 0
        if waited:
            steps.apply_known(turn, run, turn.customer, run.at + 1)  # its start is no ending of its own
        if run.alive:
            _change_run(turn, run, turn.at)


def _change_run(turn: Turn, run: Run, at: int) -> None:
    """`at`: when the rules were activated; in a merge, that of the hand-over."""
    trigger = turn.rules.triggers.get(run.trigger.id)
    if trigger is None or trigger.status == "draft":
        steps.end(turn, run, "exited", at)
        return
    run.frozen = trigger.status == "paused"
    if run.trigger.content == trigger.content or trigger.on_edit == "pin":
        return
    if trigger.on_edit == "drain":
        run.draining = True
        return
    _migrate(turn, run, trigger, at)


def _migrate(turn: Turn, run: Run, trigger: Trigger, at: int) -> None:
    """In the new version right behind the last mail step it did; if that is not there, `exited`."""
    last = run.mails[-1] if run.mails else None
    left = trigger.all_steps if last is None else behind_mail(list(trigger.steps), last.step)
    if left is None:
        steps.end(turn, run, "exited", at)
        return
    run.trigger = trigger
    run.left = left
    run.planned = run.due = run.since if last is None else last.planned
    run.standing = run.held = run.was_held = run.awaits_device = False
    run.draining = False
    if not left:
        run.alive = False
        return
    steps.next_waits(turn, run)
    if last is None:
        run.first_due = run.due


def _change_segments(turn: Turn, earlier: Rules, activated: int) -> None:
    """New or changed segments: membership is set without transitions."""
    customer, rules = turn.customer, turn.rules
    names = turn.known()
    changed = {segment for segment, when in rules.segments.items() if earlier.segments.get(segment) != when}
    kept = {segment for segment in customer.segments if segment in rules.segments} - changed
    customer.segments = kept | {s for s in changed if holds(rules.segments[s], names)}
    customer.flips = {name: at for name, at in customer.flips.items() if name in rules.segments}
    watches.plan_flips(turn, changed, turn.heard)
    for trigger in rules.triggers.values():
        if not trigger.when.get("start_with_existing") or not trigger.running:
            continue
        before = earlier.triggers.get(trigger.id)
        new = before is None or before.status == "draft"
        if (new or trigger.when["enters"] in changed) and trigger.when["enters"] in customer.segments:
            watches.drop(turn, trigger.id, ("existing",))
            watches.plan_existing(turn, trigger, activated)


def _change_watches(turn: Turn, earlier: Rules, trigger_id: str, activated: int) -> None:
    """New or changed ones, and ones no longer paused, are planned as of the change; others are kept."""
    trigger = turn.rules.triggers.get(trigger_id)
    if trigger is None or not trigger.running:
        paused = trigger is not None and trigger.status == "paused"
        watches.drop(turn, trigger_id, ("inactive", "date") if paused else ("inactive", "date", "existing"))
        turn.customer.anchors.pop(trigger_id, None)
        return
    moved = "date" in trigger.when and earlier.policy.time_zone != turn.rules.policy.time_zone
    if moved or _is_new(earlier.triggers.get(trigger_id), trigger):
        watches.drop(turn, trigger_id, ("inactive", "date"))
        watches.replan_as_of(turn, trigger, activated)


def _is_new(before: Trigger | None, trigger: Trigger) -> bool:
    return before is None or not before.running or before.version != trigger.version
