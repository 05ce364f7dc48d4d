"""Monitors and their maintenance windows in the admin; the jobs have pages of their own there."""

from django.contrib import admin

from .models import Maintenance, Monitor


class MaintenanceInline(admin.TabularInline):
    """The windows below their monitor."""

    model = Maintenance
    extra = 0


@admin.register(Monitor)
class MonitorAdmin(admin.ModelAdmin):
    """What to check, and when."""

    list_display = ["name", "url", "schedule", "time_zone", "active"]
    list_editable = ["active"]
    inlines = [MaintenanceInline]
