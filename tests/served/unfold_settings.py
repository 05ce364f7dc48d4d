"""A deployed project with the theme django-unfold; `TEST_UNFOLD_CLASSES=yes` also gives our pages its `ModelAdmin`."""

import os

from tests.served.settings import *  # noqa: F403
from tests.served.settings import INSTALLED_APPS

INSTALLED_APPS = ["unfold", *INSTALLED_APPS]
if os.environ.get("TEST_UNFOLD_CLASSES"):
    INSTALLED_APPS += ["tests.served.unfold_classes"]
#: What the theme needs: Alpine evaluates attributes as scripts, and both write styles into the page.
TEST_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
