"""Simplified Chinese: a complete catalogue, and pages, triggers, dates and numbers in it."""

import gettext
import html
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.contrib.auth import get_user_model
from django.template.defaultfilters import date as date_filter
from django.test import Client
from django.utils import translation

import django_apscheduler_ng
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.reasons import _SENTENCES, reason_words
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from django_apscheduler_ng.triggers.unreadable import UnreadableTrigger
from django_apscheduler_ng.words import clock_words, distance_words, span_words
from tests.conftest import CHECKOUT, require
from tests.django.admin_kit import PAGES
from tests.services import XGETTEXT
from tests.shop import make_shop

PACKAGE = Path(django_apscheduler_ng.__file__).parent
MESSAGES = Path("locale/zh_Hans/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}|%[a-z]")
CHINESE = re.compile("[\u4e00-\u9fff]")
#: Messages that are nothing but signs and placeholders, and names that are the same in every language.
SAME = {"API", "Id", "id", "0-59.", "1-53."}


def catalogue(file=PACKAGE / MESSAGES):
    with file.open("rb") as opened:
        return [message for message in read_po(opened, abort_invalid=True) if message.id]


def forms(text):
    """The texts of a message or of its translation: a plural has several."""
    return list(text) if isinstance(text, list | tuple) else [text]


def key(message):
    return message.context, tuple(forms(message.id))


@pytest.fixture
def chinese():
    with translation.override("zh-hans"):
        yield


@pytest.fixture
def client(db):
    make_shop()
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    with translation.override("zh-hans"):  # a request leaves its language behind in the thread
        yield client


# -- the catalogue --------------------------------------------------------------------------------------------------------


def test_every_message_is_translated_and_none_is_fuzzy():
    lacking = [message.id for message in catalogue() if message.fuzzy or not all(forms(message.string))]

    assert len(catalogue()) > 700
    assert lacking == []


def test_every_translation_is_chinese():
    left = [
        message.id
        for message in catalogue()
        if re.search("[A-Za-z]{2}", PLACEHOLDER.sub("", forms(message.string)[0]))
        and not CHINESE.search(forms(message.string)[0])
    ]

    assert set(left) <= SAME


def test_the_placeholders_are_the_same_on_both_sides():
    for message in catalogue():
        # the last form is that of the plural, which has all of them
        meant = sorted(PLACEHOLDER.findall(forms(message.id)[-1]))
        assert [sorted(PLACEHOLDER.findall(text)) for text in forms(message.string)] == [meant], message.id


def test_there_is_one_plural_form():
    plural = [message for message in catalogue() if isinstance(message.id, tuple)]

    assert plural
    assert {len(forms(message.string)) for message in plural} == {1}


def test_the_compiled_catalogue_says_what_the_source_says():
    with (PACKAGE / MESSAGES.with_suffix(".mo")).open("rb") as compiled:
        found = gettext.GNUTranslations(compiled)

    for message in catalogue():
        ids, context = forms(message.id), message.context
        text = found.pgettext(context, ids[0]) if context else found.gettext(ids[0])
        if len(ids) > 1:
            text = found.ngettext(*ids, 5)
        assert [text] == forms(message.string)
    singular = {(message.context, forms(message.id)[0]) for message in catalogue()}
    assert len(found._catalog) - 1 == len(singular)  # one is the header


def test_the_catalogue_has_the_messages_of_the_source_and_no_others(tmp_path):
    require(XGETTEXT)
    ours = {key(message) for message in catalogue()}
    package = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "zh_Hans", "--verbosity", "0"]

    subprocess.run(command, cwd=package, env=environment, check=True, timeout=100)

    assert {key(message) for message in catalogue(package / MESSAGES)} == ours


def test_reasons_that_are_translated_are_those_that_are_stored():
    """A template is made of words that stand in the source as they are stored, or of `%(name)s` for the rest."""
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "reasons.py"]
    source = "".join(path.read_text("utf-8") for path in files)
    pieces = [
        piece.strip(" ,.:")
        for sentence in _SENTENCES
        for piece in re.split(r"%\(\w+\)s|\b(?:its node|its worker|an earlier fire time|and run|, and)\b", sentence)
    ]

    assert [piece for piece in pieces if piece not in source] == []


