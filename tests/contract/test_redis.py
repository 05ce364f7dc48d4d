import pytest

from django_apscheduler_ng.testing import JobStoreContract


class TestRedisJobStore(JobStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, redis_place):
        self.place = redis_place

    def make_store(self):
        self.place.clean()
        return self.place.store()
