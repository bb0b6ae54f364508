"""`tetik`: one command for people and containers.

    tetik up                         everything on this machine
    tetik demo                       real input through the running system, checked
    tetik ingest | engine | sender   one process each, for containers
    tetik topics create | adopt      the topics of schemas/topics.toml
    tetik repartition                more partitions
    tetik triggers lint | test | publish | list | show
    tetik segments count | suggest
    tetik import products FILE       the catalogue, through ingest
    tetik import codes POOL FILE     codes for offers, through ingest
    tetik dead-letters list | replay what could not be used

Modules are imported when their command runs, so that `tetik --help` is quick and a container loads
only its own stage.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.dead_letters.commands import dead_letters
from services.importing.commands import importing
from services.platform.ports import Ports
from services.segments.commands import segments
from services.triggers.commands import triggers

if TYPE_CHECKING:
    from services.adopting import GoOnAt

PORT_HELP = {
    "kafka": "Kafka",
    "kafka_controller": "Kafka's controller",
    "redis": "Redis",
    "smtp": "the mail catcher's SMTP side",
    "mail": "the mail catcher's pages",
    "ingest": "ingest",
    "engine": "the engine's health and metrics",
    "sender": "the sender's unsubscribe page, health and metrics",
}
Body = Callable[..., None]
"""The function of a command, before click makes a command of it."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tetik")
def main() -> None:
    """Turns what a shopper does into the right e-mail at the right second, and can prove why."""


def platform_options(command: Body) -> Body:
    """The options that say what runs where; `up` and `demo` share them."""
    for name in reversed(Ports.__dataclass_fields__):
        default = getattr(Ports(), name)
        command = click.option(
            f"--{name.replace('_', '-')}-port",
            type=click.IntRange(1, 65535),
            default=default,
            show_default=True,
            help=f"Port of {PORT_HELP[name]}.",
        )(command)
    return click.option(
        "--broker",
        default="auto",
        show_default=True,
        metavar="auto|kafka|memory|HOST:PORT",
        help="auto: TETIK_KAFKA if set, else a real Kafka if Java 17 and Maven are here, else in memory.",
    )(command)


def _ports(options: dict[str, int]) -> Ports:
    return Ports(**{name.removesuffix("_port"): number for name, number in options.items()})


@main.command()
@platform_options
@click.option("--data", type=click.Path(path_type=Path), default=Path(".tetik"), show_default=True)
def up(broker: str, data: Path, **ports: int) -> None:
    """Start everything on this machine; Ctrl-C stops it. Data stays under DATA."""
    from services.up import run_up

    sys.exit(asyncio.run(run_up(broker=broker, data=data, ports=_ports(ports), environment=os.environ)))


@main.command()
@platform_options
@click.option("--data", type=click.Path(path_type=Path), default=Path(".tetik/demo"), show_default=True)
@click.option(
    "--days", type=click.IntRange(1, 7), help="Days of the week  [default: 7; 1 with the broker in memory]"
)
@click.option("--shoppers", type=click.IntRange(1, 5000), default=150, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated shoppers.")
@click.option("--stay", is_flag=True, help="Keep everything running at the end, until Ctrl-C.")
def demo(
    broker: str, data: Path, days: int | None, shoppers: int, seed: int, stay: bool, **ports: int
) -> None:
    """Send a week of real orders and simulated shoppers through the system, and check every decision."""
    from services.demo.command import DemoOptions, run_demo

    options = DemoOptions(
        days=days or 7,
        shoppers=shoppers,
        seed=seed,
        data=data,
        broker=broker,
        ports=_ports(ports),
        stay=stay,
    )
    sys.exit(asyncio.run(run_demo(options, days_chosen=days is not None)))


@main.command()
def ingest() -> None:
    """Run ingest: HTTP in, events on the log out."""
    from services.ingest import main as run

    run()


@main.command()
def engine() -> None:
    """Run the engine: events in, decisions and mail requests out."""
    from services.engine import main as run

    run()


@main.command()
def sender() -> None:
    """Run the sender: mail requests in, SMTP out."""
    from services.sender import main as run

    run()


@main.group()
def topics() -> None:
    """The Kafka topics."""


@topics.command("create")
def topics_create() -> None:
    """Create what is missing; say what differs from schemas/topics.toml."""
    from services.commands import create_topics

    sys.exit(create_topics())


@topics.command("adopt")
@click.option(
    "--go-on-at",
    type=click.Choice(["recorded", "start", "end"]),
    default="recorded",
    show_default=True,
    help="Where the log goes on: at the recorded offset, or with all, or with nothing of what it holds.",
)
@click.option("--dry-run", is_flag=True, help="Show it and write nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def topics_adopt(go_on_at: "GoOnAt", dry_run: bool, yes: bool) -> None:
    """Go on with topics that were made again or restored from a backup. The engines must be stopped."""
    from services.adopting import adopt_topics

    sys.exit(adopt_topics(go_on_at=go_on_at, yes=yes, dry_run=dry_run))


@main.command(name="repartition", short_help="More partitions, with everything stopped.")
@click.option(
    "--partitions", type=click.IntRange(1, 1024), required=True, help="How many there are to be from now on."
)
@click.option("--kafka", metavar="HOST:PORT", help="The log.  [default: TETIK_KAFKA]")
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def repartition_topics(partitions: int, kafka: str | None, dry_run: bool, yes: bool) -> None:
    """Give the topics more partitions and bring each customer's state where her events go from now on.

    Ingest, engines and senders must be stopped. Cut off, it is run again; until then no engine works.
    """
    from services.repartition.command import repartition
    from services.settings import ProcessSettings, load_settings

    settings = load_settings(ProcessSettings, kafka=kafka)
    sys.exit(repartition(settings, partitions, yes=yes, dry_run=dry_run))


main.add_command(triggers)
main.add_command(segments)
main.add_command(importing)
main.add_command(dead_letters)


if __name__ == "__main__":
    main()
