"""Where a body is that does not end, in words for people: the calls that lead there, like a traceback."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterable
from types import FrameType
from typing import Any

from .body import is_plumbing

_HEAD = "Where it was (most recent call last):\n"

_OURS = "django_apscheduler_ng.executors."

#: Awaitables in a chain that are looked at; a chain may be endless where somebody builds one by hand.
_DEEPEST = 200


def stack_of_thread(ident: int) -> str:
    """Return where the thread with this identity is; empty where it has ended or is in nothing of the body's."""
    return stack_of_frame(sys._current_frames().get(ident))


def stack_of_frame(innermost: FrameType | None) -> str:
    """Return where the code of this frame is; empty without one."""
    frames = [] if innermost is None else [frame for frame, _ in traceback.walk_stack(innermost)]
    return _text(reversed(frames))


def stack_of_awaitable(awaitable: Any) -> str:
    """Return where a coroutine waits, through all that it awaits. Belongs to the thread of its loop."""
    frames: list[FrameType] = []
    for _ in range(_DEEPEST):
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "gi_frame", None)
        if frame is None:
            break
        frames.append(frame)
        awaitable = getattr(awaitable, "cr_await", None) or getattr(awaitable, "gi_yieldfrom", None)
    return _text(frames)


def thread_name(ident: int) -> str:
    """Return the name of the thread with this identity; empty where there is none."""
    return next((thread.name for thread in threading.enumerate() if thread.ident == ident), "")


def _text(frames: Iterable[FrameType]) -> str:
    """Return the frames, outermost first, without those above the body."""
    own = list(frames)
    modules = [str(frame.f_globals.get("__name__")) for frame in own]
    ours = [place for place, module in enumerate(modules) if module.startswith(_OURS)]
    begin = ours[-1] + 1 if ours else 0
    while begin < len(own) and is_plumbing(modules[begin]):
        begin += 1
    lines = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in own[begin:]).format()
    return _HEAD + "".join(lines) if lines else ""
