import pytest

from django_apscheduler_ng.testing import JobStoreContract


class TestMongoDBJobStore(JobStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, mongodb_place):
        self.place = mongodb_place

    def make_store(self):
        self.place.clean()
        return self.place.store()
