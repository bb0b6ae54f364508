"""`tetik demo`: the whole of it, from an empty data directory to the verdict.

The platform is `tetik up`'s own; the one difference is the clock, which the services take from a topic. They
wait for its first tick before they are ready, so that is written as soon as the topics exist.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import Progress

from schemas.event import SNAPSHOT_ACTIVATED
from schemas.instants import Instant
from schemas.rule_set import RuleSet
from services.demo.cast import instant_at, play_parts
from services.demo.cast_relations import CHANGES
from services.demo.check import find_faults
from services.demo.driver import play
from services.demo.emptiness import require_empty
from services.demo.errors import DemoFailed, Stalled
from services.demo.expected import Expectation
from services.demo.goods import POOLS, catalogue, codes, entry
from services.demo.plays import CAST, promised, shown, unplayed
from services.demo.progress import Display
from services.demo.reading import LogReader, parse, read_mails
from services.demo.recommendations import doubtful
from services.demo.reference import expect, require_model
from services.demo.report import Report, show, summarise
from services.demo.retail import read_history, read_invoices, retail_events
from services.demo.script import ScriptedEvent, merge, moments, span
from services.demo.sending import Sources
from services.demo.shoppers import simulate
from services.demo.timekeeper import STALLED_AFTER_S, Timekeeper
from services.platform.broker import BrokerKind
from services.platform.data_directory import local_secret, locked
from services.platform.errors import PlatformError
from services.platform.plan import Plan, Wish, plan
from services.platform.ports import Ports
from services.platform.runner import run
from services.platform.supervisor import Change, State, Supervisor
from services.triggers.folder import LIBRARY, PublishRefused, read_rule_set
from services.up import Announcer, where_table

OK, FAILED, INTERRUPTED = 0, 1, 130
SHOP_KEY, SDK_KEY = "demo-shop", "demo-shoppers"
WRITE_KEYS = f"shop={SHOP_KEY},simulated-shoppers={SDK_KEY}"
MARKER = "made-by-tetik-demo"
SNAPSHOT_EVERY_S = 24 * 60 * 60
"""An hour is half a second here, and a snapshot takes that long."""
SLOW_IN_MEMORY = (
    "The broker in memory holds back its answers: a day takes about two minutes, the week twenty. "
    "On a real Kafka (Java 17 and Maven) it is ten times as fast."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """`data` is wiped at the start. `broker` as for `tetik up`. `days` of the stated week, 1 to 7."""

    days: int = 7
    shoppers: int = 150
    seed: int = 1
    data: Path = Path(".tetik/demo")
    broker: str = "auto"
    ports: Ports = field(default_factory=Ports)
    stay: bool = False


async def run_demo(options: DemoOptions, *, days_chosen: bool = True) -> int:
    """The exit code: 0 if everything was as expected. Where nobody chose the days, the broker in memory,
    being slow, plays one."""
    console = Console(highlight=False)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what matters of it comes as an exception
    try:
        require_model()
        _wipe(options.data)
        planned = _plan(options)
        if planned.broker.kind is BrokerKind.MEMORY and not days_chosen:
            options = replace(options, days=1)
        await require_empty(planned)
        script, rules = write_script(options), read_rule_set(LIBRARY)
        expected = _work_out(script, rules, span(options.days)[1], console)
        demo = Demo(options, planned, script, rules, expected, console)
        try:
            await run(planned, demo.announce, demo.while_up)
        finally:
            await demo.close()
    except (PlatformError, DemoFailed, PublishRefused, FileNotFoundError) as error:
        console.print("[red]tetik demo:[/red]", end=" ")
        console.print(str(error), markup=False, soft_wrap=True)
        return FAILED
    if demo.report is None:
        console.print("Interrupted; everything is stopped.")
        return INTERRUPTED
    return FAILED if demo.report.faults else OK


def write_script(options: DemoOptions) -> list[ScriptedEvent]:
    """All events of the span: the shop's goods, its real customers, the cast, simulated shoppers; the same
    options give the same list."""
    start, end = span(options.days)
    week = read_invoices(start, end)
    invoices = read_history(week) + week
    shoppers = simulate(options.shoppers, options.seed, start, options.days, catalogue(week))
    goods = {product["product_id"]: product for product in catalogue(invoices)}
    people = (retail_events(invoices), play_parts(CAST, goods), shoppers)
    return merge(_supplies(goods, start), *people, until=end)


def _work_out(script: list[ScriptedEvent], rules: RuleSet, end: Instant, console: Console) -> Expectation:
    """What must be decided, with a bar for who watches."""
    console.print("The reference model works out what must be decided ...")
    began = monotonic()
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("  person by person", total=None)
        expected = expect(
            script, rules, end, note=lambda played, people: bar.update(task, completed=played, total=people)
        )
    console.print(f"  {len(expected.decisions)} decisions, {monotonic() - began:.1f} s\n")
    return expected


def _supplies(goods: Mapping[str, dict[str, Any]], start: Instant) -> list[ScriptedEvent]:
    """Codes for offers, the catalogue as the week begins, and what changes in it."""
    changes = {(product, instant_at(when)): changed for when, product, changed in CHANGES}
    supplies = [codes(pool, start) for pool in POOLS]
    supplies += [entry(goods[each], start, **changes.pop((each, start), {})) for each in goods]
    return supplies + [entry(goods[each], at, **changed) for (each, at), changed in changes.items()]


class Demo:
    """One run: begins to tick when the topics are there, plays when all services are up."""

    def __init__(
        self,
        options: DemoOptions,
        planned: Plan,
        script: list[ScriptedEvent],
        rules: RuleSet,
        expected: Expectation,
        console: Console,
    ) -> None:
        self._options = options
        self._plan = planned
        self._script = script
        self._triggers = rules.triggers
        self._expected = expected
        self._console = console
        self._announcer = Announcer(console)
        self._timekeeper = Timekeeper(planned.broker.bootstrap, planned.data / "logs")
        self._begun: asyncio.Task[None] | None = None
        self.report: Report | None = None

    def announce(self, change: Change) -> None:
        """Shows it; the clock begins when the topics are there."""
        self._announcer(change)
        if change.name == "topics" and change.state is State.DONE:
            self._begun = asyncio.get_running_loop().create_task(self._begin())

    async def _begin(self) -> None:
        await self._timekeeper.start()
        await self._timekeeper.tick(span(self._options.days)[0])

    async def while_up(self, supervisor: Supervisor) -> None:
        """Play, check, report; stay if that was asked for."""
        assert self._begun is not None, "the services are up, so they have had a tick"
        try:
            await self._begun
            report = await self._play()
        finally:
            await self._timekeeper.stop()
        report.write(self._plan.data)
        show(self._console, report)
        self._show_where()
        self.report = report
        if self._options.stay:
            self._console.print("Everything is still running, at the end of the week. Ctrl-C stops it.")
            await asyncio.Event().wait()  # the runner ends this on a signal

    async def close(self) -> None:
        """Give up what a run that ended early left open."""
        if self._begun is not None:
            self._begun.cancel()
            await asyncio.gather(self._begun, return_exceptions=True)
        await self._timekeeper.stop()

    @property
    def _in_memory(self) -> bool:
        return self._plan.broker.kind is BrokerKind.MEMORY

    async def _play(self) -> Report:
        start, end = span(self._options.days)
        if self._in_memory:
            self._console.print(SLOW_IN_MEMORY)
        sources = Sources(self._plan.ingest_url, SHOP_KEY, SDK_KEY)
        began = monotonic()
        try:
            async with LogReader(self._plan.broker.bootstrap, check_crcs=not self._in_memory) as reader:
                with Display(self._console, start, end, reader.records) as display:
                    script = moments(self._script)
                    begun = partial(self._see_recommendations, reader)
                    steps = await play(script, end, self._timekeeper, sources, display.note, begun)
                machine_s = monotonic() - began
                await reader.read_to_end()
        finally:
            await sources.close()
        observed = parse(reader.records, read_mails(self._plan.data / "mail"))
        plays = shown(self._triggers, promised(self._triggers, self._options.days), observed)
        faults = [
            *find_faults(self._script, self._expected, observed),
            *doubtful(self._script, observed),
            *unplayed(plays),
        ]
        decisions = len(self._expected.decisions)
        return summarise(self._script, observed, plays, decisions, faults, steps, machine_s)

    async def _see_recommendations(self, reader: LogReader) -> None:
        """The engine works out by the machine's time what to recommend, and a week here is minutes long: wait
        for the first snapshot, so that the first mails have it. Raises Stalled."""
        try:
            await reader.until(SNAPSHOT_ACTIVATED, STALLED_AFTER_S)
        except TimeoutError:
            raise Stalled(
                "the engine has made no snapshot of what to recommend from the history and the catalogue. "
                f"Look at {self._plan.data / 'logs' / 'engine.log'}."
            ) from None

    def _show_where(self) -> None:
        data = self._options.data
        self._console.print(where_table(self._plan))
        self._console.print(
            f"\nThe mails are files in {data / 'mail'}, the decisions are the topic tetik.triggers, "
            f"this report is {data / 'report.json'}.\n"
            f"To look around once it is stopped: tetik up --data {data}",
            markup=False,
            soft_wrap=True,
        )


def _plan(options: DemoOptions) -> Plan:
    """As `tetik up`, on the topic's clock; what to recommend is worked out daily."""
    return plan(
        Wish(
            data=options.data,
            secret=local_secret(options.data),
            environment=os.environ,
            ports=replace(options.ports),
            broker=options.broker,
            write_keys=WRITE_KEYS,
            clock="topic",
            extra={"TETIK_SNAPSHOT_EVERY_S": str(SNAPSHOT_EVERY_S)},
        )
    )


def _wipe(data: Path) -> None:
    """Start from nothing. Raises DemoFailed for a directory that holds something else than a demo."""
    with locked(data):
        found = [each for each in data.iterdir() if each.name != "lock"]
        marker = data / MARKER
        if found and not marker.exists():
            raise DemoFailed(
                f"{data} holds something that no demo made, and the demo wipes its directory: "
                "choose another with --data, or remove it."
            )
        for each in found:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        marker.write_text("Wiped at the start of each `tetik demo`.\n", "utf-8")
