"""What a pending wake-up costs beside the customer's bytes: the index alone, in a process of its own."""

import json
import random
import subprocess
import sys
import time
import tracemalloc

from benchmarks.live.population import named, spread
from schemas.instants import HOUR_MS
from trigger_engine.core.timer_index import TimerIndex


def index_bytes_per_timer(timers: int) -> dict[str, float]:
    """Bytes a timer by tracemalloc, and microseconds to add and to take one without it."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(timers)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measure(timers: int) -> dict[str, float]:
    """Due over six hours, met in no order, as a take-over meets them; the keys are the customers' own."""
    entries = list(named(spread(0, timers, 0, 6 * HOUR_MS)))
    random.Random(1).shuffle(entries)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    index = TimerIndex((key, int(str(due_at))) for key, due_at in entries)  # it keeps the number, too
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    begun = time.process_time()
    index = TimerIndex(entries)
    added = time.process_time()
    while index.take(6 * HOUR_MS) is not None:
        pass
    taken = time.process_time()
    return {
        "index_bytes_per_timer": round(held / timers, 1),
        "add_us": round((added - begun) / timers * 1e6, 2),
        "take_us": round((taken - added) / timers * 1e6, 2),
    }


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]))))
