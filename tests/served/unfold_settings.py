"""A deployed project with the theme django-unfold; `TEST_UNFOLD_CLASSES=yes` also gives our pages its `ModelAdmin`."""

import os

from tests import settings
from tests.policy import UNFOLD_POLICY
from tests.served.settings import *  # noqa: F403

INSTALLED_APPS = ["unfold", *settings.INSTALLED_APPS, "tests.served"]
if os.environ.get("TEST_UNFOLD_CLASSES"):
    INSTALLED_APPS += ["tests.served.unfold_classes"]
TEST_POLICY = UNFOLD_POLICY
