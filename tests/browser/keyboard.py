"""Hands on the keyboard alone. At each stop the focus has to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

    from .conftest import Pages

#: No page of the tests has more stops than these.
_MOST_STOPS = 120


class Keyboard:
    """Somebody who has no pointer."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self._focus = Path(__file__).with_name("focus.js").read_text()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.pages.driver).send_keys(*keys).perform()

    def tab(self, *, back: bool = False) -> WebElement:
        """Go on to the next stop, or back to the one before, and see that one sees it."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        if back:
            ActionChains(self.pages.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        else:
            self.press(Keys.TAB)
        if problem := self.pages.driver.execute_script(self._focus):
            pytest.fail(f"The focus on {self.name!r} of {self.pages.driver.current_url} is not seen: {problem}")
        return self.focused

    @property
    def focused(self) -> WebElement:
        """What has the focus."""
        return self.pages.driver.switch_to.active_element

    @property
    def name(self) -> str:
        """What a screen reader calls what has the focus."""
        return self.focused.accessible_name.strip().removesuffix(":")

    def tab_to(self, *names: str, back: bool = False) -> WebElement:
        """Go on until a stop of the page itself, beside the list of apps, has one of these names."""
        passed = []
        for _ in range(_MOST_STOPS):
            stop = self.tab(back=back)
            if not self._is_own(stop):
                continue
            passed.append(self.name)
            if passed[-1] in names:
                return stop
        return pytest.fail(f"None of {names} among {passed} of {self.pages.driver.current_url}.")

    def _is_own(self, stop: WebElement) -> bool:
        return bool(self.pages.driver.execute_script("return arguments[0].closest('#content') !== null", stop))

    def choose(self, *names: str) -> None:
        """Go on to a link or button and press it, and wait for the page that follows."""
        from selenium.webdriver.common.keys import Keys

        self.tab_to(*names)
        self.pages.follow(lambda: self.press(Keys.ENTER))

    def write(self, name: str, text: str) -> None:
        """Go on to a field and replace what it holds."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        self.tab_to(name)
        ActionChains(self.pages.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        self.press(Keys.DELETE, *text)

    def stops(self) -> Iterator[WebElement]:
        """Go through the page from its beginning to its end."""
        first = None
        for _ in range(_MOST_STOPS):
            stop = self.tab()
            if stop.tag_name == "body" or stop == first:
                return
            first = first or stop
            yield stop
