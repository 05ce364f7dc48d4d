"""Every page with a small shop's data, by day and by night, wide and narrow. `SCREENSHOTS_DIR` keeps what was seen."""

import pytest

from .accessibility import axe, cut, too_faint
from .sights import tour

#: Name, width and whether it is night; 640 pixels are left of 1280 when everything is twice as large.
SIZES = (
    ("wide-light", 1400, False),
    ("wide-dark", 1600, True),
    ("narrow-light", 640, False),
    ("narrow-dark", 360, True),
    ("tablet", 800, False),
    ("laptop", 1280, False),
)
#: Sizes at which the rules of axe-core are tried, which takes longer than everything else.
RULED = ("wide-light", "narrow-dark")


def told(broken):
    """One line for each finding, with the pages on which it is."""
    pages = {}
    for name, found in broken.items():
        for each in found:
            pages.setdefault(each, []).append(name)
    return "\n".join(f"{each} [{', '.join(names)}]" for each, names in pages.items())


@pytest.mark.timeout(300)
def test_every_page_is_fit_for_everybody_at_every_size(pages):
    broken = {}

    for name in tour(pages):
        for size, width, dark in SIZES:
            pages.resize(width, 900, dark=dark)
            found = [*too_faint(pages.driver), *cut(pages.driver)]
            if size in RULED:
                found += axe(pages.driver)
            if found:
                broken[f"{name}-{size}"] = found
            pages.shoot_whole(f"{name}-{size}", width, dark=dark)

    assert not broken, told(broken)
    assert pages.complaints == {}


@pytest.mark.timeout(300)
def test_every_page_is_fit_for_everybody_in_chinese(pages):
    broken = {}
    pages.driver.add_cookie({"name": "django_language", "value": "zh-hans", "path": "/"})

    for name in tour(pages):
        pages.resize(1400, 900, dark=True)
        found = [*too_faint(pages.driver), *axe(pages.driver, without=["color-contrast"])]
        pages.resize(360, 900)
        found += [*too_faint(pages.driver), *cut(pages.driver)]
        if found:
            broken[name] = found

    assert not broken, told(broken)
    assert pages.complaints == {}


@pytest.mark.timeout(300)
def test_no_page_is_cut_from_right_to_left(pages):
    broken = {}
    pages.driver.add_cookie({"name": "django_language", "value": "ar", "path": "/"})

    for name in tour(pages):
        assert pages.find("html").get_attribute("dir") == "rtl"
        for width in (360, 1600):
            pages.resize(width, 900)
            if found := cut(pages.driver):
                broken[f"{name}-{width}"] = found
            pages.shoot_whole(f"{name}-rtl-{width}", width, dark=False)

    assert not broken, told(broken)
