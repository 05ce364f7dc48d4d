"""PgBouncer in transaction mode in front of a private PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from tests.services import find_program

from .programs import Program, free_port, give_to, unprivileged
from .servers import PostgresServer

#: Sessions of the server for all clients together: fewer than there are.
POOL_SIZE = 4

_CONFIGURATION = """\
[databases]
postgres = host=127.0.0.1 port={server} user=chaos
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
"""


class PgBouncer(PostgresServer):
    """A pool of connections that looks like a server, and gives each transaction whichever session is free."""

    def __init__(self, server: PostgresServer, directory: Path) -> None:
        """Prepare one in front of `server`."""
        self.port = free_port()
        configuration, log = directory / "pgbouncer.ini", directory / "pgbouncer.log"
        configuration.write_text(_CONFIGURATION.format(server=server.port, port=self.port, size=POOL_SIZE))
        log.touch()
        give_to("postgres", configuration, log)
        command = [find_program("pgbouncer") or "", "-q", str(configuration)]
        self._program = Program(command, log, cwd="/", **unprivileged("postgres"))

    def url(self, port: int | None = None) -> str:
        """Return the URL with what Django needs behind such a pool."""
        return f"{super().url(port)}&DISABLE_SERVER_SIDE_CURSORS=True"
