"""What the relay may do to us, phase by phase: nothing is lost, nothing doubled but by the named setting."""

from collections.abc import AsyncIterator

import pytest

from schemas.instants import DAY_MS, MINUTE_MS, SECOND_MS, format_instant
from tests.fixtures.sender_peers import NOW, Bench, eventually, request, sender_bench


@pytest.fixture
async def bench(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[Bench]:
    async with sender_bench(kafka_bootstrap, redis_url) as bench:
        yield bench


async def test_a_temporary_refusal_is_tried_again_with_the_same_bytes(bench: Bench) -> None:
    bench.relay.misbehave("grey@shop.example", "dot", "451 4.7.1 Greylisted, come back")
    bench.produce(request("grey"), request("white"))
    async with bench.running() as sender:
        due_at = await bench.settled(sender, 2)
        assert due_at == NOW + 30 * SECOND_MS
        bench.clock.move_to(due_at)
        await bench.delivered({"grey": "sent"})
    assert sorted(bench.relay.sent_ids()) == ["grey", "white"]
    (delivery,) = [value for _, value, _ in bench.read(bench.topics.deliveries) if value["send_id"] == "grey"]
    assert delivery["attempt"] == 2


async def test_an_unknown_mailbox_is_suppressed_for_all_mail(bench: Bench) -> None:
    bench.relay.misbehave("gone@shop.example", "rcpt", "550 5.1.1 User unknown")
    bench.produce(request("gone"))
    async with bench.running():
        await bench.delivered({"gone": "failed"})
        again = request("again", to="Gone@Shop.Example", kind="transactional")
        bench.produce(again, request("other"))
        await bench.delivered({"again": "suppressed", "other": "sent"})
    assert bench.relay.tries == {"gone@shop.example": 1, "other@shop.example": 1}
    (failed,) = [v for _, v, _ in bench.read(bench.topics.deliveries) if v["send_id"] == "gone"]
    assert (failed["smtp_code"], failed["enhanced_code"]) == (550, "5.1.1")


async def test_a_refusal_of_us_holds_the_mail_and_never_suppresses(bench: Bench) -> None:
    bench.relay.misbehave("policy@shop.example", "rcpt", "550 5.7.26 Unauthenticated sender", times=2)
    bench.produce(request("policy", expires_at=format_instant(NOW + 10 * MINUTE_MS)))
    async with bench.running() as sender:
        due_at = await bench.settled(sender, 1)
        assert due_at == NOW + 30 * SECOND_MS
        bench.clock.move_to(NOW + 10 * MINUTE_MS)
        await bench.delivered({"policy": "expired"})
        bench.relay.behaviours.clear()
        bench.produce(request("later", to="policy@shop.example", expires_at=format_instant(NOW + DAY_MS)))

        async def sent() -> bool:
            bench.clock.move_to(bench.clock.now() + 10 * SECOND_MS)
            return bench.relay.sent_ids() == ["later"]

        await eventually(sent, "the stream goes on")


@pytest.mark.parametrize("phase", ["rcpt", "data"])
async def test_a_line_cut_before_the_final_dot_is_harmless(bench: Bench, phase: str) -> None:
    bench.relay.misbehave("cut@shop.example", phase)
    bench.produce(request("cut"))
    async with bench.running() as sender:
        due_at = await bench.settled(sender, 1)
        assert due_at is not None
        bench.clock.move_to(due_at)
        await bench.delivered({"cut": "sent"})
    assert bench.relay.sent_ids() == ["cut"]


async def test_a_line_cut_after_the_final_dot_is_ambiguous_and_listed(bench: Bench) -> None:
    bench.relay.misbehave("window@shop.example", "dot")
    bench.produce(request("window"))
    async with bench.running() as sender:
        await bench.delivered({"window": "ambiguous"})
        assert await sender.ambiguous() == ["window"]
        bench.produce(request("window"), request("next"))
        await bench.delivered({"window": "ambiguous", "next": "sent"})
    assert bench.relay.sent_ids() == ["window", "next"]
    (event,) = [v for _, v, _ in bench.read(bench.topics.events) if v["properties"]["send_id"] == "window"]
    assert (event["type"], event["properties"]["status"]) == ("email_sent", "ambiguous")


async def test_retry_once_sends_the_same_bytes_a_second_time_and_never_a_third(bench: Bench) -> None:
    bench.relay.misbehave("window@shop.example", "dot", times=2)
    bench.relay.misbehave("once@shop.example", "dot")
    bench.produce(request("window"), request("once"))
    async with bench.running(on_ambiguous="retry_once"):
        await bench.delivered({"window": "ambiguous", "once": "sent"})
    mails = {send_id: [] for send_id in ("window", "once")}
    for send_id, raw in zip(bench.relay.sent_ids(), bench.relay.mails, strict=True):
        mails[send_id].append(raw)
    for copies in mails.values():
        assert len(copies) == 2
        assert copies[0] == copies[1]


async def test_a_second_try_that_is_refused_does_not_hide_that_the_first_may_have_gone_out(
    bench: Bench,
) -> None:
    bench.relay.misbehave("window@shop.example", "dot")
    bench.relay.misbehave("window@shop.example", "dot", "550 5.1.1 User unknown")
    bench.produce(request("window"))
    async with bench.running(on_ambiguous="retry_once") as sender:
        await bench.delivered({"window": "ambiguous"})
        assert await sender.ambiguous() == ["window"]
        bench.produce(request("again", to="window@shop.example"))
        await bench.delivered({"window": "ambiguous", "again": "suppressed"})
    assert bench.relay.sent_ids() == ["window"]
    (event,) = [v for _, v, _ in bench.read(bench.topics.events) if v["properties"]["send_id"] == "window"]
    assert (event["type"], event["properties"]["status"]) == ("email_sent", "ambiguous")
    assert "the first try was not answered; afterwards it was failed: 550" in event["properties"]["reason"]


async def test_a_relay_that_is_down_loses_nothing_and_fails_nothing(bench: Bench) -> None:
    bench.relay.stop()
    bench.produce(request("a"), request("b", expires_at=format_instant(NOW + 5 * SECOND_MS)))
    async with bench.running() as sender:
        await bench.settled(sender, 2)
        assert bench.deliveries() == {}
        bench.clock.move_to(NOW + 5 * SECOND_MS)
        await bench.delivered({"b": "expired"})
        bench.relay.start()

        async def sent() -> bool:
            bench.clock.move_to(bench.clock.now() + 5 * SECOND_MS)
            return bench.relay.sent_ids() == ["a"]

        await eventually(sent, "the relay is back")
        await bench.delivered({"a": "sent", "b": "expired"})
