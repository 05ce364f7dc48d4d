"""How to test a project that uses the scheduler: jobs are functions, and saving a row is all it takes to plan one."""
# ruff: noqa: PT009, PT027 - plain Django tests, run by "manage.py test"

from datetime import timedelta
from unittest import mock
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from django.test import LiveServerTestCase, TestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.events import EVENT_JOB_ERROR, JobExecutionEvent
from django_apscheduler_ng.signals import job_error

from . import jobs
from .models import Maintenance, Measurement, Monitor


def job(monitor: Monitor, kind: str = "check") -> object:
    """Return the monitor's job, None if it has none."""
    return get_scheduler().get_job(monitor.job_id(kind))


class MonitorJobsTests(TestCase):
    """A monitor and its jobs are one thing."""

    def setUp(self) -> None:
        """Make a monitor."""
        self.monitor = Monitor.objects.create(name="Shop", url="/targets/fast/", schedule="30")

    def test_a_new_monitor_gets_its_jobs(self) -> None:
        """One to check, one to report."""
        self.assertEqual(job(self.monitor).trigger.describe(), "every 30 seconds")
        self.assertEqual(job(self.monitor).name, "Check Shop")
        self.assertEqual(list(job(self.monitor, "report").args), [self.monitor.pk])

    def test_another_schedule_reschedules_the_check(self) -> None:
        """A crontab line is read in the monitor's zone."""
        self.monitor.schedule, self.monitor.time_zone = "30 2 * * *", "Europe/Berlin"
        self.monitor.save()

        next_run_time = job(self.monitor).next_run_time.astimezone(ZoneInfo("Europe/Berlin"))
        self.assertEqual((next_run_time.hour, next_run_time.minute), (2, 30))

    def test_saving_without_a_change_leaves_the_jobs_alone(self) -> None:
        """So that an interval does not start anew."""
        before = job(self.monitor).next_run_time

        self.monitor.save()

        self.assertEqual(job(self.monitor).next_run_time, before)

    def test_switching_off_pauses_and_switching_on_resumes(self) -> None:
        """Only the check: reports go on."""
        self.monitor.active = False
        self.monitor.save()
        self.assertIsNone(job(self.monitor).next_run_time)
        self.assertIsNotNone(job(self.monitor, "report").next_run_time)

        self.monitor.active = True
        self.monitor.save()
        self.assertIsNotNone(job(self.monitor).next_run_time)

    def test_a_monitor_that_is_made_switched_off_is_not_checked(self) -> None:
        """Its job is there, paused."""
        monitor = Monitor.objects.create(name="Later", url="/targets/fast/", active=False)

        self.assertIsNone(job(monitor).next_run_time)

    def test_another_name_renames_the_jobs(self) -> None:
        """People look for the name."""
        self.monitor.name = "Store"
        self.monitor.save()

        self.assertEqual((job(self.monitor).name, job(self.monitor, "report").name), ("Check Store", "Report Store"))

    def test_deleting_monitors_in_bulk_removes_their_jobs(self) -> None:
        """As the admin's action does."""
        pk = self.monitor.pk
        now = timezone.now()
        window = Maintenance.objects.create(
            monitor=self.monitor, begins_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2)
        )

        Monitor.objects.all().delete()

        for job_id in (f"check-{pk}", f"report-{pk}", *window.dates()):
            self.assertIsNone(get_scheduler().get_job(job_id))

    def test_a_rollback_takes_the_jobs_along(self) -> None:
        """Both are there, or neither."""
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            monitor = Monitor.objects.create(name="Never", url="/targets/fast/")
            raise ZeroDivisionError

        self.assertIsNone(job(monitor))

    def test_the_admin_refuses_an_impossible_schedule_in_the_schedulers_words(self) -> None:
        """Nothing is saved."""
        self.client.force_login(User.objects.create_superuser("admin"))
        data = {"name": "Bad", "url": "/", "schedule": "75 * * * *", "time_zone": "UTC"}
        inline = {"maintenances-TOTAL_FORMS": 0, "maintenances-INITIAL_FORMS": 0}

        response = self.client.post(reverse("admin:status_monitor_add"), data | inline)

        self.assertContains(response, "must be within 0-59, got &#x27;75&#x27;")
        self.assertFalse(Monitor.objects.filter(name="Bad").exists())


