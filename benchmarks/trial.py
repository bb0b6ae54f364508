"""One contender on one log: started, watched from the first sentinels to the last, held against what it
should put out, and asked how long an order takes it when it is not behind."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from benchmarks.comparison import Difference, compare
from benchmarks.contenders import ROOT, Contender, Job
from benchmarks.cpu import Usage, usage_of
from benchmarks.expected import Expected
from benchmarks.job_log import END, WARM, LogPlan
from benchmarks.kafka_log import OutputReader, Seen, create_topics
from benchmarks.outputs import Decided, ReadBack, compare_mails, events_behind, read_back
from benchmarks.pace import Latency, Pace, Stream, latency_of

READ_AT_MOST = 500
READ_S = 0.02
QUIET_S = 2.0
"""So long without an output, and what was due beside the orders has come."""
QUIET_AT_MOST_S = 20.0
PATIENCE_S = 30.0
"""An order's output is waited for as long as some came within so long."""
DEADLINE_S = 600.0
STOP_S = 30.0
OFF_BY_MAX = 0.25
"""A round that may be off by more is not the one that is shown, while there is another."""
LOG_TAIL_CHARACTERS = 3_000
_DIES_WITH_RUNNER = ("setpriv", "--pdeathsig", "KILL")
"""The kernel kills a contender when the thread that started it is gone, however the runner ended."""


