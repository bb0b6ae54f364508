"""Thresholds out of weighed values, and numbers people can read."""

import pytest

from services.segments.quantiles import at_least, at_most, readable

TEN = [(float(value), 1.0) for value in range(1, 11)]


@pytest.mark.parametrize(("share", "expected"), [(0.2, 2), (0.25, 3), (0.4, 4), (1.0, 10), (0.01, 1)])
def test_at_most_is_not_exceeded_by_the_share(share: float, expected: float) -> None:
    assert at_most(TEN, share) == expected
    assert at_most(reversed(TEN), share) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.2, 9), (0.25, 9), (0.4, 7), (1.0, 1), (0.01, 10)])
def test_at_least_is_reached_by_no_more_than_the_share(share: float, expected: float) -> None:
    assert at_least(TEN, share) == expected
    assert at_least(reversed(TEN), share) == expected


def test_what_many_have_in_common_is_not_cut_in_two() -> None:
    """Nine of ten ordered once: the top fifth begins at two orders and is a tenth."""
    assert at_least([(1.0, 1.0)] * 9 + [(2.0, 1.0)], 0.2) == 2
    assert at_least([(1.0, 1.0)] * 5 + [(5.0, 1.0)] * 5, 0.2) == 5, "too many, but there is nothing above"


def test_a_value_counts_as_often_as_it_weighs() -> None:
    assert at_most([(1.0, 1.0), (2.0, 9.0)], 0.2) == 2
    assert at_least([(1.0, 9.0), (2.0, 1.0)], 0.2) == 2
    assert at_least([(1.0, 1.0), (2.0, 9.0)], 0.2) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4837.2, 4800),
        (4850.0, 4800),
        (999.0, 1000),
        (12.4, 12),
        (10.0, 10),
        (9.96, 10),
        (3.14, 3.1),
        (0.0, 0),
    ],
)
def test_two_digits_count(value: float, expected: float) -> None:
    assert readable(value) == expected
