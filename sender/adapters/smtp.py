"""SMTP, phase by phase, over a small pool of aiosmtplib connections.

aiosmtplib raises the same error for a connection lost at MAIL, at DATA and after the final dot, and spends
most of its CPU normalising line ends twice. So the transaction is driven here: the bytes come normalised,
and the body's final dot is written in a step of its own, after the ledger has agreed (`before_dot`). A
relay accepts nothing before that dot, so everything earlier is safe to repeat or to cancel.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from sender.core.message import stuff_dots
from sender.core.policy import Unanswered, Unreachable
from sender.core.replies import Phase, Reply
from sender.settings import SmtpSettings

log = logging.getLogger("tetik.sender")

RECONNECT_S_MAX = 30.0
Answer = Reply | Unreachable | Unanswered


class DotRefused(Exception):
    """`before_dot` said no: the mail was cancelled or taken over; nothing was sent."""


class Connection:
    """One connection. After anything but a clean end of a transaction it is closed and never used again."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.reply_timeout_s,
            use_tls=settings.tls == "implicit",
            start_tls={"none": False, "implicit": False, "starttls": True, "opportunistic": None}[
                settings.tls
            ],
            validate_certs=settings.verify_certificate,
            username=settings.username,
            password=settings.password,
        )
        self.opened_at_s = self.idle_since_s = time.monotonic()
        self.messages = 0

    async def open(self) -> None:
        """Raises aiosmtplib's errors."""
        await self._client.connect(timeout=self._settings.connect_timeout_s)
        if self._client.is_ehlo_or_helo_needed:
            await self._client.ehlo()

    @property
    def usable(self) -> bool:
        """Alive, young, and below its number of messages."""
        now_s = time.monotonic()
        return (
            self._client.is_connected
            and self.messages < self._settings.messages_per_connection_max
            and now_s - self.opened_at_s < self._settings.connection_age_s_max
            and now_s - self.idle_since_s < self._settings.idle_s_max
        )

    async def transact(
        self, sender: str, recipient: str, message: bytes, before_dot: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """One mail. `Unreachable` and any `Reply` but an accepted final one mean that nothing was sent.

        Raises DotRefused, with the connection closed before the dot.
        """
        commands = (
            (Phase.MAIL, b"MAIL", f"FROM:<{sender}>".encode("ascii")),
            (Phase.RECIPIENT, b"RCPT", f"TO:<{recipient}>".encode("ascii")),
            (Phase.DATA, b"DATA", b""),
        )
        phase = Phase.MAIL
        try:
            for phase, verb, argument in commands:
                response = await self._client.execute_command(*filter(None, (verb, argument)))
                expected = 354 if phase is Phase.DATA else 250
                if response.code != expected and not (phase is Phase.RECIPIENT and response.code == 251):
                    return await self._refused(Reply(phase, response.code, response.message))
            protocol = self._protocol()
            protocol.write(stuff_dots(message))
        except (SMTPException, OSError) as error:
            self.close()
            return Unreachable(f"the relay was lost at {phase}, before the mail was complete: {error}")
        if not await before_dot():
            self.close()
            raise DotRefused
        return await self._finish(protocol)

    async def _finish(self, protocol: SMTPProtocol) -> Answer:
        if not protocol.is_connected:
            self.close()
            return Unreachable("the relay was lost before the final dot was written")
        try:
            response = await protocol.execute_command(b".", timeout=self._settings.final_reply_timeout_s)
        except (SMTPException, OSError) as error:
            self.close()
            return Unanswered(f"the relay did not answer the final dot: {error}")
        self.messages += 1
        self.idle_since_s = time.monotonic()
        if response.code == 421:
            self.close()
        return Reply(Phase.FINAL_DOT, response.code, response.message)

    async def _refused(self, reply: Reply) -> Reply:
        """Clears the open transaction, so that the next mail doesn't meet "sender already specified"."""
        self.idle_since_s = time.monotonic()
        if reply.code == 421:
            self.close()
            return reply
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            self.close()
        return reply

    def _protocol(self) -> SMTPProtocol:
        if self._client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("the connection is closed")
        return self._client.protocol

    def close(self) -> None:
        """At once, without QUIT: inside a transaction that is what keeps the relay from accepting it."""
        self._client.close()

    async def quit(self) -> None:
        """Politely."""
        try:
            async with asyncio.timeout(2):
                await self._client.quit()
        except (SMTPException, OSError, TimeoutError):
            self.close()


class SmtpPool:
    """At most `connections_max` connections to one relay, reused while they are usable.

    When the relay can't be reached, or refuses us as a whole, the pool pauses (1 s, doubling to 30 s) and
    answers `Unreachable` at once meanwhile; it says so once, and once when the relay is back.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.connections_max)
        self._idle: list[Connection] = []
        self._paused_until_s = 0.0
        self._pause_s = 1.0
        self._pause_reason = ""
        self.reachable: bool | None = None

    @property
    def relay(self) -> str:
        """`host:port`, for messages."""
        return f"{self._settings.host}:{self._settings.port}"

    async def send(
        self, sender: str, recipient: str, message: bytes, before_dot: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """One try; a pooled connection that turns out dead is replaced once. Raises DotRefused."""
        async with self._slots:
            while True:
                reused = self._take_idle()
                connection = reused or await self._connect()
                if not isinstance(connection, Connection):
                    return connection
                try:
                    answer = await connection.transact(sender, recipient, message, before_dot)
                except asyncio.CancelledError:
                    connection.close()
                    raise
                if isinstance(answer, Unreachable) and reused is not None:
                    continue
                if connection.usable:
                    self._idle.append(connection)
                else:
                    await connection.quit()
                return answer

    def pause(self, reason: str) -> None:
        """Stop asking the relay for a while: it refuses us, not a mail."""
        if time.monotonic() < self._paused_until_s:
            return
        if self.reachable is not False:
            log.warning("Relay %s: %s; mails are kept and tried again", self.relay, reason)
        self.reachable = False
        self._pause_reason = reason
        self._paused_until_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, RECONNECT_S_MAX)

    def resume(self) -> None:
        """The relay took a mail."""
        if self.reachable is not True:
            log.info("Relay %s accepts mail", self.relay)
        self.reachable = True
        self._pause_s = 1.0

    async def close_idle(self) -> None:
        """Ends connections that have been idle, or open, too long."""
        stale = [each for each in self._idle if not each.usable]
        self._idle = [each for each in self._idle if each.usable]
        for each in stale:
            await each.quit()

    async def close(self) -> None:
        """Ends all idle connections."""
        idle, self._idle = self._idle, []
        for each in idle:
            await each.quit()

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection | Answer:
        if time.monotonic() < self._paused_until_s:
            return Unreachable(self._pause_reason)
        connection = Connection(self._settings)
        try:
            await connection.open()
        except SMTPResponseException as error:
            connection.close()
            reply = Reply(Phase.CONNECT, error.code, error.message)
            self.pause(f"it refuses us: {reply.describe()}")
            return reply
        except (SMTPException, OSError) as error:
            connection.close()
            self.pause(f"it can't be reached: {error}")
            return Unreachable(f"relay {self.relay} can't be reached: {error}")
        return connection
