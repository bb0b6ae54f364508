"""The last page and its latencies, on a small outcome."""

import json
from pathlib import Path

from rich.console import Console

from services.demo.check import Fault
from services.demo.latency import latencies, percentile
from services.demo.plays import Shown
from services.demo.report import show, summarise
from tests.unit.services.demo.perfect import perfect
from tests.unit.services.demo.scripts import DAY, added, at, event, expected_of, profile

SCRIPT = [profile(5), event(5, "signed_up"), added(10)]
EXPECTED = expected_of(*SCRIPT, until=at(DAY))


def test_percentiles_by_nearest_rank() -> None:
    assert [percentile([1, 2, 3, 4], each) for each in (50, 95, 99)] == [2, 4, 4]
    assert [percentile([7], each) for each in (50, 99)] == [7, 7]
    assert percentile(list(range(1, 101)), 95) == 95


def test_latencies_from_the_causing_event() -> None:
    measured = {each.name: each for each in latencies(perfect(SCRIPT, EXPECTED))}
    # Offset 0 of the events is stamped 1,000,000; decisions 1 ms apart; mails arrive at 1,000,050.
    assert measured["event → decision"].count == len(EXPECTED.decisions)
    assert measured["event → decision"].longest == len(EXPECTED.decisions) - 1
    assert measured["event → SMTP"].p50 == 50


def test_the_page_and_the_file_say_the_same(tmp_path: Path) -> None:
    faults = [Fault("missing", "mail", "cart-abandoned ada/c1 cart-reminder")]
    plays = [Shown("cart-abandoned", True, 1, {"cart-reminder": 1}), Shown("win-back", True, 0, {})]
    report = summarise(
        SCRIPT, perfect(SCRIPT, EXPECTED), plays, len(EXPECTED.decisions), faults, steps=4, machine_s=1.26
    )
    console = Console(record=True, width=100)
    show(console, report)
    text = console.export_text()
    assert "3 events, 4 decisions, 2 mails in 1.3 s" in text
    assert "1  signed_up (simulated)" in text
    assert "1  cart-abandoned         cart-reminder            fired" in text
    assert "1       1  1 cart-reminder" in text
    assert "nothing: it was promised" in text
    assert "1 of 2 plays fired and mailed" in text
    assert "Not as expected: 1 missing" in text
    assert "cart-abandoned ada/c1 cart-reminder" in text
    written = json.loads(report.write(tmp_path).read_text("utf-8"))
    assert written["mails"] == {"cart-reminder": 1, "welcome": 1}
    assert written["faults"] == [
        {"kind": "missing", "what": "mail", "detail": "cart-abandoned ada/c1 cart-reminder"}
    ]


def test_without_faults_it_says_what_was_checked() -> None:
    report = summarise(
        SCRIPT, perfect(SCRIPT, EXPECTED), [], len(EXPECTED.decisions), [], steps=4, machine_s=1
    )
    console = Console(record=True, width=100)
    show(console, report)
    assert "all 4 expected decisions are there" in console.export_text()