# -- triggers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (IntervalTrigger(minutes=1), "每分钟"),
        (IntervalTrigger(minutes=90), "每 1 小时 30 分钟"),
        (IntervalTrigger(seconds=0.5), "每 0.5 秒"),
        (
            IntervalTrigger(minutes=5, start_date="2026-01-01 09:00", end_date="2026-02-01", timezone="Asia/Shanghai"),
            "每 5 分钟，从 2026-01-01 09:00 起，到 2026-02-01 00:00 为止（Asia/Shanghai）",
        ),
        (CalendarIntervalTrigger(months=2, hour=9), "每 2 个月的 09:00"),
        (DateTrigger("2026-12-24 18:00", "UTC"), "在 2026-12-24 18:00 运行一次（UTC）"),
        (UnreadableTrigger(text="cron", problem="it is no JSON"), "无法读取"),
        (CronTrigger(hour=3, minute=30), "每天 03:30"),
        (CronTrigger(hour="8,18"), "每天 08:00、18:00"),
        (CronTrigger(hour=9, day_of_week="mon-fri"), "星期一到星期五 09:00"),
        (CronTrigger(day="2nd tue,last fri", hour=9), "每月 第 2 个星期二、最后一个星期五 09:00"),
        (CronTrigger(day="last"), "每月 最后一天 00:00"),
        (CronTrigger(day=13, day_of_week="fri,sun"), "每月 13 日（且为星期五或星期日） 00:00"),
        (IntervalTrigger(hours=2, jitter=30), "每 2 小时，最多推迟 30 秒"),
        (CronTrigger(month=6), "六月 1 日 00:00"),
        (CronTrigger(year=2030), "2030 年 一月 1 日 00:00"),
        (CronTrigger(week="*/2"), "每 2 个 ISO 周 每天 00:00"),
        (CronTrigger(minute="*/7"), "每小时内每 7 分钟"),
        (CronTrigger(minute="*/15", hour="9-17", day_of_week="mon-fri"), "星期一到星期五 09:00 到 17:59 每 15 分钟"),
        (CronTrigger(hour="9-17", minute="*/5", second=30), "每天 09:00 到 17:59 每 5 分钟 第 30 秒"),
        (CronTrigger.from_crontab("5,10,15 9-17 * * *"), "每天 9 到 17 时第 5、10、15 分"),
        (CronTrigger.from_crontab("0 0 1,15 * 3"), "每月 1、15 日或星期三 00:00"),
    ],
)
@pytest.mark.usefixtures("chinese")
def test_a_trigger_describes_itself_in_chinese(trigger, words):
    assert trigger.describe() == words


@pytest.mark.usefixtures("chinese")
def test_combined_triggers_describe_themselves_in_chinese():
    both = OrTrigger([CronTrigger(hour=3), CronTrigger(hour=9, day_of_week="sun")])

    assert both.describe() == "满足任意一个：每天 03:00；星期日 09:00"
    assert AndTrigger([both, CronTrigger(month=6)]).describe() == (
        "同时满足：(满足任意一个：每天 03:00；星期日 09:00)；六月 1 日 00:00"
    )


def test_the_language_is_that_of_the_moment():
    trigger = CronTrigger(hour=3)

    with translation.override("zh-hans"):
        assert trigger.describe() == "每天 03:00"
    with translation.override("en"):
        assert trigger.describe() == "at 03:00 every day"


# -- dates, numbers, reasons ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.34, "340 毫秒"), (1.25, "1.2 秒"), (184, "3 分 4 秒"), (7500, "2 小时 5 分")]
)
@pytest.mark.usefixtures("chinese")
def test_durations_are_told_in_chinese(seconds, words):
    assert span_words(timedelta(seconds=seconds)).replace("\xa0", " ") == words


def test_a_fraction_is_written_as_the_reader_does():
    with translation.override("de"):
        assert span_words(timedelta(seconds=2.5)).replace("\xa0", " ") == "2,5 s"


@pytest.mark.usefixtures("chinese")
def test_moments_are_told_in_chinese():
    moment = datetime(2026, 11, 24, 3, tzinfo=UTC)

    assert clock_words(moment, UTC) == f"{date_filter(moment, 'D')} 2026-11-24 03:00"
    assert CHINESE.search(clock_words(moment, UTC))
    assert distance_words(moment, moment - timedelta(seconds=5)) == "5 秒后"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=5), "5 分钟前"),
        (timedelta(hours=3), "3 小时前"),
        (timedelta(days=1), "1 天前"),
        (timedelta(days=15), "2 周前"),
        (timedelta(days=40), "1 个月前"),
        (timedelta(days=364), "11 个月前"),
        (timedelta(days=365), "1 年前"),
        (timedelta(days=730), "2 年前"),
        (timedelta(days=800), "2 年前"),
    ],
)
@pytest.mark.usefixtures("chinese")
def test_distances_have_words_that_chinese_uses_for_them(ago, words):
    moment = datetime(2026, 11, 24, 3, tzinfo=UTC)

    assert distance_words(moment, moment + ago).replace("\xa0", " ") == words