class TrialFailed(RuntimeError):
    """A contender ended by itself or did not come to the end of the log; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """From the first sentinels to the last; `from_start`: from the process's start, since the log was so
    short that both were seen at once. `jit_s`: of the CPU time, that of a JVM's compilers. `off_by`: the
    share by which the cost may be off, since what is worked off and not committed yet differs at the ends."""

    events: int
    cpu_s: float
    wall_s: float
    peak_rss_mib: float
    jit_s: float = 0.0
    off_by: float = 0.0
    from_start: bool = False

    @property
    def cpu_us_per_event(self) -> float:
        return self.cpu_s / self.events * 1e6

    @property
    def jit_us_per_event(self) -> float:
        return self.jit_s / self.events * 1e6

    @property
    def events_per_core_s(self) -> float:
        return self.events / self.cpu_s

    @property
    def events_per_s(self) -> float:
        return self.events / self.wall_s


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `difference` is None where there is nothing to hold its outputs against by itself:
    then `decided` is held against the other contenders'. `mails`: its requests against its own decisions."""

    measured: Measured
    outputs: int
    difference: Difference | None
    decided: dict[str, list[Decided]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    latency: Latency | None = None
    mails: Difference | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a trial is about: where the log stands, what it is, and the pace of new events behind it.

    `number`: which trial on this broker it is, from 1; behind the log stands what was new to those before.
    `stop`: set when the runner is to end, and the trial with it.
    """

    kafka: str
    directory: Path
    plan: LogPlan
    expected: Expected
    pace: Pace | None
    number: int
    stop: threading.Event = field(default_factory=threading.Event)


def run_trial(contender: Contender, task: Task) -> Trial:
    """Run a contender and judge it. Raises TrialFailed, KafkaException, OSError."""
    partitions, app = task.plan.partitions, app_of(contender)
    create_topics(task.kafka, [f"{app}.out", f"{app}.decisions", f"{app}.outbound"], partitions)
    create_topics(task.kafka, [f"{app}.changelog"], partitions, compacted=True)
    reader = OutputReader(task.kafka, contender.outputs(app), partitions)
    stream = None
    with contextlib.closing(reader), _running(contender, task, app) as watched:
        started = Reached(time.time(), Usage(0.0, 0.0))
        begun = _read_until(reader, WARM, partitions, watched)
        ended = _read_until(reader, END, partitions, watched)
        _read_until_answered(reader, contender.job, task, task.expected.places, watched)
        if task.pace is not None:
            stream = Stream(task.kafka, task.plan, task.pace, task.number)
            stream.start()
            while stream.is_alive():
                reader.read(1, READ_S)
            _read_until_answered(reader, contender.job, task, stream.produced_at, watched)
        requests = _requests(contender, task, app)
        if requests:  # their decisions may have come since
            _read_until_quiet(reader)
    found = read_back(contender.job, reader.outputs, task.expected)
    measured = _measured(contender, task, found, begun, ended) or _measured(
        contender, task, found, started, ended
    )
    assert measured is not None, "the last sentinels have been seen"
    return Trial(
        measured,
        len(reader.outputs),
        compare(task.expected.outputs, found.thin) if contender.job == "thin" else None,
        found.decided,
        found.outcomes,
        None if stream is None else latency_of(stream.produced_at, found.orders),
        compare_mails(found, requests) if contender.job == "ten" else None,
    )


def _requests(contender: Contender, task: Task, app: str) -> list[Seen]:
    """All that it has requested by now."""
    if contender.job == "thin":
        return []
    reader = OutputReader(task.kafka, contender.requests(app), task.plan.partitions)
    with contextlib.closing(reader):
        reader.read_to_end(READ_AT_MOST, QUIET_S)
    return reader.outputs


def app_of(contender: Contender) -> str:
    """What its groups, ids and topics are called on a broker."""
    return f"bench-{contender.name}"


@dataclass(frozen=True, slots=True)
class Reached:
    """The processes' usage at an instant."""

    at: float
    usage: Usage


def _measured(
    contender: Contender, task: Task, found: ReadBack, begun: Reached, ended: Reached
) -> Measured | None:
    """None if nothing was worked off between the two."""
    behind = [events_behind(found.orders, task.expected.places, reached.at) for reached in (begun, ended)]
    if behind[0] == behind[1]:
        return None
    events, wall_s = behind[1] - behind[0], ended.at - begun.at
    return Measured(
        events=events,
        cpu_s=ended.usage.cpu_s - begun.usage.cpu_s,
        wall_s=wall_s,
        peak_rss_mib=ended.usage.peak_rss_mib,
        jit_s=ended.usage.jit_s - begun.usage.jit_s,
        off_by=off_by(contender, task.plan.partitions, events, wall_s),
        from_start=not behind[0],
    )


def off_by(contender: Contender, partitions: int, events: int, wall_s: float) -> float:
    """The share of a window of so many events that may have been worked off before it began, or be worked off
    and not seen at its end."""
    return partitions * contender.ahead_events / events + contender.ahead_s / wall_s


def best_of(rounds: Sequence[Measured]) -> Measured:
    """The cheapest round of those that may be off by a quarter at most, since others' work only ever adds
    to a cost. Where none is, the one that is least off: what is too short may seem cheap."""
    certain = [one for one in rounds if one.off_by <= OFF_BY_MAX]
    if certain:
        return min(certain, key=lambda one: one.cpu_us_per_event)
    return min(rounds, key=lambda one: one.off_by)


class Watched:
    """The running processes of a contender."""

    def __init__(self, label: str, processes: list["Popen[bytes]"], log: Path, stop: threading.Event) -> None:
        self._label = label
        self._processes = processes
        self._log = log
        self._stop = stop

    def check(self) -> None:
        """Raises TrialFailed if one has ended, or all are to."""
        if self._stop.is_set():
            raise self.failed("was stopped")
        for process in self._processes:
            if process.poll() is not None:
                raise self.failed(f"ended with code {process.returncode}")

    def usage(self) -> Usage:
        """Of all of them."""
        return usage_of(process.pid for process in self._processes)

    def failed(self, how: str) -> TrialFailed:
        tail = self._log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
        return TrialFailed(f"{self._label} {how} before the end of the log:\n{tail}")


def _read_until(reader: OutputReader, prefix: str, partitions: int, watched: Watched) -> Reached:
    deadline = time.monotonic() + DEADLINE_S
    while not reader.has_seen(prefix, partitions):
        reader.read(READ_AT_MOST, READ_S)
        watched.check()
        if time.monotonic() > deadline:
            raise watched.failed(f"did not come within {DEADLINE_S:g} s")
    reader.read_to_end(READ_AT_MOST, READ_S)
    return Reached(time.time(), watched.usage())


def _read_until_answered(
    reader: OutputReader, job: Job, task: Task, orders: Iterable[str], watched: Watched
) -> None:
    """Until all of these have an output, or none has got one for so long."""
    missing, taken, since = set(orders), 0, time.monotonic()
    while missing and time.monotonic() - since < PATIENCE_S:
        watched.check()
        before = len(missing)
        missing.difference_update(
            order for order, _ in read_back(job, reader.outputs[taken:], task.expected).orders
        )
        taken = len(reader.outputs)
        if len(missing) < before:
            since = time.monotonic()
        reader.read(READ_AT_MOST, READ_S)
    _read_until_quiet(reader)


def _read_until_quiet(reader: OutputReader) -> None:
    quiet_since = time.monotonic()
    deadline = quiet_since + QUIET_AT_MOST_S
    while time.monotonic() < min(quiet_since + QUIET_S, deadline):
        if reader.read(READ_AT_MOST, READ_S):
            quiet_since = time.monotonic()


@contextlib.contextmanager
def _running(contender: Contender, task: Task, app: str) -> Iterator[Watched]:
    """The contender's processes; they are ended on leaving."""
    directory = task.directory / app
    directory.mkdir()
    environment = contender.environment(task.kafka, app, task.plan.partitions, directory)
    log = directory / "output.log"
    command, processes = (*_DIES_WITH_RUNNER, *contender.command), []
    with log.open("wb") as file:
        for _ in range(contender.processes):
            processes.append(Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT))
    try:
        yield Watched(contender.label, processes, log, task.stop)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
