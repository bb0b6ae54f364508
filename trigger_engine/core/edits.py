"""A change of rules, for one customer: what becomes of her runs, segments and watches (semantics, section 8).

Runs of triggers that are gone or drafts end. Those of another version than the present one's follow its
`on_edit`: `pin` lets them go on as they began, `migrate` takes them over into the new version behind the last
mail they did, `drain` lets them come to one more mail. Whether a run is a shadow stays as it began. Another
status alone is no edit: who is paused and resumed goes on as she was.

A run that came over from a device whose partition was ahead stands still until the customer's rules are as
new; then the endings that came meanwhile are held against it.
"""

from trigger_engine.core import membership
from trigger_engine.core.endings import apply_known
from trigger_engine.core.program import Mail, Wait, of_variant
from trigger_engine.core.rules import Rules, Trigger
from trigger_engine.core.schedule import reschedule
from trigger_engine.core.state import Run
from trigger_engine.core.steps import enter
from trigger_engine.core.turn import Turn


def bring_in_line(turn: Turn) -> None:
    """Bring the customer in line with the rules of the turn, others than those of her last touch."""
    state, rules = turn.state, turn.rules
    earlier_digest, state.rules_digest = state.rules_digest, rules.digest
    bring_runs_in_line(turn)
    membership.bring_in_line(turn, earlier_digest)
    reschedule(rules, state)


def bring_runs_in_line(turn: Turn) -> None:
    """The runs alone; those that are in line already stay as they are."""
    rules = turn.rules
    for run in tuple(turn.state.runs):
        if run.not_before_rules:
            if run.not_before_rules > rules.activated_at:
                continue
            run.not_before_rules = 0
            if apply_known(turn, run, turn.at):
                continue
        _place(rules, run)
        present = rules.at_work(run.trigger_id)
        if present is None:
            turn.end(run, "exited", "the trigger is no longer live in the active rules.")
        elif _is_edited(rules, run, present):
            _edit(turn, run, present)


def _is_edited(rules: Rules, run: Run, present: Trigger) -> bool:
    """Whether the present version says something else than the run's. Another status alone is no edit."""
    if present.version == run.trigger_version:
        return False
    version = rules.trigger_of(run.trigger_id, run.trigger_version)
    return version is None or version.content != present.content


def _edit(turn: Turn, run: Run, present: Trigger) -> None:
    if present.on_edit == "drain":
        run.draining = True
    elif present.on_edit == "migrate":
        position = present.program.mails.get(run.last_mail, -1) if run.last_mail else -1
        if run.last_mail and position < 0:
            reason = f"the trigger's new version lacks {run.last_mail}, behind which the run stood."
            turn.end(run, "exited", reason)
            return
        run.trigger_version = present.version
        run.planned_at = run.last_planned_at
        run.draining = run.held = run.was_held = False
        enter(turn, present, run, position + 1)


def _place(rules: Rules, run: Run) -> None:
    """A run of state version 1 knew the number of its next mail and when that was due."""
    trigger = rules.trigger_of(run.trigger_id, run.trigger_version)
    if run.position >= 0 or trigger is None:
        return
    mails = sorted(trigger.program.mails.values())
    run.position = mails[run.mail_index]
    run.planned_at = run.due_at
    before = 0 if run.mail_index == 0 else mails[run.mail_index - 1] + 1
    waits = [one for one in trigger.program.instructions[before : run.position] if isinstance(one, Wait)]
    run.last_planned_at = run.due_at - sum(of_variant(one.length_ms, run.variant) for one in waits)
    if run.mail_index:
        last = trigger.program.instructions[mails[run.mail_index - 1]]
        assert isinstance(last, Mail), "only mails have a place there"
        run.last_mail = last.id
