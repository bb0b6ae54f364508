"""What the client is told of a readable request.

A batch gets 200 and a list of its rejected events. A request of a single bad event gets an error, so
that whoever writes the call sees at once what is wrong; SDKs drop both alike. Codes that a request repeats
are accepted once; `repeated` counts the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest.core.outcomes import Accepted, Outcome, Rejected, TakenCode

OK, BAD_REQUEST, CONTENT_TOO_LARGE = 200, 400, 413


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and JSON body."""

    status: int
    body: dict[str, Any]


def reply_to(outcomes: Sequence[Outcome]) -> Reply:
    """The answer once all outcomes are on the log."""
    if len(outcomes) == 1 and isinstance(outcomes[0], Rejected):
        return _error(outcomes[0])
    codes = [outcome for outcome in outcomes if isinstance(outcome, TakenCode)]
    accepted = len(set(codes)) + sum(isinstance(outcome, Accepted) for outcome in outcomes)
    body: dict[str, Any] = {
        "success": True,
        "accepted": accepted,
        "rejected": [
            {"index": index, "message_id": each.message_id, "code": each.code, "message": each.message}
            for index, each in enumerate(outcomes)
            if isinstance(each, Rejected)
        ],
    }
    if repeated := len(codes) - len(set(codes)):
        body["repeated"] = repeated
    drawn = [
        {"index": index, "event_id": each.record.event_id}
        for index, each in enumerate(outcomes)
        if isinstance(each, Accepted) and each.id_drawn
    ]
    return Reply(OK, body | {"assigned_ids": drawn} if drawn else body)


def _error(rejected: Rejected) -> Reply:
    status = CONTENT_TOO_LARGE if rejected.code == "event_too_large" else BAD_REQUEST
    return Reply(
        status, {"code": rejected.code, "message": rejected.message, "message_id": rejected.message_id}
    )
