"""Normal forms: whatever the way of writing, there is one form; what does not go together is refused.

The wording of errors is held by the corpus in `tests/contract/data/files/bad`; here it is which fields go
with which, and that bounds are where the semantics page puts them.
"""

from typing import Any

import pytest

from schemas.instants import parse_instant
from trigger_engine.core.cel import Timestamp
from trigger_engine.core.cel.temporal import local_ms
from trigger_engine.core.definition import check_definition, trigger_version
from trigger_engine.core.language import check_policy, check_segment, walk
from trigger_engine.core.language.dates import first_instant

Form = dict[str, Any]

BASE: Form = {
    "id": "cart",
    "status": "live",
    "kind": "marketing",
    "when": {"event": ["product_added"]},
    "steps": [{"mail": "reminder", "id": "reminder"}],
}
VARIANTS = {"experiment": {"variants": {"a": 2500, "b": 7500}}}


def form_of(changes: Form, *, written: bool = False) -> Form:
    form, problems = check_definition({**BASE, **changes}, written=written)
    assert problems == []
    assert check_definition(form) == (form, [])
    return form


def fields_refused(changes: Form, *, written: bool = False) -> list[str]:
    _, problems = check_definition({**BASE, **changes}, written=written)
    return [problem.field for problem in problems]


@pytest.mark.parametrize(
    ("field", "written", "normal"),
    [
        ("wait", "90m", "1h30m"),
        ("wait", "24h", "1d"),
        ("cooldown", "168h", "7d"),
        ("expires_after", "0d12h", "12h"),
        ("unless", "order_completed", [{"event": "order_completed"}]),
        ("exit", {"event": "a", "where": " cart.value > 0 "}, [{"event": "a", "where": "cart.value > 0"}]),
        ("exit", ["a", {"event": "b"}], [{"event": "a"}, {"event": "b"}]),
        ("supersedes", "browse", ["browse"]),
        ("audience", True, "true"),
        ("once_per", "cart.id\n", "cart.id"),
        ("when", {"event": "signed_up"}, {"event": ["signed_up"]}),
        (
            "when",
            {"count": "product_viewed", "within": "168h", "at_least": 3},
            {"count": ["product_viewed"], "within": "7d", "at_least": 3},
        ),
        (
            "when",
            {"sum": "event.properties.total", "of": "order_completed", "within": "90d", "at_least": 100.0},
            {"sum": "event.properties.total", "of": ["order_completed"], "within": "90d", "at_least": 100},
        ),
        ("when", {"inactive": "720h"}, {"inactive": "30d"}),
        (
            "when",
            {"date": "profile.traits.birthday", "offset": "-7d", "at": "9:05", "repeat": "yearly"},
            {"date": "profile.traits.birthday", "offset": -7, "at": "09:05", "repeat": "yearly"},
        ),
        ("when", {"date": "now", "offset": "+400d"}, {"date": "now", "offset": 400}),
        ("when", {"enters": "vip", "start_with_existing": False}, {"enters": "vip"}),
        (
            "when",
            {"enters": "vip", "start_with_existing": True, "spread": "48h"},
            {"enters": "vip", "start_with_existing": True, "spread": "2d"},
        ),
        ("experiment", {"holdout": "12.5%"}, {"holdout": 1250}),
        ("experiment", {"holdout": "0.01 %"}, {"holdout": 1}),
        (
            "experiment",
            {"variants": {"a": "33.33%", "b": "66.67%"}},
            {"variants": {"a": 3333, "b": 6667}},
        ),
        ("steps", {"mail": "m"}, [{"mail": "m", "id": "m"}]),
        ("steps", [{"mail": "m", "id": "x"}, "exit"], [{"mail": "m", "id": "x"}, {"exit": True}]),
        (
            "steps",
            [{"wait_until": {"at": "7:30"}}, {"mail": "m"}],
            [{"wait_until": {"at": "07:30"}}, {"mail": "m", "id": "m"}],
        ),
        (
            "steps",
            [{"wait_until": {"event": "clicked", "for": "72h"}}, {"mail": "m"}],
            [{"wait_until": {"event": ["clicked"], "for": "3d"}}, {"mail": "m", "id": "m"}],
        ),
        (
            "steps",
            [{"choose": [{"if": True, "mail": "m"}, "exit"]}],
            [{"choose": [{"if": "true", "then": [{"mail": "m", "id": "m"}]}, {"then": [{"exit": True}]}]}],
        ),
        (
            "steps",
            [{"mail": "m"}, {"goal": "order_completed"}],
            [{"mail": "m", "id": "m"}, {"goal": [{"event": "order_completed"}], "id": "goal"}],
        ),
        (
            "steps",
            [{"set": {"pause": "720h", "preferences": {"n": 2.0, "t": " x ", "v": {"value": "cart.id"}}}}],
            [{"set": {"pause": "30d", "preferences": {"n": 2, "t": "x", "v": {"value": "cart.id"}}}}],
        ),
    ],
)
def test_the_normal_form_of(field: str, written: Any, normal: Any) -> None:
    wait = {"wait": "1h"} if field == "unless" else {}
    assert form_of({field: written, **wait}, written=True)[field] == normal


