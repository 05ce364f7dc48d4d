"""A project as it is deployed: hashed names of static files, no `DEBUG`, and a default admin site of its own."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

DEBUG = False
ADMIN = "tests.served.sites.OfficeConfig"
INSTALLED_APPS = [ADMIN if name == "django.contrib.admin" else name for name in (*INSTALLED_APPS, "tests.served")]
STATIC_URL = "/static/"
STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
MIDDLEWARE = [
    "tests.policy.strict_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tests.served.freshness.forget_content_types",
    *MIDDLEWARE[1:],
]
