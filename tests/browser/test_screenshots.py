"""Every page with a small shop's data, by day and by night, wide and narrow. `SCREENSHOTS_DIR` keeps what was seen."""

import pytest

from django_apscheduler_ng.models import JobLogEntry, JobRun, SchedulerNode
from tests.shop import make_shop

SIZES = [
    pytest.param("wide", 1400, False, id="wide-light"),
    pytest.param("wide-dark", 1600, True, id="wide-dark"),
    pytest.param("narrow", 400, False, id="narrow-light"),
    pytest.param("narrow-dark", 360, True, id="narrow-dark"),
    pytest.param("tablet", 800, False, id="tablet"),
    pytest.param("laptop", 1280, False, id="laptop"),
]

#: Whether a list is wider than its place, so that one has to scroll to see its last columns.
_CUT = "return [...document.querySelectorAll('#changelist .results')].some(each => each.scrollWidth > each.clientWidth)"


def paths(shop):
    """The pages worth a look, by name."""
    invoices, rates, sessions = (shop[name].pk for name in ("invoices.nightly", "rates.import", "cleanup.sessions"))
    failed = JobRun.objects.filter(status="failed").latest("due_at").pk
    running = JobRun.objects.filter(status="running").latest("pk").pk
    summary = JobRun.objects.filter(status="coalesced").latest("due_at").pk
    rescheduled = JobLogEntry.objects.get(action="rescheduled")
    return {
        "app": "",
        "dashboard": "scheduledjob/dashboard/",
        "jobs": "scheduledjob/",
        "jobs-filtered": "scheduledjob/?state=paused",
        "job": f"scheduledjob/{invoices}/change/",
        "job-broken": f"scheduledjob/{rates}/change/",
        "job-paused": f"scheduledjob/{sessions}/change/",
        "pause": f"scheduledjob/{invoices}/pause/",
        "remove": f"scheduledjob/{invoices}/remove/",
        "reschedule": f"scheduledjob/{invoices}/reschedule/",
        "add": "scheduledjob/add/",
        "edit": f"scheduledjob/{invoices}/edit/",
        "duplicate": f"scheduledjob/add/?like={invoices}",
        "run-now": f"scheduledjob/{invoices}/run/",
        "resume": f"scheduledjob/{sessions}/resume/",
        "revisions": f"scheduledjob/{rescheduled.job_key}/revisions/",
        "revert": f"scheduledjob/{rescheduled.job_key}/revert/{rescheduled.pk}/",
        "runs": "jobrun/",
        "run": f"jobrun/{failed}/change/",
        "run-live": f"jobrun/{JobRun.objects.get(status='running', progress_done__gt=0).pk}/change/",
        "run-running": f"jobrun/{running}/change/",
        "run-cancel": f"jobrun/{running}/cancel/",
        "run-retry": f"jobrun/{failed}/retry/",
        "run-summary": f"jobrun/{summary}/change/",
        "events": "joblogentry/",
        "event": f"joblogentry/{rescheduled.pk}/change/",
        "nodes": "schedulernode/",
        "node": f"schedulernode/{SchedulerNode.objects.get(host='worker-1').pk}/change/",
    }


@pytest.mark.parametrize(("size", "width", "dark"), SIZES)
def test_no_page_is_wider_than_the_screen_or_breaks_the_policy(pages, size, width, dark):
    failed, too_wide, cut = [], {}, []

    for name, path in paths(make_shop()).items():
        pages.resize(width, 900, dark=dark)
        pages.open(path)
        if "Server Error" in pages.driver.page_source:
            failed.append(name)
        wide = pages.driver.execute_script("return document.documentElement.scrollWidth")
        if wide > width:
            too_wide[name] = wide
        if pages.driver.execute_script(_CUT):
            cut.append(name)
        pages.shoot_whole(f"{name}-{size}", width, dark=dark)

    assert failed == []
    assert cut == []
    assert too_wide == {}
    assert pages.complaints == {}


@pytest.mark.parametrize("width", [360, 1400])
def test_no_page_is_wider_than_the_screen_from_right_to_left(pages, width):
    too_wide = {}
    pages.driver.add_cookie({"name": "django_language", "value": "ar", "path": "/"})

    for name, path in paths(make_shop()).items():
        pages.resize(width, 900)
        pages.open(path)
        assert pages.find("html").get_attribute("dir") == "rtl"
        wide = pages.driver.execute_script("return document.documentElement.scrollWidth")
        if wide > width:
            too_wide[name] = wide
        pages.shoot_whole(f"{name}-rtl-{width}", width, dark=False)

    assert too_wide == {}
