"""Places for the job stores that have nothing to do with Django's database."""

import os

import pytest

from tests.places import open_place

#: They are tested once, and not once more for each database of Django.
ELSEWHERE = ["test_mongodb.py", "test_redis.py", "test_sqlalchemy.py"]
collect_ignore = [] if os.environ.get("TEST_DATABASE", "sqlite") == "sqlite" else ELSEWHERE


def _make_fixture(kind):
    @pytest.fixture(scope="module", name=f"{kind}_place")
    def place(tmp_path_factory):
        with open_place(kind, tmp_path_factory.mktemp(kind)) as opened:
            yield opened

    return place


sqlite_place = _make_fixture("sqlite")
postgresql_place = _make_fixture("postgresql")
mariadb_place = _make_fixture("mariadb")
mongodb_place = _make_fixture("mongodb")
redis_place = _make_fixture("redis")
