"""A line to a server that can be cut and mended: a TCP proxy in a thread of its own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread

_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """Listens on a free port of loopback. All methods may be called from any thread."""

    def __init__(self, target: int) -> None:
        """Pass connections on to the port `target`."""
        self._target = target
        self._cut = False
        self._mark = b""
        self._writers: set[asyncio.StreamWriter] = set()
        #: How often somebody tried to connect while the line was cut, and how many answers were lost.
        self.refused = self.lost = 0
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Cut all connections, and close new ones at once."""
        self._cut = True
        self._call(self._cut_all())

    def mend(self) -> None:
        """Carry new connections again."""
        self._cut = False

    def lose_answer(self, mark: bytes) -> None:
        """Let the next request that contains `mark` reach the server, and cut its connection when the server answers."""
        self._mark = mark

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)

    async def _end(self) -> None:
        self._cut = True
        self._server.close()
        await self._cut_all()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # whoever is connecting just now
            await asyncio.wait(others, timeout=1)
        await asyncio.sleep(0.01)  # transports close one turn of the loop after they were told

    async def _cut_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0.005)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            self.refused += 1
            writer.transport.abort()
            return
        there = await asyncio.open_connection("127.0.0.1", self._target)
        ends = {writer, there[1]}
        if self._cut:
            for end in ends:
                end.transport.abort()
            return
        self._writers |= ends
        losing = asyncio.Event()
        ways = [self._requests(reader, there[1], losing), self._answers(there[0], writer, losing)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.transport.abort()
        await asyncio.wait(tasks)
        self._writers -= ends

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                if self._mark and self._mark in data:
                    self._mark = b""
                    losing.set()
                writer.write(data)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                if losing.is_set():
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()
