"""A TCP proxy in front of a broker that makes it slow: each piece of data comes later, and no faster than so.

The delay is added to each direction, in order, without holding back what comes behind it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

PIECE_BYTES = 16_384
LOOPBACK = "127.0.0.1"


class SlowProxy:
    """Listens on `port` and passes on to `upstream`; `delay_s` and `bytes_per_s` may change while it runs."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port = port
        self.delay_s = 0.0
        self.bytes_per_s = 1e9
        self.carried = 0
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def stop(self) -> None:
        """Listen no more, and break what is open."""
        assert self._server is not None
        self._server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(LOOPBACK, self._upstream)
        except OSError:
            writer.close()
            return
        pipes = [self._pipe(reader, up_writer), self._pipe(up_reader, writer)]
        tasks = [asyncio.create_task(pipe) for pipe in pipes]
        self._busy.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                self._busy.discard(task)
            for each in (writer, up_writer):
                each.close()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side is gone."""
        clock: Callable[[], float] = asyncio.get_running_loop().time
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)
        passing = asyncio.create_task(self._pass_on(pieces, writer))
        free_at = 0.0
        try:
            with suppress(ConnectionError):
                while piece := await reader.read(PIECE_BYTES):
                    free_at = max(free_at, clock()) + len(piece) / self.bytes_per_s
                    await pieces.put((free_at + self.delay_s, piece))
        finally:
            passing.cancel()

    async def _pass_on(
        self, pieces: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        clock = asyncio.get_running_loop().time
        with suppress(ConnectionError):
            while True:
                due_at, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due_at - clock()))
                self.carried += len(piece)
                writer.write(piece)
                await writer.drain()
