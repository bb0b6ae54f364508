"""The page and the JSON API of the catcher.

A mail is shown in a sandboxed frame under a policy of its own: its scripts never run, its forms go nowhere,
and it cannot reach this page. Our page loads nothing from elsewhere.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from services.catcher.message import Mail, Summary, with_links_in_new_tab
from services.catcher.store import MailStore

HERE = Path(__file__).parent
PAGE_SIZE = 50
LIMIT_MAX = 10_000
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# No script-src: default-src 'none' forbids every script. Pictures may come from the shop's site.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; font-src https: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
VIEWS = ("preview", "text", "headers")

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


def create_app(store: MailStore, allowed_hosts: Sequence[str], lifespan: Lifespan = _nothing) -> FastAPI:
    """`allowed_hosts` keeps a foreign site from reading mails through a name that it points at loopback."""
    app = FastAPI(title="Tetik mail catcher", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    _add_api(app, store)
    _add_pages(app, store)
    return app


def _add_api(app: FastAPI, store: MailStore) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/count")
    async def count() -> dict[str, int]:
        return {"count": len(store), "arrivals": store.arrivals}

    @app.get("/api/mails")
    async def mails(
        to: str = "",
        q: str = "",
        trigger: str = "",
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = PAGE_SIZE,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> dict[str, Any]:
        found = store.find(query=q, to=to, trigger=trigger)
        return {"count": len(found), "mails": [as_json(each) for each in found[offset : offset + limit]]}

    @app.get("/api/mails/{mail_id}")
    def mail(mail_id: str) -> dict[str, Any]:
        found = _existing(store.read(mail_id))
        return {
            **as_json(found.summary),
            "headers": [{"name": name, "value": value} for name, value in found.headers],
            "html": found.html,
            "text": found.text,
            "attachments": found.attachments,
        }

    @app.delete("/api/mails")
    def delete_mails() -> dict[str, int]:
        return {"deleted": store.clear()}


def _add_pages(app: FastAPI, store: MailStore) -> None:
    pages = _environment()

    def page(name: str, **values: Any) -> HTMLResponse:
        content = pages.get_template(name).render(**values)
        return HTMLResponse(content, headers={"Content-Security-Policy": PAGE_POLICY})

    @app.get("/", response_class=HTMLResponse)
    async def inbox(
        q: str = "",
        trigger: str = "",
        page_number: Annotated[int, Query(alias="page", ge=1)] = 1,
    ) -> HTMLResponse:
        found = store.find(query=q, trigger=trigger)
        last_page = max(1, -(-len(found) // PAGE_SIZE))
        current = min(page_number, last_page)
        first = (current - 1) * PAGE_SIZE
        return page(
            "inbox.html",
            mails=found[first : first + PAGE_SIZE],
            first=first + 1, found=len(found), total=len(store), arrivals=store.arrivals,
            q=q, trigger=trigger, triggers=store.triggers(), page=current, last_page=last_page,
            link=lambda **changes: _link({"q": q, "trigger": trigger, **changes}),
        )  # fmt: skip

    @app.get("/mails/{mail_id}", response_class=HTMLResponse)
    def mail(mail_id: str, view: str = "preview") -> HTMLResponse:
        found = _existing(store.read(mail_id))
        shown = view if view in VIEWS else VIEWS[0]
        if shown == "preview" and found.html is None:
            shown = "text"
        return page("mail.html", mail=found, summary=found.summary, view=shown)

    @app.get("/mails/{mail_id}/html", response_class=HTMLResponse)
    def html(mail_id: str) -> HTMLResponse:
        found = _existing(store.read(mail_id))
        headers = {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(with_links_in_new_tab(found.html or ""), headers=headers)

    @app.get("/mails/{mail_id}/raw")
    def raw(mail_id: str) -> Response:
        content = store.raw(mail_id)
        if content is None:
            raise HTTPException(404, "no such mail")
        headers = {"Content-Disposition": f'attachment; filename="{mail_id}.eml"'}
        return Response(content, media_type="message/rfc822", headers=headers)


def as_json(summary: Summary) -> dict[str, Any]:
    """The fields of a summary as the API names them; instants in RFC 3339."""
    return {
        "id": summary.id,
        "received_at": _rfc3339(summary.received_at),
        "dated_at": None if summary.dated_at is None else _rfc3339(summary.dated_at),
        "from": summary.sender,
        "to": summary.to,
        "recipients": summary.recipients,
        "subject": summary.subject,
        "trigger": summary.trigger,
        "size": summary.size,
    }


def _existing(mail: Mail | None) -> Mail:
    if mail is None:
        raise HTTPException(404, "no such mail")
    return mail


def _rfc3339(instant: int) -> str:
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day_and_time(instant: int) -> str:
    """`5 Dec 2011, 14:05`, in UTC."""
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size < 100_000 else f"{size // 1000} kB"


def _link(parameters: dict[str, object]) -> str:
    kept = {name: value for name, value in parameters.items() if value}
    return f"/?{urlencode(kept)}" if kept else "/"


def _environment() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    pages.filters |= {"rfc3339": _rfc3339, "moment": _day_and_time, "kilobytes": _kilobytes}
    return pages
