"""The app's configuration."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """An app with callables for test jobs and a table for their side effects."""

    name = "tests.project"
    label = "project"
    default_auto_field = "django.db.models.BigAutoField"
