"""The pages of the scheduler in Django's admin.

Other sites register the same classes: `site.register(ScheduledJob, JobAdmin)`. Pages read the database and ask the scheduler's API;
they never run a job.
"""

from __future__ import annotations

from django.contrib import admin

from ..models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from .events import EventAdmin
from .jobs import JobAdmin
from .nodes import NodeAdmin
from .runs import RunAdmin

__all__ = ["EventAdmin", "JobAdmin", "NodeAdmin", "RunAdmin"]

admin.site.register(ScheduledJob, JobAdmin)
admin.site.register(JobRun, RunAdmin)
admin.site.register(JobLogEntry, EventAdmin)
admin.site.register(SchedulerNode, NodeAdmin)
