"""The pages registered anew, with the classes of django-unfold."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from django_apscheduler_ng.admin import EventAdmin, JobAdmin, NodeAdmin, RunAdmin
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode

for model in (ScheduledJob, JobRun, JobLogEntry, SchedulerNode):
    admin.site.unregister(model)


@admin.register(ScheduledJob)
class UnfoldJobAdmin(JobAdmin, ModelAdmin):
    pass


@admin.register(JobRun)
class UnfoldRunAdmin(RunAdmin, ModelAdmin):
    pass


@admin.register(JobLogEntry)
class UnfoldEventAdmin(EventAdmin, ModelAdmin):
    pass


@admin.register(SchedulerNode)
class UnfoldNodeAdmin(NodeAdmin, ModelAdmin):
    pass
