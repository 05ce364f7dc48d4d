"""What a node waits for before it starts: migrations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from django_apscheduler_ng import schema


@pytest.fixture
def unapplied(monkeypatch):
    """Databases by alias, each with the migrations that it lacks, or an error."""
    databases: dict[str, list[str] | Exception] = {"default": []}

    class Executor:
        loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list))

        def __init__(self, connection):
            self._missing = databases[connection.alias]

        def migration_plan(self, targets):
            if isinstance(self._missing, Exception):
                raise self._missing
            return [(name, False) for name in self._missing]

    class Connections:
        def __getitem__(self, alias):
            return SimpleNamespace(alias=alias, vendor="unknown" if alias not in databases else "postgresql")

    monkeypatch.setattr(schema, "MigrationExecutor", Executor)
    monkeypatch.setattr(schema, "connections", Connections())
    return databases


def config(**jobstores: dict[str, str]) -> SimpleNamespace:
    return SimpleNamespace(jobstores=jobstores)


ON_JOBS = {"type": "django", "using": "jobs"}


def test_with_all_migrations_applied_nothing_is_waited_for(unapplied):
    unapplied["jobs"] = []

    assert schema.unapplied(config(default={"type": "django"}, other=ON_JOBS)) is None


def test_the_first_missing_migration_is_named(unapplied):
    unapplied["default"] = ["shop.0007_prices", "shop.0008_taxes"]

    assert schema.unapplied(config(default={"type": "django"})) == "shop.0007_prices"


def test_the_database_of_a_job_store_counts_too(unapplied):
    unapplied["jobs"] = ["django_apscheduler_ng.0001_initial"]

    assert schema.unapplied(config(default=ON_JOBS)) == "django_apscheduler_ng.0001_initial"
    assert schema.unapplied(config(default={"type": "memory"})) is None


def test_a_default_database_that_is_not_set_up_does_not_count(unapplied):
    del unapplied["default"]
    unapplied["jobs"] = []

    assert schema.unapplied(config(default=ON_JOBS)) is None


def test_a_database_that_cannot_be_reached_is_waited_for(unapplied):
    unapplied["default"] = OperationalError("connection refused\n")

    assert schema.unapplied(config(default={"type": "django"})) == "the database cannot be reached: connection refused"
