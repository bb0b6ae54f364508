"""Sections 4 and 5: what falls due without an event: inactivity, dates, flips of segments, members at a
change of rules.

The instant at which a segment can flip is found by brute force: the condition is evaluated at every candidate
and the first that changes her membership is taken. Candidates are all instants known of her plus or minus
every duration and every timestamp written in the condition, one millisecond around each; UTC midnights while
the score is read, until it is nothing; quarter hours of the next days while a part of the clock
(`now.getHours()`) is read.
"""

import re
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from schemas.instants import DAY_MS, MINUTE_MS, datetime_of, format_instant, instant_of, parse_instant
from tests.model import known, purchases, starts
from tests.model.conditions import ConditionError, evaluate, holds, value_of
from tests.model.customer import UNTIL_RESUMED, Happening, Watch
from tests.model.local_time import instant_at, local, zone_of
from tests.model.mails import share_of
from tests.model.reading import Trigger, clock_minutes, duration_ms
from tests.model.turn import Turn

CLOCK_HORIZON_MS = 8 * DAY_MS
PRODUCTS_DUE = 8


# --- planning inactivity and dates


def replan(turn: Turn, event: Happening) -> None:
    """Section 3, step 9: inactivity and date watches are planned anew."""
    for trigger in turn.rules.triggers.values():
        if not trigger.running:
            continue
        if "inactive" in trigger.when:
            silent = event.late or event.backfill
            _plan_inactivity(turn, trigger, only_after=event.received_at if silent else None)
        elif "date" in trigger.when:
            plan_date(turn, trigger, turn.heard - turn.rules.policy.date_grace_ms)


def replan_as_of(turn: Turn, trigger: Trigger, activated: int) -> None:
    """Section 8: only what is due after the change of rules."""
    if "inactive" in trigger.when:
        turn.customer.anchors.pop(trigger.id, None)
        _plan_inactivity(turn, trigger, only_after=activated)
    elif "date" in trigger.when:
        plan_date(turn, trigger, activated)


def drop(turn: Turn, trigger_id: str, kinds: tuple[str, ...]) -> None:
    """Forget what was planned for a trigger."""
    turn.customer.watches = [
        watch for watch in turn.customer.watches if watch.trigger_id != trigger_id or watch.kind not in kinds
    ]


def _plan_inactivity(turn: Turn, trigger: Trigger, only_after: int | None) -> None:
    customer = turn.customer
    anchor = customer.last_seen_at
    if "after" in trigger.when:
        after = customer.last_of_type.get(trigger.when["after"])
        anchor = None if after is None else max(after, anchor if anchor is not None else after)
    if trigger.id in customer.anchors and customer.anchors[trigger.id] == anchor:
        return
    customer.anchors[trigger.id] = anchor
    drop(turn, trigger.id, ("inactive",))
    if anchor is None:
        return
    due = anchor + duration_ms(trigger.when["inactive"])
    if only_after is not None and due <= only_after:
        return
    text = format_instant(anchor)
    customer.watches.append(Watch(trigger.id, "inactive", due, text, {"last_seen_at": text}))


def plan_date(turn: Turn, trigger: Trigger, after: int) -> None:
    """The first occurrence that is due after an instant and whose occasion is unknown."""
    drop(turn, trigger.id, ("date",))
    zone = zone_of(turn.customer.profile, turn.rules.policy.time_zone)
    minutes, offset = clock_minutes(trigger.when.get("at", "09:00")), trigger.when.get("offset", 0)
    for day, default in _occurrences(turn, trigger, after, zone):
        due = instant_at(day + timedelta(days=offset), minutes, zone)
        start = _made("date", due, {"date": day.isoformat()})
        value = starts.occasion_value(turn, trigger, start, default)
        done = (trigger.id, default) in turn.customer.dates_done
        if due > after and not done and not starts.is_known(turn, trigger.id, value, due):
            watch = Watch(trigger.id, "date", due, default, {"date": day.isoformat()})
            turn.customer.watches.append(watch)
            return


