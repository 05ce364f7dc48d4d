import pytest

from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.testing import JobStoreContract


@pytest.mark.django_db
class TestDjangoJobStore(JobStoreContract):
    def make_store(self):
        return DjangoJobStore()
