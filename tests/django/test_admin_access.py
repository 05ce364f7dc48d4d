"""Rights on all jobs and on single ones: what a person sees of jobs, runs and events, and what buttons there are."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng.access import by_permission, permits, visible_jobs
from django_apscheduler_ng.exceptions import CallableReferenceError
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, choose, client_of, told
from tests.django.edit_kit import ADD, filled
from tests.shop import make_event, make_job, make_node, make_run

RIGHTS = ("view", "add", "change", "delete", "run", "pause")
#: Who has which right on which job, as (name of the user, right, id of the job).
GRANTED: set[tuple[str, str, str]] = set()


class Backend:
    """Rights on single jobs, from a set."""

    def authenticate(self, request, **credentials):
        """Know nobody."""

    def has_perm(self, user, permission, obj=None):
        """Look it up."""
        job_id = getattr(obj, "job_id", None)
        return (user.username, permission.removeprefix("django_apscheduler_ng."), job_id) in GRANTED


def of_the_owner(user, jobs):
    """Those whose id begins with the name of the user: asked of the database."""
    return jobs.filter(job_id__startswith=user.username)


@pytest.fixture
def single(settings):
    """Rights on single jobs are asked for, and decide what is seen."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", f"{__name__}.Backend"]
    settings.APSCHEDULER = {"visible_jobs": "django_apscheduler_ng.access:by_permission"}
    GRANTED.clear()
    yield GRANTED
    GRANTED.clear()


def grant(job, *rights, name="ada"):
    GRANTED.update((name, f"{right}_scheduledjob", job.job_id) for right in rights)


@pytest.fixture
def jobs(db):
    """Two jobs, `ada.mail` and `secret.pay`, each with runs of every kind and events."""
    make_node(declares='["secret.pay"]')
    found = {}
    for job_id in ("ada.mail", "secret.pay"):
        found[job_id] = job = make_job(
            job_id, f"Name of {job_id}", IntervalTrigger(minutes=5), executor=f"pool.{job_id}", queue=f"queue.{job_id}"
        )
        texts = dict.fromkeys(("log", "result", "args", "kwargs"), f'["text of {job_id}"]')
        make_run(job, 60, **texts)
        make_run(job, 50, RunStatus.FAILED, exception_type=f"Error.of.{job_id}", **texts)
        make_run(job, 30, RunStatus.RUNNING, finished_at=None, **texts)
        make_event(
            job, "modified", 5, before='{"priority": "low"}', after='{"priority": "high"}', reason=f"why {job_id}"
        )
        make_event(job, "removed", 5, before='{"trigger": "{}", "name": "x"}', after="{}")
    return found


# -- each right alone -------------------------------------------------------------------------------------------------

#: Each page of a job with the rights that open it, besides that to view jobs.
NEEDED = {
    "change": set(),
    "revisions": {"view_joblogentry"},
    "edit": {"change_scheduledjob"},
    "reschedule": {"change_scheduledjob"},
    "revert": {"change_scheduledjob", "view_joblogentry"},
    "run": {"run_scheduledjob"},
    "pause": {"pause_scheduledjob"},
    "resume": {"pause_scheduledjob"},
    "repoint": {"change_scheduledjob"},
    "remove": {"delete_scheduledjob"},
    "delete": {"delete_scheduledjob"},
    "history": set(),
}
EVERY_RIGHT = (*(f"{right}_scheduledjob" for right in RIGHTS[1:]), "view_jobrun", "cancel_jobrun", "view_joblogentry")
ACTIONS = {
    "pause_selected": "pause_scheduledjob",
    "resume_selected": "pause_scheduledjob",
    "run_selected": "run_scheduledjob",
    "delete_selected": "delete_scheduledjob",
}
RUN_ACTIONS = {"cancel_selected": "cancel_jobrun", "retry_selected": "run_scheduledjob"}


def where(job, page):
    entry = JobLogEntry.objects.filter(job_key=job.pk, action="modified").first()
    return f"{address(job, page)}{entry.pk}/" if page == "revert" else address(job, page)


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (ScheduledJob, JobRun, JobLogEntry, LogEntry)]


