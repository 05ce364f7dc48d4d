"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchedulerConfig(AppConfig):
    """Registers the checks and discovers the declared jobs; runs no query, starts no thread, opens no file."""

    name = "django_apscheduler_ng"
    verbose_name = _("Scheduler")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Set the default zone and the language of triggers, register checks, discover jobs."""
        from django.utils import translation

        from . import checks, declarations
        from .conf import get_config
        from .triggers.wording import set_catalogue
        from .triggers.zones import set_default_zone

        set_default_zone(lambda: get_config().timezone)
        set_catalogue(translation)
        checks.register()
        declarations.discover()
