"""Transactions of the scheduler's own."""

import pytest
from django.db import connection, connections

from django_apscheduler_ng.connections import transaction_of_its_own

LEVELS = {
    "postgresql": ("SHOW transaction_isolation", "read committed"),
    "mysql": (
        "SELECT trx_isolation_level FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = connection_id()",
        "READ COMMITTED",
    ),
}

pytestmark = pytest.mark.skipif(connection.vendor not in LEVELS, reason="SQLite has one isolation level")


@pytest.fixture
def stricter(transactional_db):
    """Let the project have chosen a stricter isolation level."""
    wrapper = connections["default"]
    before = dict(wrapper.settings_dict["OPTIONS"])
    chosen = "repeatable read"
    if wrapper.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        chosen = IsolationLevel.REPEATABLE_READ
    wrapper.settings_dict["OPTIONS"] = {**before, "isolation_level": chosen}
    wrapper.close()
    wrapper.ensure_connection()
    yield wrapper
    wrapper.settings_dict["OPTIONS"] = before
    wrapper.close()
    wrapper.ensure_connection()


def level(wrapper) -> str:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_apscheduler_ng_jobrun")
        cursor.execute(LEVELS[wrapper.vendor][0])
        return cursor.fetchone()[0]


def test_they_are_read_committed_whatever_the_project_chose(stricter):
    with transaction_of_its_own("default"):
        first = level(stricter)
    with transaction_of_its_own("default"):
        second = level(stricter)

    assert (first, second) == (LEVELS[stricter.vendor][1],) * 2


def test_the_default_costs_nothing_but_begin_and_commit(transactional_db, django_assert_num_queries):
    with django_assert_num_queries(2), transaction_of_its_own("default"):
        pass
