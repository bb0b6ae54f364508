"""`tetik up`: everything on this machine, what runs where on screen, and a clean end."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.platform.data_directory import local_secret
from services.platform.errors import PlatformError
from services.platform.plan import Plan, Wish, plan
from services.platform.ports import Ports
from services.platform.runner import WhileUp, run
from services.platform.supervisor import Change, State, Supervisor

OK, FAILED = 0, 1
_COLOURS = {
    State.STARTING: "dim",
    State.UP: "green",
    State.DONE: "green",
    State.CRASHED: "yellow",
    State.FAILED: "red",
    State.STOPPED: "dim",
}


async def run_up(*, broker: str, data: Path, ports: Ports, environment: Mapping[str, str]) -> int:
    """Start, show, and run until a signal. Returns the exit code."""
    console = Console(stderr=True, highlight=False)
    try:
        planned = plan(
            Wish(data=data, secret=local_secret(data), environment=environment, ports=ports, broker=broker)
        )
        await run(planned, Announcer(console), _show_and_stay(console, planned))
    except PlatformError as error:
        console.print(f"[red]tetik up:[/red] {escape(str(error))}")
        return FAILED
    return OK


class Announcer:
    """Prints what becomes of the processes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, change: Change) -> None:
        """One line; details only where something is wrong."""
        if change.state is State.STARTING:
            return
        detail = f"  {escape(change.detail)}" if change.detail else ""
        colour = _COLOURS[change.state]
        self._console.print(f"  {change.name:<12} [{colour}]{change.state.value}[/{colour}]{detail}")


def _show_and_stay(console: Console, planned: Plan) -> WhileUp:
    async def show(supervisor: Supervisor) -> None:
        console.print(where_table(planned))
        console.print("Ctrl-C stops everything; the data stays.\n")
        await asyncio.Event().wait()  # the runner ends this on a signal

    return show


def where_table(planned: Plan) -> Table:
    """What runs where."""
    ports = planned.ports
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    rows = (
        ("Mails", f"{planned.mail_url}", "what the catcher received"),
        ("Ingest", f"{planned.ingest_url}/v1/events", f"write key: {planned.place.write_keys}; API: /docs"),
        ("Kafka", planned.broker.bootstrap, planned.broker.reason),
        ("Redis", planned.redis.url, planned.redis.reason),
        ("Engine", f"http://127.0.0.1:{ports.engine}/metrics", "also /healthz, /readyz"),
        ("Sender", f"http://127.0.0.1:{ports.sender}/metrics", "also the unsubscribe page"),
        ("Data, logs", str(planned.data), "kept between runs"),
    )
    for row in rows:
        table.add_row(*row)
    return table
