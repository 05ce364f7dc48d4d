"""What the tests of the admin's pages share."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client

PAGES = "/admin/django_apscheduler_ng"


def address(job, page="change"):
    return f"{PAGES}/scheduledjob/{job.pk}/{page}/"


def client_of(*permissions, name="ada"):
    """A client logged in as a member of the staff with these permissions, and no others."""
    user = get_user_model().objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


def told(response):
    """The messages that a response brings, as plain texts."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def choose(client, action, *jobs, **data):
    """Post an action for the selected jobs."""
    return client.post(
        f"{PAGES}/scheduledjob/", {"action": action, "_selected_action": [job.pk for job in jobs], "index": "0", **data}
    )
