"""A process that writes to the database in a loop, as a busy web process does: `python -m tests.chaos.writer SECONDS`.

It prints how many transactions it committed, and ends with 1 at the first error.
"""

from __future__ import annotations

import sys
import time

import django


def main() -> None:
    """Write, read and delete without a pause."""
    django.setup()
    from django.db import transaction

    from tests.project.models import Mark

    until, count = time.monotonic() + float(sys.argv[1]), 0
    while time.monotonic() < until:
        with transaction.atomic():
            made = Mark.objects.create(job_id="written", text=f"number {count}", pid=0)
            Mark.objects.filter(pk__lt=made.pk - 100, job_id="written").delete()
        count += 1
    print(count)


if __name__ == "__main__":
    main()
