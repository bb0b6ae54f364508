"""Clocks without a broker. Ticks on a real Kafka: tests/integration/test_clock.py."""

import asyncio
import time

from services.clock import SystemClock, TopicClock, machine_now


def test_the_machine_s_time_is_in_epoch_milliseconds() -> None:
    before = int(time.time() * 1000)
    assert before - 1 <= machine_now() <= int(time.time() * 1000) + 1
    assert before - 1 <= SystemClock().now() <= int(time.time() * 1000) + 1


async def test_the_system_clock_waits_as_long_as_asked() -> None:
    """At the most, and it returns: the caller looks again."""
    await asyncio.wait_for(SystemClock().wait(0.001), timeout=10)


async def test_a_topic_clock_that_stands_lets_its_waiters_go() -> None:
    await asyncio.wait_for(TopicClock("kafka.example:9092").wait(0.001), timeout=10)


async def test_there_is_no_time_before_the_first_tick() -> None:
    clock = TopicClock("kafka.example:9092")
    waiting = asyncio.create_task(clock.first_tick())
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    waiting.cancel()
