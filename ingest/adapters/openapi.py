"""The description of our plain routes for /docs and /openapi.json, by hand.

The schemas of native events and products are the contracts' own (`schemas.event.Event`,
`schemas.product.Product`), so that they can't drift.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingest.core.outcomes import Form
from schemas.contract import Contract
from schemas.event import Event
from schemas.product import Product

_SERVER_FIELDS = ("received_at", "updated_at")
_FILLED_IN_FIELDS = ("event_id", "occurred_at", "source")

_SUMMARIES: dict[Form, str] = {
    "native": "Native events: one, a list, or {events: [...]}",
    "batch": "Segment's batch",
    "track": "Segment's track",
    "identify": "Segment's identify: becomes profile_updated",
    "page": "Segment's page: becomes page_viewed",
    "screen": "Segment's screen: becomes screen_viewed",
    "group": "Segment's group: becomes group_joined",
    "alias": "Segment's alias: becomes customer_aliased",
}
_TRACK = {
    "messageId": "1f6c3c1e-6d5f-4a86-8f0e-5b7a2b8c1d10",
    "userId": "42",
    "anonymousId": "d-7f3a",
    "event": "Product Added",
    "timestamp": "2026-11-22T16:52:03.120Z",
    "sentAt": "2026-11-22T16:52:04.000Z",
    "properties": {"cart_id": "c-1", "product_id": "p-9", "name": "Teapot", "price": 24.5, "quantity": 1},
}
_IDENTIFY = {
    "messageId": "0b7d4b4a-3f0c-4f4b-93a4-4d0f8bb0f6a2",
    "userId": "42",
    "traits": {"email": "ayse@example.com", "firstName": "Ayşe", "consent": {"marketing_email": True}},
}
_EXAMPLES: dict[Form, Any] = {
    "native": {
        "event_id": "order-1007-completed",
        "type": "order_completed",
        "customer_id": "42",
        "occurred_at": "2026-11-22T16:52:03.120Z",
        "properties": {"order_id": "1007", "total": 49.0, "currency": "EUR"},
    },
    "batch": {
        "sentAt": "2026-11-22T16:52:04.000Z",
        "batch": [{"type": "identify", **_IDENTIFY}, {"type": "track", **_TRACK}],
    },
    "track": _TRACK,
    "identify": _IDENTIFY,
    "page": {"anonymousId": "d-7f3a", "name": "Home", "properties": {"url": "https://shop.example/"}},
    "screen": {"anonymousId": "d-7f3a", "name": "Home"},
    "group": {"userId": "42", "groupId": "club", "traits": {"name": "Club"}},
    "alias": {"userId": "42", "previousId": "d-7f3a"},
}
_PRODUCT = {
    "product_id": "p-9",
    "name": "Teapot",
    "category": "Home > Tea",
    "price": 24.5,
    "currency": "EUR",
    "stock": 12,
    "url": "https://shop.example/p/p-9",
    "image_url": "https://shop.example/i/p-9.jpg",
}
_CODES = {"pool": "cart-10", "codes": ["CART-8F2K", "CART-91QX"]}
_CODES_SCHEMA = {
    "type": "object",
    "required": ["pool", "codes"],
    "properties": {
        "pool": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"},
        "codes": {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}},
        "writeKey": {"type": "string"},
    },
    "additionalProperties": False,
}
_SUCCESS_EXAMPLE = {
    "success": True,
    "accepted": 1,
    "rejected": [
        {
            "index": 1,
            "message_id": "m-2",
            "code": "no_identity",
            "message": "nobody is named: the event needs a customer id (userId), ...",
        }
    ],
}


def describe(app: FastAPI, routes: dict[str, Form], products: str, product: str, codes: str) -> None:
    """Make the app's OpenAPI document name the routes of events, of `products`, of one `product` and of
    `codes` too."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(
                app,
                {
                    **{path: {"post": _operation(form)} for path, form in routes.items()},
                    products: {"post": _products_operation()},
                    product: {"delete": _deletion_operation()},
                    codes: {"post": _codes_operation()},
                },
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _document(app: FastAPI, plain: dict[str, Any]) -> dict[str, Any]:
    described = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    described["paths"] = {**plain, **described["paths"]}
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(
        {"NativeEvent": _sent_schema(Event), "Product": _sent_schema(Product), "Error": _ERROR_SCHEMA}
    )
    components["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic", "description": "The write key as user name."},
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
        "query": {"type": "apiKey", "in": "query", "name": "writeKey"},
    }
    return described


def _operation(form: Form) -> dict[str, Any]:
    return {
        "tags": ["events"],
        "summary": _SUMMARIES[form],
        "operationId": f"post_{form}",
        "security": _SECURITY,
        "requestBody": _request_body(_body_schema(form), _EXAMPLES[form]),
        "responses": _responses("503" if form == "native" else "429"),
    }


def _products_operation() -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/Product"}
    return {
        "tags": ["catalogue"],
        "summary": "Products: one, or a list. Each replaces what the catalogue held of it",
        "operationId": "post_products",
        "security": _SECURITY,
        "requestBody": _request_body({"anyOf": [one, {"type": "array", "items": one}]}, [_PRODUCT]),
        "responses": _responses("503"),
    }


def _deletion_operation() -> dict[str, Any]:
    return {
        "tags": ["catalogue"],
        "summary": "Take a product out of the catalogue, whether it is there or not",
        "operationId": "delete_product",
        "security": _SECURITY,
        "parameters": [{"name": "product_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": _responses("503"),
    }


def _codes_operation() -> dict[str, Any]:
    return {
        "tags": ["offers"],
        "summary": "Codes for a pool that offers draw from; each is given to one mail",
        "operationId": "post_offer_codes",
        "security": _SECURITY,
        "requestBody": _request_body(_CODES_SCHEMA, _CODES),
        "responses": _responses("503"),
    }


_SECURITY: list[dict[str, list[str]]] = [{"basic": []}, {"bearer": []}, {"header": []}, {"query": []}]


def _request_body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _responses(away: str) -> dict[str, Any]:
    return {
        "200": {
            "description": "Each item is on the log, or on the dead letters with its reason.",
            "content": {"application/json": {"schema": {"type": "object"}, "example": _SUCCESS_EXAMPLE}},
        },
        "400": _error("The body can't be read, or the only event, product or code was rejected."),
        "401": _error("The write key is missing or unknown."),
        "413": _error("The body, its number of items or its only item is too large."),
        "415": _error("The content encoding is unknown."),
        away: _error("The log can't take anything now: send the same again after Retry-After seconds."),
    }


_ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _body_schema(form: Form) -> dict[str, Any]:
    if form != "native":
        return {"type": "object"}
    one = {"$ref": "#/components/schemas/NativeEvent"}
    many = {"type": "array", "items": one}
    wrapped = {"type": "object", "required": ["events"], "properties": {"events": many}}
    return {"anyOf": [one, many, wrapped]}


def _sent_schema(contract: type[Contract]) -> dict[str, Any]:
    schema = contract.model_json_schema()
    for name in _SERVER_FIELDS:
        schema["properties"].pop(name, None)
    schema["required"] = [
        name for name in schema["required"] if name not in {*_SERVER_FIELDS, *_FILLED_IN_FIELDS}
    ]
    schema["additionalProperties"] = False
    return schema
