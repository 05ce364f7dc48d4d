"""Figures."""

from django_apscheduler_ng.decorators import job


@job
def crunch() -> None:
    """Add up what was sold."""
