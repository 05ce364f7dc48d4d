"""Exchange rates."""

from django_apscheduler_ng.decorators import job


@job
def fetch_all() -> None:
    """Fetch the rates of the day: it was called fetch() once, and a job still says so."""
