"""A logged-in browser, and screenshots of what it sees."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client


class Pages:
    """The admin of the live server in a browser, as a superuser sees it."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address

    def open(self, path=""):
        """Open a page below the app's part of the admin."""
        self.driver.get(f"{self.address}/admin/django_apscheduler_ng/{path}")

    def shoot(self, name, width=1400, height=800, *, dark=False):
        """Save a screenshot where `SCREENSHOTS_DIR` is set; a height of 0 takes the whole page."""
        if not (directory := os.environ.get("SCREENSHOTS_DIR")):
            return
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
        self._resize(width, height or 900)
        if not height:
            self._resize(width, self.driver.execute_script("return document.documentElement.scrollHeight"))
        Path(directory).mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(Path(directory, f"{name}.png")))

    def _resize(self, width, height):
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


@pytest.fixture
def pages(chromium, live_server, transactional_db):
    """The admin in a browser, logged in as a superuser called maria."""
    maria = get_user_model().objects.create_superuser("maria", "maria@example.com", "secret")
    client = Client()
    client.force_login(maria)
    address = live_server.url.replace("localhost", "127.0.0.1")
    chromium.get(f"{address}/admin/login/")
    chromium.add_cookie(
        {
            "name": "sessionid",
            "value": client.cookies["sessionid"].value,
            "domain": urlsplit(address).hostname,
            "path": "/",
        }
    )
    yield Pages(chromium, address)
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.delete_all_cookies()
    chromium.get("about:blank")
