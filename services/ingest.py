"""`tetik ingest`: settings, clock and adapters meet ingest."""

import asyncio
import sys

from pydantic import SecretStr

from ingest.app import create_app
from ingest.settings import IngestSettings
from services.clock import machine_now
from services.process import clock_of, reporting, run_process, serving, start_logging
from services.settings import IngestProcess, load_settings


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
        sys.exit(f"tetik: TETIK_WRITE_KEYS: {error}")
    run_process(lambda stop: _run(settings, ingest_settings, stop))


async def _run(settings: IngestProcess, ingest_settings: IngestSettings, stop: asyncio.Event) -> None:
    async with clock_of(settings) as clock:
        app = create_app(ingest_settings, clock, machine_now)
        async with (
            serving(app, settings.ingest_host, settings.ingest_port),
            reporting(settings, clock, "ingest", app.state.ingest.progress),
        ):
            await stop.wait()
