"""The HTTP front: FastAPI's app with our routes on it.

The routes of events, products and codes are plain Starlette routes that read raw bytes: SDKs send JSON as
text/plain, as a form and gzipped, which a declared body model answers with 422, and FastAPI's own work per
request costs more than all of ours. They are described for /docs by hand (`openapi.py`).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ingest.adapters.answers import (
    UNAVAILABLE_CODE,
    answer,
    error_answer,
    install_error_answers,
    refusal,
    unavailable,
)
from ingest.adapters.cors import MirroredCors
from ingest.adapters.event_log import EventLog, Unavailable
from ingest.adapters.metrics import MEDIA_TYPE, IngestMetrics
from ingest.adapters.openapi import describe
from ingest.core.outcomes import Form, Refused
from ingest.core.replies import Reply

EVENT_ROUTES: dict[str, Form] = {
    "/v1/events": "native",
    "/v1/batch": "batch",
    "/v1/track": "track",
    "/v1/identify": "identify",
    "/v1/page": "page",
    "/v1/screen": "screen",
    "/v1/group": "group",
    "/v1/alias": "alias",
}
SHORT_ROUTES: dict[str, Form] = {
    "/v1/b": "batch",
    "/v1/t": "track",
    "/v1/i": "identify",
    "/v1/p": "page",
    "/v1/s": "screen",
    "/v1/g": "group",
    "/v1/a": "alias",
}
"""What Segment's browser SDK calls them."""

PRODUCTS_ROUTE = "/v1/products"
PRODUCT_ROUTE = "/v1/products/{product_id}"
CODES_ROUTE = "/v1/offer-codes"
OVERLOADED, SERVICE_UNAVAILABLE = 429, 503

Handler = Callable[[Request], Awaitable[Response]]
Take = Callable[[Request], Awaitable[Reply]]


class Stage(Protocol):
    """What the front asks of ingest."""

    log: EventLog
    metrics: IngestMetrics
    retry_after_s: int

    async def receive(self, request: Request, form: Form) -> Reply:
        """Take events. Raises Refused, Unavailable."""

    async def receive_products(self, request: Request) -> Reply:
        """Take products. Raises Refused, Unavailable."""

    async def receive_codes(self, request: Request) -> Reply:
        """Take codes into a pool. Raises Refused, Unavailable."""

    async def delete_product(self, request: Request, product_id: str) -> Reply:
        """Delete a product. Raises Refused, Unavailable."""


def build_http(stage: Stage) -> FastAPI:
    """The app. Its lifespan starts and closes the event log."""
    app = FastAPI(
        title="Tetik ingest",
        summary="Shop events in, durably on the log when the answer is 200.",
        version="1",
        redirect_slashes=False,
        lifespan=_lifespan(stage),
    )
    app.add_middleware(MirroredCors)
    install_error_answers(app)
    for path, form in (EVENT_ROUTES | SHORT_ROUTES).items():
        handler = _event_handler(stage, path, form)
        app.add_route(path, handler, methods=["POST"], include_in_schema=False)
        app.add_route(path + "/", handler, methods=["POST"], include_in_schema=False)
    _add_catalogue(app, stage)
    _add_post(app, stage, CODES_ROUTE, stage.receive_codes)
    _add_operations(app, stage)
    describe(app, EVENT_ROUTES, PRODUCTS_ROUTE, PRODUCT_ROUTE, CODES_ROUTE)
    return app


def _lifespan(stage: Stage) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await stage.log.start()
        yield
        await stage.log.close()

    return lifespan


def _event_handler(stage: Stage, path: str, form: Form) -> Handler:
    async def take(request: Request) -> Reply:
        return await stage.receive(request, form)

    return _handler(stage, path, take, SERVICE_UNAVAILABLE if form == "native" else OVERLOADED)


def _add_catalogue(app: FastAPI, stage: Stage) -> None:
    """A product's id may hold slashes: all that follows in the path is the id."""

    async def delete(request: Request) -> Reply:
        return await stage.delete_product(request, request.path_params["product_id"])

    _add_post(app, stage, PRODUCTS_ROUTE, stage.receive_products)
    app.add_route(
        PRODUCTS_ROUTE + "/{product_id:path}",
        _handler(stage, PRODUCT_ROUTE, delete, SERVICE_UNAVAILABLE),
        methods=["DELETE"],
        include_in_schema=False,
    )


def _add_post(app: FastAPI, stage: Stage, route: str, take: Take) -> None:
    receive = _handler(stage, route, take, SERVICE_UNAVAILABLE)
    for path in (route, route + "/"):
        app.add_route(path, receive, methods=["POST"], include_in_schema=False)


def _handler(stage: Stage, path: str, take: Take, away: int) -> Handler:
    """`path` names the route in the metrics; `away` is the status while the log takes nothing."""

    async def handle(request: Request) -> Response:
        began_at = time.perf_counter()
        response = await _respond(take(request), away, stage.retry_after_s)
        stage.metrics.count_request(path, response.status_code, time.perf_counter() - began_at)
        return response

    return handle


async def _respond(taking: Awaitable[Reply], away: int, retry_after_s: int) -> Response:
    try:
        return answer(await taking)
    except Refused as refused:
        return refusal(refused.code, refused.message)
    except Unavailable as reason:
        return unavailable(away, str(reason), retry_after_s)
    except ClientDisconnect:
        return error_answer(400, "client_disconnected", "the client went away before its body was complete")


def _add_operations(app: FastAPI, stage: Stage) -> None:
    @app.get("/healthz", tags=["operations"], summary="Is the process well? If not, restart it.")
    async def healthz() -> Response:
        if stage.log.failure is not None:
            return error_answer(503, "failed", stage.log.failure)
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", tags=["operations"], summary="Can events be taken? Asks Kafka.")
    async def readyz() -> Response:
        problem = stage.log.failure or await stage.log.check()
        if problem is not None:
            return error_answer(503, UNAVAILABLE_CODE, problem)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics.")
    async def metrics() -> Response:
        return Response(stage.metrics.exposition(), media_type=MEDIA_TYPE)