def _occurrences(turn: Turn, trigger: Trigger, after: int, zone: ZoneInfo) -> list[tuple[date, str]]:
    """(the date, its occasion) of each occurrence around an instant, in order."""
    source = trigger.when["date"]
    this_year = local(after, zone).year
    years = range(this_year - 2, this_year + 4)
    repeat = trigger.when.get("repeat", "yearly" if isinstance(source, dict) else "once")
    if isinstance(source, dict):
        name, country = source["holiday"], source.get("country")
        if isinstance(name, dict):  # by her country; of another one nothing comes
            country = turn.customer.profile.get("country")
            name = name.get(country, "")
        days = [day for year in years if name and (day := _holiday(name, country, year))]
        if repeat == "once":
            return [(day, day.isoformat()) for day in days]
        return [(day, str(day.year)) for day in days]
    if _is_about_dues(trigger):
        met = max((name for id, name in turn.customer.dates_done if id == trigger.id), default="")
        found = {day for day, _ in _days_of_dues(turn, source, zone)}
        return [(day, day.isoformat()) for day in sorted(found) if day.isoformat() > met]
    day = _day_of(turn.value(source), zone)
    if day is None:
        return []
    if repeat == "once":
        return [(day, day.isoformat())]
    return [(_in_year(day, year), str(year)) for year in years]


def _is_about_dues(trigger: Trigger) -> bool:
    """Whether the date is that of something that runs out: each of them gives one."""
    source = trigger.when["date"]
    return (
        isinstance(source, str)
        and re.search(r"\borders\.replenish_", source) is not None
        and trigger.when.get("repeat", "once") == "once"
    )


def _days_of_dues(turn: Turn, source: str, zone: ZoneInfo) -> list[tuple[date, dict[str, Any]]]:
    dues = purchases.dues(turn.customer)
    given = [(_day_of(turn.value_of_due(source, due), zone), due["line"]) for due in dues]
    return [(day, line) for day, line in given if day is not None]


def _day_of(value: Any, zone: ZoneInfo) -> date | None:
    """A timestamp's local date, or text that begins with YYYY-MM-DD; anything else is none."""
    if isinstance(value, datetime):
        return local(instant_of(value), zone).date()
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    return None


def _in_year(day: date, year: int) -> date:
    """29 February is 28 February in other years."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


@cache
def _holiday(name: str, country: str, year: int) -> date | None:
    """The first day of that year that bears the English name, announced or estimated."""
    days = holidays.country_holidays(country, years=[year], language="en_US", observed=False)
    return min(
        (day for day, names in days.items() if {name, f"{name} (estimated)"} & {*names.split("; ")}),
        default=None,
    )


def _made(kind: str, due: int, properties: dict[str, Any]) -> Happening:
    """The starting event of inactivity, date and segment runs is made."""
    return Happening(f"{kind}/{due}", kind, due, due, properties, types=(kind,))


# --- falling due


def fall_due(turn: Turn, watch: Watch) -> None:
    """A watch's time has come."""
    customer = turn.customer
    customer.watches.remove(watch)
    trigger = turn.rules.triggers[watch.trigger_id]
    if watch.kind == "existing":
        if trigger.when["enters"] in customer.segments:
            start = _made("segment_entered", watch.due, watch.properties)
            starts.begin(turn, trigger, start, watch.value, by_wake_up=True)
        return
    start = _made(watch.kind, watch.due, watch.properties | _running_out(turn, trigger, watch))
    if watch.kind == "date":
        customer.dates_done.add((trigger.id, watch.value))
        if turn.now > watch.due + turn.rules.policy.date_grace_ms:
            value = starts.occasion_value(turn, trigger, start, watch.value)
            if not starts.is_ended(turn, trigger, start) and not starts.is_known(
                turn, trigger.id, value, watch.due
            ):
                turn.note(trigger, value, "expired", watch.due)
        else:
            starts.begin(turn, trigger, start, watch.value, by_wake_up=True)
        plan_date(turn, trigger, watch.due - turn.rules.policy.date_grace_ms)
        return
    starts.begin(turn, trigger, start, watch.value, by_wake_up=True)


def _running_out(turn: Turn, trigger: Trigger, watch: Watch) -> dict[str, Any]:
    """What the day is about, as far as it is about something that runs out."""
    if watch.kind != "date" or not _is_about_dues(trigger):
        return {}
    zone = zone_of(turn.customer.profile, turn.rules.policy.time_zone)
    given = _days_of_dues(turn, trigger.when["date"], zone)
    lines = [line for day, line in given if day.isoformat() == watch.properties["date"]][:PRODUCTS_DUE]
    names = ("product_id", "category", "name", "price", "url", "image_url")
    products = [{name: line[name] for name in names} for line in lines]
    return {"product_id": products[0]["product_id"], "products": products} if products else {}


