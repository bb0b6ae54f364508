"""`python -m tests.simulation`: long runs of the simulator (make simulate N=…)."""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from os import cpu_count
from time import monotonic

import click

from tests.simulation.run import EVENTS_PER_HISTORY, Failure, first_failure, judged, smallest


@click.command()
@click.option("--events", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--workers", type=click.IntRange(1), default=cpu_count() or 1, show_default="one a CPU")
@click.option("--model", is_flag=True, help="Hold every run against the reference model as well.")
def main(events: int, seed: int, workers: int, model: bool) -> None:
    """Simulate so many events; on a failure print its seed and the shrunk history, and exit with 1."""
    logging.disable(logging.CRITICAL)
    begun, done, each = monotonic(), 0, EVENTS_PER_HISTORY * 10
    judge = partial(judged, by_model=model)
    with ProcessPoolExecutor(workers) as pool:
        starts = range(0, events, each)
        running = [
            pool.submit(first_failure, seed + start // EVENTS_PER_HISTORY, min(each, events - start), judge)
            for start in starts
        ]
        for finished in as_completed(running):
            result = finished.result()
            if isinstance(result, Failure):
                pool.shutdown(wait=False, cancel_futures=True)
                click.echo(result.report(smallest(result, judge)))
                sys.exit(1)
            done += result
            spent = monotonic() - begun
            click.echo(
                f"{done} of {events} events in {spent:.0f} s, {done / spent:.0f} events/s, all as expected"
            )


if __name__ == "__main__":
    main()
