"""The report as a picture: CPU per event of each contender, a panel a job, as SVG and PNG.

The bar is the best round, the dots are all of them. Drawn without a browser; the same report gives the same
bytes.
"""

from pathlib import Path
from typing import Any

import altair as alt

from benchmarks.tables import TITLES

PANELS = ("thin", "ten", "short")
OURS, OTHERS, FLOOR = "#b4342d", "#7b8794", "#c3cbd4"
WIDTH = 560
BAR_HEIGHT = 26
PNG_SCALE = 2


def draw(report: dict[str, Any], target: Path) -> list[Path]:
    """Write `<target>.svg` and `<target>.png`; returns what was written."""
    rows = report["rows"]
    panels = [_panel(TITLES[row], rows[row]) for row in PANELS if row in rows]
    chart = (
        alt.vconcat(*panels, spacing=28)
        .resolve_scale(x="independent")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, titleFontSize=12, labelLimit=260, grid=False)
        .configure_title(fontSize=14, anchor="start")
        .properties(background="white", padding=16)
    )
    written = [target.with_suffix(".svg"), target.with_suffix(".png")]
    chart.save(str(written[0]))
    chart.save(str(written[1]), scale_factor=PNG_SCALE)
    return written


def _panel(title: str, contenders: dict[str, Any]) -> Any:
    bars = [
        {
            "label": one["label"],
            "cost": one["best"]["cpu_us_per_event"],
            "worst": max(each["cpu_us_per_event"] for each in one["rounds"]),
            "text": f"{one['best']['cpu_us_per_event']:.1f}",
            "colour": _colour(name),
        }
        for name, one in contenders.items()
    ]
    dots = [
        {"label": one["label"], "cost": each["cpu_us_per_event"]}
        for one in contenders.values()
        for each in one["rounds"]
    ]
    y = alt.Y("label:N", sort=[bar["label"] for bar in sorted(bars, key=_cost)], title=None)
    x = alt.X("cost:Q", title="CPU µs per event", scale=alt.Scale(zero=True, nice=True))
    base = alt.Chart(_data(bars)).encode(y=y, x=x)
    drawn = base.mark_bar(height=BAR_HEIGHT * 0.62).encode(color=alt.Color("colour:N", scale=None))
    said = base.mark_text(align="left", dx=8, fontSize=12).encode(x="worst:Q", text="text:N")
    rounds = (
        alt.Chart(_data(dots)).mark_point(filled=True, color="#1f2933", size=18, opacity=0.8).encode(y=y, x=x)
    )
    return (drawn + rounds + said).properties(width=WIDTH, height=alt.Step(BAR_HEIGHT), title=title)


def _data(values: list[dict[str, Any]]) -> Any:
    return alt.Data(values=values)  # type: ignore[no-untyped-call]  # altair's generated classes


def _cost(bar: dict[str, Any]) -> float:
    return float(bar["cost"])


def _colour(name: str) -> str:
    if name.startswith("tetik"):
        return OURS
    return FLOOR if name.startswith("native") else OTHERS
