"""How the pictures are taken, and what of each page they show."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from tests.browser.sights import paths
from tests.shop import make_shop

from .chinese import translate_shop
from .past import add_week

if TYPE_CHECKING:
    from tests.browser.conftest import Pages

#: In pixels.
WIDTH, MARGIN, TALLEST = 1060, 12, 2200

THEMES = ("light", "dark")
LANGUAGES = {"en": "en", "zh": "zh-hans"}

#: The picture of the list of jobs with the head of the page, for the README.
LIST, LIST_SIZE = "admin-jobs", (1280, 860)
#: What is seen only after something was done, beside the pages that have an address.
BESIDES = ("conflict",)

#: Closes what is beside the page, so that the picture is the page.
_ALONE = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"
_BOX = """
const whole = document.querySelector('.apsng-narrow') || document.querySelector('.apsng') || document.querySelector('#content-main');
const box = whole.getBoundingClientRect();
const top = Math.min(box.top, ...[...document.querySelectorAll('#content > h1')].map(each => each.getBoundingClientRect().top));
const bottoms = [...document.querySelectorAll(arguments[0])].map(each => each.getBoundingClientRect().bottom);
return {x: box.x + scrollX, y: top + scrollY, width: box.width, bottom: Math.max(...bottoms) + scrollY};
"""
#: The last thing that the picture shows, where the page goes on with what other pictures show.
LAST = {
    **dict.fromkeys(("jobs", "jobs-filtered", "events", "nodes"), ".paginator"),
    "runs": "#result_list tbody tr:nth-child(16)",
    "add": ".apsng-editor-first > .apsng-card",
    "edit": ".apsng-editor-first > .apsng-card",
    "duplicate": ".apsng-editor-first > .apsng-card",
    "conflict": ".apsng-clash",
}
_EVERYTHING = "#content-main > *, .apsng > *, .apsng-narrow"


@dataclass(frozen=True, kw_only=True)
class Way:
    """In which theme and language pictures are taken."""

    theme: str
    language: str

    def file(self, directory: Path, name: str) -> Path:
        """Return the file of the picture of a page."""
        return directory / f"{name}-{self.theme}-{self.language}.webp"


WAYS = [Way(theme=theme, language=language) for language in LANGUAGES for theme in THEMES]


class Camera:
    """Takes pictures of the pages of the shop."""

    def __init__(self, pages: Pages, directory: Path) -> None:
        self.pages = pages
        self.directory = directory
        self.paths = paths(make_shop(add_week))
        self.paths |= {"conflict": self.paths["edit"], LIST: self.paths["jobs"]}

    def take_all(self, only: Collection[str]) -> None:
        """Write the pictures, of all pages or of those with these names, and tell how far it is."""
        names = [name for name in self.paths if name in (only or self.paths)]
        (self.directory / "tour").mkdir(parents=True, exist_ok=True)
        for way in WAYS:
            if way == WAYS[len(THEMES)]:
                translate_shop()
            self._face(way)
            for name in names:
                self._take(name, way)
            print(f"{way.theme}, {way.language}: {len(names)} pages", flush=True)

    def _face(self, way: Way) -> None:
        self.pages.driver.add_cookie({"name": "django_language", "value": LANGUAGES[way.language], "path": "/"})
        self.pages.driver.execute_script(_ALONE)

    def _take(self, name: str, way: Way) -> None:
        """Open a page, and write a picture of it."""
        dark = way.theme == "dark"
        self.pages.resize(WIDTH, 900, dark=dark)
        self.pages.open(self.paths[name])
        if name == "conflict":
            _clash(self.pages)
        if name != LIST:
            write_small(way.file(self.directory / "tour", name), photograph(self.pages, LAST.get(name, _EVERYTHING)))
        elif way.language == "en":
            self.pages.resize(*LIST_SIZE, dark=dark)
            path = self.directory / f"{name}{'-dark' * dark}.png"
            write_small(path, self.pages.driver.get_screenshot_as_png())


def photograph(pages: Pages, last: str) -> bytes:
    """Return a PNG of the content of the page, down to what the selector matches."""
    box = pages.driver.execute_script(_BOX, last)
    clip = {
        "x": box["x"] - MARGIN,
        "y": box["y"] - MARGIN,
        "width": box["width"] + 2 * MARGIN,
        "height": min(box["bottom"] - box["y"] + 2 * MARGIN, TALLEST),
        "scale": 1,
    }
    answer = pages.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
    )
    return base64.b64decode(answer["data"])


def write_small(path: Path, png: bytes) -> None:
    """Write the picture in the format that the file's name asks for, without loss."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    if path.suffix == ".webp":
        image.save(path, lossless=True, quality=75, method=4)
    else:
        image.quantize(256).save(path, optimize=True)


def _clash(pages: Pages) -> None:
    """Save a change to a job that somebody else has changed meanwhile."""
    (row,) = ScheduledJob.objects.filter(job_id="invoices.nightly").values()
    entries = set(JobLogEntry.objects.values_list("pk", flat=True))
    pages.driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    pages.fill("timeout", "600")
    get_scheduler().edit_job("invoices.nightly", timeout=300, queue="mails")
    JobLogEntry.objects.exclude(pk__in=entries).update(actor_name="li", at=SYSTEM_CLOCK.now() - timedelta(seconds=40))
    pages.follow(pages.find("[name=_save]").click)
    ScheduledJob.objects.filter(pk=row["id"]).update(**row)
    JobLogEntry.objects.exclude(pk__in=entries).delete()
