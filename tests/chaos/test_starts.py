"""A node that starts while its database fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.conf import settings

from tests.acceptance.harness import STARTED
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Server

pytestmark = pytest.mark.skipif(settings.TEST_DATABASE == "sqlite", reason="SQLite has no connections to be cut")


def test_a_node_starts_although_its_connections_are_cut(private: tuple[Server, Path], tmp_path: Path) -> None:
    server, _ = private
    proxy = Proxy(server.kind, server.port)
    cluster = Cluster(server, tmp_path, proxy)

    try:
        members = [cluster.add() for _ in range(3)]
        until = time.monotonic() + 30
        while proxy.dropped < 12 and time.monotonic() < until:  # at all instants of a start
            proxy.drop()
            time.sleep(0.01)
        for member in members:
            member.wait_for(STARTED, 40)
        wrong = cluster.stop()
    finally:
        cluster.destroy()
        proxy.close()

    assert wrong == []
    assert proxy.dropped >= 12
