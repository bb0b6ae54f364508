"""The bytes of a request, whatever its Content-Type says, bounded while they come in."""

from starlette.requests import Request

from ingest.core.outcomes import Refused

DRAIN_FACTOR = 16
"""How far beyond the bound a body is read and thrown away: a client that still sends when we answer sees
a broken connection instead of the answer, and would send the same again."""


async def read_body(request: Request, body_bytes_max: int) -> bytes:
    """The raw body. Raises Refused `body_too_large`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= body_bytes_max:
            chunks.append(chunk)
        elif size > body_bytes_max * DRAIN_FACTOR:
            break
    if size > body_bytes_max:
        raise Refused(
            "body_too_large", f"the body has more than {body_bytes_max} bytes: send smaller batches"
        )
    return b"".join(chunks)
