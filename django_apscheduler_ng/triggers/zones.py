"""Time zones by their IANA names, the only form in which they are stored."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from ..exceptions import InvalidTriggerError, did_you_mean

logger = logging.getLogger(__name__)

#: Files of the zone database whose meaning differs between machines.
_NOT_NAMES = frozenset({"localtime", "posixrules"})
_NAME_FILE = Path("/etc/timezone")
_LOCAL_LINK = Path("/etc/localtime")

_provider: Callable[[], tzinfo] | None = None


def default_zone() -> ZoneInfo:
    """Return the zone of triggers that name none: that of `set_default_zone()`, else the machine's local zone."""
    return local_zone() if _provider is None else as_zone(_provider())


def set_default_zone(provider: Callable[[], tzinfo] | None) -> None:
    """Let `provider` decide, at each call of `default_zone()`; None goes back to the machine's local zone."""
    global _provider
    _provider = provider


def as_zone(value: object) -> ZoneInfo:
    """Return the zone that `value` stands for.

    Args:
        value: An IANA name, a `zoneinfo.ZoneInfo`, `datetime.UTC`, or a pytz zone (whatever has the name in `.zone`).

    Raises:
        InvalidTriggerError: The name is unknown, or the zone has no IANA name (a fixed offset, for instance).
    """
    if isinstance(value, ZoneInfo) and value.key is not None:
        return value
    if value is UTC:
        return ZoneInfo("UTC")
    name = getattr(value, "zone", value)
    zone = _find(name) if isinstance(name, str) else None
    if zone is None:
        hint = (
            did_you_mean(name, available_timezones() - _NOT_NAMES) or " Pass a name such as 'Europe/Berlin' or 'UTC'."
        )
        raise InvalidTriggerError(f"Time zone must be an IANA name, got {value!r}.{hint}")
    return zone


def zone_name(zone: tzinfo) -> str:
    """Return the IANA name of `zone`."""
    return as_zone(zone).key


def local_zone() -> ZoneInfo:
    """Return the machine's local zone: that of the variable `TZ`, `/etc/timezone` or `/etc/localtime`, else UTC."""
    return _local_zone(os.environ.get("TZ"))


@lru_cache(maxsize=8)
def _local_zone(variable: str | None) -> ZoneInfo:
    variable = variable and variable.removeprefix(":")
    candidates = _machine_names() if variable in (None, str(_LOCAL_LINK)) else [_name_in(variable) or "UTC"]
    for name in candidates:
        if zone := _find(name):
            return zone
    logger.warning("The machine's time zone has no IANA name (TZ=%r); UTC is used. Set TZ to a name.", variable)
    return ZoneInfo("UTC")


def _machine_names() -> list[str]:
    """Return what the machine's files say, the most explicit first."""
    names = []
    if _NAME_FILE.is_file():
        names.append(_NAME_FILE.read_text(encoding="utf-8", errors="replace").strip())
    if _LOCAL_LINK.is_symlink():
        names.append(_name_in(str(_LOCAL_LINK.readlink())))
    return names


def _name_in(path: str) -> str:
    """Return the IANA name at the end of a path of a zone file; a mere name is returned as it is."""
    return path.rpartition("zoneinfo/")[2]


def _find(name: str) -> ZoneInfo | None:
    """Return the zone called `name`, or None."""
    try:
        return None if name in _NOT_NAMES else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
