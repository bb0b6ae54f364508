"""The cast, by the reference model alone: a play fires for who acts it out, and spares whom it must."""

import re
from collections import Counter

import pytest

from schemas.instants import DAY_MS, MINUTE_MS
from schemas.rule_set import RuleSet
from services.demo.cast import PREFIX, Act, Member, Role
from services.demo.command import DemoOptions, write_script
from services.demo.expected import Expectation
from services.demo.plays import CAST, ROLES, promised
from services.demo.reference import expect
from services.demo.script import MONDAY, ScriptedEvent, span
from services.triggers.folder import check_folder
from tests.unit.services.demo.scripts import at


@pytest.fixture(scope="module")
def library() -> RuleSet:
    shipped = check_folder(None, texts=False).rule_set
    assert shipped is not None
    return shipped


@pytest.fixture(scope="module")
def script() -> list[ScriptedEvent]:
    week = write_script(DemoOptions(shoppers=0))
    return [each for each in week if each.is_supply or each.key.startswith(PREFIX)]


@pytest.fixture(scope="module")
def expected(script: list[ScriptedEvent], library: RuleSet) -> Expectation:
    return expect(script, library, span(7)[1])


def fired(expected: Expectation, role: Role, member: Member) -> list[int]:
    """When the play fired for her."""
    return [
        each.decided_at
        for each in expected.decisions
        if (each.customer_key, each.trigger_id, each.outcome) == (member.key, role.play, "fired")
    ]


def test_every_play_of_the_library_has_a_role_and_every_role_a_play(library: RuleSet) -> None:
    plays = [role.play for role in ROLES]
    assert len(set(plays)) == len(plays)
    assert set(plays) == {trigger["id"] for trigger in library.triggers}
    assert all(role.meets and role.spared for role in ROLES)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.play)
def test_a_play_fires_for_who_acts_it_out_and_spares_the_others(role: Role, expected: Expectation) -> None:
    times = [fired(expected, role, member) for member in role.meets]
    assert all(times), [member.name for member, found in zip(role.meets, times, strict=True) if not found]
    assert min(map(min, times)) < MONDAY + role.by_day * DAY_MS
    assert [member.name for member in role.spared if fired(expected, role, member)] == []


def test_nobody_of_the_cast_is_held_out(expected: Expectation) -> None:
    """Who is drawn into a hold-out shows nothing: give her another name."""
    assert [each.customer_key for each in expected.decisions if each.outcome == "held_out"] == []


def test_each_mail_of_the_cast_reaches_her_own_address(expected: Expectation) -> None:
    assert len(expected.mails) > 90
    for mail in expected.mails.values():
        assert mail.to == f"{mail.customer_key}@shoppers.example"


def test_most_of_the_shipped_mails_are_seen(expected: Expectation, library: RuleSet) -> None:
    """Those that come later than a week after their play's begin are not."""
    unseen = {each.name for each in library.templates} - {str(e.template) for e in expected.mails.values()}
    assert unseen == {
        "activation-how-to", "content-next-step", "cross-sell-better", "winback-news", "winback-offer",
        "winback-sunset",
    }  # fmt: skip


def test_either_order_of_what_follows_comes_to_the_same(
    script: list[ScriptedEvent], expected: Expectation, library: RuleSet
) -> None:
    behind = expect(script, library, span(7)[1], one_by_one=False)
    assert sorted(each.name for each in behind.decisions) == sorted(each.name for each in expected.decisions)
    assert behind.mails == expected.mails


def test_people_of_three_languages_with_names_of_their_own() -> None:
    names = [member.name for member in CAST]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+-[a-z]+", name) for name in names)
    called = [member.called for member in CAST]
    assert len(set(called)) == len(called)
    assert min(Counter(member.of for member in CAST).values()) > 20


def test_acts_are_whole_minutes_and_history_is_sent_first(script: list[ScriptedEvent]) -> None:
    cast = [each for each in script if not each.is_supply]
    assert all(each.at % MINUTE_MS == 0 for each in cast)
    assert all((each.at == MONDAY) == each.backfill for each in cast)
    assert {each.path for each in cast} == {"native"}


def test_the_time_of_an_act() -> None:
    assert Act("mon 09:30", "signed_up").at == at(9 * 60 + 30)
    assert Act("sun 00:00", "signed_up").at == at(6 * 24 * 60)
    assert Act("-2d 10:00", "signed_up").at == at(-2 * 24 * 60 + 10 * 60)
    for nonsense in ("mon", "monday 09:30", "2d 25"):
        with pytest.raises(ValueError, match=r"."):
            _ = Act(nonsense, "signed_up").at


def test_what_a_demo_of_some_days_promises(library: RuleSet) -> None:
    live = {trigger["id"] for trigger in library.triggers}
    assert promised(library.triggers, 7) == live
    day = promised(library.triggers, 1)
    assert {"welcome-series", "win-back", "vip-entered", "subscription-renewal"} <= day
    assert not day & {"holiday", "cross-sell-series", "post-purchase-feedback"}
    drafts = [{**trigger, "status": "draft"} for trigger in library.triggers]
    assert promised(drafts, 7) == set()
