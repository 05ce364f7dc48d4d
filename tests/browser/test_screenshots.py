"""Every page with a small shop's data, by day and by night, wide and narrow. `SCREENSHOTS_DIR` keeps what was seen."""

import pytest

from django_apscheduler_ng.models import JobLogEntry, JobRun
from tests.shop import make_shop

SIZES = [
    pytest.param("wide", 1400, False, id="wide-light"),
    pytest.param("wide-dark", 1400, True, id="wide-dark"),
    pytest.param("narrow", 400, False, id="narrow-light"),
    pytest.param("narrow-dark", 400, True, id="narrow-dark"),
]


@pytest.mark.parametrize(("size", "width", "dark"), SIZES)
def test_no_page_is_wider_than_the_screen(pages, size, width, dark):
    shop = make_shop()
    invoices, rates = shop["invoices.nightly"].pk, shop["rates.import"].pk
    failed = JobRun.objects.get(status="failed").pk
    event = JobLogEntry.objects.get(action="rescheduled").pk
    paths = {
        "jobs": "scheduledjob/",
        "job": f"scheduledjob/{invoices}/change/",
        "job-broken": f"scheduledjob/{rates}/change/",
        "pause": f"scheduledjob/{invoices}/pause/",
        "remove": f"scheduledjob/{invoices}/remove/",
        "reschedule": f"scheduledjob/{invoices}/reschedule/",
        "runs": "jobrun/",
        "run": f"jobrun/{failed}/change/",
        "events": "joblogentry/",
        "event": f"joblogentry/{event}/change/",
        "nodes": "schedulernode/",
        "node": f"schedulernode/{'a' * 32}/change/",
    }
    too_wide = {}

    for name, path in paths.items():
        pages._resize(width, 900)
        pages.open(path)
        pages.shoot(f"{name}-{size}", width, 0, dark=dark)
        wide = pages.driver.execute_script("return document.documentElement.scrollWidth")
        if wide > width:
            too_wide[name] = wide

    assert too_wide == {}
