"""Single-use codes in a simulated run: what each mail was given, and whether that was right.

Who gets which code depends on the order in which a partition's customers are handed in, so a replay of one
customer, or the model, is told what each of her mails was given; that no code was given twice or out of
turn, and none was refused while one was left, is judged here over the partition as a whole.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from schemas.event import OFFER_CODES
from schemas.ids import send_id
from schemas.records import DecisionRecord, decode_email_request
from tests.simulation.recorded import Recorded
from tests.simulation.world import Outcome

NONE_LEFT = "no code is left in the pool"
PASSED = ("fired", "held_out", "shadow")
"""What the checks said of a mail that an offer was looked for."""


def looked_for(decision: DecisionRecord) -> str | None:
    """The id of the mail for which a code was looked for, if one was."""
    found = str(decision.facts.get("offer", ""))
    if decision.outcome not in PASSED or not (found == "given" or found.startswith(NONE_LEFT)):
        return None
    assert decision.step is not None, "mails are steps"
    return send_id(decision.trigger_id, decision.occasion, decision.step, shadow=decision.outcome == "shadow")


class Given:
    """What was found for each mail, by its id: one entry for each life of an erased customer."""

    def __init__(self, outcome: Outcome, decisions: list[Recorded]) -> None:
        codes = _codes(outcome)
        self._found: dict[str, list[str | None]] = defaultdict(list)
        for one in decisions:
            identity = looked_for(one.decision)
            if identity is None:
                continue
            if one.decision.facts["offer"] != "given":
                self._found[identity].append(None)
            elif one.decision.outcome == "fired":
                self._found[identity].append(next(codes[identity], None))
            else:
                self._found[identity].append("a code that nobody gets")

    def code_of(self, identity: str, before: int) -> str | None:
        """The code for a mail that was looked for so many times before."""
        found = self._found[identity]
        return found[before] if before < len(found) else None


class HandedOut:
    """In the place of a partition's pools, for one customer."""

    def __init__(self, given: Given, told: Callable[[], Iterator[DecisionRecord]]) -> None:
        self._given = given
        self._told = told

    def code_of(self, name: str, send_id: str, number: int) -> str | None:
        """What the log says that the mail was given."""
        before = sum(looked_for(decision) == send_id for decision in self._told())
        return self._given.code_of(send_id, before)

    def take(self, names: object) -> None:
        """Nothing goes out."""

    def take_changed(self) -> list[tuple[str, bytes]]:
        """Nothing came in."""
        return []


def _codes(outcome: Outcome) -> dict[str, Iterator[str | None]]:
    """The codes in the requests, by mail."""
    found: dict[str, list[str | None]] = defaultdict(list)
    for request in outcome.log.asked_for():
        if request.action == "send":
            found[request.send_id].append(request.data.get("offer", {}).get("code"))
    return defaultdict(lambda: iter(()), {name: iter(codes) for name, codes in found.items()})


def code_problems(outcome: Outcome, decisions: list[Recorded]) -> list[str]:
    """One line each."""
    said = []
    codes_of = _codes(outcome)
    for number in range(outcome.history.partitions):
        came = _came(outcome, number)
        given = _given_in_order(outcome, number)
        for pool, codes in given.items():
            wanted = [code for code, _ in came[pool]][: len(codes)]
            if codes != wanted:
                said.append(f"codes of {pool} in partition {number}: {codes} were given instead of {wanted}")
        of_partition = [one for one in decisions if one.decision.cause.partition == number]
        said += _refused(came, of_partition, codes_of)
    return said


def _came(outcome: Outcome, number: int) -> dict[str, list[tuple[str, int]]]:
    """(code, offset) by pool, each code where it came first."""
    came: dict[str, dict[str, int]] = defaultdict(dict)
    for record, event in outcome.log.events_of(number):
        if event.type == OFFER_CODES:
            for code in event.properties["codes"]:
                came[event.properties["pool"]].setdefault(code, record.offset)
    return defaultdict(list, {pool: list(codes.items()) for pool, codes in came.items()})


def _given_in_order(outcome: Outcome, number: int) -> dict[str, list[str]]:
    given: dict[str, list[str]] = defaultdict(list)
    for record in outcome.log.requests[number]:
        request = decode_email_request(record.value or b"")
        code = request.data.get("offer", {}).get("code", "")
        pool, dash, _ = code.rpartition("_")
        if request.action == "send" and dash:
            given[pool].append(code)
    return given


def _refused(
    came: dict[str, list[tuple[str, int]]],
    decisions: list[Recorded],
    codes_of: dict[str, Iterator[str | None]],
) -> list[str]:
    """A pool was called empty while a code was left that stood before the event at hand."""
    said = []
    taken: dict[str, int] = defaultdict(int)
    for one in decisions:
        decision, identity = one.decision, looked_for(one.decision)
        if identity is None:
            continue
        found = str(decision.facts["offer"])
        if decision.outcome == "fired" and found == "given":
            taken[(next(codes_of[identity], None) or "").rpartition("_")[0]] += 1
        elif found.startswith(NONE_LEFT):
            pool = found.removeprefix(NONE_LEFT).strip()
            there = sum(offset <= decision.cause.offset for _, offset in came[pool])
            if there > taken[pool]:
                left = there - taken[pool]
                said.append(f"{pool} was called empty for {decision.occasion} with {left} left")
    return said
