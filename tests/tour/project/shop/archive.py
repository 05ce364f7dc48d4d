"""What is kept for years."""

from django_apscheduler_ng.decorators import job


@job
def write() -> None:
    """Write the orders of a month to the archive."""
