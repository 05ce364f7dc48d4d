"""Newsletters."""

from django_apscheduler_ng.decorators import job


@job
def send(edition: int, test: bool = False) -> int:
    """Send an edition to all who subscribed."""
    return edition
