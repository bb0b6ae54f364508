"""`tetik segments suggest`: thresholds from the shop's own customers, as a table and as files."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Literal

import click

from services.clock import machine_now
from services.segments.proposals import Proposal, propose
from services.segments.reading import Read, answer_of, read_latest
from services.segments.sample import SAMPLE_MAX, Sample
from services.segments.shapes import number
from services.segments.tables import share, table
from services.settings import ProcessSettings
from services.triggers.fates import counted

OK, FAILED = 0, 1
Form = Literal["table", "yaml", "json"]


def suggest_segments(settings: ProcessSettings, form: Form) -> int:
    """Returns the exit code."""
    sample = Sample(machine_now())
    read = answer_of(read_latest(settings, sample.figures, sample.fold), settings)
    if read is None:
        return FAILED
    proposals = propose(sample.weighed())
    if form == "json":
        shown = as_data(sample, proposals, read)
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return OK
    for line in files(proposals) if form == "yaml" else lines(sample, proposals, read):
        click.echo(line)
    return OK


def lines(sample: Sample, proposals: Sequence[Proposal], read: Read) -> Iterator[str]:
    """For people."""
    yield f"{counted(sample.customers, 'customer')}, {sample.buyers:,} of them with orders"
    if not sample.whole:
        yield f"from a sample of {SAMPLE_MAX:,} with and as many without orders; counts are estimates"
    if read.unreadable:
        yield f"left out: {counted(read.unreadable, 'customer')} whose state cannot be read"
    heads = ("segment", "number", "shipped", "proposed", "holds as shipped", "share", "as proposed", "share")
    rows = [row for proposal in proposals for row in _rows(proposal, sample.customers)]
    yield from table([heads, *rows], left=(0, 1))
    yield "where the numbers come from"
    for said, of_one_basis in groupby(proposals, _source):
        yield f"  {', '.join(proposal.shape.id for proposal in of_one_basis)}: {said}"
    if any(proposal.from_data for proposal in proposals):
        yield "as files: tetik segments suggest --yaml; what they would change: tetik segments count FOLDER"


def _source(proposal: Proposal) -> str:
    return proposal.basis if proposal.from_data else f"as shipped: {proposal.basis}"


def _rows(proposal: Proposal, of: int) -> Iterator[tuple[str, ...]]:
    held, shipped = proposal.holding, proposal.holding_shipped
    counts = (f"{shipped:,}", share(shipped, of), f"{held:,}", share(held, of))
    for position, (name, label) in enumerate(proposal.shape.labels.items()):
        yield (
            proposal.shape.id if position == 0 else "",
            label,
            number(proposal.shape.shipped[name]),
            number(proposal.limits[name]) if proposal.from_data else "as it is",
            *(counts if position == 0 else ("", "", "", "")),
        )


def files(proposals: Sequence[Proposal]) -> Iterator[str]:
    """Each segment file under its name, with where its numbers come from."""
    for position, proposal in enumerate(proposals):
        if position:
            yield "---"
        yield f"# segments/{proposal.shape.id}.yaml"
        yield f"# {_source(proposal)}."
        yield proposal.shape.file(proposal.limits).rstrip()


def as_data(sample: Sample, proposals: Sequence[Proposal], read: Read) -> dict[str, Any]:
    """For programs."""
    return {
        "customers": sample.customers,
        "with_orders": sample.buyers,
        "sampled": not sample.whole,
        "unreadable": read.unreadable,
        "segments": [
            {
                "id": proposal.shape.id,
                "from_data": proposal.from_data,
                "basis": proposal.basis,
                "shipped": dict(proposal.shape.shipped),
                "proposed": dict(proposal.limits),
                "customers_as_shipped": proposal.holding_shipped,
                "customers_as_proposed": proposal.holding,
                "when": proposal.shape.condition(proposal.limits),
            }
            for proposal in proposals
        ],
    }
