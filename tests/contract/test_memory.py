from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.testing import JobStoreContract


class TestMemoryJobStore(JobStoreContract):
    def make_store(self):
        return MemoryJobStore()
