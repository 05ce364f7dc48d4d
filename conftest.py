"""Gives the tests the fixtures that this project ships, as any other project gets them."""

pytest_plugins = ["django_apscheduler_ng.testing.fixtures"]
