import inspect
import logging
import os
from dataclasses import fields
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from django_apscheduler_ng.conf import Config, JobDefaults, Retention, config_errors, get_config
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.retries import Retry
from django_apscheduler_ng.schedulers.components import JOBSTORES


def errors_of(value):
    """Return the whole messages, advice included, that the setting `value` gives."""
    with override_settings(APSCHEDULER=value):
        return [f"{problem} {advice}".rstrip() for problem, advice in config_errors()]


def config_of(value):
    with override_settings(APSCHEDULER=value):
        return get_config()


def test_without_the_setting_everything_has_a_value():
    with override_settings(TIME_ZONE="Europe/Berlin"):
        config = get_config()

    assert {name: dict(options) for name, options in config.jobstores.items()} == {
        "default": {"type": "django", "using": None, "namespace": "default"}
    }
    assert {name: dict(options) for name, options in config.executors.items()} == {
        "default": {"type": "threadpool", "max_workers": 10},
        "processpool": {"type": "processpool", "max_workers": os.cpu_count()},
        "asyncio": {"type": "asyncio"},
    }
    assert config.job_defaults == JobDefaults(coalesce=True, max_instances=1, misfire_grace_time=None)
    assert config.timezone == ZoneInfo("Europe/Berlin")
    assert (config.poll_interval, config.heartbeat_interval, config.lease, config.grace) == (1.5, 7.5, 25.0, 30.0)
    assert (config.environment, config.autodiscover, config.allowed_callables) == ("", "jobs", ())
    assert config.retention == Retention(max_age_days=30, max_runs_per_job=1000)
    assert (config.result_limit, config.traceback_limit, config.log_limit) == (65_536, 65_536, 65_536)
    assert config.log_level == logging.INFO


def test_nested_and_dotted_settings_are_equal():
    nested = {
        "jobstores": {"mongo": {"type": "mongodb"}},
        "executors": {"default": {"type": "threadpool", "max_workers": 20}, "processpool": {"max_workers": 5}},
        "job_defaults": {
            "coalesce": False,
            "max_instances": 3,
            "misfire_grace_time": timedelta(minutes=1),
            "on_abandoned": "rerun",
            "timeout": 90,
            "retry": {"attempts": 3},
            "overlap": "queue",
            "queue": "mail",
            "priority": "low",
        },
        "timezone": ZoneInfo("UTC"),
        "lease": 60,
        "retention": {"max_age_days": None},
        "allowed_callables": ["shop_tools:*", "more:run"],
        "queues": ["mail", "default"],
        "autodiscover": False,
        "log_level": 10,
        "log_limit": 0,
    }
    dotted = {
        "apscheduler.jobstores.mongo": {"type": "mongodb"},
        "apscheduler.executors.default": {"type": "threadpool", "max_workers": "20"},
        "apscheduler.executors.processpool.max_workers": "5",
        "apscheduler.job_defaults.coalesce": "false",
        "apscheduler.job_defaults.max_instances": "3",
        "apscheduler.job_defaults.misfire_grace_time": "60",
        "apscheduler.job_defaults.on_abandoned": "rerun",
        "apscheduler.job_defaults.timeout": "90",
        "apscheduler.job_defaults.retry": "3",
        "apscheduler.job_defaults.overlap": "queue",
        "apscheduler.job_defaults.queue": "mail",
        "apscheduler.job_defaults.priority": "low",
        "apscheduler.timezone": "UTC",
        "apscheduler.lease": "60",
        "apscheduler.retention.max_age_days": "none",
        "apscheduler.allowed_callables": "shop_tools:*, more:run",
        "apscheduler.queues": "mail, default, mail",
        "apscheduler.autodiscover": "false",
        "apscheduler.log_level": "debug",
        "apscheduler.log_limit": "0",
    }

    assert config_of(dotted) == config_of(nested)
    assert vars(config_of(nested).job_defaults) == {
        "coalesce": False,
        "max_instances": 3,
        "misfire_grace_time": 60.0,
        "on_abandoned": "rerun",
        "timeout": 90.0,
        "retry": Retry(attempts=3),
        "overlap": "queue",
        "queue": "mail",
        "priority": "low",
    }
    assert dict(config_of(nested).executors["processpool"]) == {"type": "processpool", "max_workers": 5}
    assert config_of(nested).retention == Retention(max_age_days=None, max_runs_per_job=1000)
    assert config_of(nested).allowed_callables == ("shop_tools:*", "more:run")
    assert config_of(nested).queues == ("mail", "default")
    assert config_of(nested).autodiscover is None