def test_a_distance_is_in_one_language_where_there_is_no_translation():
    moment = datetime(2026, 11, 24, 3, tzinfo=UTC)

    with translation.override("ar"):
        assert distance_words(moment, moment + timedelta(days=3)).replace("\xa0", " ") == "3 days ago"


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("made up for by the latest one", "由最近的一次统一处理"),
        (
            "run 7 on web-1 has been under way since 2026-01-05 09:00:00 UTC, and run 8 waits for that to end",
            "web-1 上的运行 7 自 2026-01-05 09:00:00 UTC 起正在进行，并且运行 8 已在等待它结束",
        ),
        ("The run was cancelled by ada: not today.", "运行由 ada 取消：not today。"),
        ("the disk is full", "the disk is full"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("chinese")
def test_the_schedulers_own_reasons_are_told_in_chinese_and_those_of_people_as_they_are(stored, told):
    assert reason_words(stored) == told


# -- pages ----------------------------------------------------------------------------------------------------------------


def texts(page):
    """What people read on a page: the texts of its elements, without code, and the attributes that are read out."""
    page = re.sub(r"(?s)<(script|style|code|pre|textarea)\b.*?</\1>", " ", page)
    read = re.findall(r'\b(?:title|aria-label|placeholder)="([^"]*)"', page)
    return {html.unescape(text).strip() for text in [*re.sub(r"(?s)<[^>]*>", "\n", page).split("\n"), *read]} - {""}


def addresses():
    """Each kind of page, of the shop's jobs."""
    nightly = ScheduledJob.objects.get(job_id="invoices.nightly")
    yield from (
        "scheduledjob/dashboard/",
        "scheduledjob/",
        "scheduledjob/add/",
        "jobrun/",
        "joblogentry/",
        "schedulernode/",
    )
    for job in ScheduledJob.objects.all():
        yield f"scheduledjob/{job.pk}/change/"
    for page in ("edit", "reschedule", "run", "revisions"):
        yield f"scheduledjob/{nightly.pk}/{page}/"
    for rows, name in ((JobRun, "jobrun"), (JobLogEntry, "joblogentry"), (SchedulerNode, "schedulernode")):
        yield from (f"{name}/{row.pk}/change/" for row in rows.objects.order_by("pk")[:12])


def test_no_english_message_is_left_on_any_page(client):
    """All texts of pages are compared with the messages: whole ones, and those with placeholders as patterns."""
    english = [text for message in catalogue() for text in forms(message.id) if re.search("[A-Za-z]{3}", text)]
    english = [text for text in english if len(PLACEHOLDER.sub("", text).strip(" ,.:;()–…")) > 3 and text not in SAME]
    parts = [re.split(PLACEHOLDER, text) for text in english]
    messages = re.compile("|".join(".+?".join(map(re.escape, pieces)) for pieces in parts), re.DOTALL)
    data = {"admin", "date", "default", "interval", "statistics", "worker"}  # ids of the shop and names of triggers

    for address in addresses():
        response = client.get(f"{PAGES}/{address}")
        assert response.status_code == 200, address
        found = texts(response.content.decode())
        assert [text for text in found if messages.fullmatch(text) and text not in data] == [], address
        assert any(map(CHINESE.search, found))


@pytest.mark.parametrize(
    ("address", "labels"),
    [
        ("scheduledjob/dashboard/", {"仪表盘", "现在运行什么？", "接下来会发生什么", "为什么没有运行？"}),
        ("scheduledjob/", {"状态", "调度", "下次运行", "暂停所选作业…", "每 5 分钟"}),
        ("scheduledjob/add/", {"添加作业", "何时运行", "触发器类型", "可调用对象:", "以暂停状态添加"}),
        ("jobrun/", {"成功", "失败", "错过", "合并", "触发时间", "超过了作业的宽限时间"}),
        ("joblogentry/", {"发生了什么", "原因", "maria 暂停了作业。"}),
        ("schedulernode/", {"执行器", "最近心跳", "已终止"}),
    ],
)
def test_pages_are_labelled_in_chinese(client, address, labels):
    assert labels - texts(client.get(f"{PAGES}/{address}").content.decode()) == set()


def test_the_page_of_a_job_is_in_chinese(client):
    job = ScheduledJob.objects.get(job_id="monitor.website")

    found = texts(client.get(f"{PAGES}/scheduledjob/{job.pk}/change/").content.decode())

    assert {"接下来的触发时间", "最近的运行", "如何运行", "每 5 分钟", "立即运行"} - found == set()