@pytest.mark.parametrize("right", [None, *EVERY_RIGHT])
def test_each_right_alone_opens_its_pages_and_no_others(db, jobs, right):
    job = jobs["ada.mail"]
    has = {right} - {None}
    client = client_of("view_scheduledjob", *has)

    opened = {page for page in NEEDED if client.get(where(job, page)).status_code == 200}

    assert opened == {page for page, needed in NEEDED.items() if needed <= has}
    assert (client.get(ADD).status_code == 200) == (right == "add_scheduledjob")


@pytest.mark.parametrize("right", [None, *EVERY_RIGHT])
def test_what_a_page_offers_is_what_may_be_opened(db, jobs, right):
    job = jobs["ada.mail"]
    client = client_of("view_scheduledjob", "view_jobrun", *({right} - {None, "view_jobrun"}))
    run = JobRun.objects.filter(job_key=job.pk, status=RunStatus.RUNNING).get()
    pages = [
        address(job),
        f"{PAGES}/jobrun/{run.pk}/change/",
        f"{PAGES}/scheduledjob/",
        f"{PAGES}/scheduledjob/dashboard/",
    ]
    shown = "".join(client.get(page).content.decode() for page in pages)

    offered = set(re.findall(r'(?:href|action)="(/admin/django_apscheduler_ng/[^"#]+)"', shown))

    assert {link for link in offered if client.get(link).status_code in (403, 404)} == set()
    for page, needed in NEEDED.items():
        if len(needed) == 1 and page not in ("resume", "repoint", "delete"):
            assert (address(job, page) in offered) == (needed == {right}), page


@pytest.mark.parametrize("right", [None, *EVERY_RIGHT])
def test_each_right_alone_allows_its_actions_and_no_others(db, jobs, right):
    job = jobs["ada.mail"]
    ScheduledJob.objects.update(paused=True, next_run_time=None)
    runs = list(JobRun.objects.filter(job_key=job.pk))
    has = {right} - {None}
    client = client_of("view_scheduledjob", "view_jobrun", *(has - {"view_jobrun"}))
    offered = {
        name
        for model in ("scheduledjob", "jobrun")
        for name in re.findall(r'<option value="(\w+_selected)"', client.get(f"{PAGES}/{model}/").content.decode())
    }

    assert offered == {action for action, needed in {**ACTIONS, **RUN_ACTIONS}.items() if needed in has}
    for action, model in {**dict.fromkeys(ACTIONS, "scheduledjob"), **dict.fromkeys(RUN_ACTIONS, "jobrun")}.items():
        if action not in offered:
            before = everything()
            keys = [job.pk] if model == "scheduledjob" else [run.pk for run in runs]
            data = {"action": action, "_selected_action": keys, "confirmed": "yes", "reason": "r", "index": "0"}
            client.post(f"{PAGES}/{model}/", data)
            assert everything() == before, action


@pytest.mark.parametrize("extra", ["_fragment", "_preview", "_type"])
@pytest.mark.parametrize("page", ["edit", "reschedule", "add"])
def test_previews_need_the_right_as_well(db, jobs, registered, page, extra):
    target = ADD if page == "add" else address(jobs["ada.mail"], page)
    client = client_of(*({f"{right}_scheduledjob" for right in RIGHTS} - {"change_scheduledjob", "add_scheduledjob"}))

    response = client.post(target, {extra: "1", "type": "interval", "interval-hours": "1", "hours": "1"})

    assert response.status_code == 403


@pytest.mark.parametrize("model", ["scheduledjob", "jobrun", "joblogentry", "schedulernode"])
def test_an_address_with_a_nul_is_refused_before_a_database_is(db, jobs, admin_client, model):
    assert admin_client.get(f"{PAGES}/{model}/?executor=%00").status_code == 400
    assert admin_client.get(f"{PAGES}/{model}/a_00/change/", follow=True).status_code == 200


# -- single jobs ------------------------------------------------------------------------------------------------------

HISTORY = ("view_jobrun", "view_joblogentry", "view_schedulernode")


