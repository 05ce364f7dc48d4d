"""What a run leaves behind as text that every database takes: its result as JSON, and messages of limited length."""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder


def result_json(result: Any) -> tuple[str, bool]:
    """Return a result as JSON, and whether a `repr` stands in it for something that has no JSON form; nothing for None."""
    if result is None:
        return "", False
    encoder = _ResultEncoder(ensure_ascii=False, allow_nan=False)
    try:
        return encoder.encode(result), encoder.met_others
    except Exception:
        return json.dumps(_safe_repr(result), ensure_ascii=False), True


class _ResultEncoder(DjangoJSONEncoder):
    """Writes moments, durations, decimals and UUIDs as Django does, sets as lists, and other things as their `repr`."""

    met_others = False

    def default(self, value: Any) -> Any:
        if isinstance(value, set | frozenset):
            return sorted(value, key=_order)
        if isinstance(value, Enum):
            return value.value
        try:
            return super().default(value)
        except (TypeError, ValueError):
            self.met_others = True
            return _safe_repr(value)


def _order(value: Any) -> tuple[str, Any]:
    """Return what puts the members of a set into an order that is always the same."""
    return type(value).__name__, value if isinstance(value, str | int | float) else _safe_repr(value)


def _safe_repr(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}; its repr() raised {type(error).__name__}>"


def storable_text(text: str, limit: int, *, keep_end: bool = False) -> str:
    """Return text that every database takes (no NUL, no lone surrogates), of at most `limit` characters, its cut marked."""
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    if len(text) > limit:
        mark = f"… [{len(text) - limit} characters left out] …"
        room = max(limit - len(mark), 0)
        text = (mark + text[len(text) - room :] if keep_end else text[:room] + mark)[:limit]
    return storable(text)


def storable(text: str) -> str:
    """Return text that every database takes: no NUL, no lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
