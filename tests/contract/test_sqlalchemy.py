import pytest

from django_apscheduler_ng.testing import JobStoreContract


class OnADatabase(JobStoreContract):
    def make_store(self):
        self.place.clean()
        return self.place.store()


class TestSQLAlchemyJobStoreOnSQLite(OnADatabase):
    @pytest.fixture(autouse=True)
    def _place(self, sqlite_place):
        self.place = sqlite_place


class TestSQLAlchemyJobStoreOnPostgreSQL(OnADatabase):
    @pytest.fixture(autouse=True)
    def _place(self, postgresql_place):
        self.place = postgresql_place


class TestSQLAlchemyJobStoreOnMariaDB(OnADatabase):
    @pytest.fixture(autouse=True)
    def _place(self, mariadb_place):
        self.place = mariadb_place
