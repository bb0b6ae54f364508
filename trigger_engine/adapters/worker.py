"""The engine process: Faust brings batches and assignments, partition writers do the work.

Faust's part is the life cycle, the group, fetching and back-pressure. Progress, state, recovery and
output are ours (`ownership`, `takeover`, `transaction`). The agent only routes: it never raises and never
acknowledges by itself, because Faust acknowledges the events of an agent that raised.
"""

import asyncio
import logging
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import IllegalStateError
from faust.types import TP

from schemas.instants import SECOND_MS, Instant
from schemas.topics import EVENTS, INTERESTS
from trigger_engine.adapters import batch_transport, customer_store
from trigger_engine.adapters.assignor import SettingsAssignor
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.log_port import EngineLog, Fenced
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import FULL_CORE, Core, PartitionsOwned
from trigger_engine.adapters.recommender import Recommender
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.adapters.stores import Stores
from trigger_engine.adapters.timekeeper import Clock, Timekeeper
from trigger_engine.core.timer_index import NEVER

logger = logging.getLogger(__name__)

GROUP = "tetik"
"""Names the consumer group, the transactional ids and (with the table's name) the changelog. No setting:
the topics have fixed names, and under two groups two engines would write one state unfenced."""
START_TIMEOUT_S = 120
START_GRACE_S = 10
LEAVE_TIMEOUT_S = 25
"""Longer than the time limit of a request to Kafka (30 s), shorter than supervisors' patience."""


class EngineStopped(RuntimeError):
    """The engine cannot go on; the message says why and what to do. Nothing was acknowledged."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the engine needs. `kafka` is `host:port[,host:port]`; `rejected_max` is out of 1,000 inputs;
    `instance` makes the membership static: a restart under the same name gets its partitions back at once
    instead of after the session's end."""

    kafka: str
    partitions: int
    rejected_max: int = 100
    session_timeout_s: float = 20.0
    check_crcs: bool = True
    instance: str | None = None
    snapshot_every_s: float = 3_600.0
    """How often what is recommended is worked out anew."""
    state_folder: Path | None = None
    """Where states are kept in files; None: in memory."""
    standby: bool = False
    """Whether copies of other workers' states are kept at hand."""


