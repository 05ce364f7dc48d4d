"""The tour shows every page of the admin, in both themes and languages, and no picture is left over."""

import re

import pytest

from tests.browser.sights import paths
from tests.shop import make_shop
from tests.tour.pictures import BESIDES, WAYS

from .pages import CHECKOUT

PICTURES = CHECKOUT / "docs" / "_static" / "tour"
PAGES = {"en": CHECKOUT / "docs" / "guide" / "tour.md", "zh": CHECKOUT / "docs" / "zh-hans" / "tour.md"}


@pytest.fixture
def names(db):
    return {*paths(make_shop()), *BESIDES}


@pytest.mark.parametrize("language", PAGES)
def test_the_tour_shows_every_page_once(names, language):
    shown = re.findall(rf"!\[[^]]+\]\(\.\./_static/tour/(\S+)-light-{language}\.webp\)", PAGES[language].read_text())

    assert sorted(shown) == sorted(names)


def test_there_is_a_picture_of_every_page_in_each_theme_and_language_and_no_other(names):
    expected = {way.file(PICTURES, name) for way in WAYS for name in names}

    assert set(PICTURES.iterdir()) == expected


def test_the_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 6_000_000