def hidden_in(client, job, *more):
    """Open every page that a person can reach or guess; returns those that say anything of the job."""
    keys = {model: model.objects.filter(job_key=job.pk).values_list("pk", flat=True) for model in (JobRun, JobLogEntry)}
    pages = [f"{PAGES}/", "/admin/", f"{PAGES}/scheduledjob/dashboard/", ADD, f"{ADD}?like={job.pk}"]
    pages += [f"{PAGES}/{model}/" for model in ("scheduledjob", "jobrun", "joblogentry", "schedulernode")]
    pages += [f"{PAGES}/{model}/?job={job.pk}" for model in ("jobrun", "joblogentry")]
    pages += [f"{PAGES}/jobrun/?exception=Error.of.{job.job_id}&q=ada", f"{PAGES}/scheduledjob/?q=pay"]
    pages += [where(job, page) for page in NEEDED]
    pages += [f"{PAGES}/schedulernode/{'a' * 32}/change/"]
    for key in keys[JobRun]:
        pages += [f"{PAGES}/jobrun/{key}/{page}/" for page in ("change", "cancel", "retry", "history")]
    for key in keys[JobLogEntry]:
        pages += [f"{PAGES}/joblogentry/{key}/{page}/" for page in ("change", "history")]
        pages += [f"{ADD}?event={key}"]
    words = [
        job.name,
        f"text of {job.job_id}",
        f"why {job.job_id}",
        f"pool.{job.job_id}",
        f"queue.{job.job_id}",
        job.job_id,
    ]
    found = []
    for page in [*pages, *more]:
        response = client.get(page, follow=True)
        assert response.status_code < 500, page
        text = response.content.decode()
        found += [(page, word) for word in words if word in text.replace(f"Error.of.{job.job_id}", "")]
    return found


def test_nothing_of_a_job_that_one_may_not_see_is_shown_anywhere(single, jobs, registered):
    grant(jobs["ada.mail"], *RIGHTS)
    client = client_of(*HISTORY, "add_scheduledjob", "run_scheduledjob", "pause_scheduledjob", "cancel_jobrun")

    assert hidden_in(client, jobs["secret.pay"]) == []
    assert hidden_in(client, jobs["ada.mail"])


def test_what_one_may_see_is_shown_on_every_page(single, jobs):
    job = jobs["ada.mail"]
    grant(job, "view")
    client = client_of(*HISTORY)
    run = JobRun.objects.filter(job_key=job.pk).first()

    for page in ("scheduledjob/", "jobrun/", "joblogentry/", "scheduledjob/dashboard/", f"jobrun/{run.pk}/change/"):
        response = client.get(f"{PAGES}/{page}")
        assert response.status_code == 200
        assert job.name in response.content.decode(), page


@pytest.mark.parametrize("right", ["view", "change", "delete", "run", "pause"])
def test_a_right_on_one_job_opens_the_pages_of_this_job_only(single, jobs, right):
    mine, other = jobs["ada.mail"], jobs["secret.pay"]
    grant(mine, "view", right)
    client = client_of("view_joblogentry")

    opened = {page for page in NEEDED if client.get(where(mine, page)).status_code == 200}

    assert opened == {
        page for page, needed in NEEDED.items() if needed <= {f"{right}_scheduledjob", "view_joblogentry"}
    }
    assert all(client.get(where(other, page)).status_code in (302, 403) for page in NEEDED)
    before = everything()
    for page in NEEDED:
        client.post(where(other, page), {"reason": "r", "type": "interval", "hours": "2", "timezone": "UTC"})
    assert everything() == before


def test_the_right_to_view_all_and_one_to_pause_a_single_job(single, jobs):
    mine, other = jobs["ada.mail"], jobs["secret.pay"]
    grant(mine, "pause")
    client = client_of("view_scheduledjob")

    assert address(mine, "pause") in client.get(address(mine)).content.decode()
    assert address(other, "pause") not in client.get(address(other)).content.decode()
    assert client.post(address(other, "pause"), {}).status_code == 403
    done = choose(client, "pause_selected", mine, other, confirmed="yes", reason="r")

    assert told(done) == ["1 job is paused.", "You may not do this with 1 job."]
    assert list(ScheduledJob.objects.filter(paused=True)) == [mine]


