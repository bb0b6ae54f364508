"""A server that answers as a test says: a real ingest has its bad days not when a test wants them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Answer: TypeAlias = tuple[int, dict[str, str], Any]
"""Status, headers, body: an object as JSON, or a text as it is."""
Say: TypeAlias = Callable[[Any], Answer]
"""The answer to a request's body."""


def took(body: Any) -> Answer:
    """As ingest answers when all is well."""
    return 200, {}, {"success": True, "accepted": len(items_of(body)), "rejected": []}


def items_of(body: Any) -> Any:
    """The items of a request: a list, or the codes for a pool."""
    return body["codes"] if isinstance(body, dict) else body


@dataclass
class Answering:
    """`bodies` are the requests so far, `headers` those of the last one."""

    url: str
    bodies: list[Any] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""

    @property
    def items(self) -> list[Any]:
        return [item for body in self.bodies for item in items_of(body)]


@contextmanager
def answering(say: Say = took) -> Iterator[Answering]:
    """Serve until the block ends."""
    served = Answering("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.bodies.append(body)
            served.headers = {name.lower(): value for name, value in self.headers.items()}
            served.path = self.path
            status, headers, answer = say(body)
            raw = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
