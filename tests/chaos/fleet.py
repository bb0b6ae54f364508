"""Engine processes under chaos: started, doomed, frozen, and started again as an orchestrator would.

What became of each is told by its exit code and its own log.
"""

import asyncio
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from schemas.topics import EVENTS
from tests.chaos.points import CLOCK, TASKS, Doom, phase_said
from tests.chaos.waiting import NotInTime, until, until_asked
from tests.fixtures.engine import Engine, EngineBench

DIES_WITHIN_S = 90.0
WORKS_WITHIN_S = 90.0
SESSION_S = 6
TAIL_LINES = 15
REASONS = (
    "another worker took one of our partitions over",
    "Can't send messages while not in transaction",
    "Kafka",
    "Did we not perform bootstrap",
    "no partitions were assigned",
)
"""What an engine may say when it ends by itself: it was fenced (the second is the same, met in mid-flush), or
the broker did not answer, or answered that there is no broker (the one before the last, of aiokafka)."""


class Unforeseen(AssertionError):
    """An engine ended for a reason that it should not have had."""


@dataclass
class Fleet:
    """The engines on one bench. `kills` counts by phase those who said so and ended by SIGKILL, `ends` every
    other end by what the process said last."""

    bench: EngineBench
    clock: Path
    settings: dict[str, str] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    kept: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    present: dict[str, Engine] = field(default_factory=dict)
    """Of those who are kept, the process that runs now."""

    def start(self, doom: Doom | None = None, name: str | None = None) -> Engine:
        """One more engine; under a `name` it is a static member of its group."""
        environment = {CLOCK: str(self.clock), **self.settings}
        if name is not None:
            environment["TETIK_ENGINE_INSTANCE"] = name
        if doom is not None:
            environment |= doom.environment()
        return self.bench.start(module="tests.chaos.engine", **environment)

    async def dies(self, engine: Engine, doom: Doom) -> bool:
        """Until it has ended: whether by its own hand in its phase, and not for a reason that it may have.
        Raises NotInTime, and Unforeseen for another end."""
        await self._until(
            lambda: engine.process.poll() is not None, f"an end {doom.phase}", engine, DIES_WITHIN_S
        )
        if engine.process.returncode != -signal.SIGKILL:
            self._note_end(engine)
            return False
        if phase_said(engine.log) != doom.phase:
            raise Unforeseen(f"killed, not {doom.phase}:\n{tail(engine)}")
        self.kills[doom.phase] += 1
        return True

    async def stops_itself(self, engine: Engine, doom: Doom) -> None:
        """Until it stands still in its phase, by SIGSTOP."""
        what = f"an engine to stop {doom.phase}"
        await self._until(lambda: _state(engine.process.pid) == "T", what, engine, DIES_WITHIN_S)
        assert phase_said(engine.log) == doom.phase, tail(engine)
        self.stops[doom.phase] += 1

    async def works(self, engine: Engine) -> None:
        """Until it calls itself ready, with its partitions if there are any for it, or has ended."""
        async with httpx.AsyncClient(timeout=5) as client:

            async def ready() -> bool:
                return engine.process.poll() is not None or await _answer(client, engine) is not None

            try:
                await until_asked(ready, "an engine to be ready", WORKS_WITHIN_S, lambda: tail(engine))
            except NotInTime:
                await self.tell_tasks()
                raise

    async def owns(self, name: str, partitions: int) -> None:
        """Until the engine that is kept under this name has so many partitions."""
        line = f"tetik_partitions_owned {partitions:.1f}\n"
        async with httpx.AsyncClient(timeout=5) as client:

            async def owned() -> bool:
                if name not in self.present:
                    return False
                try:
                    metrics = await client.get(f"http://127.0.0.1:{self.present[name].http_port}/metrics")
                except httpx.TransportError:
                    return False
                return line in metrics.text

            what = f"{name} to own {partitions} partitions"
            await until_asked(owned, what, WORKS_WITHIN_S, lambda: tail(self.present[name]))

    async def ends_or_works(self, engine: Engine) -> None:
        """Until it is in its group again, or has ended, which is noted."""
        await self.works(engine)
        if engine.process.poll() is not None:
            self._note_end(engine)

    def end(self, engine: Engine) -> None:
        """It was needed for a while; its end is none of those that are counted."""
        if engine.process.poll() is None:
            engine.kill()
        else:
            self._note_end(engine)

    def kill(self, engine: Engine) -> None:
        """kill -9 at whatever it does."""
        if engine.process.poll() is None:
            engine.kill()
            self.kills["at any moment"] += 1

    async def leaves(self, engine: Engine) -> None:
        """SIGTERM, and until it has gone; it must have left in order, or have said why not."""
        engine.process.terminate()
        await self._until(lambda: engine.process.poll() is not None, "an engine to leave", engine, 60)
        self._note_end(engine)

    def keep(self, name: str) -> None:
        """From here on an engine of this name runs; where it ends, another follows."""
        self.kept[name] = asyncio.create_task(self._keep(name))

    async def _keep(self, name: str) -> None:
        engine = self.present[name] = self.start(name=name)
        try:
            while True:
                await asyncio.sleep(0.1)
                if engine.process.poll() is not None:
                    self._note_end(engine)
                    engine = self.present[name] = self.start(name=name)
        finally:
            if engine.process.poll() is None:
                engine.kill()

    async def release(self) -> None:
        """Nobody is started again; who is kept ends."""
        for task in self.kept.values():
            task.cancel()
        ended = await asyncio.gather(*self.kept.values(), return_exceptions=True)
        self.kept.clear()
        self.present.clear()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def living(self) -> list[Engine]:
        """Those that run, or stand still."""
        return [engine for engine in self.bench.engines if engine.process.poll() is None]

    async def progress(self) -> dict[str, Any] | None:
        """Where every partition stands and when the next wake-up is due; None while anyone has work."""
        positions: dict[str, int] = {}
        due: list[str] = []
        async with httpx.AsyncClient(timeout=5) as client:
            for engine in self.living():
                answer = await _answer(client, engine)
                if answer is None or answer["progress"] is None:
                    return None
                found, next_due_at = answer["progress"]
                positions |= {name: at for name, at in found.items() if name.startswith(EVENTS)}
                due += [] if next_due_at is None else [next_due_at]
        return {"positions": positions, "due": due}

    async def tell_tasks(self) -> None:
        """Everybody who works writes into its log what it waits for: for a failure to be understood."""
        asked = [engine for engine in self.living() if _state(engine.process.pid) != "T"]
        for engine in asked:
            engine.process.send_signal(signal.SIGUSR1)
        with suppress(NotInTime):
            await until(lambda: all(TASKS in _log_of(engine) for engine in asked), "all tasks to be told", 5)

    def _note_end(self, engine: Engine) -> None:
        """Raises Unforeseen for a reason that nothing done here gives it."""
        code, said = engine.process.returncode, last_word(engine)
        if code not in (0, -signal.SIGTERM) and not any(reason in said for reason in REASONS):
            raise Unforeseen(f"ended with {code}: {said}\n{tail(engine)}")
        self.ends[f"{code}: {said}"] += 1

    async def _until(self, holds: Any, what: str, engine: Engine, deadline_s: float) -> None:
        try:
            await until(holds, what, deadline_s, lambda: tail(engine))
        except NotInTime:
            engine.kill()
            raise


async def _answer(client: httpx.AsyncClient, engine: Engine) -> dict[str, Any] | None:
    """What a ready engine says of itself."""
    try:
        answer = await client.get(f"http://127.0.0.1:{engine.http_port}/readyz")
    except httpx.TransportError:
        return None
    return dict(answer.json()) if answer.status_code == httpx.codes.OK else None


def _state(pid: int) -> str:
    """The state letter of a process: T stands still."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def _log_of(engine: Engine) -> str:
    return engine.log.read_text(errors="replace")


def tail(engine: Engine) -> str:
    """The last lines that it wrote."""
    return "\n".join(_log_of(engine).splitlines()[-TAIL_LINES:])


def last_word(engine: Engine) -> str:
    """Why it stopped, as it says; empty if it left in order."""
    said = [line.partition("stopped: ")[2] for line in _log_of(engine).splitlines() if "stopped: " in line]
    return said[-1] if said else ""
