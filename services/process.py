"""What every service process does: logging, signals, waiting for Kafka, a clock, and a plain last word."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.clock import ClockReporter, Progress, ServiceName, SystemClock, TopicClock
from services.settings import ProcessSettings

logger = logging.getLogger(__name__)

RETRY_S = 2.0
FAUST_SUBCLASSES = ("trigger_engine.adapters.batch_transport", "trigger_engine.adapters.customer_store")
"""Faust's services log under the name of the module that subclasses them."""
OK, FAILED = 0, 1


def start_logging(level: str) -> None:
    """One line an event on stderr; the libraries' own chatter only from warnings up."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    for noisy in ("aiokafka", "kafka", "httpx", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for redundant in ("faust", "mode", *FAUST_SUBCLASSES):
        # Their crashes reach us as the reason the engine stops; the stack traces say it ten times more.
        logging.getLogger(redundant).setLevel(logging.CRITICAL)


def run_process(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` until SIGINT or SIGTERM; an error ends the process with one clear line.

    The exit is hard: Faust leaves a non-daemon thread behind after a failed start, and nothing that a
    tidy shutdown would still do (acknowledge, commit) may happen after an error.
    """
    asyncio.run(_until_signalled(main))
    _exit(OK)


async def _until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await main(stop)
    except Exception as error:  # the last resort of the process: say it in one line and end
        own = logging.getLogger("tetik")
        own.error("stopped: %s", error)
        own.debug("stopped by", exc_info=error)
        _exit(FAILED)


def _exit(code: int) -> NoReturn:
    logging.shutdown()
    os._exit(code)


async def wait_for_kafka(bootstrap: str, stop: asyncio.Event) -> None:
    """Return when the broker answers (or `stop` is set); say so while it does not."""
    complained = False
    aiokafka_log = logging.getLogger("aiokafka")
    level = aiokafka_log.level
    aiokafka_log.setLevel(logging.CRITICAL)
    try:
        while not stop.is_set():
            producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
            try:
                await producer.start()
            except (KafkaError, OSError):
                if not complained:
                    logger.warning(
                        "Kafka does not answer at %s; trying again every %.0f s (is TETIK_KAFKA right?)",
                        bootstrap,
                        RETRY_S,
                    )
                    complained = True
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RETRY_S)
            else:
                if complained:
                    logger.info("Kafka answers at %s", bootstrap)
                return
            finally:
                await producer.stop()
    finally:
        aiokafka_log.setLevel(level)


@contextlib.asynccontextmanager
async def clock_of(settings: ProcessSettings) -> AsyncIterator[SystemClock | TopicClock]:
    """The clock the settings ask for."""
    if settings.clock == "system":
        yield SystemClock()
        return
    clock = TopicClock(settings.kafka)
    await clock.start()
    try:
        yield clock
    finally:
        await clock.stop()


@contextlib.asynccontextmanager
async def reporting(
    settings: ProcessSettings, clock: SystemClock | TopicClock, service: ServiceName, progress: Progress
) -> AsyncIterator[None]:
    """Report to the driver of a topic clock; nothing to do on the machine's clock."""
    if not isinstance(clock, TopicClock):
        yield
        return
    task = asyncio.create_task(ClockReporter(settings.kafka, clock, service, progress).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class QuietServer(uvicorn.Server):
    """uvicorn without signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn's is untyped
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[None]:
    """Serve `app` beside the main work. Raises OSError with the fix if the port is taken."""
    server = QuietServer(
        uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="on")
    )
    task = asyncio.create_task(server.serve())
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(0.01)
        if task.done():
            raise OSError(f"cannot listen on {host}:{port}; is it taken? choose another port")
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
