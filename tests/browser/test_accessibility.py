"""What people need who see no colours, who want nothing to move, or who hear the page."""

import pytest

from django_apscheduler_ng.models import JobRun
from tests.shop import make_shop

from .accessibility import too_faint
from .sights import paths

BORDER = "return parseFloat(getComputedStyle(arguments[0]).borderTopWidth)"
LINE = "return getComputedStyle(arguments[0]).textDecorationLine"


@pytest.fixture
def there(pages):
    """The addresses of a small shop's pages."""
    yield paths(make_shop())
    assert pages.complaints == {}


def style(pages, script, selector):
    return pages.driver.execute_script(script, pages.driver.find_element("css selector", selector))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_with_the_colours_of_the_person_lines_say_what_colours_said(pages, there, dark):
    pages.resize(1400, 900, dark=dark, forced_colors="active")

    pages.open(there["jobs-filtered"])
    chosen, other = ".apsng-filter-on summary", ".apsng-filter:not(.apsng-filter-on) summary"
    assert style(pages, BORDER, chosen) > style(pages, BORDER, other)
    assert style(pages, BORDER, "#result_list .apsng-badge") >= 1
    pages.open(there["edit"])
    assert style(pages, BORDER, ".apsng-kinds input:checked + label") > style(
        pages, BORDER, ".apsng-kinds input + label"
    )
    pages.open(there["event"])
    assert style(pages, LINE, ".apsng-diff del") == "line-through"
    assert style(pages, LINE, ".apsng-diff ins") == "underline"
    pages.resize(360, 900, dark=dark, forced_colors="active")
    for name in ("jobs", "dashboard", "job", "nodes"):
        pages.open(there[name])
        assert too_faint(pages.driver) == []


def test_the_outcomes_on_a_timeline_differ_in_height_as_those_of_the_legend_do(pages, there):
    pages.open(there["dashboard"])
    measure = "return [...document.querySelectorAll(arguments[0])].map(each => each.getBoundingClientRect().height)"

    def heights(place):
        classes = ("apsng-fill-ok", "apsng-fill-busy", "apsng-fill-bad")
        return [pages.driver.execute_script(measure, f"{place} .{each}") for each in classes]

    succeeded, running, failed = heights(".apsng-timeline")
    assert set(succeeded) == {8.0}
    assert set(running) == {14.0}
    assert set(failed) == {22.0}
    (succeeded,), (running,), (failed,) = heights(".apsng-legend")
    assert succeeded < running < failed


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        pytest.param("event", ["Before", "After"], id="a-change"),
        pytest.param("revert", ["Now", "Then"], id="what-is-set-back"),
        pytest.param("job", ["Late", "Took"], id="runs"),
        pytest.param("dashboard", ["For", "Executor"], id="running-now"),
    ],
)
def test_where_a_table_has_no_room_for_its_head_the_cells_say_what_they_are(pages, there, name, labels):
    pages.resize(360, 900)
    pages.open(there[name])

    shown = {each.text for each in pages.driver.find_elements("css selector", ".apsng-table .apsng-cell-label")}

    assert set(labels) <= shown


def test_nothing_moves_where_the_person_does_not_want_it(pages, there):
    run = JobRun.objects.get(status="running", progress_done__gt=0)
    JobRun.objects.filter(pk=run.pk).update(progress_total=None)
    pages.resize(1400, 900)
    pages.open(there["run-live"])
    assert pages.find(".apsng-progress").is_displayed()

    pages.resize(1400, 900, prefers_reduced_motion="reduce")

    assert not pages.find(".apsng-progress").is_displayed()
    assert "1850 · counting orders of March" in pages.find(".apsng-run-progress").text


def test_what_a_tooltip_says_of_an_executor_is_read_on_the_page_of_its_node(pages, there):
    pages.open(there["nodes"])
    assert pages.find(f"#result_list tr:has([href*='{'a' * 32}']) .apsng-load[title=ProcessPoolExecutor]")

    pages.open(there["node"])

    assert "ProcessPoolExecutor" in pages.find(".apsng-loads").text


def test_a_preview_that_does_not_come_is_told(pages, there):
    pages.open(there["reschedule"])
    pages.driver.execute_script("window.fetch = () => Promise.reject(new TypeError('gone'))")

    pages.fill("minute", "45")

    pages.wait_for("The preview could not be fetched.", "main [role=status][data-apsng-stale]")


@pytest.mark.parametrize("name", ["add-errors", "edit-clash", "reschedule-errors", "run-now-errors", "pause-errors"])
def test_after_a_mistake_the_focus_is_where_it_is_told(pages, name):
    from .sights import sights

    sight = next(sight for sight in sights(make_shop()) if sight.name == name)
    pages.open(sight.path)
    sight.steps(pages)

    focused = pages.driver.switch_to.active_element
    assert focused.get_attribute("role") == "alert"
    assert focused.text
