"""Everything that differs from one installation to the next comes from the environment; see `.env.example`."""

from pathlib import Path

import environ
from django.utils.log import CallbackFilter

HERE = Path(__file__).resolve().parent.parent
VAR = HERE / "var"
(VAR / "static").mkdir(parents=True, exist_ok=True)

env = environ.Env()
env.read_env(HERE / ".env")

SECRET_KEY = env("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000")

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "db.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.db() if "DATABASE_URL" in env else SQLITE}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes write: let them queue up instead of failing with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

APSCHEDULER = {
    "environment": env("SCHEDULER_ENVIRONMENT", default=""),
    "executors": {"default": {"type": "threadpool", "max_workers": env.int("SCHEDULER_THREADS", default=10)}},
}
# Heavy work goes to processes of the scheduler, or to the workers of Celery where there is a broker.
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="")
CELERY_TASK_DEFAULT_QUEUE = env("CELERY_QUEUE", default="celery")
APSCHEDULER["executors"]["heavy"] = (
    {"type": "celery", "app": "config.celery:app", "max_in_flight": 10}
    if CELERY_BROKER_URL
    else {"type": "processpool", "max_workers": 2}
)
REPORT_SCHEDULE = env("REPORT_SCHEDULE", default="0 8 * * *")

vars().update(env.email("EMAIL_URL", default=f"filemail:///{(VAR / 'mail').as_posix()}"))
OPERATORS = env.list("OPERATORS", default=["ops@example.com"])
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="status@example.com")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_apscheduler_ng",
    "status",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
USE_TZ = True
TIME_ZONE = env("TIME_ZONE", default="UTC")
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        # The pages that fail on purpose need no line in the log each time they do.
        "on_purpose": {"()": CallbackFilter, "callback": lambda record: "/targets/" not in record.getMessage()},
    },
    "formatters": {
        "short": {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{", "datefmt": "%H:%M:%S"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short", "filters": ["on_purpose"]}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING"},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
