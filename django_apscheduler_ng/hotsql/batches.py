"""A batch of rows as a statement takes it: what differs goes as one JSON document, what they share goes once.

To unfold a document takes a database up to half of the time of the statement. Most rows of a batch share most of their values: hardly
a job has a backlog, and one that runs once has no next fire time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

#: Kinds of columns: whole number, other number, text of up to 255 characters, any text, moment, truth value.
INT, FLOAT, LABEL, TEXT, MOMENT, BOOL = "int", "float", "label", "text", "moment", "bool"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Given(NamedTuple):
    """A value that goes to the database once for all rows, as a parameter."""

    value: Any


#: What stands for a column in a statement: SQL, or a parameter.
Values = Mapping[str, str | Given]


class Batch(NamedTuple):
    """Rows, ready to be sent."""

    #: The columns of the document, with their kinds.
    columns: Mapping[str, str]
    #: What stands for each column of the rows; the rows of the document are `v`.
    values: Values
    #: A list of lists as JSON.
    document: str


def fold(rows: Sequence[Sequence[Any]], columns: Mapping[str, str], quote: Callable[[str], str]) -> Batch:
    """Return rows, at least one, without what need not be sent for each of them.

    Left out are columns in which all rows have the same object, and moments that are those of another column; to compare values would
    take as long as to send them. The first column, by which the rows are joined, is always sent.

    Args:
        rows: the rows.
        columns: their columns, in their order, with their kinds.
        quote: puts a name into quotation marks.
    """
    sent: dict[str, tuple[Any, ...]] = {}
    values: dict[str, str | Given] = {}
    for (name, kind), column in zip(columns.items(), zip(*rows, strict=True), strict=True):
        if sent and _is_shared(column):
            values[name] = Given(column[0])
            continue
        moments = {it: other for it, other in sent.items() if kind == columns[it] == MOMENT}
        twin = next((it for it, other in moments.items() if all(map(is_, column, other))), None)
        if twin is None:
            sent[name] = column
        values[name] = f"v.{quote(twin or name)}"
    return Batch({name: columns[name] for name in sent}, values, dump(list(zip(*sent.values(), strict=True))))


def _is_shared(column: Sequence[Any]) -> bool:
    """Return whether all rows have the same object there, and it is nothing that a driver might refuse but JSON takes."""
    first = column[0]
    return all(map(is_, column, repeat(first))) and (not isinstance(first, str) or first.isascii())


def spelled(values: Values) -> tuple[dict[str, str], list[Any]]:
    """Return SQL for each column, and the parameters of it in their order."""
    given = [value.value for value in values.values() if isinstance(value, Given)]
    texts = {name: "%s" if isinstance(value, Given) else value for name, value in values.items()}
    return texts, list(map(_parameter, given))


def _parameter(value: Any) -> Any:
    """Return a value as every driver takes it."""
    if isinstance(value, datetime):
        return text_moment(value)
    return str(value) if isinstance(value, str) else value  # members of enums are text to us, not to drivers


def dump(rows: Sequence[Sequence[Any]]) -> str:
    """Return the batch as JSON: a list of lists.

    One moment stands in several columns, and often in many rows; it is remembered by identity, because to hash a moment takes
    nearly as long as to write it.
    """
    texts: dict[int, str] = {}

    def text(value: datetime) -> str:
        found = texts.get(id(value))
        if found is None:
            found = texts[id(value)] = text_moment(value)
        return found

    return json.dumps(rows, separators=(",", ":"), default=text, check_circular=False)


def text_moment(value: datetime) -> str:
    """Return the text of a moment as all three databases read and sort it."""
    since = value - _EPOCH
    return f"{_text_of_second(since.days * 86_400 + since.seconds)}.{since.microseconds:06}"


@lru_cache(maxsize=1024)
def _text_of_second(seconds: int) -> str:
    """Return the text of whole seconds since 1970; most moments of a batch lie in few of them."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(" ", "seconds")[:19]
