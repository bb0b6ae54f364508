"""From what was measured to ratios, tables and the picture."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.claims import CLAIMS, ratios
from benchmarks.comparison import Difference
from benchmarks.contenders import FAUST, TETIK_TEN, TETIK_THIN, TETIK_TWO, contenders_of
from benchmarks.job_log import LogPlan
from benchmarks.outputs import Decided
from benchmarks.pace import Latency, latency_of
from benchmarks.plot import draw
from benchmarks.report import build_report, outputs_agree
from benchmarks.tables import page_of, print_report
from benchmarks.trial import Measured, Trial, best_of, off_by
from benchmarks.verdict import Rows, judge

PLAN = LogPlan(10, 10, 10, 10, 1, 0)
DECIDED = {"ada": [Decided("vip-entered", "ada/vip", None, "started", 1)]}


def measured(cost_us: float) -> Measured:
    return Measured(events=1_000_000, cpu_s=cost_us, wall_s=2 * cost_us, peak_rss_mib=200.0, off_by=0.07)


def thin(cost_us: float, difference: Difference | None = None) -> Trial:
    latency = Latency(100, 0, 20.0, 40.0, 60.0)
    return Trial(measured(cost_us), 5, difference or Difference(compared=5), latency=latency)


def ten(cost_us: float, decided: dict[str, list[Decided]] = DECIDED) -> Trial:
    return Trial(measured(cost_us), 5, None, decided, {"started": 1})


def played(scale: float = 1.0) -> Rows:
    return judge(
        {
            "thin": {"tetik-thin": thin(10 * scale), "streams-thin-eos": thin(30)},
            "ten": {"tetik-ten": ten(50 * scale), "tetik-ten-2": ten(60)},
            "customers": {"tetik-ten": ten(45)},
            "rules": {"tetik-ten": ten(55)},
            "short": {"tetik-thin": thin(12 * scale), "faust-thin": thin(600)},
        }
    )


def report_of(rounds: list[Rows]) -> dict[str, object]:
    contenders = [FAUST, TETIK_THIN, TETIK_TEN, TETIK_TWO, *contenders_of("thin"), *contenders_of("ten")]
    return build_report(rounds, {one.name: one for one in contenders}, {"thin": PLAN}, [0.25])


def test_rates_follow_from_time_and_count() -> None:
    one = Measured(events=1_000, cpu_s=0.02, wall_s=0.05, peak_rss_mib=1)
    assert one.cpu_us_per_event == pytest.approx(20)
    assert one.events_per_core_s == pytest.approx(50_000)
    assert one.events_per_s == pytest.approx(20_000)


def test_what_is_not_committed_yet_makes_a_figure_uncertain() -> None:
    by_name = {one.name: one for one in contenders_of("thin")}
    assert off_by(TETIK_THIN, 4, 320_000, 5.0) == pytest.approx(0.1)
    assert off_by(by_name["streams-thin-alo"], 4, 320_000, 5.0) == pytest.approx(0.2)
    assert off_by(by_name["streams-thin-eos"], 4, 320_000, 5.0) == pytest.approx(0.02)


def test_a_round_too_short_to_be_sure_of_is_not_the_best() -> None:
    sure, cheaper, short = measured(15), measured(14), replace(measured(4), off_by=0.35)
    assert best_of([sure, short, cheaper]) == cheaper
    shorter = replace(measured(3), off_by=0.6)
    assert best_of([shorter, short]) == short


def test_what_is_held_against_nothing_is_not_said_to_agree() -> None:
    rows = played()
    assert {row: one.compared for row, names in rows.items() for one in names.values()} == {
        "thin": 5,
        "ten": 1,
        "rules": 1,
        "short": 5,
        "customers": 0,
    }
    assert outputs_agree([rows])
    written = StringIO()
    print_report(report_of([rows]), Console(file=written, width=170))
    assert "Outputs agree. Not compared: Ten live triggers, a tenth of the customers." in written.getvalue()


def test_another_mail_than_decided_is_a_problem() -> None:
    mails = Difference(compared=9, doubled=1)
    rows = judge({"customers": {"tetik-ten": replace(ten(50), mails=mails)}})
    assert rows["customers"]["tetik-ten"].mails == 9
    assert rows["customers"]["tetik-ten"].problem.startswith("mail requests: 0 lost, 1 doubled")
    assert not outputs_agree([rows])


def test_other_decisions_than_tetiks_are_a_problem() -> None:
    other = {"ada": [replace_outcome("fired")]}
    rows = judge({"ten": {"tetik-ten": ten(50), "streams-ten-eos": ten(90, other)}})
    assert rows["ten"]["tetik-ten"].problem == ""
    assert rows["ten"]["streams-ten-eos"].problem.startswith("1 lost, 0 doubled, 1 unexpected")
    assert not outputs_agree([rows])


def replace_outcome(outcome: str) -> Decided:
    return DECIDED["ada"][0]._replace(outcome=outcome)


def test_one_bad_round_spoils_the_report() -> None:
    bad = judge({"thin": {"tetik-thin": thin(10, Difference(compared=5, doubled=1))}})
    assert not outputs_agree([played(), bad])


def test_ratios_are_of_the_best_rounds_and_by_round() -> None:
    found = {ratio.claim.what: ratio for ratio in ratios([played(), played(scale=2)])}
    assert "Quix Streams, thin" not in found
    faust = found["Faust as documented, thin, short log"]
    assert (faust.of_best, faust.by_round) == (50, (50, 25))
    assert faust.claim.met_by(faust.of_best) is True
    rules = found["Tetik, ten times the rules, to ten"]
    assert rules.of_best == pytest.approx(1.1)
    assert rules.claim.met_by(1.21) is False


def test_a_variant_of_the_last_round_alone_is_shown() -> None:
    first, last = played(), played()
    (variant,) = [one for one in contenders_of("thin", variants=True) if one.name.endswith("eos-rocksdb")]
    last["thin"][variant.name] = judge({"thin": {variant.name: thin(20)}})["thin"][variant.name]
    contenders = [FAUST, TETIK_THIN, TETIK_TEN, TETIK_TWO, *contenders_of("thin", variants=True)]
    report = build_report([first, last], {one.name: one for one in contenders}, {"thin": PLAN}, [0.25, 0.25])
    assert len(report["rows"]["thin"][variant.name]["rounds"]) == 1
    assert len(report["rows"]["thin"]["streams-thin-eos"]["rounds"]) == 2


def test_who_was_measured_from_its_start_is_in_no_ratio() -> None:
    whole = Trial(replace(measured(10), from_start=True), 5, Difference(compared=5))
    rows = judge({"short": {"tetik-thin": whole, "faust-thin": thin(600)}})
    assert ratios([rows]) == []


def test_every_claim_names_contenders_that_there_are() -> None:
    known = {one.name for job in ("thin", "ten") for one in contenders_of(job)} | {FAUST.name}  # type: ignore[arg-type]
    assert {name for claim in CLAIMS for _, name in (claim.over, claim.under)} <= known


def test_latency_is_from_production_to_the_first_output() -> None:
    orders = [("a", 10.5), ("a", 99.0), ("b", 11.0), ("elsewhere", 1.0)]
    latency = latency_of({"a": 10.0, "b": 10.9, "c": 11.0}, orders)
    assert latency is not None
    assert (latency.orders, latency.missing) == (3, 1)
    assert latency.p50_ms == pytest.approx(500)
    assert latency_of({}, orders) is None


def test_who_gets_no_output_takes_longest() -> None:
    produced_at = {f"o-{number}": 0.0 for number in range(100)}
    latency = latency_of(produced_at, [(f"o-{number}", 1.0) for number in range(96)])
    assert latency == Latency(100, 4, pytest.approx(1_000), pytest.approx(1_000), None)
    assert latency_of({"c": 1.0}, []) == Latency(1, 1, None, None, None)


def test_the_tables_show_each_contender_and_each_ratio() -> None:
    report = report_of([played(), played(scale=2)])
    written = StringIO()
    print_report(report, Console(file=written, width=170))
    shown = ("Kafka Streams, exactly_once_v2", "10.0–20.0", "Ten live triggers among a hundred", "≥ 10")
    for text in (written.getvalue(), page_of(report, "jobs.png")):
        assert [said for said in shown if said not in text] == []
    assert "Outputs agree." in written.getvalue()


def test_the_picture_is_drawn_and_the_same_twice(tmp_path: Path) -> None:
    report = report_of([played()])
    first, second = draw(report, tmp_path / "one"), draw(report, tmp_path / "two")
    assert [file.suffix for file in first] == [".svg", ".png"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    assert "Kafka Streams, exactly_once_v2" in first[0].read_text()
