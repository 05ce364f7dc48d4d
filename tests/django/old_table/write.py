"""Writes a real table of django-apscheduler, and the fire times that APScheduler itself computes; prints them as JSON.

Runs in an environment that has both: `python write.py DATABASE NOW`. The database is a SQLite file, NOW an ISO moment in
the future, so that no job is due.
"""

import base64
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from uuid import UUID

import django
from django.conf import settings

DATABASE, NOW = sys.argv[1], datetime.fromisoformat(sys.argv[2])
ZONE = "Europe/Berlin"

settings.configure(
    INSTALLED_APPS=["django_apscheduler"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()
logging.disable(logging.CRITICAL)

from apscheduler.schedulers.background import BackgroundScheduler  # noqa: E402
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger  # noqa: E402
from apscheduler.triggers.combining import AndTrigger, OrTrigger  # noqa: E402
from apscheduler.triggers.cron import CronTrigger  # noqa: E402
from apscheduler.triggers.date import DateTrigger  # noqa: E402
from apscheduler.triggers.interval import IntervalTrigger  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django_apscheduler.jobstores import DjangoJobStore  # noqa: E402

call_command("migrate", verbosity=0)

TRIGGERS = {
    "every-ten-seconds": CronTrigger(second="*/10", timezone=ZONE),
    "nightly": CronTrigger(hour=2, minute=30, timezone=ZONE),
    "crontab": CronTrigger.from_crontab("15 8-18/2 * * 1-5", timezone=ZONE),
    "positions": CronTrigger(day="2nd tue,last fri,last", hour="6,18", timezone=ZONE),
    "months": CronTrigger(month="jan-mar,oct", day_of_week="mon,thu-sat", hour="*/5", minute="5/20", timezone="UTC"),
    "weeks": CronTrigger(week="*/2", day_of_week="sun", hour=23, timezone="Asia/Tokyo"),
    "limited": CronTrigger(hour=4, start_date="2036-10-20", end_date="2036-10-30", timezone=ZONE),
    "hourly": IntervalTrigger(hours=1, start_date=NOW, timezone=ZONE),
    "quick": IntervalTrigger(seconds=7, start_date=NOW, timezone="UTC"),
    "daily": IntervalTrigger(days=1, start_date=NOW, timezone=ZONE),
    "jitter": CronTrigger(hour="*", jitter=30, timezone=ZONE),
    "once": DateTrigger(NOW + timedelta(days=30), timezone=ZONE),
    "monthly": CalendarIntervalTrigger(months=1, hour=2, minute=30, start_date="2036-01-31", timezone=ZONE),
    "any": OrTrigger([CronTrigger(hour=1, timezone=ZONE), CronTrigger(hour=13, day_of_week="fri", timezone=ZONE)]),
    "all": AndTrigger(
        [CronTrigger(hour="*/3", timezone=ZONE), CronTrigger(day_of_week="sat,sun", hour="*", timezone=ZONE)]
    ),
}
OPTIONS = {
    "nightly": {"args": [1, "zwei", (3, [4])], "kwargs": {"due": NOW, "price": Decimal("1.50"), "key": UUID(int=5)}},
    "hourly": {"max_instances": 4, "misfire_grace_time": 600, "coalesce": True, "name": "Every hour"},
    "quick": {"misfire_grace_time": None, "args": [b"\x00\xff", {1, 2}, NOW.date(), timedelta(hours=1)]},
}
FUNC = "tests.project.jobs:noop"


def work(*args, **kwargs):
    """Stand where the job's function was when it was added."""


def same(one, other):
    """Compare in UTC: within their own zone, both times of an autumn night are equal."""
    return one is not None and one.astimezone(UTC) == other.astimezone(UTC)


def chain(trigger):
    """Yield the fire times of a trigger as the old scheduler goes from one to the next."""
    moment = trigger.get_next_fire_time(None, NOW)
    while moment is not None:
        yield moment
        following = trigger.get_next_fire_time(moment, moment)
        moment = None if same(following, moment) else following


sys.path.insert(0, str(Path(DATABASE).parent))
for folder in ("tests", "tests/project"):
    path = Path(DATABASE).parent / folder
    path.mkdir(exist_ok=True)
    (path / "__init__.py").touch()
(Path(DATABASE).parent / "tests/project/jobs.py").write_text("def noop(*args, **kwargs):\n    pass\n")
for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
    del sys.modules[name]

scheduler = BackgroundScheduler(timezone=ZONE)
scheduler.add_jobstore(DjangoJobStore(), "default")
scheduler.start(paused=True)
for job_id, trigger in TRIGGERS.items():
    first = trigger.get_next_fire_time(None, NOW)
    scheduler.add_job(FUNC, trigger, id=job_id, next_run_time=first, **OPTIONS.get(job_id, {}))
scheduler.add_job(FUNC, "interval", hours=1, id="paused", start_date=NOW)
scheduler.pause_job("paused")
scheduler.shutdown()

with connection.cursor() as cursor:
    cursor.execute("SELECT id, next_run_time, job_state FROM django_apscheduler_djangojob ORDER BY id")
    rows = [
        [job_id, moment and str(moment), base64.b64encode(state).decode()]
        for job_id, moment, state in cursor.fetchall()
    ]
for trigger in TRIGGERS.values():
    if hasattr(trigger, "jitter"):
        trigger.jitter = None
times = {
    job_id: [moment.isoformat() for moment in islice(chain(trigger), 100)]
    for job_id, trigger in TRIGGERS.items()
    if not isinstance(trigger, AndTrigger)  # from one fire time to the next, its search does not end
}
print(json.dumps({"now": NOW.isoformat(), "rows": rows, "times": times}, indent=1))
