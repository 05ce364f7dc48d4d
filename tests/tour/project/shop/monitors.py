"""Is everything there?"""

from django_apscheduler_ng.decorators import job


@job
def check(url: str) -> dict[str, str]:
    """Ask a page for an answer, and note how long it took."""
    return {"url": url}
