"""What a node declares that was deployed later; chosen with the setting `autodiscover`."""

from django_apscheduler_ng.decorators import scheduled_job

from .jobs import noop

scheduled_job("interval", hours=1, id="stays")(noop)
scheduled_job("interval", hours=2, id="comes")(noop)
