"""The soak as a picture: memory and states, lateness, and lag, over time."""

from pathlib import Path
from typing import Any

import altair

WIDTH, HEIGHT = 640, 120
ROWS = {
    "MiB": {"rss_mib": "RSS", "states_mib": "states"},
    "lateness, ms": {"lateness_p50_ms": "p50", "lateness_p99_ms": "p99"},
    "events behind": {"lag": "lag"},
}


def draw(report: dict[str, Any], *files: Path) -> None:
    """Write the plot, each file in the format that its name ends with."""
    charts = [_row(report["samples"], label, series) for label, series in ROWS.items()]
    chart = altair.vconcat(*charts).properties(
        title=f"{report['minutes']:g} minutes at half load, {report['events_per_s']:,} events a second"
    )
    for file in files:
        chart.save(file)


def _row(samples: list[dict[str, Any]], label: str, series: dict[str, str]) -> Any:
    values = [
        {"minutes": sample["at_s"] / 60, label: sample[name], "of": title}
        for sample in samples
        for name, title in series.items()
    ]
    return (
        altair.Chart(altair.InlineData(values=values), width=WIDTH, height=HEIGHT)
        .mark_line()
        .encode(
            x=altair.X("minutes:Q"),
            y=altair.Y(f"{label}:Q", scale=altair.Scale(zero=label != "MiB")),
            color=altair.Color("of:N", title=None),
        )
    )
