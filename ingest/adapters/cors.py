"""CORS for browsers' SDKs: whatever the page asks for is allowed, by mirroring it.

A fixed list breaks SDKs (RudderStack's asks for `anonymousid`, `sentat` and, on a retry, `Rsa-*`). It
gives nothing away: a browser's write key is public, and no answer of these routes holds a secret.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENT_PATHS = "/v1/"
PREFLIGHT_AGE_S = 86_400


class MirroredCors:
    """ASGI middleware: answers preflights of event paths and marks their answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or not scope["path"].startswith(EVENT_PATHS):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _preflight(scope, origin)(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), origin)
            await send(message)

        await self._app(scope, receive, send_marked)


def _preflight(scope: Scope, origin: str) -> Response:
    response = Response(status_code=200)
    _mark(response.headers, origin)
    response.headers["access-control-allow-methods"] = "POST, OPTIONS"
    response.headers["access-control-max-age"] = str(PREFLIGHT_AGE_S)
    asked = Headers(scope=scope).get("access-control-request-headers")
    if asked is not None:
        response.headers["access-control-allow-headers"] = asked
    return response


def _mark(headers: MutableHeaders, origin: str) -> None:
    headers["access-control-allow-origin"] = origin
    headers["access-control-allow-credentials"] = "true"
    headers["access-control-expose-headers"] = "retry-after"
    headers.add_vary_header("Origin")
