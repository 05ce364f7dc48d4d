"""What the people who run the shop do."""

from django_apscheduler_ng.decorators import job


@job
def maintain() -> None:
    """Close the shop for a while."""
