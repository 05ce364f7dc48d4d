"""Every snippet of the README and of the documentation is run."""

from pathlib import Path

import pytest

from .pages import CHECKOUT, all_pages, read_page
from .running import Reader, copy_project

pytestmark = pytest.mark.timeout(180)


#: The code of the Chinese guide is that of the English one, as `test_translation.py` shows.
PAGES = [path for path in all_pages() if read_page(path).snippets and path.parent.name != "zh-hans"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_the_snippets_of_a_page_do_what_it_says(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page = read_page(path)
    folder = tmp_path / "reader"
    if "project" in page.options:
        copy_project(request.getfixturevalue("fresh_project"), folder)
    else:
        folder.mkdir()

    Reader(page, folder).follow()