def test_optional_fields_stay_absent() -> None:
    assert form_of({}) == BASE
    assert form_of({"when": {"date": "now"}})["when"] == {"date": "now"}


def test_values_by_variant() -> None:
    steps = [{"mail": {"a": "x", "b": "y"}, "id": "m"}, {"wait": {"a": "60m", "b": "1d"}}, {"mail": "z"}]
    form = form_of({**VARIANTS, "wait": {"a": "1m", "b": "120s"}, "steps": steps})
    assert form["wait"] == {"a": "1m", "b": "2m"}
    assert form["steps"][1] == {"wait": {"a": "1h", "b": "1d"}}


def test_a_number_is_basis_points_or_days_in_a_normal_form_only() -> None:
    changes = {"experiment": {"holdout": 1000}, "when": {"date": "now", "offset": -7}}
    assert form_of(changes)["experiment"] == {"holdout": 1000}
    assert fields_refused(changes, written=True) == ["when.offset", "experiment.holdout"]


def test_a_holiday_is_looked_up_when_a_file_is_read_and_not_when_a_published_set_is() -> None:
    changes = {"when": {"date": {"holiday": "Day of the Old Spelling", "country": "TR"}}}
    assert fields_refused(changes, written=True) == ["when.date.holiday"]
    assert fields_refused(changes) == []
    assert fields_refused({"when": {"date": {"holiday": "x", "country": "XX"}}}) == ["when.date.country"]


