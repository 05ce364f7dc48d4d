"""Where test jobs leave their traces."""

from django.db import models


class Mark(models.Model):
    """One side effect of one run: counting these shows how often a body really started."""

    job_id = models.CharField(max_length=191)
    fire_time = models.DateTimeField(null=True)
    text = models.CharField(max_length=100, blank=True)
    pid = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.job_id} at {self.fire_time}"
