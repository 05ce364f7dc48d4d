"""Database servers of the harness's own: made in a temporary directory, on a free port of loopback, and killed at will.

No durability is asked of the disk: only processes are killed here, and what they wrote is with the operating system.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import find_program

from .programs import Program, free_port, give_to, run, unprivileged


class Server(ABC):
    """One private database."""

    #: As in `TEST_DATABASE`.
    kind: str
    #: Port on loopback; 0 = there is no server to connect to.
    port = 0
    #: Programs it takes.
    programs: tuple[str, ...] = ()

    @classmethod
    def absence(cls) -> str:
        """Return why it cannot be used here, or an empty string."""
        missing = [name for name in cls.programs if find_program(name) is None]
        return f"{' and '.join(missing)} not found" if missing else ""

    @abstractmethod
    def start(self) -> None:
        """Start or restart it, and wait until it answers."""

    @abstractmethod
    def kill(self) -> None:
        """End it without giving it time for anything."""

    @abstractmethod
    def url(self, port: int | None = None) -> str:
        """Return the value of `TEST_DATABASE_URL`, through another port of loopback if one is given."""

    def remove(self) -> None:
        """End it for good."""
        self.kill()


class PostgresServer(Server):
    """PostgreSQL, as the user `postgres`: it refuses to be run by root."""

    kind = "postgres"
    programs = ("postgres", "initdb")

    def __init__(self, directory: Path) -> None:
        """Make a cluster in the directory."""
        data, log = directory / "postgres", directory / "postgres.log"
        data.mkdir()
        log.touch()
        give_to("postgres", data, log)
        as_user = unprivileged("postgres")
        run(
            [find_program("initdb") or "", "-D", str(data), "-U", "chaos", "-A", "trust", "-E", "UTF8", "-N"],
            log,
            cwd=data,
            **as_user,
        )
        self.port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 200,
            "log_min_messages": "fatal",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._program = Program([find_program("postgres") or "", "-D", str(data), *settings], log, cwd=data, **as_user)

    def start(self) -> None:
        """Start it; recovery after a crash takes a moment."""
        self._program.start(self._answers)

    def _answers(self) -> None:
        import psycopg

        with psycopg.connect(f"postgresql://chaos@127.0.0.1:{self.port}/postgres", connect_timeout=2) as connection:
            connection.execute("SELECT 1")

    def kill(self) -> None:
        """Kill the postmaster and all of its children."""
        self._program.kill()

    def shut_down_at_once(self) -> None:
        """Ask for an immediate shutdown: sessions are ended with a message, nothing is tidied up."""
        self._program.kill(signal.SIGQUIT)

    def url(self, port: int | None = None) -> str:
        """Return the URL of its database `postgres`."""
        return f"postgres://chaos@127.0.0.1:{port or self.port}/postgres?connect_timeout=5"


class MariaDBServer(Server):
    """MariaDB, with defaults of its own and no configuration of the machine."""

    kind = "mariadb"
    programs = ("mariadbd", "mariadb-install-db")

    def __init__(self, directory: Path) -> None:
        """Make a data directory in the directory."""
        self._socket = directory / "mariadb.sock"
        data, log = directory / "mariadb", directory / "mariadb.log"
        data.mkdir()
        log.touch()
        give_to("mysql", data, log, directory)
        as_user = unprivileged("mysql")
        install = [
            find_program("mariadb-install-db") or "",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--tmpdir={data}",
        ]
        run(install, log, cwd=data, **as_user)
        self.port = free_port()
        options = (
            "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._socket}",
            f"--pid-file={directory / 'mariadb.pid'}", "--innodb-flush-log-at-trx-commit=2", "--max-connections=200",
            "--innodb-buffer-pool-size=64M", "--character-set-server=utf8mb4",
            f"--tmpdir={data}",  # it begins with clearing that of others' files
        )  # fmt: skip
        self._program = Program([find_program("mariadbd") or "", *options], log, cwd=data, **as_user)

    def start(self) -> None:
        """Start it, and make the database where it is the first time."""
        self._program.start(self._answers)

    def _answers(self) -> None:
        import MySQLdb

        connection = MySQLdb.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2)
        try:
            connection.query("CREATE DATABASE IF NOT EXISTS chaos")
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill it."""
        self._program.kill()

    def url(self, port: int | None = None) -> str:
        """Return the URL of its database `chaos`."""
        return f"mysql://root@127.0.0.1:{port or self.port}/chaos?connect_timeout=5"


class SQLiteFile(Server):
    """SQLite has no server; its file lies on a small disk of its own, which can be filled, where this process is root."""

    kind = "sqlite"
    #: Size of the disk, in MB.
    SIZE = 64

    def __init__(self, directory: Path) -> None:
        """Mount the disk, and make the file with a write-ahead log."""
        self.disk = directory / "disk"
        self.disk.mkdir()
        self.is_small = self._mount()
        self.path = self.disk / "db.sqlite3"
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()

    def _mount(self) -> bool:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return False
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}m,mode=755", "chaos", str(self.disk)]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def start(self) -> None:
        """Do nothing: it is there."""

    def kill(self) -> None:
        """Do nothing: there is no server."""

    def remove(self) -> None:
        """Unmount the disk."""
        if self.is_small:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=False)

    def url(self, port: int | None = None) -> str:
        """Return the URL of the file; a lock is waited for as long as the fault `lock` of the harness can not last."""
        return f"sqlite:///{self.path}?timeout=2&transaction_mode=IMMEDIATE"


SERVERS: dict[str, type[Server]] = {server.kind: server for server in (PostgresServer, MariaDBServer, SQLiteFile)}


@contextmanager
def private_server(kind: str) -> Iterator[tuple[Server, Path]]:
    """Give a server that is running and a directory; both are gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    directory.chmod(0o755)  # the server is another user
    try:
        server = SERVERS[kind](directory)
        try:
            server.start()
            yield server, directory
        finally:
            server.remove()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