def test_an_offer_keeps_its_value_as_the_mail_shows_it() -> None:
    offer = {"code": 2026, "value": "50 TRY", "valid_for": "72h"}
    steps = form_of({"steps": [{"mail": "m", "offer": offer, "else": "n"}]})["steps"]
    assert steps[0]["offer"] == {"code": "2026", "value": "50 TRY", "valid_for": "3d"}


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"unless": ["a"]}, ["unless"]),
        ({"unless": ["a"], "wait": "1h"}, []),
        ({"unless": ["a"], "steps": [{"wait": "1h"}, {"mail": "m"}]}, []),
        ({"unless": ["a"], "when": {"count": ["b"], "within": "1d", "at_least": 2}}, []),
        ({"unless": ["a"], "when": {"inactive": "1d"}}, ["unless"]),
        ({"unless": ["a"], "when": {"enters": "vip"}, "wait": "1h"}, ["unless"]),
        ({"unless": ["a"], "when": {"date": "now"}}, ["unless"]),
        ({"wait": "1h", "when": {"date": "now"}}, ["wait"]),
        ({"wait": "1h", "when": {"inactive": "1d"}}, []),
        ({"wait": "1h", "when": {"leaves": "vip"}}, []),
        ({"kind": "transactional", "cooldown": "1d"}, ["cooldown"]),
        ({"kind": "transactional", **VARIANTS}, ["experiment"]),
        ({"kind": "transactional", "priority": 90, "expires_after": "1d"}, []),
        ({"status": "shadow", "shadow_of": "browse"}, []),
        ({"status": "draft", "shadow_of": "browse"}, []),
        ({"status": "paused", "shadow_of": "browse"}, ["shadow_of"]),
        ({"supersedes": ["a", "a"]}, ["supersedes[1]"]),
        ({"priority": 100}, []),
        ({"priority": 101}, ["priority"]),
        ({"wait": "400d"}, []),
        ({"wait": "400d1s"}, ["wait"]),
        ({"when": {"count": ["a"], "within": "1d", "at_least": 100}}, []),
        ({"when": {"count": ["a"], "within": "1d", "at_least": 101}}, ["when.at_least"]),
        ({"when": {"sum": "1", "of": ["a"], "within": "1d", "at_least": 0.01}}, []),
        ({"when": {"sum": "1", "of": ["a"], "within": "1d", "at_least": 0}}, ["when.at_least"]),
        ({"when": {"date": "now", "offset": -401}}, ["when.offset"]),
        ({"when": {"date": {"holiday": "Republic Day", "country": "TR"}}}, []),
        ({"experiment": {"variants": {"a": 5000, "b": 4999}}}, ["experiment.variants"]),
        ({"experiment": {"holdout": 10_000}}, ["experiment.holdout"]),
        ({"steps": [{"mail": f"m{number}"} for number in range(40)]}, []),
        ({"steps": [{"mail": f"m{number}"} for number in range(41)]}, ["steps"]),
    ],
)
def test_what_goes_together(changes: Form, refused: list[str]) -> None:
    assert fields_refused(changes) == refused


MAIL = {"mail": "m"}


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([{"set": {"pause": "1d"}}], []),
        ([{"wait": "1d"}, "exit"], ["steps"]),
        ([MAIL, {"wait": "1d"}], ["steps[1]"]),
        ([MAIL, {"wait": "1d"}, "exit"], []),
        ([MAIL, {"wait": "1d"}, {"goal": "a"}], []),
        ([MAIL, "exit", {"wait": "1d"}, {"mail": "n"}], ["steps[2]"]),
        ([{"skip_if": "cart.value > 0"}, "exit", MAIL], []),
        ([{"choose": [{"if": "cart.value > 0", "exit": True}, "exit"]}, MAIL], ["steps[1]"]),
        ([{"choose": [{"if": "cart.value > 0", "exit": True}]}, MAIL], []),
        ([{"choose": [{"if": "cart.value > 0", "wait": "1d"}]}, MAIL], []),
        ([MAIL, {"choose": [{"if": "cart.value > 0", "wait": "1d"}]}], ["steps[1].choose[0].then[0]"]),
        ([{"choose": [MAIL, {"if": "cart.value > 0", "mail": "n"}]}], ["steps[0].choose[0]"]),
        ([{"choose": [{"if": "cart.value > 0", "then": []}, MAIL]}], []),
        ([MAIL, {"choose": [{"if": "cart.value > 0", **MAIL}]}], ["steps[1].choose[0].then[0]"]),
        ([{"choose": [{"if": "cart.value > 0", "goal": "a"}]}, MAIL], ["steps[0].choose[0]"]),
    ],
)
def test_which_orders_of_steps_make_sense(steps: list[Any], refused: list[str]) -> None:
    assert fields_refused({"steps": steps}) == refused


def test_branches_nest_three_deep() -> None:
    def nested(depth: int) -> list[Any]:
        inner = nested(depth - 1) if depth > 1 else [MAIL]
        return [{"choose": [{"if": "cart.value > 0", "then": inner}]}]

    assert len(list(walk(form_of({"steps": nested(3)})["steps"]))) == 4
    assert fields_refused({"steps": nested(4)}) == ["steps[0]" + ".choose[0].then[0]" * 3 + ".choose"]


def test_the_version_changes_with_the_content_only() -> None:
    one = form_of({"wait": "24h"}, written=True)
    assert trigger_version(one) == trigger_version(form_of({"wait": "1d"}, written=True))
    assert trigger_version(one) != trigger_version(form_of({"wait": "2d"}))


