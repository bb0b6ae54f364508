"""One trial: a fresh Kafka, the log loaded, each contender run on it and held against what it should write.

A contender first works off the warm-up part of the log. Then it is stopped (SIGSTOP) while the rest is
loaded, so that it neither competes with the loader nor reads in dribbles, and goes on from a full backlog.
Measured is from there to its last write to its changelog, by the broker's clock: CPU of that process alone,
all of its threads.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import faust_documented
from benchmarks.contenders import FAUST, TETIK, Contender
from benchmarks.cpu import Usage, usage_of
from benchmarks.kafka_log import Watch, create_topics, load, written
from benchmarks.shop_log import Logged
from services.platform.errors import PlatformError
from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory, find_java_tools
from services.platform.supervisor import Supervisor
from services.publish import TEMPLATES, publish, read_rule_set
from services.topics import ensure_topics
from tests.fixtures.shop import SHOP

SAMPLE_S = 0.02
DEADLINE_S = 600
STOP_S = 20
LOG_TAIL_CHARACTERS = 2_000


class TrialFailed(RuntimeError):
    """A contender ended by itself or did not come to the end of its log; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of the log each contender gets; both begin with the same `warm_up` events."""

    warm_up: int
    partitions: int
    events: dict[str, int]

    def share(self, contender: Contender, log: list[Logged]) -> list[Logged]:
        return log[: self.events[contender.name]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender in one trial, from the end of its warm-up to its last write."""

    events: int
    cpu_s: float
    wall_s: float
    peak_rss_mib: float

    @property
    def cpu_us_per_event(self) -> float:
        return self.cpu_s / self.events * 1e6

    @property
    def events_per_core_s(self) -> float:
        return self.events / self.cpu_s

    @property
    def events_per_s(self) -> float:
        return self.events / self.wall_s


@dataclass(frozen=True, slots=True)
class Checked:
    """What a contender wrote, held against the log: `problems` is empty if each order was confirmed once."""

    orders: int
    confirmed: int
    confirmed_in_common_part: int
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one trial, by contender name."""

    measured: dict[str, Measured]
    checked: dict[str, Checked]


async def run_trial(directory: Path, log: list[Logged], plan: Plan, order: list[Contender]) -> Trial:
    """Run the contenders one after the other in this order, on one broker.

    Raises TrialFailed, PlatformError, KafkaException.
    """
    common = min(plan.events.values())
    measured, checked = {}, {}
    async with _kafka(directory) as kafka:
        await _prepare(kafka, plan.partitions)
        for contender in order:
            share = plan.share(contender, log)
            measured[contender.name] = await _run(kafka, directory, contender, share, plan)
            confirmed = contender.confirmed(kafka, plan.partitions)
            checked[contender.name] = check(confirmed, share, common)
    return Trial(measured, checked)


def check(confirmed: Counter[str], share: list[Logged], common: int) -> Checked:
    """Hold confirmations against the orders of a share of the log, of which `common` records all have met."""
    orders = {logged.order_id for logged in share if logged.order_id is not None}
    in_common = {logged.order_id for logged in share[:common] if logged.order_id is not None}
    problems = []
    if missing := len(orders - confirmed.keys()):
        problems.append(f"{missing} orders were not confirmed")
    if unknown := len(confirmed.keys() - orders):
        problems.append(f"{unknown} confirmations of no order in the log")
    if doubled := sum(count - 1 for count in confirmed.values()):
        problems.append(f"{doubled} confirmations too many")
    return Checked(len(orders), len(orders & confirmed.keys()), len(in_common & confirmed.keys()), problems)


@contextlib.asynccontextmanager
async def _kafka(directory: Path) -> AsyncIterator[str]:
    tools = find_java_tools(os.environ)
    if tools.java is None:
        raise PlatformError(f"the benchmark needs a real Kafka, and so Java 17 or newer: {tools.problem}")
    cache = cache_directory(os.environ)
    node = KafkaNode(tools.java, cache / "lib", directory / "kafka", *_free_ports(2))
    async with Supervisor(directory / "logs") as supervisor:
        for spec in kafka_specs(node, cache):
            await supervisor.start(spec)
        yield node.bootstrap


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def _prepare(kafka: str, partitions: int) -> None:
    """Every topic a contender needs, and the rules activated."""
    await ensure_topics(kafka, partitions)
    create_topics(kafka, [FAUST.events, FAUST.changelog, faust_documented.DECISIONS], partitions)
    await publish(kafka, read_rule_set(SHOP, TEMPLATES), partitions, _now())


async def _run(
    kafka: str, directory: Path, contender: Contender, share: list[Logged], plan: Plan
) -> Measured:
    load(kafka, contender.events, share[: plan.warm_up])
    watch = Watch(kafka, contender.group, contender.events, plan.partitions)
    async with _process(contender, kafka, directory, plan.partitions) as process:
        await _drained(process, watch)
        process.send_signal(signal.SIGSTOP)
        load(kafka, contender.events, share[plan.warm_up :])
        before, begun_at = usage_of(process.pid), _now()
        process.send_signal(signal.SIGCONT)
        samples = await _drained(process, watch)
    watch.close()
    last_at = max(each.appended_at for each in written(kafka, contender.changelog, plan.partitions))
    after = _first_at_or_behind(samples, last_at)
    return Measured(
        events=len(share) - plan.warm_up,
        cpu_s=after.cpu_s - before.cpu_s,
        wall_s=(last_at - begun_at) / 1000,
        peak_rss_mib=after.peak_rss_mib,
    )


@contextlib.asynccontextmanager
async def _process(
    contender: Contender, kafka: str, directory: Path, partitions: int
) -> AsyncIterator[Process]:
    """The contender running; it is ended on leaving. Raises TrialFailed if it ended by itself."""
    output = directory / f"{contender.name}.log"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *contender.command,
            env={**os.environ, **contender.environment(kafka, partitions)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    except _NotDrained as error:
        tail = output.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
        raise TrialFailed(f"{contender.label} {error} before the end of its log:\n{tail}") from error
    finally:
        await _end(process)


class _NotDrained(Exception):
    """Why a contender did not come to the end of its log."""


async def _drained(process: Process, watch: Watch) -> list[tuple[int, Usage]]:
    """Sample the process's usage until it has committed the end of its topic."""
    end, deadline = watch.end(), time.monotonic() + DEADLINE_S
    samples = []
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise _NotDrained(f"ended with code {process.returncode}")
        samples.append((_now(), usage_of(process.pid)))
        if watch.committed() >= end:
            return samples
        await asyncio.sleep(SAMPLE_S)
    raise _NotDrained(f"did not come within {DEADLINE_S} s")


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _first_at_or_behind(samples: list[tuple[int, Usage]], at: int) -> Usage:
    return next((usage for sampled_at, usage in samples if sampled_at >= at), samples[-1][1])


def _now() -> int:
    return time.time_ns() // 1_000_000


CONTENDERS = [TETIK, FAUST]
