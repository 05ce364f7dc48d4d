"""Just enough of the wire protocols of PostgreSQL and MariaDB to notice the statements that a client sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Statements(Protocol):
    """Cuts one client's bytes into messages."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of each statement that is complete with these bytes."""
        ...


class PostgresStatements:
    """Messages are a type byte and a length; the first ones, of the startup, have no type."""

    #: Codes of the requests for encryption, after which the startup begins once more.
    _ENCRYPTION = (80877103, 80877104)

    def __init__(self) -> None:
        """Begin before the startup."""
        self._data = b""
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of each simple query and of each statement that is parsed."""
        self._data += data
        while (message := self._next()) is not None:
            kind, body = message
            if kind == b"Q":
                yield body.rstrip(b"\0")
            elif kind == b"P":
                yield body.split(b"\0")[1]

    def _next(self) -> tuple[bytes, bytes] | None:
        head = 1 if self._started else 0
        if len(self._data) < head + 4:
            return None
        length = head + int.from_bytes(self._data[head : head + 4])
        if len(self._data) < length:
            return None
        message, self._data = self._data[:length], self._data[length:]
        if not self._started:
            self._started = int.from_bytes(message[4:8]) not in self._ENCRYPTION
            return b"", b""
        return message[:1], message[5:]


class MariaDBStatements:
    """Messages are a length and a number; each command begins with number 0."""

    _QUERY = 3

    def __init__(self) -> None:
        """Begin before the greeting."""
        self._data = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of each query."""
        self._data += data
        while len(self._data) >= 4:
            length = 4 + int.from_bytes(self._data[:3], "little")
            if len(self._data) < length:
                return
            message, self._data = self._data[:length], self._data[length:]
            if message[3] == 0 and message[4:5] == bytes([self._QUERY]):
                yield message[5:]


STATEMENTS: dict[str, type[Statements]] = {"postgres": PostgresStatements, "mariadb": MariaDBStatements}


def is_commit(statement: bytes) -> bool:
    """Tell whether the statement ends a transaction."""
    return statement.strip().upper().startswith(b"COMMIT")


def is_write(statement: bytes) -> bool:
    """Tell whether the statement changes something by itself, as one statement in autocommit mode may."""
    return statement.lstrip().upper().startswith((b"UPDATE", b"INSERT", b"WITH", b"DELETE"))
