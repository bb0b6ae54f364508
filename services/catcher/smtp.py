"""The SMTP side: accepts every mail, answers 250 when it is in the folder, 452 when the disk refuses it."""

import asyncio
import logging
import socket

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.catcher.store import MailStore

SIZE_MAX = 33_554_432
log = logging.getLogger("catcher")


class Keep:
    """aiosmtpd's handler: one call for each mail."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        try:
            kept = self._store.add(envelope.mail_from or "", envelope.rcpt_tos, raw)
        except OSError as error:
            log.error("a mail could not be kept: %s", error)
            return "452 4.3.1 The catcher cannot write to its folder"
        return f"250 2.6.0 Kept as {kept.id}"


async def serve_smtp(store: MailStore, listening: socket.socket) -> asyncio.Server:
    """The caller closes the server. The host name is given: looking one up can take seconds."""
    handler = Keep(store)

    def session() -> SMTP:
        return SMTP(
            handler,
            data_size_limit=SIZE_MAX,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Tetik mail catcher",
        )

    return await asyncio.get_running_loop().create_server(session, sock=listening)
