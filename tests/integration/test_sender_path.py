"""The sender on real peers: what is requested is mailed once, at the right time, and told back."""

from collections.abc import AsyncIterator

import pytest

from schemas.delivery import Delivery
from schemas.event import Event
from schemas.ids import feedback_event_id
from schemas.instants import HOUR_MS, format_instant
from tests.fixtures.sender_peers import NOW, Bench, cancel, request, sender_bench


@pytest.fixture
async def bench(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[Bench]:
    async with sender_bench(kafka_bootstrap, redis_url) as bench:
        yield bench


async def test_a_request_becomes_one_mail_and_is_told_back(bench: Bench) -> None:
    bench.produce(request("one"))
    async with bench.running():
        await bench.delivered({"one": "sent"})
    (mail,) = bench.relay.messages()
    assert mail["Subject"] == "Merhaba Ayşe"
    assert mail["To"] == "one@shop.example"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    (delivery,) = bench.read(bench.topics.deliveries)
    assert Delivery.model_validate(delivery[1]).smtp_code == 250
    ((key, value, headers),) = bench.read(bench.topics.events)
    event = Event.model_validate(value)
    assert (key, event.type, event.customer_id) == (b"customer-one", "email_sent", "customer-one")
    assert event.event_id == feedback_event_id("one", "sent", 1)
    assert event.properties["trigger_id"] == "cart-abandoned"
    assert headers["ce_source"] == b"/tetik/sender"


async def test_a_repeated_request_mails_once(bench: Bench) -> None:
    bench.produce(request("one"), request("one"), request("two"))
    async with bench.running():
        await bench.delivered({"one": "sent", "two": "sent"})
        bench.produce(request("one"), request("three"))
        await bench.delivered({"one": "sent", "three": "sent"})
    assert sorted(bench.relay.sent_ids()) == ["one", "three", "two"]


async def test_a_cancel_stops_what_is_held_and_what_is_read_later(bench: Bench) -> None:
    quiet = [[format_instant(NOW - HOUR_MS), format_instant(NOW + HOUR_MS)]]
    bench.produce(cancel("never"), request("held", not_between=quiet))
    async with bench.running() as sender:
        assert await bench.settled(sender, 2) == NOW + HOUR_MS
        bench.produce(cancel("held"), request("never"))
        await bench.delivered({"held": "cancelled", "never": "cancelled"})
        bench.clock.move_to(NOW + 2 * HOUR_MS)
        bench.produce(request("last"), cancel("last-not"))
        await bench.delivered({"last": "sent", "held": "cancelled", "never": "cancelled"})
        bench.produce(cancel("last"))
        await bench.settled(sender, 7)
    assert bench.relay.sent_ids() == ["last"]
    assert bench.deliveries()["last"] == ["sent"]


async def test_quiet_hours_hold_a_mail_until_the_clock_passes_them(bench: Bench) -> None:
    quiet = [[format_instant(NOW - HOUR_MS), format_instant(NOW + HOUR_MS)]]
    bench.produce(request("night", not_between=quiet), request("day"))
    async with bench.running() as sender:
        await bench.delivered({"day": "sent"})
        assert await bench.settled(sender, 2) == NOW + HOUR_MS
        assert bench.relay.sent_ids() == ["day"]
        bench.clock.move_to(NOW + HOUR_MS)
        assert sender.progress() is None, "a due mail is work that is known"
        await bench.delivered({"night": "sent"})
        assert await bench.settled(sender, 2) is None


async def test_an_expired_request_is_never_mailed(bench: Bench) -> None:
    bench.produce(request("late", expires_at=format_instant(NOW)), request("fresh"))
    async with bench.running():
        await bench.delivered({"late": "expired", "fresh": "sent"})
    assert bench.relay.sent_ids() == ["fresh"]
    types = {value["properties"]["send_id"]: value["type"] for _, value, _ in bench.read(bench.topics.events)}
    assert types == {"late": "email_expired", "fresh": "email_sent"}
