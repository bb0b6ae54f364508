"""Runs a plan until it is told to stop: lock, ports, peers, services; then everything down in reverse order.

The first Ctrl-C, SIGTERM or SIGHUP stops in order; the second kills at once.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from services.platform.broker import BrokerKind
from services.platform.data_directory import locked
from services.platform.errors import BrokerUnavailable, RedisUnavailable
from services.platform.plan import Plan
from services.platform.ports import require_free
from services.platform.probes import kafka_ready, redis_ready
from services.platform.process import Probe
from services.platform.supervisor import Announce, Supervisor

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXTERNAL_TIMEOUT_S = 10.0
RETRY_S = 0.5

WhileUp = Callable[[Supervisor], Awaitable[None]]


async def run(plan: Plan, announce: Announce, while_up: WhileUp | None = None) -> None:
    """Starts the plan, then awaits `while_up` (without one: a signal), then stops all of it.

    Raises a PlatformError when it could not start; nothing of it is left running then."""
    with locked(plan.data):
        require_free(plan.ports, plan.ports_needed)
        supervisor = Supervisor(plan.data / "logs", announce)
        stop = asyncio.Event()
        with _on_signals(stop.set, supervisor.kill_all):
            work = asyncio.create_task(_work(plan, supervisor, while_up))
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                if not work.done():
                    work.cancel()
                await asyncio.gather(work, stopping, return_exceptions=True)
                await supervisor.stop_all()
            if not work.cancelled():
                work.result()


async def _work(plan: Plan, supervisor: Supervisor, while_up: WhileUp | None) -> None:
    await _require_external(plan)
    for spec in plan.specs:
        await supervisor.start(spec)
    if while_up is not None:
        await while_up(supervisor)
    else:
        await asyncio.Event().wait()


async def _require_external(plan: Plan) -> None:
    """Peers that run elsewhere must answer; one that is just starting gets a few seconds."""
    broker, redis = plan.broker, plan.redis
    external = broker.kind is BrokerKind.EXTERNAL
    if external and not await _answers_soon(kafka_ready(broker.bootstrap)):
        raise BrokerUnavailable(
            f"No Kafka answers at {broker.bootstrap} ({broker.reason}): start it, or leave it out and let "
            "`tetik up` run one."
        )
    if redis.executable is None and not await _answers_soon(redis_ready(redis.url)):
        raise RedisUnavailable(
            f"No Redis answers at {redis.url} ({redis.reason}): start it, or leave it out and let "
            "`tetik up` run one."
        )


async def _answers_soon(ask: Probe) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + EXTERNAL_TIMEOUT_S
    while not await ask():
        if clock() >= deadline:
            return False
        await asyncio.sleep(RETRY_S)
    return True


@contextmanager
def _on_signals(first: Callable[[], None], again: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    seen = 0

    def react() -> None:
        nonlocal seen
        seen += 1
        (first if seen == 1 else again)()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, react)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
