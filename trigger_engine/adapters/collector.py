"""Python's collector of cycles, set for a process whose many objects hold none.

Decoded customers are lists and dicts by the hundred thousand, and every one of them is walked by each full
collection, though they form no cycle and are freed the moment the last reference goes. Cycles come from the
libraries alone (tasks, exceptions), a few a second. With Python's own thresholds a tenth of the engine's time
went into looking for them among the customers.
"""

import gc

YOUNG_MAX = 50_000
"""New objects before the young ones are looked at: some 10 MB, and a few milliseconds."""
YOUNG_PER_MIDDLE = 20
MIDDLE_PER_FULL = 50


def spare_the_long_lived() -> None:
    """What is there by now (modules, settings) stays for good; the rest is looked at seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, YOUNG_PER_MIDDLE, MIDDLE_PER_FULL)
