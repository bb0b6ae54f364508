"""The contenders: how each is started, which topics it reads and writes, and what it leaves out."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from benchmarks import faust_documented
from benchmarks.kafka_log import written
from benchmarks.shop_log import CONFIRMATION
from schemas.topics import EVENTS, OUTBOUND, STATE_CHANGELOG

GROUP = "tetik"


@dataclass(frozen=True, slots=True)
class Contender:
    """`changelog` is written with every event, so its last record tells when a contender had done its work.

    `confirmed` reads how often each order was confirmed, given the broker and the partition count.
    """

    name: str
    label: str
    module: tuple[str, ...]
    events: str
    group: str
    changelog: str
    does: str
    leaves_out: str
    confirmed: Callable[[str, int], Counter[str]]
    environment: Callable[[str, int], Mapping[str, str]]

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-m", *self.module)


def _confirmed_by_tetik(kafka: str, partitions: int) -> Counter[str]:
    requests = (msgspec.json.decode(each.value) for each in written(kafka, OUTBOUND, partitions))
    return Counter(
        request["data"]["event"]["order_id"]
        for request in requests
        if request["action"] == "send" and request["step"] == CONFIRMATION
    )


def _confirmed_by_faust(kafka: str, partitions: int) -> Counter[str]:
    decisions = (
        msgspec.json.decode(each.value) for each in written(kafka, faust_documented.DECISIONS, partitions)
    )
    return Counter(decision["order_id"] for decision in decisions)


def _tetik_environment(kafka: str, partitions: int) -> Mapping[str, str]:
    # Port 0: any free one; nobody asks this engine for its metrics.
    return {"TETIK_KAFKA": kafka, "TETIK_PARTITIONS": str(partitions), "TETIK_ENGINE_HTTP_PORT": "0"}


def _faust_environment(kafka: str, partitions: int) -> Mapping[str, str]:
    return {"BENCH_KAFKA": kafka, "BENCH_PARTITIONS": str(partitions)}


TETIK = Contender(
    name="tetik",
    label="Tetik engine",
    module=("services.cli", "engine"),
    events=EVENTS,
    group=GROUP,
    changelog=STATE_CHANGELOG,
    does="the whole engine as in production: three plain triggers, decisions with reasons, mail "
    "requests, timers, dedup, event time, state changelog, one Kafka transaction per flush",
    leaves_out="nothing",
    confirmed=_confirmed_by_tetik,
    environment=_tetik_environment,
)
FAUST = Contender(
    name="faust",
    label="Faust as documented",
    module=("benchmarks.faust_documented",),
    events=faust_documented.EVENTS,
    group=faust_documented.APP,
    changelog=faust_documented.CHANGELOG,
    does="Record model, agent, Table of dicts in the memory store written once an event, one decision an "
    "order, at least once, default settings",
    leaves_out="dedup, event time, cart and welcome runs, timers, consent and address checks, reasons, "
    "transactions; state is a few counters",
    confirmed=_confirmed_by_faust,
    environment=_faust_environment,
)
