"""Answers: always JSON, and every one that is not 2xx is `{"code", "message"}`.

RudderStack's Python SDK takes a 4xx without `code` for a network error and sends it eleven times more.
An overload or outage is 429 with Retry-After on the SDKs' paths: most wait for it without counting it as
a try, while 503 makes some retry at once. Our own routes say 503, as their clients expect.
No `WWW-Authenticate` goes with 401: in a browser it would ask the shopper for a password.
"""

import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ingest.core.replies import Reply

log = logging.getLogger("tetik.ingest")

UNAVAILABLE_CODE = "log_unavailable"
_STATUS_OF_REFUSAL = {
    "malformed_json": 400,
    "bad_body": 400,
    "bad_encoding": 400,
    "unknown_field": 400,
    "bad_pool": 400,
    "missing_write_key": 401,
    "unknown_write_key": 401,
    "body_too_large": 413,
    "too_many_events": 413,
    "unsupported_encoding": 415,
}
_encode = msgspec.json.Encoder().encode


def answer(reply: Reply) -> Response:
    """A reply as a response."""
    return Response(_encode(reply.body), reply.status, media_type="application/json")


def error_answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error as a response."""
    body = _encode({"code": code, "message": message})
    return Response(body, status, headers=headers, media_type="application/json")


def refusal(code: str, message: str) -> Response:
    """A request refused as a whole."""
    return error_answer(_STATUS_OF_REFUSAL[code], code, message)


def unavailable(status: int, reason: str, retry_after_s: int) -> Response:
    """Nothing was lost: the client is to send the same again, later."""
    return error_answer(
        status,
        UNAVAILABLE_CODE,
        f"{reason}; send the same request again later",
        {"Retry-After": str(retry_after_s)},
    )


def install_error_answers(app: FastAPI) -> None:
    """Errors of the frameworks in our form too."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Exception, _bug)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    message = {
        404: f"there is nothing at {request.url.path[:100]}: the routes are listed at /docs",
        405: f"{request.method} is not answered here: events, products and codes are sent by POST",
    }.get(status, HTTPStatus(status).phrase)
    return error_answer(status, code, message, headers)


async def _validation_error(_request: Request, error: Exception) -> Response:
    return error_answer(422, "bad_request", str(error)[:500])


async def _bug(_request: Request, _error: Exception) -> Response:
    return error_answer(500, "internal_error", "this is our fault; the log of the ingest process says more")