def test_the_settings_are_read_once_and_again_when_they_are_overridden():
    before = get_config()

    with override_settings(APSCHEDULER={"poll_interval": "0.5"}):
        inside = get_config()

    assert inside.poll_interval == 0.5
    assert get_config().poll_interval == 1.5
    assert get_config() is get_config()
    assert before == get_config()


def test_an_overridden_time_zone_is_seen():
    with override_settings(TIME_ZONE="Asia/Tehran"):
        assert get_config().timezone == ZoneInfo("Asia/Tehran")


@pytest.mark.parametrize("name", [option.name for option in fields(Config)])
@pytest.mark.parametrize(
    "misspell", [str.upper, str.capitalize, lambda name: name[:-1]], ids=["upper", "capital", "cut"]
)
def test_each_option_is_suggested_for_its_typo(name, misspell):
    wrong = misspell(name)

    assert errors_of({wrong: 1}) == [f"APSCHEDULER: Unknown option {wrong!r}. Did you mean {name!r}?"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            ["jobstores"],
            "Option 'APSCHEDULER' must be a dict with text as keys, got ['jobstores']. Write it as APSCHEDULER = {}.",
            id="no-dict",
        ),
        pytest.param(
            {"SCHEDULER": 1},
            "Unknown option 'SCHEDULER'. Expected one of: allowed_callables, autodiscover, environment, executors, "
            "grace, health, heartbeat_interval, job_defaults, jobstores, lease, log_level, log_limit, notifications, poll_interval, "
            "queues, "
            "result_limit, retention, timezone, traceback_limit, visible_jobs.",
            id="nothing-like-it",
        ),
        pytest.param(
            {"log_level": "warn1ng"},
            "Option 'log_level' must be the name or number of a level of logging, got 'warn1ng'. Did you mean 'WARNING'?",
            id="log-level",
        ),
        pytest.param(
            {"log_level": True},
            "Option 'log_level' must be the name or number of a level of logging, got True. Write it as 'INFO' or 20.",
            id="log-level-that-is-none",
        ),
        pytest.param(
            {"log_limit": -1},
            "Option 'log_limit' must be a whole number, at least 0, got -1. Write it as 20 or '20'.",
            id="log-limit",
        ),
        pytest.param(
            {"job_defaults": {"misfre_grace_time": 5}},
            "Unknown option 'job_defaults.misfre_grace_time'. Did you mean 'misfire_grace_time'?",
            id="typo-inside",
        ),
        pytest.param(
            {"apscheduler.job_defaults.Coalesce": "true"},
            "Unknown option 'job_defaults.Coalesce'. Did you mean 'coalesce'?",
            id="dotted-wrong-case-inside",
        ),
        pytest.param(
            {"jobstores": {"default": {"type": "djngo"}}},
            "Unknown type 'djngo' of job store 'jobstores.default'. Did you mean 'django'?",
            id="store-type",
        ),
        pytest.param(
            {"executors": {"default": {"type": "Threadpool"}}},
            "Unknown type 'Threadpool' of executor 'executors.default'. Did you mean 'threadpool'?",
            id="executor-type",
        ),
        pytest.param(
            {"jobstores": {"default": {"class": "apscheduler.jobstores.memory:MemoryJobStore"}}},
            "Option 'jobstores.default.class' must be a class of this package or your own, "
            "got 'apscheduler.jobstores.memory:MemoryJobStore'. "
            "Write 'django_apscheduler_ng.jobstores.memory:MemoryJobStore'.",
            id="apscheduler-class",
        ),
        pytest.param(
            {"jobstores": {"default": {"type": "django", "using": "defalt"}}},
            "Option 'jobstores.default.using' must be the alias of a database, got 'defalt'. Did you mean 'default'?",
            id="database-typo",
        ),
        pytest.param(
            {"jobstores": {"default": {"type": "django", "using": "x"}}},
            "Option 'jobstores.default.using' must be the alias of a database, got 'x'. "
            "Write one of the keys of DATABASES.",
            id="database-unknown",
        ),
        pytest.param(
            {"jobstores": {"default": {"type": "django", "usin": "default"}}},
            "Unknown option 'jobstores.default.usin'. Did you mean 'using'?",
            id="store-option",
        ),
        pytest.param(
            {"jobstores": {"other": {"type": "django", "namespace": "default"}}},
            "Job stores 'default' and 'other' must differ in 'namespace', got 'default' twice. "
            "Leave 'namespace' out of one of them; it is then the store's alias.",
            id="one-namespace-twice",
        ),
        pytest.param(
            {"executors": {"default": {"max_workers": 0}}},
            "Option 'executors.default.max_workers' must be a whole number, at least 1, got 0. Write it as 20 or '20'.",
            id="no-workers",
        ),
        pytest.param(
            {"executors": {"default": {"type": "celery", "max_in_flight": "many"}}},
            "Option 'executors.default.max_in_flight' must be a whole number, at least 1, got 'many'. Write it as 20 or '20'.",
            id="nothing-in-flight",
        ),
        pytest.param(
            {"executors": {"default": {"type": "tasks", "republish_after": 0}}},
            "Option 'executors.default.republish_after' must be a number of seconds above 0, got 0. "
            "Write it as 30, 1.5, '30' or a timedelta.",
            id="published-all-the-time",
        ),
        pytest.param(
            {"executors": {"default": 20}},
            "Option 'executors.default' must be a dict with text as keys, got 20. Write it as {'type': 'asyncio'}.",
            id="executor-no-dict",
        ),
        pytest.param(
            {"executors": "threadpool"},
            "Option 'executors' must be a dict with text as keys, got 'threadpool'. "
            "Write it as {'default': {'type': 'threadpool', 'max_workers': 10}}.",
            id="executors-no-dict",
        ),
        pytest.param(
            {"job_defaults": {"coalesce": 1}},
            "Option 'job_defaults.coalesce' must be true or false, got 1. "
            "Write it as True, False, 'true' or 'false'.",
            id="truth",
        ),
        pytest.param(
            {"job_defaults": {"misfire_grace_time": 0}},
            "Option 'job_defaults.misfire_grace_time' must be a number of seconds above 0, got 0. "
            "Write it as 30, 1.5, '30' or a timedelta.",
            id="grace-time-zero",
        ),
        pytest.param(
            {"job_defaults": {"on_abandoned": "rerum"}},
            "Option 'job_defaults.on_abandoned' must be one of: abandon, rerun, got 'rerum'. Did you mean 'rerun'?",
            id="choice",
        ),
        pytest.param(
            {"poll_interval": "soon"},
            "Option 'poll_interval' must be a number of seconds above 0, got 'soon'. "
            "Write it as 30, 1.5, '30' or a timedelta.",
            id="seconds",
        ),
        pytest.param(
            {"lease": 14.9},
            "Option 'lease' must be at least twice 'heartbeat_interval' (7.5 s), got 14.9 s. "
            "A node would count as dead between two of its heartbeats; make 'lease' longer.",
            id="lease-too-short",
        ),
        pytest.param(
            {"timezone": "Europe/Berln"},
            "Option 'timezone' must be an IANA time zone name, got 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
            id="zone-typo",
        ),
        pytest.param(
            {"timezone": 2},
            "Option 'timezone' must be an IANA time zone name, got 2. Write a name such as 'Europe/Berlin' or 'UTC'.",
            id="zone-number",
        ),
        pytest.param(
            {"environment": 5},
            "Option 'environment' must be text of at most 100 characters, got 5. Write it in quotes.",
            id="label-number",
        ),
        pytest.param(
            {"autodiscover": "my jobs"},
            "Option 'autodiscover' must be the name of a module in each app, or False, got 'my jobs'. "
            "Write it as 'jobs'.",
            id="module-name",
        ),
        pytest.param(
            {"allowed_callables": ["shop.tasks"]},
            "Option 'allowed_callables' must be patterns like 'package.module:function', got 'shop.tasks'. "
            "Write 'shop.tasks:*' for a module.",
            id="pattern-without-colon",
        ),
        pytest.param(
            {"queues": ["two words"]},
            "Option 'queues': Job option 'queue' must be 1 to 100 letters, digits, '_', '.', ':' or '-', got 'two words'. "
            "Leave it out for 'default'.",
            id="queue-impossible",
        ),
        pytest.param(
            {"queues": 5},
            "Option 'queues' must be a list of queues, got 5. Write it as ['default', 'mail'].",
            id="queues-no-list",
        ),
        pytest.param(
            {"allowed_callables": 5},
            "Option 'allowed_callables' must be a list of patterns, got 5. Write it as ['shop.tasks:*'].",
            id="patterns-no-list",
        ),
        pytest.param(
            {"retention": {"max_age_days": 0}},
            "Option 'retention.max_age_days' must be a whole number, at least 1, got 0. Write it as 20 or '20'.",
            id="retention-zero",
        ),
        pytest.param(
            {"result_limit": -1},
            "Option 'result_limit' must be a whole number, at least 0, got -1. Write it as 20 or '20'.",
            id="limit-negative",
        ),
        pytest.param(
            {"apscheduler.lease": 30, "django_apscheduler_ng.grace": 30},
            "Options 'apscheduler.lease' and 'django_apscheduler_ng.grace' have different prefixes; "
            "one configuration has one prefix. Begin all of them with 'apscheduler.'.",
            id="both-prefixes",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_is_expected(value, message):
    assert errors_of(value) == [f"APSCHEDULER: {message}"]
    with override_settings(APSCHEDULER=value), pytest.raises(ConfigurationError) as caught:
        get_config()
    assert str(caught.value) == f"APSCHEDULER: {message}"


def test_all_mistakes_are_reported_together():
    messages = errors_of(
        {
            "Lease": 30,
            "executors": {"a": {"type": "x"}, "b": {"type": "threadpool", "max_workers": "y", "z": 1}},
            "job_defaults": {"coalesce": "maybe", "max_instance": 1},
            "grace": "long",
        }
    )

    assert [message.split(" ", 1)[1].split(".")[0].split(" must")[0] for message in messages] == [
        "Unknown option 'Lease'",
        "Unknown type 'x' of executor 'executors",
        "Unknown option 'executors",
        "Option 'executors",
        "Unknown option 'job_defaults",
        "Option 'job_defaults",
        "Option 'grace'",
    ]


def test_the_exact_lease_is_allowed():
    assert config_of({"lease": 15}).lease == 15.0


def test_an_unknown_zone_of_the_project_is_named_as_such():
    with override_settings(TIME_ZONE="Europe/Brlin"):
        assert config_errors() == [
            (
                "APSCHEDULER: Option 'timezone' is taken from TIME_ZONE, which must be an IANA time zone name, "
                "got 'Europe/Brlin'.",
                "Did you mean 'Europe/Berlin'?",
            )
        ]


def test_nobody_can_change_what_was_read():
    with pytest.raises(TypeError):
        get_config().executors["default"]["max_workers"] = 1
    with pytest.raises(TypeError):
        config_of({"executors": {"a": {"type": "debug"}}}).executors["a"]["type"] = "x"
    with pytest.raises(AttributeError):
        get_config().lease = 1


def test_the_options_of_the_django_store_are_those_of_its_constructor():
    made = JOBSTORES.load("default", {"type": "django"})

    assert set(inspect.signature(made).parameters) == set(JOBSTORES.builtin["django"].options)
