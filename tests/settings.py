"""Django settings of the test-suite. `TEST_DATABASE` selects the database; a SQLite file needs nothing else."""

import atexit
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import django
import environ

#: The same in every process of one test run, and different for every run: names what the run creates.
TEST_RUN = os.environ.get("TEST_RUN", "")
if not TEST_RUN:
    TEST_RUN = os.environ["TEST_RUN"] = secrets.token_hex(4)
    atexit.register(shutil.rmtree, Path(tempfile.gettempdir(), f"django_apscheduler_ng_{TEST_RUN}"), ignore_errors=True)
TEST_DIRECTORY = Path(tempfile.gettempdir(), f"django_apscheduler_ng_{TEST_RUN}")

#: "sqlite", "postgres" or "mariadb".
TEST_DATABASE = os.environ.get("TEST_DATABASE", "sqlite")


def _sqlite() -> dict[str, object]:
    """Return a database in a file: threads and processes cannot share one in memory."""
    TEST_DIRECTORY.mkdir(exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(TEST_DIRECTORY / "db.sqlite3"),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        "TEST": {"NAME": str(TEST_DIRECTORY / "test.sqlite3")},
    }


def _server(variable: str) -> dict[str, object]:
    """Return the database of the server that the variable names, with a name of its own for this run."""
    if variable not in os.environ:
        message = f"TEST_DATABASE={TEST_DATABASE} needs {variable}, like postgres://user@127.0.0.1:5432/postgres."
        raise RuntimeError(message)
    return {**environ.Env.db_url_config(os.environ[variable]), "TEST": {"NAME": f"test_ng_{TEST_RUN}"}}


def _database() -> dict[str, object]:
    """Return the selected database; `TEST_DATABASE_NAME` makes a child process use its parent's test database.

    `TEST_DATABASE_URL` names a database that is there already, of any kind, and is used as it is.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        return environ.Env.db_url_config(url)
    config = {
        "sqlite": _sqlite,
        "postgres": lambda: _server("TEST_POSTGRES_URL"),
        "mariadb": lambda: _server("TEST_MARIADB_URL"),
    }[TEST_DATABASE]()
    if name := os.environ.get("TEST_DATABASE_NAME"):
        config["NAME"] = name
    config.update(json.loads(os.environ.get("TEST_DATABASE_SETTINGS", "{}")))  # for processes that a test starts
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if options := os.environ.get("TEST_APSCHEDULER"):
    #: Options for the schedulers in processes that a test starts, as JSON.
    APSCHEDULER = json.loads(options)

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_apscheduler_ng",
    "tests.project",
]
# for processes that a test starts
INSTALLED_APPS += [name for name in os.environ.get("TEST_APPS", "").split(",") if name]

_DJANGO_TASKS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
TASKS = {
    "default": {"BACKEND": f"{_DJANGO_TASKS}.backends.dummy.DummyBackend"},
    "immediate": {"BACKEND": f"{_DJANGO_TASKS}.backends.immediate.ImmediateBackend"},
    **json.loads(os.environ.get("TEST_TASKS", "{}")),
}
MIDDLEWARE = [
    "tests.policy.strict_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
