"""An admin site that takes the place of Django's own everywhere."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class OfficeSite(AdminSite):
    site_header = "The office"


class OfficeConfig(AdminConfig):
    default_site = "tests.served.sites.OfficeSite"
