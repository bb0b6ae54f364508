"""`tetik engine` itself, over a log that knows the phases (`python -m tests.chaos.engine engine`).

It ends or stops itself where `CHAOS_DOOM` says, goes by the clock that `CHAOS_CLOCK` shifts, and on SIGUSR1
writes what each of its tasks waits for. Everything else is what is in service: the worker, Faust, Kafka, the
settings.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from services import clock
from services.engine import run_engine
from services.process import run_process, start_logging
from services.settings import EngineProcess, load_settings
from tests.chaos.pointed_log import PointedLog
from tests.chaos.points import CLOCK, TASKS, Phase, Points
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.app import Acknowledge

route, pause, machine_now = PartitionsOwned.route, PartitionsOwned.pause, clock.machine_now


def point_out(points: Points) -> None:
    """The two phases that do not show at the log: a batch was fetched, and a rebalance is under way."""

    async def pointed_route(self: PartitionsOwned, batch: Batch, acknowledge: Acknowledge) -> None:
        if batch.records:
            points.at(Phase.FETCHED)
        await route(self, batch, acknowledge)

    async def pointed_pause(self: PartitionsOwned) -> None:
        await pause(self)
        if self.writers:
            points.at(Phase.REBALANCING)

    PartitionsOwned.route = pointed_route  # type: ignore[method-assign]
    PartitionsOwned.pause = pointed_pause  # type: ignore[method-assign]


def shift_clock(file: Path) -> None:
    """The machine's clock, ahead by what the file says at each look."""
    clock.machine_now = lambda: machine_now() + int(file.read_text())


def tell_tasks() -> None:
    """Where everything stands, on stderr."""
    sys.stderr.write(f"{TASKS}\n")
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def main() -> None:
    settings = load_settings(EngineProcess)
    start_logging(settings.log_level)
    points = Points.told_by(os.environ)
    point_out(points)
    if CLOCK in os.environ:
        shift_clock(Path(os.environ[CLOCK]))
    log = PointedLog(KafkaLog(settings.kafka), points)

    async def run(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell_tasks)
        await run_engine(settings, stop, log)

    run_process(run)


if __name__ == "__main__":
    main()