class MaintenanceTests(TestCase):
    """A window is two dates."""

    def setUp(self) -> None:
        """Make a window of an hour."""
        self.monitor = Monitor.objects.create(name="Shop", url="/targets/fast/")
        self.begins_at = timezone.now().replace(microsecond=0) + timedelta(hours=1)
        window = {"begins_at": self.begins_at, "ends_at": self.begins_at + timedelta(hours=1)}
        self.window = Maintenance.objects.create(monitor=self.monitor, **window)

    def test_it_is_planned_for_its_dates(self) -> None:
        """And moves when it is saved with others."""
        begins, _ = self.window.dates()
        self.assertEqual(get_scheduler().get_job(begins).next_run_time, self.begins_at)

        self.window.begins_at += timedelta(minutes=5)
        self.window.save()
        self.assertEqual(get_scheduler().get_job(begins).next_run_time, self.begins_at + timedelta(minutes=5))

    def test_it_pauses_the_check_and_resumes_it(self) -> None:
        """The jobs of the two dates do that."""
        jobs.begin_maintenance(self.window.pk)
        self.assertIsNone(job(self.monitor).next_run_time)

        jobs.end_maintenance(self.window.pk)
        self.assertIsNotNone(job(self.monitor).next_run_time)

    def test_its_end_does_not_resume_what_was_switched_off(self) -> None:
        """People win."""
        jobs.begin_maintenance(self.window.pk)
        self.monitor.active = False
        self.monitor.save()

        jobs.end_maintenance(self.window.pk)

        self.assertIsNone(job(self.monitor).next_run_time)


class MeasuringTests(LiveServerTestCase):
    """Checks over real HTTP."""

    def test_what_a_check_finds_is_kept(self) -> None:
        """Good or bad."""
        found = {}
        with override_settings(SITE_URL=self.live_server_url):
            for url in ("/targets/fast/", "/targets/failing/", "http://127.0.0.1:1/"):
                monitor = Monitor.objects.create(name=url, url=url)
                jobs.check(monitor.pk)
                measurement = monitor.measurements.get()
                found[url] = (measurement.state, measurement.answer)

        self.assertEqual(found["/targets/fast/"], ("up", "200 OK"))
        self.assertEqual(found["/targets/failing/"], ("down", "503 Service Unavailable"))
        self.assertEqual(found["http://127.0.0.1:1/"][0], "down")
        self.assertIn("Connection refused", found["http://127.0.0.1:1/"][1])


class JobTests(TestCase):
    """Jobs are functions: call them."""

    def setUp(self) -> None:
        """Make a monitor with two measurements, one of them old."""
        self.monitor = Monitor.objects.create(name="Shop", url="/targets/fast/")
        for days, up, milliseconds in ((0, True, 20), (0, True, 40), (0, False, 5), (40, True, 1)):
            at = timezone.now() - timedelta(days=days)
            answer = "200 OK" if up else "503 <Service Unavailable>"
            self.monitor.measurements.create(at=at, up=up, milliseconds=milliseconds, answer=answer)

    def test_the_report_counts_a_day(self) -> None:
        """And goes to the operators."""
        jobs.report(self.monitor.pk)

        self.assertEqual([message.subject for message in mail.outbox], ["Shop: report of the last day"])
        self.assertEqual(mail.outbox[0].body, "2 of 3 checks found /targets/fast/ up.")

    def test_old_measurements_are_forgotten(self) -> None:
        """Those of the last month stay."""
        self.assertEqual(jobs.forget_measurements(30), "1 deleted")
        self.assertEqual(Measurement.objects.count(), 3)

    def test_the_statistics_are_of_good_answers(self) -> None:
        """The median, and nearly the slowest."""
        jobs.forget_measurements(30)

        jobs.statistics()

        self.monitor.refresh_from_db()
        self.assertEqual(self.monitor.median, 30)
        self.assertGreater(self.monitor.slowest, 20)

    def test_a_failed_run_is_mailed(self) -> None:
        """With its traceback."""
        error = JobExecutionEvent(
            EVENT_JOB_ERROR, "import", "default", timezone.now(), exception=ValueError("no"), traceback="Traceback …"
        )

        job_error.send(sender=None, event=error, job_id="import")

        self.assertEqual([message.subject for message in mail.outbox], ["Job import failed: no"])
        self.assertEqual(mail.outbox[0].body, "Traceback …")

    def test_the_pages_draw_a_bar_for_each_measurement(self) -> None:
        """Escaped, and without a word of inline style or script."""
        for url, bars in ((reverse("overview"), 4), (reverse("detail", args=[self.monitor.pk]), 4)):
            with self.subTest(url=url):
                html = self.client.get(url).content.decode()

                drawing = ElementTree.fromstring(
                    html[html.index('<svg class="sparkline') :].partition("</svg>")[0] + "</svg>"
                )
                self.assertEqual(len(drawing.findall("rect")), bars)
                self.assertIn("503 &lt;Service Unavailable&gt;", html)
                self.assertNotIn("style=", html)
                self.assertNotIn("<script", html)

    def test_an_empty_page_says_how_to_begin(self) -> None:
        """With a link."""
        Monitor.objects.all().delete()

        self.assertContains(self.client.get(reverse("overview")), reverse("admin:status_monitor_add"))

    def test_all_monitors_are_checked_at_once(self) -> None:
        """By the coroutine; switched off ones are left alone."""
        self.monitor.active = False
        self.monitor.save()
        with mock.patch.object(jobs, "measure") as measure:
            self.assertEqual(async_to_sync(jobs.check_all)(), "0 of 0 up")

        measure.assert_not_called()