def plan_existing(turn: Turn, trigger: Trigger, activated: int) -> None:
    """Section 8: who is in a new or changed segment gets a start, spread over a time."""
    segment = trigger.when["enters"]
    spread = duration_ms(trigger.when["spread"]) if "spread" in trigger.when else 0
    due = activated + int(spread * share_of(trigger.id, turn.customer.key))
    value = f"{segment}/{format_instant(activated)}"
    turn.customer.watches.append(Watch(trigger.id, "existing", due, value, {"segment": segment}))


# --- segments


def evaluate_segments(turn: Turn, at: int, event: Happening | None) -> None:
    """Membership after an event of all segments, at a flip of those that are due, as of the flip's time; each
    transition starts runs, by trigger id."""
    before = set(turn.customer.segments)
    names = turn.known() if event else known.context(turn.customer, turn.rules.policy, at)
    asked = {name for name in turn.rules.segments if event or turn.customer.flips.get(name, at + 1) <= at}
    after = before - asked | {name for name in asked if holds(turn.rules.segments[name], names)}
    turn.customer.segments = after
    plan_flips(turn, asked, turn.heard if event else at)
    for trigger in turn.rules.triggers.values():
        for verb, changed, kind in (
            ("enters", after - before, "segment_entered"),
            ("leaves", before - after, "segment_left"),
        ):
            segment = trigger.when.get(verb)
            if not trigger.running or segment not in changed:
                continue
            start = _made(kind, at, {"segment": segment})
            if event is not None:
                start.late, start.backfill = event.late, event.backfill
            value = f"{segment}/{format_instant(at)}"
            starts.begin(turn, trigger, start, value, by_wake_up=event is None)


def plan_flips(turn: Turn, asked: set[str], since: int) -> None:
    """The next instants after this one at which her membership of these segments changes by time alone."""
    flips = turn.customer.flips
    instants = _instants(turn)
    for segment in asked:
        when = turn.rules.segments[segment]
        flips.pop(segment, None)
        if not re.search(r"now|engagement|age|paused|replenish", when):
            continue
        inside = segment in turn.customer.segments
        for candidate in sorted(_candidates(turn, when, instants, since)):
            if _is_beyond(turn, candidate):
                break
            names = known.context(turn.customer, turn.rules.policy, candidate)
            if holds(when, names) != inside:
                flips[segment] = candidate
                break


def _instants(turn: Turn) -> set[int]:
    """Every instant that is known of her."""
    instants = {instant_of(value) for known in turn.known().values() for value in _times(value_of(known))}
    if turn.customer.paused_until not in (None, UNTIL_RESUMED):
        instants.add(turn.customer.paused_until)
    return instants | {due["at"] + around for due in purchases.dues(turn.customer) for around in (0, DAY_MS)}


def _candidates(turn: Turn, when: str, known_instants: set[int], since: int) -> set[int]:
    spans = {0} | {_span(text) for text in re.findall(r"duration\(\s*['\"]([^'\"]+)['\"]\s*\)", when)}
    spans |= {left + right for left in spans for right in spans}
    written = re.findall(r"timestamp\(\s*['\"]([^'\"]+)['\"]\s*\)", when)
    instants = known_instants | {instant for text in written if (instant := _instant(text)) is not None}
    found = {
        instant + sign * span + around
        for instant in instants
        for span in spans
        for sign in (1, -1)
        for around in (-1, 0, 1)
    }
    if "score" in when:
        midnight = (since // DAY_MS + 1) * DAY_MS
        while turn.customer.events and not _is_beyond(turn, midnight):
            found.add(midnight)
            if known.engagement(turn.customer, turn.rules.policy, midnight)["score"] == 0:
                break
            midnight += DAY_MS
    if re.search(r"\.get[A-Z]", when):
        quarter = 15 * MINUTE_MS
        first = (since // quarter + 1) * quarter
        found |= set(range(first, first + CLOCK_HORIZON_MS, quarter))
    return {instant for instant in found if instant > since}


def _is_beyond(turn: Turn, instant: int) -> bool:
    return turn.horizon is not None and instant > turn.horizon


def _times(value: Any) -> list[datetime]:
    """Every timestamp anywhere in what is known of her, texts that are timestamps included."""
    if isinstance(value, datetime):
        return [value]
    if isinstance(value, str):
        instant = _instant(value)
        return [] if instant is None else [datetime_of(instant)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [time for part in parts for time in _times(part)]


def _instant(text: str) -> int | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None


@cache
def _span(text: str) -> int:
    try:
        value = evaluate(f"duration('{text}')", {})
    except ConditionError:
        return 0
    return int(value / timedelta(milliseconds=1))
