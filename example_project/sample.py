"""Fills the status page for the demo: monitors to look at, and a user who may see the admin."""

import os
import sys
from datetime import timedelta

import django

#: Name, URL, schedule, time zone.
MONITORS = (
    ("Home page", "/targets/fast/", "5", "UTC"),
    ("Search", "/targets/slow/", "10", "Europe/Berlin"),
    ("Payment", "/targets/flaky/", "10", "America/New_York"),
    ("Old shop", "/targets/failing/", "15", "Australia/Lord_Howe"),
    ("Office hours", "/targets/fast/?office", "*/5 8-17 * * mon-fri", "Europe/Berlin"),
    ("Newsletter", "/targets/fast/?newsletter", "* * * * *", "Asia/Shanghai"),
)


def main() -> None:
    """Make the monitors unless there are any, and let the user "admin" in with the password of the first argument."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from django.contrib.auth.models import User
    from django.utils import timezone
    from status.models import Maintenance, Monitor

    if not Monitor.objects.exists():
        for name, url, schedule, time_zone in MONITORS:
            monitor = Monitor.objects.create(name=name, url=url, schedule=schedule, time_zone=time_zone)
        begins_at = timezone.now() + timedelta(minutes=1)
        Maintenance.objects.create(monitor=monitor, begins_at=begins_at, ends_at=begins_at + timedelta(minutes=2))
    user, _ = User.objects.get_or_create(username="admin", is_staff=True, is_superuser=True)
    if not user.check_password(sys.argv[1]):  # a new hash would end the session of who is logged in
        user.set_password(sys.argv[1])
        user.save()


if __name__ == "__main__":
    main()
