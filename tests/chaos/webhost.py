"""A process that asks for things and performs none: `python -m tests.chaos.webhost NAME SECONDS EFFECTS`.

It prints how many jobs that run once it added and how many runs it asked for, and ends with 1 at the first error.
"""

from __future__ import annotations

import json
import sys
import time

import django


def main() -> None:
    """Add, change and remove jobs, a few times a second."""
    name, seconds, effects = sys.argv[1:]
    django.setup()
    from django_apscheduler_ng import get_scheduler
    from tests.project.jobs import append

    scheduler, until, counts = get_scheduler(), time.monotonic() + float(seconds), {"once": 0, "asked": 0}
    scheduler.add_job(append, "interval", [effects], id=f"{name}-asked", hours=1)
    while time.monotonic() < until:
        scheduler.add_job(append, args=[effects], id=f"{name}-once-{counts['once']}")
        counts["once"] += 1
        scheduler.add_job(append, "interval", [effects], id=f"{name}-brief", hours=1)
        scheduler.modify_job(f"{name}-brief", name=f"number {counts['once']}")
        scheduler.pause_job(f"{name}-brief")
        scheduler.resume_job(f"{name}-brief")
        scheduler.reschedule_job(f"{name}-brief", trigger="interval", minutes=7)
        scheduler.run_job(f"{name}-asked")
        counts["asked"] += 1
        assert any(job.id == f"{name}-brief" for job in scheduler.get_jobs())
        scheduler.remove_job(f"{name}-brief")
        time.sleep(0.2)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