def test_a_segment() -> None:
    data = {"id": "vip", "when": " orders.count > 5 ", "description": "Often. "}
    form, problems = check_segment(data, written=True)
    assert problems == []
    assert form == {"id": "vip", "when": "orders.count > 5", "description": "Often."}
    assert check_segment(form) == (form, [])


@pytest.mark.parametrize(
    "variable", ["event.type == 'a'", "start.type == 'a'", "answer == null", "runs['a'].pending"]
)
def test_a_segment_reads_the_customer_alone(variable: str) -> None:
    _, problems = check_segment({"id": "vip", "when": variable})
    assert [problem.field for problem in problems] == ["when"]


@pytest.mark.parametrize(
    ("zone", "written", "begin", "end"),
    [
        ("UTC", "2026-11-27", "2026-11-27T00:00:00.000Z", "2026-11-28T00:00:00.000Z"),
        ("Europe/Istanbul", "2026-11-27", "2026-11-26T21:00:00.000Z", "2026-11-27T21:00:00.000Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00.000Z", "2026-10-25T00:30:00.000Z"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00.000Z", "2026-03-29T01:00:00.000Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00.000Z", "2026-03-29T21:00:00.000Z"),
        ("Asia/Baku", "2026-11-27T10:00:00+01:00", "2026-11-27T09:00:00.000Z", "2026-11-27T09:00:00.000Z"),
    ],
)
def test_dates_of_the_calendar_become_instants(zone: str, written: str, begin: str, end: str) -> None:
    """A day as `to` is included; a clock time that comes twice is the first, one left out the next."""
    campaigns = [{"id": "a", "at": written}]
    blackouts = [{"from": "2020-01-01", "to": written}]
    policy = {"time_zone": zone, "calendar": {"blackouts": blackouts, "campaigns": campaigns}}
    form, problems = check_policy(policy, written=True)
    assert problems == []
    assert form["calendar"]["campaigns"] == [{"id": "a", "at": begin}]
    assert form["calendar"]["blackouts"][0]["to"] == end
    assert check_policy(form) == (form, [])


@pytest.mark.parametrize("zone", ["Europe/Istanbul", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"])
def test_the_first_instant_of_a_day_shows_midnight_or_the_first_time_after_it(zone: str) -> None:
    for day in range(0, 365 * 6, 11):
        local = parse_instant("2011-12-20T00:00:00Z") + day * 86_400_000
        instant = first_instant(local, zone)
        assert local_ms(Timestamp(instant), zone) >= local
        assert local_ms(Timestamp(instant - 1), zone) < local


def test_an_empty_policy_is_one() -> None:
    assert check_policy({}) == ({}, [])


def test_a_single_cap_is_a_list() -> None:
    form, problems = check_policy({"caps": {"at_most": 3, "within": "168h"}, "holdout": "2.5%"}, written=True)
    assert (form, problems) == ({"caps": [{"at_most": 3, "within": "7d"}], "holdout": 250}, [])


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ({"occasion_memory": "401d"}, ["occasion_memory"]),
        ({"caps": [{"at_most": 50, "within": "1d", "on_sale_days": 50}]}, []),
        ({"caps": [{"at_most": 51, "within": "1d"}]}, ["caps[0].at_most"]),
        ({"quiet_hours": {"from": "22:00", "to": "08:00"}}, []),
        ({"quiet_hours": {"from": "8:00", "to": "08:00"}}, ["quiet_hours"]),
        ({"time_zone": "+03:00"}, ["time_zone"]),
        ({"holdout": 10_000}, ["holdout"]),
        ({"offers": {"at_most": 1}}, ["offers"]),
        ({"engagement": {"half_life": "36h"}}, ["engagement.half_life"]),
        ({"engagement": {"points": {"a": -1.5}}}, []),
        (
            {"calendar": {"sale_days": [{"from": "2026-11-28", "to": "2026-11-27"}]}},
            ["calendar.sale_days[0]"],
        ),
    ],
)
def test_the_bounds_of_the_policy(policy: Form, refused: list[str]) -> None:
    _, problems = check_policy(policy)
    assert [problem.field for problem in problems] == refused
