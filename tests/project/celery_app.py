"""A Celery app for workers and nodes that a test starts; broker and queue come from the environment."""

import json
import os

from celery import Celery

app = Celery("tests")
app.conf.update(json.loads(os.environ.get("TEST_CELERY", "{}")))
app.autodiscover_tasks()
