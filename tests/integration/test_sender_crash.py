"""A sender that dies: every request ends as exactly one mail, or is listed as ambiguous; none is lost."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from schemas.instants import format_instant
from sender.core.addresses import address_hash
from sender.core.ledger import Claimed
from sender.core.policy import Concluded, outcome_of
from sender.core.requests import read_request
from tests.fixtures.sender_peers import NOW, Bench, eventually, request, sender_bench

REQUESTS = 120
KILL_AT = (20, 50, 80)
KEPT = b"Subject: kept\r\n\r\nkept\r\n"


@pytest.fixture
async def bench(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[Bench]:
    async with sender_bench(kafka_bootstrap, redis_url) as bench:
        yield bench


async def test_killed_again_and_again_every_request_is_mailed_once_or_listed(bench: Bench) -> None:
    ids = [f"mail-{number}" for number in range(REQUESTS)]
    bench.produce(*(request(send_id) for send_id in ids))
    bench.relay.slow_s = 0.05
    process = bench.start_process()
    try:
        for count in KILL_AT:
            await eventually(lambda count=count: len(bench.relay.mails) >= count, f"{count} mails are out")
            process.kill()
            process.wait()
            process = bench.start_process()

        async def all_have_outcomes() -> bool:
            return len(await asyncio.to_thread(bench.deliveries)) == REQUESTS

        await eventually(all_have_outcomes, "every request has its outcome", 90)
    finally:
        process.terminate()
        process.wait()
    mailed = Counter(bench.relay.sent_ids())
    outcomes = {send_id: set(statuses) for send_id, statuses in bench.deliveries().items()}
    ledger = bench.ledger()
    listed = set(await ledger.ambiguous_ids())
    await ledger.close()
    assert {send_id for send_id, statuses in outcomes.items() if statuses == {"ambiguous"}} == listed
    assert all(statuses in ({"sent"}, {"ambiguous"}) for statuses in outcomes.values()), outcomes
    assert max(mailed.values()) == 1, "a mail went out twice"
    assert set(ids) - set(mailed) <= listed, "a mail was lost"
    assert len(listed) <= len(KILL_AT) * 4, "more ambiguous mails than connections could hold"


async def _claimed_by_a_dead_sender(bench: Bench, send_id: str, *, dot: bool) -> None:
    value = json.dumps(request(send_id)).encode()
    dead = bench.ledger()
    await dead.open()
    claim = await dead.claim(
        send_id, address_hash(f"{send_id}@shop.example"), request=value, origin="0:0", wire=KEPT, now=NOW
    )
    assert isinstance(claim, Claimed)
    if dot:
        assert await dead.advance(send_id, claim.owner)
    await dead.close()


async def test_a_claim_left_before_the_dot_is_taken_over_even_if_nobody_reads_it_again(bench: Bench) -> None:
    await _claimed_by_a_dead_sender(bench, "left", dot=False)
    async with bench.running():
        await bench.delivered({"left": "sent"})
    assert bench.relay.recipients == ["left@shop.example"]


async def test_a_claim_left_after_the_dot_is_ambiguous_never_sent_again(bench: Bench) -> None:
    await _claimed_by_a_dead_sender(bench, "window", dot=True)
    bench.produce(request("window"), request("next"))
    async with bench.running():
        await bench.delivered({"window": "ambiguous", "next": "sent"})
    assert bench.relay.recipients == ["next@shop.example"]


async def test_retry_once_sends_the_kept_bytes_of_a_dead_sender(bench: Bench) -> None:
    await _claimed_by_a_dead_sender(bench, "window", dot=True)
    async with bench.running(on_ambiguous="retry_once"):
        await bench.delivered({"window": "sent"})
    assert bench.relay.mails == [KEPT]


async def test_another_senders_claim_is_left_alone_while_its_lease_lasts(bench: Bench) -> None:
    await _claimed_by_a_dead_sender(bench, "theirs", dot=False)
    bench.produce(request("theirs"), request("ours"))
    async with bench.running(instance="sender-1"):
        await bench.delivered({"ours": "sent"})
    assert bench.relay.recipients == ["ours@shop.example"]


async def test_an_outcome_that_was_recorded_but_not_told_is_told_with_the_same_ids(bench: Bench) -> None:
    value = json.dumps(request("told")).encode()
    dead = bench.ledger()
    await dead.open()
    hashed = address_hash("told@shop.example")
    claim = await dead.claim("told", hashed, request=value, origin="0:0", wire=b"", now=NOW)
    assert isinstance(claim, Claimed)
    outcome = outcome_of(read_request(value), "sent", "250 ok", claim.attempt, NOW - 5)
    assert await dead.finish("told", claim.owner, hashed, Concluded(outcome))
    await dead.close()
    bench.produce(request("told"))
    async with bench.running():
        await bench.delivered({"told": "sent"})
    assert bench.relay.mails == []
    (event,) = bench.read(bench.topics.events)
    assert event[1]["occurred_at"] == format_instant(NOW - 5)


async def test_what_is_held_survives_a_kill(bench: Bench) -> None:
    quiet_end = NOW + 4_000
    quiet = [[format_instant(NOW - 1), format_instant(quiet_end)]]
    bench.produce(*(request(f"held-{number}", not_between=quiet) for number in range(5)))
    process = bench.start_process()
    ledger = bench.ledger()
    try:

        async def all_held() -> bool:
            return len(await ledger.due_ids(quiet_end)) == 5 or bool(bench.relay.mails)

        await eventually(all_held, "the mails are held")
        process.kill()
        process.wait()
        bench.clock.move_to(quiet_end)
        process = bench.start_process()
        await bench.delivered({f"held-{number}": "sent" for number in range(5)})
    finally:
        process.terminate()
        process.wait()
        await ledger.close()
    assert Counter(bench.relay.sent_ids()) == {f"held-{number}": 1 for number in range(5)}
