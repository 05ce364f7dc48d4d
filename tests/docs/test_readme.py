"""What the README promises."""

import re
from pathlib import Path

import pytest

from django_apscheduler_ng.testing import ManualScheduler

from .pages import CHECKOUT, all_pages, read_page
from .running import Reader, copy_project

README = CHECKOUT / "README.md"
FOLD = README.read_text().partition("\n## ")[0]


def test_the_part_above_the_fold_has_at_most_30_lines() -> None:
    assert len(FOLD.rstrip().splitlines()) <= 30


def test_the_part_above_the_fold_says_what_it_is_what_it_guarantees_and_what_it_supports() -> None:
    assert "Cron for Django that survives restarts, deploys and a second server; no broker." in FOLD
    assert (
        "Every fire time while a job is active is accounted for exactly once, by its own row or inside one summary row; "
        "its body starts at most once, unless the job asks for at least once." in FOLD
    )
    assert "Python 3.11–3.13, Django 5.2–6.1; SQLite, PostgreSQL, MariaDB ≥ 10.6." in FOLD
    assert "An independent implementation, not affiliated with APScheduler." in FOLD


def test_the_four_steps_lead_to_a_running_scheduler(fresh_project: Path, tmp_path: Path) -> None:
    folder = copy_project(fresh_project, tmp_path / "reader")
    settings = folder / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('"django_apscheduler_ng", ', ""))
    (folder / "db.sqlite3").unlink()
    page = read_page(README)
    reader = Reader(page, folder)
    install, installed_apps, migrate, start = re.findall(r"(?m)^\d\. (.*)$", FOLD)
    app = re.findall(r"`(.+?)`", installed_apps)[0].strip('"')

    reader.command(re.findall(r"`(.+?)`", install)[0])
    settings.write_text(f'{settings.read_text()}\nINSTALLED_APPS += ["{app}"]\n')
    reader.command(migrate.strip("`"))
    reader.perform(page.snippets[0])
    reader.command(re.findall(r"`(.+?)`", start)[-1])
    reader.stop_servers()

    assert len(page.snippets[0].text.splitlines()) == 6
    assert reader.command("python manage.py runscheduler --plan").splitlines() == [
        "Job store 'default': 1 job(s) declared in code, 0 would change.",
        "  = shop.jobs.send_reminders  unchanged",
    ]


@pytest.mark.django_db
def test_history_is_kept_when_its_job_goes() -> None:
    from django_apscheduler_ng.models import JobLogEntry, JobRun

    scheduler = ManualScheduler(jobstores={"default": {"type": "django"}})
    scheduler.start()
    scheduler.add_job("tests.project.jobs:echo", "interval", minutes=1, args=["done"], id="goes")
    scheduler.travel(60)

    scheduler.remove_job("goes")

    scheduler.shutdown()
    assert [(run.job_id, run.status, run.result) for run in JobRun.objects.all()] == [("goes", "succeeded", '"done"')]
    assert list(JobLogEntry.objects.values_list("action", flat=True)) == ["added", "removed"]


def test_each_claim_about_this_project_names_a_test_that_exists() -> None:
    rows = [line for line in FOLD.splitlines() if line.startswith("| ")][2:]

    for row in rows:
        (file, name), *_ = re.findall(r"<!-- (tests/\S+?)::(\S+) -->", row)
        assert f"def {name}(" in (CHECKOUT / file).read_text(), row


@pytest.mark.parametrize("path", all_pages(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_to_files_lead_somewhere(path: Path) -> None:
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())

    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    missing = [link for link in links if link and not (path.parent / link).exists()]
    assert missing == []


def test_the_changelog_has_a_part_for_what_is_not_released() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text()

    assert "\n## [Unreleased]\n" in changelog
    assert set(re.findall(r"(?m)^### (.*)$", changelog)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
