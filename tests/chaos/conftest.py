"""Gives tests a private server of the kind that `TEST_DATABASE` selects, as Django's default database, and experiments on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environ
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler

from tests.chaos.account import Account
from tests.chaos.running import Experiment
from tests.chaos.servers import Server, private_server
from tests.conftest import require
from tests.services import PRIVATE_SERVERS


@pytest.fixture(scope="module")
def private(django_db_blocker: Any) -> Iterator[tuple[Server, Path]]:
    """A server that is running and migrated, and a directory; the tests of a module share them."""
    require(PRIVATE_SERVERS[settings.TEST_DATABASE])
    with private_server(settings.TEST_DATABASE) as (server, directory), django_db_blocker.unblock():
        usual = connections.settings["default"]
        _use(ConnectionHandler({"default": environ.Env.db_url_config(server.url())}).settings["default"])
        try:
            call_command("migrate", run_syncdb=True, verbosity=0)
            yield server, directory
        finally:
            _use(usual)


def _use(database: dict[str, Any]) -> None:
    """Let the default connection be one to this database."""
    connections["default"].close()
    connections.settings["default"] = database
    del connections["default"]


@pytest.fixture
def experiment(private: tuple[Server, Path], tmp_path: Path) -> Iterator[Callable[..., Experiment]]:
    """Begin an experiment: `experiment(nodes=4, seed=7, loads=…)`."""
    server, _ = private
    call_command("flush", verbosity=0, interactive=False)
    begun: list[Experiment] = []

    def begin(**options: Any) -> Experiment:
        begun.append(Experiment(server, tmp_path, **options))
        begun[-1].begin()
        return begun[-1]

    yield begin
    for one in begun:
        one.destroy()
    connections["default"].close()


def conclude(experiment: Experiment) -> Account:
    """End the experiment, and fail unless everything is accounted for."""
    account = experiment.end()
    print("\n".join(account.lines))
    assert not account.wrong, "\n".join(account.wrong)
    return account
