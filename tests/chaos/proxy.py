"""A network that fails: a TCP proxy between nodes and their server that drops connections and swallows answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from .wire import STATEMENTS, is_commit, is_write


class Proxy:
    """Listens on a free port of loopback, in a thread of its own. All methods may be called from any thread."""

    def __init__(self, kind: str, port: int) -> None:
        """Pass connections on to the server of this kind at `port`."""
        self.port = 0
        #: What happened, by name.
        self.dropped = self.swallowed = 0
        self._kind = kind
        self._target = port
        self._links: set[_Link] = set()
        self._swallow: list[Callable[[bytes], bool]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="chaos proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def drop(self, keep: Callable[[], bool] = lambda: False) -> None:
        """Cut the connections for which `keep()` is false, in the middle of whatever they are doing."""

        def cut() -> None:
            for link in [link for link in self._links if not keep()]:
                self.dropped += 1
                link.cut()

        self._loop.call_soon_threadsafe(cut)

    def swallow_commits(self, count: int) -> None:
        """Let the next `count` COMMITs reach the server, and cut the connection instead of passing the answer on."""
        self._loop.call_soon_threadsafe(self._swallow.extend, [is_commit] * count)

    def swallow_writes(self, count: int) -> None:
        """Do the same to the next `count` statements that write."""
        self._loop.call_soon_threadsafe(self._swallow.extend, [is_write] * count)

    def pass_everything(self) -> None:
        """Swallow nothing more."""
        self._loop.call_soon_threadsafe(self._swallow.clear)

    def takes(self, statement: bytes) -> bool:
        """Tell whether the answer to this statement is to be swallowed; asked once for each statement."""
        if self._swallow and self._swallow[0](statement):
            self._swallow.pop(0)
            self.swallowed += 1
            return True
        return False

    def close(self) -> None:
        """Cut everything and listen no more."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for link in list(self._links):
            link.cut()
        while self._links:
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        link = _Link(self, self._kind, (reader, writer), there)
        self._links.add(link)
        try:
            await link.carry()
        finally:
            self._links.discard(link)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection."""

    def __init__(self, proxy: Proxy, kind: str, client: Ends, server: Ends) -> None:
        self._proxy = proxy
        self._statements = STATEMENTS[kind]()
        self._client = client
        self._server = server
        #: Whether the next answer is not passed on.
        self._swallowing = False

    async def carry(self) -> None:
        """Carry bytes both ways until one side ends."""
        with suppress(OSError):
            ways = [asyncio.ensure_future(self._requests()), asyncio.ensure_future(self._answers())]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            self.cut()
            await asyncio.wait(ways)

    async def _requests(self) -> None:
        with suppress(OSError):
            while data := await self._client[0].read(65536):
                if [statement for statement in self._statements.feed(data) if self._proxy.takes(statement)]:
                    self._swallowing = True
                self._server[1].write(data)
                await self._server[1].drain()

    async def _answers(self) -> None:
        with suppress(OSError):
            while data := await self._server[0].read(65536):
                if self._swallowing:
                    return  # the server has answered: what it was told is done
                self._client[1].write(data)
                await self._client[1].drain()

    def cut(self) -> None:
        for _, writer in (self._client, self._server):
            with suppress(OSError):
                writer.transport.abort()
