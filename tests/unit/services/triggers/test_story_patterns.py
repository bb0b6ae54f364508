"""Every pattern of the language, and what stands above single triggers, can be told as a story."""

from pathlib import Path
from textwrap import dedent

import pytest

from services.triggers.folder import check_folder
from services.triggers.judge import timeline_of
from services.triggers.story import Names
from services.triggers.story_files import parse_stories
from services.triggers.testing import tell_all

HEAD = "id: t\nstatus: live\nkind: marketing\n"
MAIL = "steps: [{mail: hello}]\n"


def failures(folder: Path, trigger: str, story: str, *, segment: str = "", policy: str = "") -> list[str]:
    """What does not come as told, of one story about a trigger `t` and a shopper who can be mailed."""
    (folder / "t.yaml").write_text(HEAD + dedent(trigger), "utf-8")
    for name in ("hello", "later"):
        (folder / "templates" / name).mkdir(parents=True)
    if segment:
        (folder / "segments").mkdir()
        (folder / "segments" / "s.yaml").write_text(f"id: s\nwhen: {segment}\n", "utf-8")
    if policy:
        (folder / "policy.yaml").write_text(dedent(policy), "utf-8")
    checked = check_folder(folder, texts=False)
    assert checked.rule_set is not None, [str(each) for each in checked.errors]
    lines = "".join(f"      {line}\n" for line in dedent(story).strip().splitlines())
    head = "profile: {email: ada@example.com, consent: true}\nstories:\n  - story: It\n    steps:\n"
    file = parse_stories(head + lines, "it.yaml", Names.of(checked.rule_set))
    assert [str(remark) for remark in file.remarks] == []
    ((_, told),) = tell_all([file], checked.rule_set)
    return [failure.message for failure in told.failures] + (timeline_of(told) if told.failures else [])


def test_a_threshold(tmp_path: Path) -> None:
    trigger = (
        "when: {count: product_viewed, per: event.properties.category, within: 7d, at_least: 3}\n" + MAIL
    )
    story = """
    - event: product_viewed
      properties: {product_id: p1, category: lamps}
    - event: product_viewed
      after: 1d
      properties: {product_id: p2, category: lamps}
    - event: product_viewed
      after: 1d
      properties: {product_id: p3, category: chairs}
    - expect_none: anything
    - event: product_viewed
      after: 1d
      properties: {product_id: p3, category: lamps}
    - expect: {mail: hello, at: 3d}
    """
    assert failures(tmp_path, trigger, story) == []


def test_inactivity(tmp_path: Path) -> None:
    story = """
    - event: signed_up
    - event: product_viewed
      after: 10d
    - after: 29d
    - expect_none: anything
    - after: 1d
    - expect: {mail: hello, at: 40d}
    - after: 365d
    - expect_none: anything
    """
    assert failures(tmp_path, "when: {inactive: 30d, after: signed_up}\n" + MAIL, story) == []


def test_a_date_in_her_time_zone(tmp_path: Path) -> None:
    trigger = 'when: {date: profile.traits.birthday, offset: -1d, at: "09:00", repeat: yearly}\n' + MAIL
    story = """
    - profile: {birthday: "1990-03-20", time_zone: Europe/Istanbul}
    - after: 30d
    - expect: {mail: hello, at: 2026-03-19 06:00}
    - after: 365d
    - expect: {mail: hello, at: 2027-03-19 06:00}
    """
    assert failures(tmp_path, trigger, story) == []


@pytest.mark.parametrize(
    ("pattern", "at_once", "later"),
    [
        ("enters", "expect: hello", "expect_none: anything"),
        ("leaves", "expect_none: anything", "expect: hello"),
    ],
)
def test_a_segment(pattern: str, at_once: str, later: str, tmp_path: Path) -> None:
    """Nobody does anything for her to leave it: time does."""
    story = f"""
    - event: order_completed
      properties: {{order_id: o1, total: 100}}
    - {at_once}
    - after: 30d
    - {later}
    """
    segment = "orders.last_at != null && now - orders.last_at < duration('240h')"
    assert failures(tmp_path, f"when: {{{pattern}: s}}\n" + MAIL, story, segment=segment) == []


def test_waiting_for_an_event(tmp_path: Path) -> None:
    trigger = """
    when: {event: survey_sent}
    steps:
      - wait_until: {event: survey_answered, for: 3d}
      - choose:
          - if: answer == null
            mail: hello
          - mail: later
    """
    story = """
    - event: survey_sent
    - event: survey_answered
      after: 1d
      properties: {score: 5}
    - expect: {mail: later, at: 1d}
    - event: survey_sent
    - after: 3d
    - expect: {mail: hello, at: 4d}
    """
    assert failures(tmp_path, trigger, story) == []


def test_quiet_hours_put_a_mail_off(tmp_path: Path) -> None:
    story = """
    - event: signed_up
      at: 2026-03-02 21:30
    - after: 45m
    - expect: {outcome: rescheduled, at: 2026-03-02 22:15}
    - after: 12h
    - expect: {mail: hello, at: 2026-03-03 08:00}
    """
    trigger = "when: {event: signed_up}\nwait: 45m\n" + MAIL
    policy = 'quiet_hours: {from: "22:00", to: "08:00"}\n'
    assert failures(tmp_path, trigger, story, policy=policy) == []


def test_experiments_are_shown_as_decided(tmp_path: Path) -> None:
    trigger = (
        "when: {event: signed_up}\nexperiment: {variants: {a: 0.01%, b: 99.99%}}\n"
        "steps: [{mail: {a: hello, b: later}, id: m}]\n"
    )
    story = "- event: signed_up\n- expect: {mail: later, step: m, variant: b}\n"
    assert failures(tmp_path, trigger, story) == []
    wrong = failures_again(tmp_path, story.replace("variant: b", "variant: a"))
    assert any("t/m (variant b) was decided fired" in line for line in wrong)


def failures_again(folder: Path, story: str) -> list[str]:
    checked = check_folder(folder, texts=False)
    assert checked.rule_set is not None
    lines = "".join(f"      {line}\n" for line in story.splitlines())
    head = "profile: {email: ada@example.com, consent: true}\nstories:\n  - story: It\n    steps:\n"
    file = parse_stories(head + lines, "it.yaml", Names.of(checked.rule_set))
    ((_, told),) = tell_all([file], checked.rule_set)
    return [failure.message for failure in told.failures]


def test_a_device_is_handed_over(tmp_path: Path) -> None:
    """What the device began goes on for the customer who logs in on it."""
    trigger = "when: {event: product_added, where: cart.value > 0}\nwait: 45m\n" + MAIL
    story = """
    - event: product_added
      anonymous: phone
      properties: {product_id: p1, price: 20}
    - expect: {outcome: started, customer: "anon:phone"}
    - event: page_viewed
      after: 10m
      customer: shopper
      anonymous: phone
    - after: 1h
    - expect: {mail: hello, customer: shopper, at: 45m}
    """
    assert failures(tmp_path, trigger, story) == []
