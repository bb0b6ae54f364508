"""`python -m services.catcher`: both servers in one process until SIGTERM or Ctrl-C."""

import argparse
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from services.catcher.smtp import serve_smtp
from services.catcher.store import MailStore
from services.catcher.web import create_app

LOCAL_NAMES = ("localhost", "127.0.0.1")


def main() -> int:
    options = _parser().parse_args()
    try:
        smtp, http = (_listen(options.host, port) for port in (options.smtp_port, options.http_port))
    except OSError as error:
        sys.stderr.write(
            f"The mail catcher cannot start: {error}. Choose other ports with --smtp-port, --http-port.\n"
        )
        return 1
    store = MailStore(options.data)

    @asynccontextmanager
    async def with_smtp(app: FastAPI) -> AsyncIterator[None]:
        server = await serve_smtp(store, smtp)
        yield
        server.close()

    app = create_app(store, (*LOCAL_NAMES, *options.allow_host), with_smtp)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[http])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(f"port {port} on {host}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="services.catcher", description="Catches mail on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--data", type=Path, required=True, help="folder of the mails")
    parser.add_argument(
        "--allow-host", action="append", default=[], help="another name the page may be opened by"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
