"""All pages and actions in the theme django-unfold, in a real browser under the policy that the theme needs."""

import pytest

from tests import services
from tests.browser.serving import collect, served
from tests.browser.test_screenshots import paths
from tests.conftest import require
from tests.shop import make_shop

SETTINGS = "tests.served.unfold_settings"


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    require(services.UNFOLD)
    return collect(tmp_path_factory.mktemp("unfold"), SETTINGS)


@pytest.fixture(params=["", "yes"], ids=["as-it-is", "with-its-classes"])
def site_address(request, tmp_path, static, transactional_db):
    with served(tmp_path, SETTINGS, static, {"TEST_UNFOLD_CLASSES": request.param}) as address:
        yield address


def is_wider(pages, width):
    return pages.driver.execute_script("return document.documentElement.scrollWidth") > width


def test_every_page_is_whole_by_day_and_by_night_wide_and_narrow(pages, request):
    broken, too_wide = {}, []
    shoot = request.node.callspec.id
    for name, path in paths(make_shop()).items():
        pages.resize(1600, 900)
        pages.open(path)
        for width, dark in ((1600, False), (360, False), (360, True), (1600, True)):
            pages.resize(width, 900, dark=dark)
            pages.driver.execute_script("document.documentElement.className = arguments[0]", "dark" if dark else "light")
            if is_wider(pages, width):
                too_wide.append(f"{name} {width}")
            pages.shoot_whole(f"{name}-{width}-{'dark' if dark else 'light'}-{shoot}", width, dark=dark)
        broken |= {url: status for url, status in pages.answers().items() if status >= 400 or status == 0}

    assert broken == {}
    assert too_wide == []
    assert pages.complaints == {}
