"""Where the templates of the admin are, and that a project's own take their place."""

from copy import deepcopy
from pathlib import Path

import pytest
from django.test import override_settings

import django_apscheduler_ng
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of
from tests.shop import make_job

PACKAGE = Path(django_apscheduler_ng.__file__).parent


def folders_in(root):
    return {str(path.parent.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_no_template_can_take_the_place_of_one_of_django_or_of_another_app():
    folders = folders_in(PACKAGE / "templates")

    assert folders
    assert all(folder.removeprefix("admin/").split("/")[0] == "django_apscheduler_ng" for folder in folders)


def test_no_static_file_can_take_the_place_of_another():
    assert folders_in(PACKAGE / "static") == {"django_apscheduler_ng"}


@pytest.fixture
def project_template(settings, tmp_path):
    """Write a template of a project."""

    def write(name, text):
        path = tmp_path / "admin" / "django_apscheduler_ng" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [tmp_path]
    with override_settings(TEMPLATES=templates):
        yield write


@pytest.mark.parametrize(
    ("name", "block", "where"),
    [
        ("job.html", "page", "change"),
        ("job_action.html", "page", "pause"),
        ("job_form.html", "page", "edit"),
        ("change_list.html", "search", ""),
        ("app_index.html", "content", "app"),
    ],
)
def test_a_template_of_the_project_extends_ours(db, project_template, name, block, where):
    client = client_of("view_scheduledjob", "change_scheduledjob", "pause_scheduledjob")
    job = make_job("report", "Report", IntervalTrigger(hours=1), "tests.project.jobs:noop")
    own = "{% block BLOCK %}<p>Ask the team first.</p>{{ block.super }}{% endblock %}".replace("BLOCK", block)
    project_template(name, f'{{% extends "admin/django_apscheduler_ng/{name}" %}}{own}')

    page = {"": f"{PAGES}/scheduledjob/", "app": f"{PAGES}/"}.get(where) or address(job, where)
    shown = client.get(page).text

    assert "Ask the team first." in shown
    assert "Report" in shown or "Dashboard" in shown
