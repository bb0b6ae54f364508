"""`tetik ingest`: settings, clock and adapters meet ingest."""

import asyncio
import contextlib
import sys

from pydantic import SecretStr

from ingest.adapters.event_log import EventLog
from ingest.app import create_app
from ingest.settings import IngestSettings
from services.clock import machine_now
from services.process import clock_of, reporting, run_process, serving, start_logging
from services.settings import IngestProcess, faults, load_settings

FAILURE_CHECK_S = 1.0
GRACE_S = 25
"""For events under way, whose acknowledgement Kafka may take a while to give."""


def main() -> None:
    """Run ingest until it is told to stop. Kafka may come later: requests get a clear answer meanwhile."""
    settings = load_settings(IngestProcess)
    start_logging(settings.log_level)
    try:
        ingest_settings = IngestSettings(
            kafka=settings.kafka,
            write_keys={name: SecretStr(key) for name, key in settings.keys_by_source().items()},
        )
    except ValueError as error:
        sys.exit(f"tetik: TETIK_WRITE_KEYS: {faults(error)}")
    run_process(lambda stop: _run(settings, ingest_settings, stop))


async def _run(settings: IngestProcess, ingest_settings: IngestSettings, stop: asyncio.Event) -> None:
    async with clock_of(settings, stop) as clock:
        app = create_app(ingest_settings, clock, machine_now)
        async with (
            serving(app, settings.ingest_host, settings.ingest_port, grace_s=GRACE_S),
            reporting(settings, clock, "ingest", app.state.ingest.progress),
        ):
            await _until_stopped(stop, app.state.ingest.log)


async def _until_stopped(stop: asyncio.Event, log: EventLog) -> None:
    """Until told to stop. Raises RuntimeError if Kafka's client failed for good: only a restart helps."""
    while not stop.is_set():
        if log.failure is not None:
            raise RuntimeError(log.failure)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAILURE_CHECK_S):
                await stop.wait()
