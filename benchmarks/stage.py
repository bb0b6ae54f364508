"""Where contenders meet: a fresh broker with one log on it, loaded before the first of them starts."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from benchmarks.broker import kafka_in
from benchmarks.contenders import Contender
from benchmarks.expected import Expected, expected_of
from benchmarks.job_log import LogPlan, log_records, read_log, write_log
from benchmarks.kafka_log import load, remove_tetik, remove_topics
from benchmarks.pace import Pace
from benchmarks.trial import Task, Trial, app_of, run_trial
from schemas.instants import HOUR_MS
from schemas.topics import EVENTS
from services.publish import TEMPLATES, publish, read_rule_set
from services.topics import ensure_topics

T = TypeVar("T")
RULES = Path(__file__).resolve().parent / "rules"


@dataclass(frozen=True, slots=True)
class Log:
    """A log on disk, and what it should lead to."""

    path: Path
    plan: LogPlan
    expected: Expected


@dataclass(frozen=True, slots=True)
class Stage:
    """Contenders on one log under one folder of rules; `name` is its row of the report."""

    name: str
    log: Log
    rules: Path
    contenders: tuple[Contender, ...]
    pace: Pace

    def without_variants(self) -> "Stage":
        """As played in all rounds but the last: of a variant one round is enough."""
        return replace(self, contenders=tuple(one for one in self.contenders if not one.is_variant))

    def in_turn(self, round_number: int) -> "Stage":
        """Another one goes first in each round."""
        first = round_number % len(self.contenders)
        return replace(self, contenders=(*self.contenders[first:], *self.contenders[:first]))


def make_log(path: Path, plan: LogPlan) -> Log:
    """Make the log once, for all rounds."""
    write_log(path, log_records(plan))
    return Log(path, plan, expected_of(read_log(path), plan.partitions))


async def play(
    stage: Stage, directory: Path, *, paced: bool, tell: Callable[[str, Trial], None]
) -> dict[str, Trial]:
    """Run the contenders one after the other. Raises TrialFailed, PlatformError, KafkaException."""
    plan = stage.log.plan
    trials = {}
    async with kafka_in(directory) as kafka:
        await ensure_topics(kafka, plan.partitions)
        # before all of the log by its own clock, or everything would be due at once
        await publish(kafka, read_rule_set(stage.rules, TEMPLATES), plan.partitions, plan.starts_at - HOUR_MS)
        stop = threading.Event()
        records = takewhile(lambda _: not stop.is_set(), read_log(stage.log.path))
        await _in_thread(stop, partial(load, kafka, EVENTS, records))
        pace = stage.pace if paced else None
        for number, contender in enumerate(stage.contenders, 1):
            task = Task(kafka, directory, plan, stage.log.expected, pace, number, stop)
            trial = await _in_thread(stop, partial(run_trial, contender, task))
            remove_topics(kafka, app_of(contender))
            shutil.rmtree(directory / app_of(contender))
            if contender.is_tetik:
                remove_tetik(kafka)
                await ensure_topics(kafka, plan.partitions)
            trials[contender.name] = trial
            tell(contender.label, trial)
    return trials


async def _in_thread(stop: threading.Event, work: Callable[[], T]) -> T:
    """Who is cancelled tells the work to stop, and waits until it has."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise
