"""A browser on the admin of the live server, and screenshots of what it sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

PATIENCE = 10  # seconds until a test gives up waiting for the browser

#: Notes what the policy of `tests.policy` forbade, and errors of scripts.
_WATCH = """
window.complaints = [];
document.addEventListener('securitypolicyviolation', event => window.complaints.push(event.violatedDirective + ' ' + event.blockedURI));
window.addEventListener('error', event => window.complaints.push(event.message));
"""


def _is_gone(element: WebElement) -> bool:
    """Return whether the page of an element was left; while that happens, Chromium finds other words for it than afterwards."""
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException

    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        if "does not belong to the document" not in str(error):
            raise
        return True
    return False


class Pages:
    """The admin of the live server in a browser."""

    def __init__(self, driver: Chrome, address: str) -> None:
        self.driver = driver
        self.address = address
        #: What the browser complained about, by path.
        self.complaints: dict[str, list[str]] = {}

    def open(self, path: str = "") -> None:
        """Open a page below the app's part of the admin."""
        self.driver.get(f"{self.address}/admin/django_apscheduler_ng/{path}")
        self.look()

    def log_in(self) -> None:
        """Make a superuser called maria, and let her in."""
        client = Client()
        client.force_login(get_user_model().objects.create_superuser("maria", "maria@example.com", "secret"))
        self.driver.get(f"{self.address}/admin/login/")
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "path": "/"}
        self.driver.add_cookie({**cookie, "domain": urlsplit(self.address).hostname})

    def look(self) -> None:
        """Note the complaints about the page that is open."""
        if found := self.driver.execute_script("return window.complaints"):
            self.complaints[urlsplit(self.driver.current_url).path] = found

    @property
    def text(self) -> str:
        """What a person reads."""
        return str(self.driver.find_element("tag name", "body").text)

    def find(self, selector: str) -> WebElement:
        """Return the only element that the CSS selector matches."""
        (element,) = self.driver.find_elements("css selector", selector)
        return element

    def press(self, label: str) -> None:
        """Press the button or link with this label, and wait for the page that follows."""
        labelled = f"//main//*[self::a or self::button or self::input][normalize-space()='{label}' or @value='{label}']"
        (element,) = self.driver.find_elements("xpath", labelled)
        self.follow(element.click)

    def follow(self, click: Callable[[], Any]) -> None:
        """Do what leads to another page, and wait for it."""
        from selenium.webdriver.support.wait import WebDriverWait

        old = self.driver.find_element("tag name", "html")
        click()
        WebDriverWait(self.driver, PATIENCE).until(lambda _driver: _is_gone(old))
        self.look()

    def wait_for(self, text: str, selector: str = "[data-apsng-proposal]") -> None:
        """Wait until what the selector matches says so; capital letters do not count."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.wait import WebDriverWait

        try:
            WebDriverWait(self.driver, PATIENCE).until(lambda _driver: text.lower() in self.find(selector).text.lower())
        except TimeoutException:
            pytest.fail(f"{text!r} is not in {self.find(selector).text!r}.")

    def fill(self, name: str, text: str) -> None:
        """Replace what a field of a form holds."""
        field = self.find(f"main [name='{name}']")
        field.clear()
        field.send_keys(text)

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Change the size of the window and the time of day."""
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def shoot(self, name: str) -> None:
        """Save a screenshot of the window where `SCREENSHOTS_DIR` is set."""
        if directory := os.environ.get("SCREENSHOTS_DIR"):
            Path(directory).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(directory, f"{name}.png")))

    def shoot_whole(self, name: str, width: int, *, dark: bool) -> None:
        """Save a screenshot of the whole page where `SCREENSHOTS_DIR` is set."""
        if "SCREENSHOTS_DIR" in os.environ:
            height = self.driver.execute_script("return document.documentElement.scrollHeight")
            self.resize(width, max(700, height), dark=dark)
            self.shoot(name)


@pytest.fixture
def stranger(chromium: Chrome, live_server: Any, transactional_db: None) -> Iterator[Pages]:
    """The admin in a browser in which nobody is logged in."""
    watching = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    yield Pages(chromium, live_server.url.replace("localhost", "127.0.0.1"))
    chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watching)
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.delete_all_cookies()
    chromium.get("about:blank")


@pytest.fixture
def pages(stranger: Pages) -> Pages:
    """The admin in a browser, as a superuser called maria sees it."""
    stranger.log_in()
    return stranger
