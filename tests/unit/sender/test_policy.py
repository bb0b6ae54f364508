"""Replies and what follows; the checks before a try; offsets; addresses; tokens; locales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import DAY_MS, HOUR_MS, SECOND_MS
from sender.core.addresses import AddressRefused, address_hash, normalise_address
from sender.core.ledger import Claimed, check_suppression
from sender.core.locales import choose_locale, preferred_language
from sender.core.offsets import OffsetTracker
from sender.core.outcomes import after_silence
from sender.core.policy import (
    Concluded,
    Held,
    Unanswered,
    Unreachable,
    check_before_sending,
    judge,
    outcome_of,
)
from sender.core.replies import Phase, Reply, ReplyClass, backoff_ms, classify
from sender.core.requests import SendRequest
from sender.core.tokens import Subscription, TokenRefused, read_token, sign_token

NOW = 1_795_366_800_000
SECRET = "a-secret-of-the-tests"


def send_request(**changes: object) -> SendRequest:
    fields: dict[str, object] = {
        "send_id": "s", "trigger_id": "t", "trigger_version": "1", "step": "m", "variant": None,
        "customer_key": "c", "kind": "marketing", "decided_at": NOW, "to": "a@b.example", "locale": "tr",
        "template": "hello", "template_digest": "d", "data": {}, "expires_at": NOW + DAY_MS,
        "not_between": (),
    }  # fmt: skip
    return SendRequest(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phase", "code", "text", "expected"),
    [
        (Phase.FINAL_DOT, 250, "2.0.0 Ok: queued as 4F2", ReplyClass.ACCEPTED),
        (Phase.RECIPIENT, 550, "5.1.1 No such user", ReplyClass.INVALID_RECIPIENT),
        (Phase.RECIPIENT, 550, "5.2.1 Disabled", ReplyClass.INVALID_RECIPIENT),
        (Phase.RECIPIENT, 550, "User unknown in virtual mailbox table", ReplyClass.INVALID_RECIPIENT),
        (Phase.FINAL_DOT, 550, "5.1.1 The account does not exist", ReplyClass.INVALID_RECIPIENT),
        (Phase.RECIPIENT, 550, "No", ReplyClass.REFUSED),
        (Phase.FINAL_DOT, 550, "User unknown", ReplyClass.REFUSED),
        (Phase.FINAL_DOT, 550, "5.7.26 Unauthenticated email is not accepted", ReplyClass.POLICY),
        (Phase.FINAL_DOT, 550, "5.7.515 Access denied", ReplyClass.POLICY),
        (Phase.RECIPIENT, 550, "5.7.1 Blocked, user unknown", ReplyClass.POLICY),
        (Phase.FINAL_DOT, 554, "Message not allowed", ReplyClass.POLICY),
        (Phase.RECIPIENT, 553, "[BL21] listed, see block list", ReplyClass.POLICY),
        (Phase.RECIPIENT, 550, "relay not permitted", ReplyClass.POLICY),
        (Phase.RECIPIENT, 552, "5.2.2 Mailbox full", ReplyClass.QUOTA),
        (Phase.RECIPIENT, 452, "4.2.2 Over quota", ReplyClass.QUOTA),
        (Phase.FINAL_DOT, 454, "Throttling failure: Maximum sending rate exceeded", ReplyClass.TEMPORARY),
        (Phase.RECIPIENT, 450, "4.7.1 Greylisted", ReplyClass.TEMPORARY),
        (Phase.MAIL, 421, "4.7.0 Too many connections", ReplyClass.TEMPORARY),
        (Phase.MAIL, 530, "5.7.0 Authentication required", ReplyClass.CONFIGURATION),
        (Phase.CONNECT, 554, "No SMTP service here", ReplyClass.CONFIGURATION),
        (Phase.DATA, 250, "what?", ReplyClass.TEMPORARY),
    ],
)
def test_classes_of_replies(phase: Phase, code: int, text: str, expected: ReplyClass) -> None:
    assert classify(Reply(phase, code, text)) is expected


@given(st.sampled_from(Phase), st.integers(200, 599), st.text(max_size=60))
def test_only_the_final_dot_can_accept_and_only_5xx_can_end_a_mail(
    phase: Phase, code: int, text: str
) -> None:
    meaning = classify(Reply(phase, code, text))
    if meaning is ReplyClass.ACCEPTED:
        assert phase is Phase.FINAL_DOT
        assert code < 300
    if meaning in (ReplyClass.INVALID_RECIPIENT, ReplyClass.REFUSED):
        assert code >= 500
    if phase in (Phase.CONNECT, Phase.MAIL):
        assert meaning not in (ReplyClass.INVALID_RECIPIENT, ReplyClass.REFUSED)


def test_what_follows_from_an_answer() -> None:
    def after(answer: Reply | Unreachable | Unanswered, **changes: object) -> Concluded | Held:
        given = {"attempt": 1, "may_repeat": False, "now": NOW} | changes
        return judge(send_request(), answer, **given)  # type: ignore[arg-type]

    sent = after(Reply(Phase.FINAL_DOT, 250, "2.0.0 ok"))
    assert isinstance(sent, Concluded)
    assert (sent.outcome.status, sent.outcome.enhanced_code, sent.suppress) == ("sent", "2.0.0", None)
    gone = after(Reply(Phase.RECIPIENT, 550, "5.1.1 gone"))
    assert isinstance(gone, Concluded)
    assert (gone.outcome.status, gone.suppress) == ("failed", "all")
    policy = after(Reply(Phase.FINAL_DOT, 550, "5.7.1 spam"))
    assert isinstance(policy, Held)
    assert policy.stop_stream
    grey = after(Reply(Phase.RECIPIENT, 451, "4.7.1 later"), attempt=2)
    assert grey == Held(NOW + 120 * SECOND_MS, "temporary: 451 4.7.1 later (at rcpt)")
    assert after(Unreachable("down")) == Held(NOW + 2 * SECOND_MS, "down")
    assert isinstance(after(Unanswered("cut")), Concluded)
    assert after(Unanswered("cut"), may_repeat=True) == Held(
        NOW, "cut; sent once more, byte for byte", repeats=True
    )


def test_a_mail_is_never_held_beyond_its_expiry() -> None:
    request = send_request(expires_at=NOW + SECOND_MS, not_between=((NOW - 1, NOW + HOUR_MS),))
    held = judge(request, Unreachable("down"), attempt=9, may_repeat=False, now=NOW)
    assert isinstance(held, Held)
    assert held.due_at == NOW + SECOND_MS
    quiet = check_before_sending(request, NOW, 1)
    assert isinstance(quiet, Held)
    assert (quiet.due_at, quiet.tried) == (NOW + SECOND_MS, False)


def test_expiry_comes_before_quiet_hours_and_their_end_is_free() -> None:
    request = send_request(not_between=((NOW, NOW + HOUR_MS),), expires_at=NOW + 2 * HOUR_MS)
    assert check_before_sending(request, NOW - 1, 1) is None
    assert isinstance(check_before_sending(request, NOW, 1), Held)
    assert check_before_sending(request, NOW + HOUR_MS, 1) is None
    late = check_before_sending(request, NOW + 2 * HOUR_MS, 1)
    assert isinstance(late, Concluded)
    assert late.outcome.status == "expired"


@pytest.mark.parametrize(
    ("kind", "all_mail", "marketing", "suppressed"),
    [
        ("marketing", None, None, False),
        ("marketing", None, "unsubscribed", True),
        ("transactional", None, "unsubscribed", False),
        ("transactional", "550", "unsubscribed", True),
        ("marketing", "550", None, True),
    ],
)
def test_suppression_by_scope(kind: str, all_mail: str, marketing: str, suppressed: bool) -> None:
    claim = Claimed("o", 1, False, b"", suppressed_all=all_mail, suppressed_marketing=marketing)
    result = check_suppression(send_request(kind=kind), claim, NOW)
    assert (result is not None) == suppressed
    if result is not None:
        assert result.outcome.status == "suppressed"


def test_back_off_grows_to_an_hour() -> None:
    waits = [backoff_ms(attempt) for attempt in range(10)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (30 * SECOND_MS, HOUR_MS)


@given(st.permutations(range(8)))
def test_an_offset_is_never_committed_past_an_unfinished_one(order: list[int]) -> None:
    tracker = OffsetTracker(position=0)
    for offset in range(8):
        tracker.begin(offset * 2)
    tracker.position = 20
    open_offsets = {offset * 2 for offset in range(8)}
    for number in order:
        tracker.done(number * 2)
        open_offsets.discard(number * 2)
        assert tracker.next_offset == min(open_offsets, default=20)
    assert not tracker.busy


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("Ad Soyad <a@b.example>", "a@b.example"),
        ("user@münchen.de", "user@xn--mnchen-3ya.de"),
        ("A.B@Shop.Example", "A.B@shop.example"),
    ],
)
def test_addresses_on_the_wire(text: str, wire: str) -> None:
    assert normalise_address(text) == wire


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b.example\r\nRCPT TO:<c@d>", "kullanıcı@x.example", "a" * 250 + "@b.example"]
)
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        normalise_address(text)


def test_suppression_ignores_the_case_of_letters() -> None:
    assert address_hash("Ayse@Shop.example") == address_hash("ayse@shop.example")
    assert len(address_hash("a@b.example")) == 32


@given(st.text(max_size=300), st.text(max_size=40), st.sampled_from(["tr", "az", "en"]))
def test_a_token_says_who_and_fits_a_header_line(key: str, send_id: str, locale: str) -> None:
    who = Subscription(address_hash("a@b.example"), key, send_id, locale)
    token = sign_token(who, SECRET)
    assert len(token) < 800
    known_key = key if len(key.encode()) <= 400 else None
    assert read_token(token, SECRET) == Subscription(who.address_hash, known_key, send_id, locale)
    with pytest.raises(TokenRefused):
        read_token(token, "another-secret-of-ours")


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_token_is_refused(position: int, change: int) -> None:
    token = sign_token(Subscription(address_hash("a@b.example"), "c", "s", "tr"), SECRET)
    at = position % len(token)
    forged = token[:at] + chr((ord(token[at]) + change) % 128) + token[at + 1 :]
    if forged != token:
        try:
            read = read_token(forged, SECRET)
        except TokenRefused:
            return
        assert read == read_token(token, SECRET), "only base64's unused bits may differ"


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        ("tr-TR", ["az", "tr"], "tr"),
        ("az_Latn_AZ", ["az", "en"], "az"),
        ("tr-TR", ["tr-TR", "tr"], "tr-TR"),
        ("fr", ["az", "en", "tr"], "en"),
        ("fr", ["tr", "az"], "az"),
        (None, ["tr"], "tr"),
        ("", ["tr", "en"], "en"),
    ],
)
def test_locale_fallback(wanted: str | None, available: list[str], chosen: str) -> None:
    assert choose_locale(wanted, available) == chosen


@pytest.mark.parametrize(
    ("header", "chosen"),
    [("az-AZ,az;q=0.9,en;q=0.8", "az"), ("de;q=0.9, tr;q=0.5", "tr"), (None, "en"), (";;q=x,,tr", "tr")],
)
def test_the_pages_language(header: str | None, chosen: str) -> None:
    assert preferred_language(header, ("tr", "az", "en")) == chosen


@pytest.mark.parametrize("status", ["failed", "expired", "suppressed", "cancelled"])
def test_a_mail_that_may_have_gone_out_is_never_told_as_unsent(status: str) -> None:
    ended = outcome_of(send_request(), status, "why", 2, NOW)
    told = after_silence(ended)
    assert (told.status, told.attempt) == ("ambiguous", 2)
    assert told.reason == f"the first try was not answered; afterwards it was {status}: why"


@pytest.mark.parametrize("status", ["sent", "ambiguous"])
def test_what_tells_of_a_copy_stays_as_it_is(status: str) -> None:
    ended = outcome_of(send_request(), status, "why", 2, NOW)
    assert after_silence(ended) == ended
