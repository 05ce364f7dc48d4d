"""A browser on the admin of the live server, and screenshots of what it sees."""

from __future__ import annotations

import json
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
        self._complaints: dict[str, list[str]] = {}
        self._asked: dict[str, int] = {}

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
            self._complaints[urlsplit(self.driver.current_url).path] = found

    @property
    def complaints(self) -> dict[str, list[str]]:
        """What the browser complained about, by path."""
        self.look()
        return self._complaints

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
        labelled = f"//*[@id='content']//*[self::a or self::button or self::input][normalize-space()='{label}' or @value='{label}']"
        (element,) = self.driver.find_elements("xpath", labelled)
        self.follow(element.click)

    def follow(self, click: Callable[[], Any]) -> None:
        """Do what leads to another page, and wait for it."""
        from selenium.webdriver.support.wait import WebDriverWait

        self.look()  # at what was done on the page that is left
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
        field = self.find(f"#content [name='{name}']")
        field.clear()
        field.send_keys(text)

    def answers(self) -> dict[str, int]:
        """Return what was asked of the network so far, with the status of the worst answer; 0 where none has come."""
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            params = event.get("params", {})
            if event["method"] == "Network.requestWillBeSent":
                self._asked.setdefault(params["request"]["url"], 0)
                self._note(params.get("redirectResponse"))
            elif event["method"] == "Network.responseReceived":
                self._note(params["response"])
        own_icon = f"{self.address}/favicon.ico"  # the browser asks for it by itself
        return {url: status for url, status in self._asked.items() if url.startswith("http") and url != own_icon}

    def _note(self, answer: dict[str, Any] | None) -> None:
        if answer is not None:
            self._asked[answer["url"]] = max(answer["status"], self._asked.get(answer["url"], 0))

    def refused(self) -> dict[str, int]:
        """Return what was asked for and answered with an error."""
        return {url: status for url, status in self.answers().items() if status >= 400}

    def strangers(self) -> list[str]:
        """Return what was asked of other hosts."""
        return [url for url in self.answers() if not url.startswith(self.address)]

    def resize(self, width: int, height: int, *, dark: bool = False, **wishes: str) -> None:
        """Change the size of the window, the time of day, and what else the person wishes (`forced_colors="active"`)."""
        wished = {"prefers-color-scheme": "dark" if dark else "light", **wishes}
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in wished.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        # colours of Django's links change over time
        fading = "document.getAnimations().filter(each => each instanceof CSSTransition)"
        self.driver.execute_script(f"{fading}.forEach(each => each.finish())")

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
def site_address(live_server: Any) -> str:
    """Where the admin is; modules that test another project have a fixture of this name."""
    return str(live_server.url.replace("localhost", "127.0.0.1"))


@pytest.fixture
def stranger(chromium: Chrome, site_address: str, transactional_db: None) -> Iterator[Pages]:
    """The admin in a browser in which nobody is logged in."""
    watching = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    pages = Pages(chromium, site_address)
    yield pages
    chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watching)
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.delete_all_cookies()
    chromium.get("about:blank")
    assert pages.strangers() == []


@pytest.fixture
def pages(stranger: Pages) -> Pages:
    """The admin in a browser, as a superuser called maria sees it."""
    stranger.log_in()
    return stranger
