"""A project as it is deployed: hashed names of static files, none that is not in the manifest, and no `DEBUG`."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

DEBUG = False
INSTALLED_APPS = [*INSTALLED_APPS, "tests.served"]
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
