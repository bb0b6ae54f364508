"""The sender's small web side: unsubscribe, health, metrics.

Link scanners fetch every link in every mail, so GET and HEAD never change anything; only POST does. POST
is both the page's own form and RFC 8058's one-click: it answers 200 itself, never with a redirect.
"""

import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from sender.adapters.kafka_out import KafkaUnavailable
from sender.adapters.metrics import CONTENT_TYPE, SenderMetrics
from sender.adapters.redis_ledger import LedgerUnavailable
from sender.core.locales import choose_locale, preferred_language
from sender.core.pages import PAGE_LOCALES, PageName, unsubscribe_page
from sender.core.tokens import Subscription, TokenRefused, read_token

log = logging.getLogger("tetik.sender")

BODY_BYTES_MAX = 10_000
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}

Unsubscribe = Callable[[Subscription, str], Awaitable[None]]
"""(who, way) → suppressed and told; raises LedgerUnavailable or KafkaUnavailable."""
Readiness = Callable[[], Awaitable[dict[str, bool]]]


class PortTaken(OSError):
    """The HTTP port can't be bound; the message says which and what to do."""


def build_app(
    *, secret: str, brand: str, unsubscribe: Unsubscribe, readiness: Readiness, metrics: SenderMetrics
) -> FastAPI:
    """The routes."""
    app = FastAPI(title="Tetik sender", docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> JSONResponse:
        peers = await readiness()
        return JSONResponse(
            {"ready": all(peers.values()), "peers": peers}, status_code=200 if all(peers.values()) else 503
        )

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    @app.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def ask(token: str, request: Request) -> HTMLResponse:
        try:
            subscription = read_token(token, secret)
        except TokenRefused:
            return _page("unknown", _language(request, None), brand, 404)
        return _page("ask", _language(request, subscription), brand, 200)

    @app.post("/u/{token}")
    async def end(token: str, request: Request) -> HTMLResponse:
        try:
            subscription = read_token(token, secret)
        except TokenRefused:
            return _page("unknown", _language(request, None), brand, 404)
        language = _language(request, subscription)
        way = "one_click" if b"List-Unsubscribe=One-Click" in await _small_body(request) else "page"
        try:
            await unsubscribe(subscription, way)
        except (LedgerUnavailable, KafkaUnavailable) as error:
            log.warning("An unsubscription is not complete: %s", error)
            return _page("later", language, brand, 503)
        metrics.unsubscribed.labels(way).inc()
        return _page("done", language, brand, 200)

    return app


def _language(request: Request, subscription: Subscription | None) -> str:
    """The mail's language if the link names one of ours, else the browser's."""
    if subscription is not None:
        primary = subscription.locale.replace("_", "-").partition("-")[0].lower()
        if primary in PAGE_LOCALES:
            return choose_locale(primary, PAGE_LOCALES)
    return preferred_language(request.headers.get("accept-language"), PAGE_LOCALES)


async def _small_body(request: Request) -> bytes:
    """The body's first bytes (form or multipart); one-click bodies are tiny, others don't matter."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            break
    return body


def _page(page: PageName, locale: str, brand: str, status: int) -> HTMLResponse:
    return HTMLResponse(unsubscribe_page(page, locale, brand), status_code=status, headers=PAGE_HEADERS)


class _Server(uvicorn.Server):
    """Signals belong to the process that runs the sender, not to its web side."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebSide:
    """The web server: bound when built, so that a taken port is known before anything starts."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        try:
            self._socket = socket.create_server((host, port))
        except OSError as error:
            raise PortTaken(
                f"The sender's port {host}:{port} can't be used ({error.strerror}): stop what listens there, "
                "or choose another port for the sender."
            ) from error
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3
        )
        self._server = _Server(config)

    @property
    def port(self) -> int:
        """The bound port (for port 0)."""
        return int(self._socket.getsockname()[1])

    async def run(self) -> None:
        """Serves until `stop`."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Asks `run` to end."""
        self._server.should_exit = True
