"""Model fields whose values mean the same on every database and under every setting."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.dateparse import parse_datetime

if TYPE_CHECKING:
    _DateTimeField = models.DateTimeField[Any, Any]
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[Any, Any]
else:
    _DateTimeField, _CharField, _TextField = models.DateTimeField, models.CharField, models.TextField

_TYPES = {"postgresql": "timestamp", "mysql": "datetime(6)", "sqlite": "text"}


class UTCDateTimeField(_DateTimeField):
    """A moment: stored as UTC without a zone, aware in Python.

    `USE_TZ`, `TIME_ZONE` and the zone of the database session change nothing. (With `USE_TZ=False` Django's own field stores both
    02:30 of an autumn night as the same value.)
    """

    def get_internal_type(self) -> str:
        """Return a name of its own, which keeps Django's conversions of date and time away."""
        return "UTCDateTimeField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column type for a date and time without a zone."""
        return _TYPES.get(connection.vendor, "timestamp")

    def get_prep_value(self, value: Any) -> datetime | None:
        """Return the naive UTC form of an aware moment (or of text that names one)."""
        if isinstance(value, str):
            value = parse_datetime(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value  # type: ignore[no-any-return]
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError(f"Field {self.name!r} must be an aware datetime, got {value!r}. Give it a time zone.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return what the driver takes; on SQLite text of a fixed width, so that it sorts by time."""
        if not prepared:
            value = self.get_prep_value(value)
        if connection.vendor == "sqlite" and isinstance(value, datetime):
            return value.isoformat(" ", "microseconds")
        return value

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> datetime | None:
        """Return the aware moment."""
        return moment_from_db(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the attribute as it is; `auto_now` is not supported, because time comes from the clock of the store."""
        return getattr(model_instance, self.attname)

    def value_to_string(self, obj: models.Model) -> str:
        """Return the ISO form with its offset."""
        value = self.value_from_object(obj)
        return "" if value is None else value.isoformat()

    def to_python(self, value: Any) -> Any:
        """Return an aware moment for text or a datetime; naive ones are taken as UTC."""
        if isinstance(value, str):
            value = parse_datetime(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return super().to_python(value)


def moment_from_db(value: Any) -> datetime | None:
    """Return the moment that a driver gave as text or as a naive datetime in UTC."""
    if isinstance(value, str):
        return _moment_of_text(value)
    return None if value is None else value.replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def _moment_of_text(text: str) -> datetime:
    """Return the moment; the jobs that are due together often name the same one."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class _Exact:
    """Compares as Python does: case, accents and trailing blanks count. MariaDB's default collations merge all of them."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return the column's type with a binary collation where the database needs to be told."""
        parameters: dict[str, Any] = super().db_parameters(connection)  # type: ignore[misc]
        if connection.vendor == "mysql":
            mariadb = getattr(connection, "mysql_is_mariadb", True)
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters


class ExactCharField(_Exact, _CharField):
    """Short text that is compared character by character on every database."""


class ExactTextField(_Exact, _TextField):
    """Text that is compared character by character on every database."""
