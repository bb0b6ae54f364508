"""Figures, checks and the report that is made of them."""

import os
import time
from collections import Counter

import pytest

from benchmarks.cpu import usage_of
from benchmarks.report import build_report, outputs_agree
from benchmarks.shop_log import Logged
from benchmarks.trial import Checked, Measured, Plan, Trial, check

LOG = [Logged("ada", b"{}", "order_completed", f"o{number}") for number in range(3)]
PLAN = Plan(1, 4, {"tetik": 3, "faust": 2})


def trial(tetik_us: float, faust_us: float, problems: tuple[str, ...] = ()) -> Trial:
    return Trial(
        {
            "tetik": Measured(1_000_000, tetik_us, 2 * tetik_us, 200.0),
            "faust": Measured(1_000_000, faust_us, 2 * faust_us, 80.0),
        },
        {"tetik": Checked(3, 3, 2, list(problems)), "faust": Checked(2, 2, 2, [])},
    )


def test_each_order_once_is_no_problem() -> None:
    assert check(Counter(["o0", "o1", "o2"]), LOG, 2) == Checked(3, 3, 2, [])


@pytest.mark.parametrize(
    ("confirmed", "problem"),
    [
        (["o0", "o1"], "1 orders were not confirmed"),
        (["o0", "o1", "o2", "o2"], "1 confirmations too many"),
        (["o0", "o1", "o2", "o9"], "1 confirmations of no order in the log"),
    ],
)
def test_what_differs_is_said(confirmed: list[str], problem: str) -> None:
    assert check(Counter(confirmed), LOG, 3).problems == [problem]


def test_a_process_has_used_what_it_burnt() -> None:
    before = usage_of(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    after = usage_of(os.getpid())
    assert after.cpu_s - before.cpu_s >= 0.08  # /proc counts in ticks of 10 ms
    assert after.peak_rss_mib > 10


def test_rates_follow_from_time_and_count() -> None:
    measured = Measured(events=1_000, cpu_s=0.02, wall_s=0.05, peak_rss_mib=1)
    assert measured.cpu_us_per_event == pytest.approx(20)
    assert measured.events_per_core_s == pytest.approx(50_000)
    assert measured.events_per_s == pytest.approx(20_000)


def test_the_report_holds_best_spread_and_ratio() -> None:
    report = build_report([trial(20, 200), trial(25, 300)], PLAN, {"seed": 1})
    assert report["contenders"]["tetik"]["cpu_us_per_event_spread"] == [20, 25]
    assert report["contenders"]["faust"]["best"]["cpu_us_per_event"] == 200
    assert report["ratio"] == {"of_best": 10, "by_round": [10, 12], "median": 11}
    assert report["plan"]["rounds"] == 2
    assert report["outputs_agree"] is True


def test_one_bad_round_spoils_the_report() -> None:
    assert not outputs_agree([trial(20, 200), trial(20, 200, ("1 orders were not confirmed",))])
