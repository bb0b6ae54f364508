"""Unsubscribing on real peers: only POST acts, at once, and bad input is put aside with its reason."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from schemas.dead_letter import DeadLetter
from schemas.event import Event
from sender.adapters.http import PortTaken
from sender.app import Sender
from tests.fixtures.sender_peers import Bench, eventually, request, sender_bench


@pytest.fixture
async def bench(kafka_bootstrap: str, redis_url: str) -> AsyncIterator[Bench]:
    async with sender_bench(kafka_bootstrap, redis_url) as bench:
        yield bench


def client_of(sender: Sender) -> httpx.AsyncClient:
    url = f"http://127.0.0.1:{sender.http_port}"
    return httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)


async def link_of_first_mail(bench: Bench) -> str:
    bench.produce(request("first"))
    await bench.delivered({"first": "sent"})
    header = bench.relay.messages()[0]["List-Unsubscribe"]
    return str(re.fullmatch(r"<https://mail\.example(/u/[\w.-]+)>", header)[1])


async def test_get_and_head_change_nothing_and_one_click_acts_at_once(bench: Bench) -> None:
    async with bench.running() as sender, client_of(sender) as client:
        link = await link_of_first_mail(bench)
        page = await client.get(link)
        assert (page.status_code, "<form" in page.text, 'lang="tr"' in page.text) == (200, True, True)
        assert (await client.head(link)).status_code == 200
        second = request("second", to="first@shop.example")
        bench.produce(second)
        await bench.delivered({"second": "sent"})

        body = {"List-Unsubscribe": "One-Click"}
        answer = await client.post(link, data=body)
        assert (answer.status_code, answer.history) == (200, [])
        repeated = await client.post(link, files={"List-Unsubscribe": (None, "One-Click")})
        assert repeated.status_code == 200

        bench.produce(
            request("third", to="First@shop.example"),
            request("order", to="first@shop.example", kind="transactional"),
        )
        await bench.delivered({"third": "suppressed", "order": "sent"})
    events = [Event.model_validate(value) for _, value, _ in bench.read(bench.topics.events)]
    told = [event for event in events if event.type == "unsubscribed"]
    assert {event.customer_id for event in told} == {"customer-first"}
    assert told[0].properties == {"send_id": "first", "way": "one_click"}
    order = next(mail for mail in bench.relay.messages() if mail["X-Tetik-Send-Id"] == "order")
    assert order["List-Unsubscribe"] is None


async def test_a_forged_link_is_not_found(bench: Bench) -> None:
    async with bench.running() as sender, client_of(sender) as client:
        link = await link_of_first_mail(bench)
        for bad in (link[:-2] + "xx", "/u/nonsense", "/u/ü.ü", link + "A" * 2000):
            assert (await client.get(bad)).status_code == 404
            answer = await client.post(bad, headers={"accept-language": "az,en;q=0.5"})
            assert answer.status_code == 404
            assert 'lang="az"' in answer.text
    assert not [value for _, value, _ in bench.read(bench.topics.events) if value["type"] == "unsubscribed"]


async def test_without_kafka_an_unsubscription_says_so_and_suppresses_all_the_same(bench: Bench) -> None:
    async with bench.running() as sender:
        link = await link_of_first_mail(bench)
    cut_off = Sender(bench.settings(kafka="127.0.0.1:1"), bench.clock)
    async with bench.at_work(cut_off), client_of(cut_off) as client:
        answer = await eventually(lambda: client.post(link), "an answer")
        assert answer.status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["peers"]["kafka"]) == (503, False)
    async with bench.running() as sender:
        bench.produce(request("next", to="first@shop.example"))
        await bench.delivered({"next": "suppressed"})
        async with client_of(sender) as client:
            ready = await client.get("/readyz")
            metrics = (await client.get("/metrics")).text
        assert ready.json() == {"ready": True, "peers": {"kafka": True, "redis": True, "templates": True}}
        assert 'tetik_sender_outcomes_total{status="suppressed"} 1.0' in metrics


async def test_a_taken_port_is_a_clear_error(bench: Bench) -> None:
    async with bench.running() as sender:
        with pytest.raises(PortTaken, match=f"127.0.0.1:{sender.http_port} can't be used.*choose another"):
            Sender(bench.settings(http_port=sender.http_port), bench.clock)


async def test_what_cannot_be_mailed_is_put_aside_answered_and_the_line_goes_on(bench: Bench) -> None:
    topic = bench.topics.outbound
    bench.produce_raw(topic, "k", b"\xff\xfe no json")
    bench.produce_raw(topic, "k", b'{"send_id": "half", "customer_key": "k", "action": "send"}')
    bench.produce(
        request("no-template", template_digest="0" * 32),
        request("no-address", to="nobody"),
        request("no-note", data={"profile": None, "cart": None, "event": {}}),
        request("fine"),
    )
    async with bench.running():
        failed = dict.fromkeys(("half", "no-template", "no-address", "no-note"), "failed")
        await bench.delivered({**failed, "fine": "sent"})
    letters = [DeadLetter.model_validate(value) for _, value, _ in bench.read(bench.topics.dead_letters)]
    assert {letter.topic for letter in letters} == {topic}
    reasons = sorted(letter.reason for letter in letters)
    assert len(reasons) == 5
    assert any("holds template hello with digest 000" in reason for reason in reasons)
    assert any("'dict object' has no attribute 'note'" in reason for reason in reasons), reasons
    types = {v["properties"]["send_id"]: v["type"] for _, v, _ in bench.read(bench.topics.events)}
    assert types["half"] == "email_failed"
