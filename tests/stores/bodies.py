"""Bodies of jobs, under names that every process can import."""

from __future__ import annotations

from threading import Condition

from django_apscheduler_ng.runs import current_run

#: What was run: argument and fire time, in order.
done: list[tuple] = []
_changed = Condition()


def note(value=None):
    """Remember the call."""
    with _changed:
        done.append((value, current_run().fire_time))
        _changed.notify_all()
    return value


def size(value):
    """Remember how large the argument is."""
    note(len(value))


def wait_for(count, timeout=20):
    """Wait until so many calls have been remembered; returns them."""
    with _changed:
        assert _changed.wait_for(lambda: len(done) >= count, timeout), f"{len(done)} of {count} runs: {done}"
        return list(done)
