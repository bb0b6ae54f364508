"""`/healthz`, `/readyz` and `/metrics` of a process that has no other HTTP side."""

from collections.abc import Callable

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def create_health_app(
    name: str, registry: CollectorRegistry, ready: Callable[[], bool], progress: Callable[[], object]
) -> FastAPI:
    """`/healthz` answers while the process runs; `/readyz` once it works."""
    app = FastAPI(title=f"Tetik {name}", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        if ready():
            return JSONResponse({"ready": True, "progress": progress()})
        return JSONResponse(
            {"code": "not_ready", "message": f"the {name} is taking partitions over; try again soon"},
            status_code=503,
        )

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