class EngineWorker:
    """One worker. `log`: what it writes and reads, but for what the group fetches; none: Kafka."""

    def __init__(
        self, settings: EngineSettings, clock: Clock, log: EngineLog | None = None, core: Core = FULL_CORE
    ) -> None:
        self.settings = settings
        self.metrics = EngineMetrics()
        self._clock = clock
        self._failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._log: EngineLog = log or KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
        self._rules = RuleBook(self._log)
        self._snapshots = SnapshotBook(self._log, self.metrics)
        every_ms = round(settings.snapshot_every_s * SECOND_MS)
        self._owned = PartitionsOwned(
            log=self._log,
            group=GROUP,
            partitions=settings.partitions,
            rules=self._rules,
            seek=self._seek,
            now=clock.now,
            metrics=self.metrics,
            rejected_max=settings.rejected_max,
            failed=self._fail,
            snapshots=self._snapshots,
            recommender=Recommender(
                log=self._log,
                group=GROUP,
                partitions=settings.partitions,
                now=clock.now,
                metrics=self.metrics,
                every_ms=every_ms,
            ),
            count_every_ms=every_ms,
            stores=Stores(self._log, clock.now, folder=settings.state_folder, lasting=settings.standby),
            standing_by=settings.standby,
            interrupted=lambda: self._app.consumer.rebalance_due,
            core=core,
        )
        self._app = self._build_app()

    @property
    def ready(self) -> bool:
        """Whether partitions are assigned, taken over and worked on."""
        return not self._owned.settling and not self._app.rebalancing

    def progress(self) -> tuple[dict[str, int], Instant | None] | None:
        """(next offset by `topic/partition`, next wake-up) if nothing is left to do now, else None."""
        now = self._clock.now()
        writers = self._owned.writers
        if not self.ready or not all(writer.settled(now) for writer in writers.values()):
            return None
        positions = {f"{EVENTS}/{number}": writer.next_offset for number, writer in writers.items()}
        positions |= {f"{INTERESTS}/{number}": writer.next_interest for number, writer in writers.items()}
        next_due_at = min((writer.next_due_at for writer in writers.values()), default=NEVER)
        return positions, None if next_due_at == NEVER else next_due_at

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises EngineStopped when it cannot go on."""
        timekeeper = asyncio.create_task(self._keep_time(), name="timekeeper")
        timekeeper.add_done_callback(self._on_task_done)
        stopped = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._app.start())
        try:
            await self._wait_for_start(starting, stopped)
            if starting.done():
                starting.result()
                watching = asyncio.create_task(self._watch_faust())
                await _first_of(self._failure, stopped, watching)
                watching.cancel()
            self._raise_failure()
            await self._leave_in_time(starting)
        finally:
            timekeeper.cancel()
            stopped.cancel()

    async def _wait_for_start(self, *events: "asyncio.Future[Any]") -> None:
        """Until one of these, or a failure. A take-over may last as long as its changelog is long."""
        while not (await _first_of(self._failure, *events, timeout=START_TIMEOUT_S)):
            if not self._owned.taking_over:
                raise EngineStopped(f"no partitions were assigned within {START_TIMEOUT_S} s; is Kafka well?")

    def _raise_failure(self) -> None:
        if self._failure.done():
            raise EngineStopped(_explain(self._failure.result())) from self._failure.result()

    async def _leave_in_time(self, starting: "asyncio.Future[Any]") -> None:
        """Leave, unless that fails: Faust waits without limit for what a broken writer will never
        acknowledge, for a broker that went away first, and for ever if stopped in the middle of its start."""
        if not await _first_of(self._failure, starting, timeout=START_GRACE_S):
            raise EngineStopped("stopped before it had started; nothing was begun, so nothing is left undone")
        leaving = asyncio.create_task(self._leave())
        left = await _first_of(self._failure, leaving, timeout=LEAVE_TIMEOUT_S)
        self._raise_failure()
        if not left:
            raise EngineStopped(f"the group was not left within {LEAVE_TIMEOUT_S} s; nothing is lost by that")
        await leaving

    async def _leave(self) -> None:
        """A clean stop: finish the turn, give the partitions up, let Faust leave the group. In this order
        Faust has nothing to wait for: what the writers held is acknowledged, for the next owner to read."""
        await self._owned.pause()
        await self._owned.close()
        await self._app.stop()
        await self._rules.close()
        await self._snapshots.close()

    def _build_app(self) -> Any:
        batch_transport.register_transport()
        customer_store.register_store()
        settings = self.settings
        app = faust.App(
            GROUP,
            broker=";".join(f"{batch_transport.SCHEME}://{host}" for host in settings.kafka.split(",")),
            store=f"{customer_store.SCHEME}://",
            # Not Faust's exactly_once: 0.15.3 commits offsets without their changelog.
            processing_guarantee="at_least_once",
            table_standby_replicas=0,
            topic_partitions=settings.partitions,
            topic_disable_leader=True,
            PartitionAssignor=SettingsAssignor,
            # Topics are created from schemas/topics.toml.
            topic_allow_declare=False,
            # "latest" would jump to the end on an out-of-range offset and never finish (issue 651).
            consumer_auto_offset_reset="earliest",
            consumer_group_instance_id=settings.instance,
            broker_check_crcs=settings.check_crcs,
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=min(3.0, settings.session_timeout_s / 4),
            broker_rebalance_timeout=60,
            # Bounds how long a batch keeps the event loop.
            broker_max_poll_records=2_000,
            consumer_max_fetch_size=4 * 2**20,
            # Commits are for lag tools; never inside the drain loop.
            broker_commit_interval=1.0,
            broker_commit_every=1_000_000,
            # Each item is a batch.
            stream_buffer_maxsize=32,
            stream_wait_empty=True,
            stream_recovery_delay=0,
            # The default of 1,200 s would hang a batch for twenty minutes on a dead broker.
            producer_request_timeout=30,
            producer_threaded=False,
            stream_publish_on_commit=False,
            web_enabled=False,
            # Faust makes a directory where it stands, though our store keeps nothing in it.
            datadir=tempfile.gettempdir(),
            autodiscover=False,
        )
        app.next_offsets = self._owned.next_offsets  # BatchConsumer asks for them
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.Table("state", partitions=settings.partitions, options={"ownership": self._owned})
        # The take-over has read everything. A partition that we kept may flush between our look at the
        # changelog's end and Faust's; Faust would then wait for a record at the end, where a marker stands.
        app.tables.recovery.need_recovery = lambda: False
        events = app.topic(EVENTS, schema=batch_transport.BatchSchema(key_type=bytes, value_type=bytes))
        app.agent(events, name="route", concurrency=1)(self._route)
        return app

    async def _on_revoked(self, app: Any, revoked: Any, **_: Any) -> None:
        await self._owned.pause()

    async def _route(self, stream: Any) -> None:
        """Hand each batch to its partition's writer; the writer acknowledges once it is durable."""
        async for event in stream.noack().events():
            batch: Batch = event.value
            await self._owned.route(batch, partial(event.message.ack, self._app.consumer))

    async def _keep_time(self) -> None:
        """Let wake-ups fire on time, and notice partitions that stand still."""
        timekeeper = Timekeeper(
            self._owned, self._log, self._clock, self.metrics, ready=lambda: self.ready, seek=self._seek_again
        )
        try:
            await timekeeper.run()
        finally:
            await self._log.close()

    async def _seek(self, partition: int, offset: int) -> None:
        try:
            await self._app.consumer.seek(TP(EVENTS, partition), offset)
        except IllegalStateError:
            # Revoked this moment; if it stays ours, the end of the rebalance seeks to where we stand.
            logger.info("partition %d is being reassigned: no seek to %d", partition, offset)

    async def _seek_again(self, partition: int, offset: int) -> None:
        self.metrics.seeks.inc()
        await self._seek(partition, offset)

    async def _watch_faust(self) -> None:
        """Faust stops its services on a crash without telling anybody outside of its own worker."""
        await self._app.wait_until_stopped()
        self._fail(self._app.crash_reason or RuntimeError("Faust stopped by itself"))

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_result(error)


async def _first_of(*events: "asyncio.Future[Any]", timeout: float | None = None) -> bool:  # noqa: ASYNC109  # as wait()'s
    """Whether one of them is done in time."""
    done, _ = await asyncio.wait(events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


def _explain(error: BaseException) -> str:
    if isinstance(error, Fenced):
        return (
            "another worker took one of our partitions over while we were not answering; "
            "nothing of ours was written since. Start again to rejoin."
        )
    return f"{type(error).__name__}: {error}"
