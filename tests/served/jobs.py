"""Callables that can be chosen in the admin of the served projects."""

from django_apscheduler_ng.decorators import job
from tests.project import jobs

for func in (jobs.noop, jobs.echo, jobs.nap):
    job(func)
