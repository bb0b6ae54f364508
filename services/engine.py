"""`tetik engine`: settings, clock and adapters meet the engine."""

import asyncio

from services.health import create_health_app
from services.process import (
    clock_of,
    reporting,
    run_process,
    serving,
    start_logging,
    unless_stopped,
    wait_for_kafka,
)
from services.settings import EngineProcess, load_settings
from trigger_engine.adapters.collector import spare_the_long_lived
from trigger_engine.adapters.log_port import EngineLog
from trigger_engine.adapters.worker import EngineSettings, EngineWorker


def main() -> None:
    """Run the engine until it is told to stop."""
    settings = load_settings(EngineProcess)
    start_logging(settings.log_level)
    spare_the_long_lived()
    run_process(lambda stop: run_engine(settings, stop))


async def run_engine(settings: EngineProcess, stop: asyncio.Event, log: EngineLog | None = None) -> None:
    """Work until `stop` is set; over `log`, if one is given."""
    await unless_stopped(wait_for_kafka(settings.kafka), stop)
    async with clock_of(settings, stop) as clock:
        worker = EngineWorker(
            EngineSettings(
                kafka=settings.kafka,
                partitions=settings.partitions,
                rejected_max=settings.rejected_max,
                session_timeout_s=settings.session_timeout_s,
                check_crcs=settings.check_crcs,
                instance=settings.engine_instance,
                snapshot_every_s=settings.snapshot_every_s,
                state_folder=settings.state_dir if settings.state_store == "rocksdb" else None,
                standby=settings.standby,
            ),
            clock,
            log,
        )
        worker.metrics.started_at.set_to_current_time()
        health = create_health_app("engine", worker.metrics.registry, lambda: worker.ready, worker.progress)
        async with (
            serving(health, settings.http_host, settings.engine_http_port),
            reporting(settings, clock, "engine", worker.progress),
        ):
            await worker.run(stop)
