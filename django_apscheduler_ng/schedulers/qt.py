"""A scheduler inside of a Qt application, with PySide6 or PyQt6."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from math import ceil
from typing import Any

from ..exceptions import ConfigurationError, MissingExtraError
from .loops import LoopScheduler

#: The packages that bring Qt to Python; one that the program has imported already comes first.
_BINDINGS = ("PySide6", "PyQt6")


def _import_qt() -> Any:
    """Return the module `QtCore` that the program uses: two of them in one process do not get along."""
    for binding in sorted(_BINDINGS, key=lambda name: name not in sys.modules):
        try:
            return import_module(f"{binding}.QtCore")
        except ModuleNotFoundError:
            continue
    raise MissingExtraError("QtScheduler", " or ".join(_BINDINGS), "qt")


_qt = _import_qt()
_QObject: Any = _qt.QObject


class _Messenger(_QObject):  # type: ignore[misc]
    """Makes calls in the thread in which it was made: soon, from any thread, or later."""

    message = (_qt.Signal if hasattr(_qt, "Signal") else _qt.pyqtSignal)(object)

    def __init__(self) -> None:
        super().__init__()
        self._call: Callable[[], object] | None = None
        self._timer = _qt.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(_qt.Qt.TimerType.PreciseTimer)  # others may be early
        self._timer.timeout.connect(self._ring)
        self.message.connect(self._deliver, _qt.Qt.ConnectionType.QueuedConnection)

    def start_timer(self, milliseconds: int, call: Callable[[], object]) -> Callable[[], object]:
        """Call `call` once, after so many milliseconds (32 bits), and return what prevents that."""
        self._call = call
        self._timer.start(milliseconds)
        return self._timer.stop  # type: ignore[no-any-return]

    def _deliver(self, call: Callable[[], object]) -> None:
        call()

    def _ring(self) -> None:
        if self._call is not None:
            self._call()


class QtScheduler(LoopScheduler):
    """Lives in the event loop of the thread that calls `start()`, usually that of the windows; jobs are performed in threads.

    A job must not touch a window: let it emit a signal. `shutdown()` in the loop waits for the jobs, and the windows with it, unless
    told not to.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`."""
        self._messenger: Any = None
        super().__init__(*args, **options)

    def _enter_loop(self) -> None:
        if _qt.QCoreApplication.instance() is None:
            raise ConfigurationError(
                "QtScheduler found no Qt application. Make a QApplication or QCoreApplication before start()."
            )
        self._messenger = _Messenger()

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        self._messenger.message.emit(call)

    def _call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], object]:
        return self._messenger.start_timer(ceil(seconds * 1000), call)  # type: ignore[no-any-return]
