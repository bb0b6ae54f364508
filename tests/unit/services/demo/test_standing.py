"""When a step of the clock is done, from what the services have reported."""

from datetime import timedelta

from schemas.clock import ClockReport
from schemas.instants import MINUTE_MS, datetime_of
from services.demo.script import MONDAY
from services.demo.standing import Standing

ENDS = {"tetik.events/0": 7, "tetik.events/1": 3, "tetik.outbound/0": 5}
READ = {
    "ingest": {},
    "engine": {"tetik.events/0": 7, "tetik.events/1": 4},
    "sender": {"tetik.outbound/0": 5},
}


def report(
    service: str, sequence: int = 4, positions: dict[str, int] | None = None, due_min: int | None = None
) -> ClockReport:
    now = datetime_of(MONDAY)
    return ClockReport.model_validate(
        {
            "service": service,
            "instance": "one",
            "sequence": sequence,
            "now": now,
            "positions": READ[service] if positions is None else positions,
            "next_due_at": None if due_min is None else now + timedelta(minutes=due_min),
        }
    )


def standing(*reports: ClockReport) -> Standing:
    found = Standing()
    for each in reports:
        found.hear(each)
    return found


def test_nothing_is_done_before_everybody_has_reported() -> None:
    found = standing(report("ingest"), report("engine"))
    assert found.unfinished(4, ENDS) == {"sender": "has not reported this step"}


def test_reports_of_the_step_before_do_not_count() -> None:
    found = standing(report("ingest"), report("engine", sequence=3), report("sender"))
    assert found.unfinished(4, ENDS) == {"engine": "has not reported this step"}


def test_done_when_all_have_read_everything() -> None:
    found = standing(report("ingest"), report("engine"), report("sender"))
    assert found.unfinished(4, ENDS) == {}


def test_a_service_that_is_behind_is_named_with_its_position() -> None:
    behind = report("engine", positions={"tetik.events/0": 6, "tetik.events/1": 3})
    found = standing(report("ingest"), behind, report("sender", positions={}))
    assert found.unfinished(4, ENDS) == {
        "engine": "has read tetik.events/0 up to 6 of 7",
        "sender": "has read tetik.outbound/0 up to 0 of 5",
    }
    found.hear(report("engine"))
    found.hear(report("sender"))
    assert found.unfinished(4, ENDS) == {}


def test_the_next_instant_is_the_earliest_that_any_service_knows() -> None:
    assert standing(report("ingest"), report("engine")).next_due_at is None
    found = standing(report("engine", due_min=45), report("sender", due_min=30))
    assert found.next_due_at == MONDAY + 30 * MINUTE_MS
    found.hear(report("sender"))
    assert found.next_due_at == MONDAY + 45 * MINUTE_MS
