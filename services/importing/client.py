"""Batches to ingest over HTTP, each sent until it is answered.

429, 5xx and a connection that fails are temporary: the same batch is sent again after Retry-After, or after
a delay that doubles, for as long as the caller is patient. A batch that ingest takes only in part because it
never answered is harmless to repeat. Anything else that is not 200 ends the import with what ingest said.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpx

REQUEST_TIMEOUT_S = 30.0
FIRST_DELAY_S = 0.5
DELAY_MAX_S = 30.0
_TEXT_SHOWN = 300

Rejections: TypeAlias = dict[int, str]
"""Why an item was not taken, by its place in the batch."""
OnDelay: TypeAlias = Callable[[str, float], None]
"""Told why a batch is sent again, and after how many seconds."""


class Stopped(Exception):
    """Nothing more can be sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a kind of item goes, with which key, and what stands around the items of a request."""

    url: str
    path: str
    write_key: str
    opening: bytes = b"["
    closing: bytes = b"]"


class IngestClient:
    """Use as a context manager. `wait` sleeps for some seconds; `monotonic` counts them."""

    def __init__(
        self,
        address: Address,
        patience_s: float,
        on_delay: OnDelay,
        *,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._url = address.url.rstrip("/") + address.path
        self._patience_s = patience_s
        self._on_delay = on_delay
        self._wait = wait
        self._monotonic = monotonic
        self._http = httpx.Client(
            headers={"X-Write-Key": address.write_key, "Content-Type": "application/json"},
            timeout=REQUEST_TIMEOUT_S,
            trust_env=False,
        )

    def __enter__(self) -> "IngestClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, items: Sequence[bytes]) -> Rejections:
        """Send items, each encoded; returns when ingest has answered for all. Raises Stopped.

        What is too large for one request goes in halves, so that ingest's limits need not be known here.
        """
        answer = self._answered(items)
        if answer.status_code == httpx.codes.OK:
            return self._rejections(answer, len(items))
        if len(items) == 1 and answer.status_code in (400, 413):
            return {0: _message(answer)}
        if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            half = len(items) // 2
            first, second = self.send(items[:half]), self.send(items[half:])
            return first | {half + index: reason for index, reason in second.items()}
        raise Stopped(f"{self._url} answered {answer.status_code}: {_message(answer)}")

    def _answered(self, items: Sequence[bytes]) -> httpx.Response:
        """An answer that is no temporary one."""
        began_at = self._monotonic()
        delay_s = FIRST_DELAY_S
        while True:
            reason, asked_s, answer = self._try(items)
            if answer is not None:
                return answer
            pause_s = delay_s if asked_s is None else asked_s
            if self._monotonic() - began_at + pause_s > self._patience_s:
                raise Stopped(reason)
            self._on_delay(reason, pause_s)
            self._wait(pause_s)
            delay_s = min(2 * delay_s, DELAY_MAX_S)

    def _try(self, items: Sequence[bytes]) -> tuple[str, float | None, httpx.Response | None]:
        """Why it has to be sent again, and when ingest asks for it; or the answer."""
        body = self._address.opening + b",".join(items) + self._address.closing
        try:
            answer = self._http.post(self._url, content=body)
        except httpx.TransportError as error:
            return f"{self._url} does not answer ({error or type(error).__name__})", None, None
        except httpx.InvalidURL as error:
            raise Stopped(f"{self._url} is no address: {error}") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            reason = f"{self._url} answered {answer.status_code}: {_message(answer)}"
            return reason, _retry_after_s(answer), None
        return "", None, answer

    def _rejections(self, answer: httpx.Response, count: int) -> Rejections:
        try:
            body = answer.json()
            found = {int(each["index"]): str(each["message"]) for each in body["rejected"]}
            complete = body["accepted"] + body.get("repeated", 0) + len(found) == count
        except (ValueError, KeyError, TypeError):
            complete = False
        if not complete:
            raise Stopped(f"{self._url} answers as ingest does not ({answer.text[:60]!r}): is --url right?")
        return found


def _message(answer: httpx.Response) -> str:
    """What ingest says, or a proxy before it."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    said = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(said or answer.text or answer.reason_phrase).split())[:_TEXT_SHOWN]


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds, stated as such or as a date (by the clock of the answer itself); None if absent or wrong."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