def test_the_right_to_cancel_the_runs_of_one_job(single, jobs):
    mine, other = jobs["ada.mail"], jobs["secret.pay"]
    GRANTED.add(("ada", "cancel_jobrun", mine.job_id))
    client = client_of("view_scheduledjob", "view_jobrun")
    runs = {job.pk: JobRun.objects.get(job_key=job.pk, status=RunStatus.RUNNING) for job in (mine, other)}

    assert client.get(f"{PAGES}/jobrun/{runs[other.pk].pk}/cancel/").status_code == 403
    assert client.get(f"{PAGES}/jobrun/{runs[mine.pk].pk}/cancel/").status_code == 200
    data = {
        "action": "cancel_selected",
        "_selected_action": [run.pk for run in runs.values()],
        "confirmed": "yes",
        "index": "0",
    }
    done = client.post(f"{PAGES}/jobrun/", data)

    assert told(done) == ["The end of 1 run is asked for.", "You may not do this with 1 run."]
    assert [run.pk for run in JobRun.objects.filter(cancel_requested_at__isnull=False)] == [runs[mine.pk].pk]


def test_a_single_job_is_edited(single, jobs, registered):
    mine = jobs["ada.mail"]
    grant(mine, "change")
    client = client_of()
    given = filled(client.get(address(mine, "edit")))

    response = client.post(address(mine, "edit"), {**given, "timeout": "7"})

    assert response.status_code == 302
    assert ScheduledJob.objects.get(pk=mine.pk).timeout == 7


def test_an_own_function_says_what_is_seen(settings, jobs):
    settings.APSCHEDULER = {"visible_jobs": f"{__name__}:of_the_owner"}
    client = client_of(*HISTORY)

    assert hidden_in(client, jobs["secret.pay"]) == []
    assert jobs["ada.mail"].name in client.get(f"{PAGES}/scheduledjob/").content.decode()
    assert client.get(address(jobs["ada.mail"], "pause")).status_code == 403


def test_nothing_is_told_of_a_job_that_was_removed_and_could_not_be_seen(single, jobs):
    grant(jobs["ada.mail"], "view")
    client = client_of(*HISTORY)
    key = jobs["secret.pay"].pk
    jobs["secret.pay"].delete()

    response = client.get(f"{PAGES}/scheduledjob/{key}/change/", follow=True)

    assert f"There is no job with the key “{key}”." in response.content.decode()
    assert "secret" not in response.content.decode()
    assert "x” is not there" not in response.content.decode()


def test_a_list_of_some_jobs_asks_the_database_a_few_times(single, jobs, django_assert_max_num_queries):
    for number in range(20):
        grant(make_job(f"ada.{number}", f"Ada {number}", IntervalTrigger(minutes=5)), *RIGHTS)
    client = client_of()

    with django_assert_max_num_queries(20):
        assert client.get(f"{PAGES}/scheduledjob/").status_code == 200


def test_who_sees_no_job_at_all_has_no_pages_of_jobs(single, jobs):
    client = client_of()

    assert client.get(f"{PAGES}/scheduledjob/").status_code == 403
    assert client.get(f"{PAGES}/scheduledjob/dashboard/").status_code == 403
    assert client.get(address(jobs["ada.mail"])).status_code == 403


def test_without_the_setting_rights_on_single_jobs_show_nothing(single, settings, jobs):
    settings.APSCHEDULER = {}
    grant(jobs["ada.mail"], *RIGHTS)

    assert client_of().get(address(jobs["ada.mail"])).status_code == 403


def test_a_function_that_is_not_there_is_an_error_and_shows_nothing(settings, jobs):
    settings.APSCHEDULER = {"visible_jobs": "tests.nowhere:seen"}

    with pytest.raises(CallableReferenceError):
        client_of().get(f"{PAGES}/scheduledjob/")


def test_rights_in_code(single, jobs, django_user_model):
    ada = django_user_model.objects.create_user("ada")
    grant(jobs["ada.mail"], "change")

    assert permits(ada, "change_scheduledjob", jobs["ada.mail"])
    assert not permits(ada, "change_scheduledjob", jobs["secret.pay"])
    assert not permits(ada, "change_scheduledjob")
    assert list(by_permission(ada, ScheduledJob.objects.all())) == [jobs["ada.mail"]]
    assert list(visible_jobs(ada, "default")) == [jobs["ada.mail"]]
    assert visible_jobs(django_user_model.objects.create_superuser("root"), "default") is None
