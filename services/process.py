"""What every service process does: logging, signals, waiting for Kafka, a clock, and a plain last word."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NoReturn

import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.clock import ClockReporter, Progress, ServiceName, SystemClock, TopicClock
from services.settings import ProcessSettings
from trigger_engine.adapters.tasks import ended

logger = logging.getLogger(__name__)

RETRY_S = 2.0
GRACE_S = 2
"""For answers on health and metrics."""
QUIET_S = 30.0
FAUST_SUBCLASSES = ("trigger_engine.adapters.batch_transport", "trigger_engine.adapters.customer_store")
"""Faust's services log under the name of the module that subclasses them."""
OK, FAILED = 0, 1


class Sparing(logging.Filter):
    """Lets one line of a kind through in `QUIET_S`: aiokafka says hundreds a second during an outage."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record; a kind is a library's message before its values are filled in."""
        if not record.name.startswith("aiokafka"):
            return True
        kind = (record.name, str(record.msg))
        if record.created - self._said_at.get(kind, 0.0) < QUIET_S:
            return False
        self._said_at[kind] = record.created
        return True


def start_logging(level: str) -> None:
    """One line an event on stderr; the libraries' own chatter only from warnings up, and sparingly."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Sparing())
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


class StoppedEarly(Exception):
    """A signal came before there was anything to finish."""


async def _until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await main(stop)
    except StoppedEarly:
        return
    except Exception as error:  # the last resort of the process: say it in one line and end
        own = logging.getLogger("tetik")
        own.error("stopped: %s", last_word(error))
        own.debug("stopped by", exc_info=error)
        _exit(FAILED)


def last_word(error: BaseException) -> str:
    """An error in one line: those of a task group by themselves, one without a text by its type."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(last_word(each) for each in error.exceptions)
    return " ".join(str(error).split()) or type(error).__name__


def _exit(code: int) -> NoReturn:
    logging.shutdown()
    os._exit(code)


async def unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Wait for `work`. Raises StoppedEarly if `stop` is set before its end."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StoppedEarly
        await working
    finally:
        await ended(working, stopped)


async def wait_for_kafka(bootstrap: str) -> None:
    """Return when the broker answers; say so while it does not."""
    complained = False
    aiokafka_log = logging.getLogger("aiokafka")
    level = aiokafka_log.level
    aiokafka_log.setLevel(logging.CRITICAL)
    try:
        while not await _answers(bootstrap):
            if not complained:
                logger.warning(
                    "Kafka does not answer at %s; trying again every %.0f s (is TETIK_KAFKA right?)",
                    bootstrap,
                    RETRY_S,
                )
                complained = True
            await asyncio.sleep(RETRY_S)
    finally:
        aiokafka_log.setLevel(level)
    if complained:
        logger.info("Kafka answers at %s", bootstrap)


async def _answers(bootstrap: str) -> bool:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await producer.start()
    except (KafkaError, OSError):
        return False
    finally:
        await producer.stop()
    return True


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` beside the body, to its end. If it fails, the body is cancelled and the error raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            try:
                yield
            finally:
                await ended(task)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


@contextlib.asynccontextmanager
async def clock_of(settings: ProcessSettings, stop: asyncio.Event) -> AsyncIterator[SystemClock | TopicClock]:
    """The clock the settings ask for, once it has a time. Raises StoppedEarly if `stop` is set before."""
    if settings.clock == "system":
        yield SystemClock()
        return
    clock = TopicClock(settings.kafka)
    async with beside(clock.follow()):
        await unless_stopped(clock.first_tick(), stop)
        yield clock


@contextlib.asynccontextmanager
async def reporting(
    settings: ProcessSettings, clock: SystemClock | TopicClock, service: ServiceName, progress: Progress
) -> AsyncIterator[None]:
    """Report to the driver of a topic clock; nothing to do on the machine's clock."""
    if not isinstance(clock, TopicClock):
        yield
        return
    async with beside(ClockReporter(settings.kafka, clock, service, progress).run()):
        yield


class QuietServer(uvicorn.Server):
    """uvicorn without signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn's is untyped
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI, host: str, port: int, *, grace_s: int = GRACE_S) -> AsyncIterator[None]:
    """Serve `app` beside the main work; at the end, answers under way have `grace_s` seconds: a client that
    went away in the middle of its question would keep the process for ever.

    Raises OSError with the fix if the port is taken.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=grace_s
    )
    server = QuietServer(config)
    with _listening(host, port) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn offers no event
                await asyncio.sleep(0.01)
            if task.done():
                raise RuntimeError(f"the HTTP side of {app.title} did not start")
            yield
        finally:
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)


def _listening(host: str, port: int) -> socket.socket:
    """Bound here, because uvicorn ends the process when it cannot."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what is there, or choose another port"
        ) from error
