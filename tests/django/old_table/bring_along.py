"""Imports the table that `write.py` made into this project's own, where APScheduler is installed and can be asked itself.

`python bring_along.py DATABASE`, with the checkout on the path; prints what `scheduler import-from` prints.
"""

import sys

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_apscheduler", "django_apscheduler_ng", "tests.project"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()

from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)
call_command("scheduler", "import-from", "django-apscheduler", skip_checks=True)
