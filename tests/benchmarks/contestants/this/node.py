"""A node as `manage.py runscheduler` runs it, in a thread of this process, so that it can be watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any, Self

from django_apscheduler_ng import livenode, serving
from django_apscheduler_ng.jobstores.django import DjangoJobStore

#: How long a node may take to start or to stop, in seconds.
PATIENCE = 60.0


class Requests:
    """Stands for the OS signals that end the command."""

    def __init__(self) -> None:
        """There was none yet."""
        self.count = 0
        self._asked = Event()

    def ask(self) -> None:
        """Ask to stop."""
        self.count = 1
        self._asked.set()

    def wait(self, seconds: float | None, *, more_than: int = 0) -> bool:
        """Wait for a request; there is never a second one."""
        if more_than:
            time.sleep(seconds or 0)
            return False
        return self._asked.wait(seconds)


class Node:
    """What `serve()` makes of the settings; counts the runs whose ends are recorded."""

    def __init__(self, *, paused: bool = False) -> None:
        """Prepare; nothing is started yet."""
        self.recorded = 0
        #: Called with how many ends were recorded by now.
        self.on_recorded: Callable[[int], None] = lambda count: None
        self._expected = 0
        self._complete = Event()
        self._ready = Event()
        self._passed = Event()
        self._requests = Requests()
        options = serving.Options(paused=paused)
        self._thread = Thread(target=self._serve, args=(options,), daemon=True)
        self.code: int | None = None

    def _serve(self, options: serving.Options) -> None:
        make = livenode.make_node

        def make_and_keep(*args: Any, **kwargs: Any) -> Any:
            self.scheduler = make(*args, **kwargs)
            self._notice_first_pass(self.store)
            return self.scheduler

        livenode.make_node = make_and_keep
        self.code = serving.serve(options, self, self._requests)  # type: ignore[arg-type]

    def _notice_first_pass(self, store: Any) -> None:
        """Let it be known when the store was asked for work the first time; later calls are the store's own."""

        def claim(*args: Any) -> Any:
            del store.claim
            try:
                return store.claim(*args)
            finally:
                self._passed.set()

        store.claim = claim

    def wait_for_a_pass(self) -> None:
        """Wait until the node has looked for due jobs once."""
        if not self._passed.wait(PATIENCE):
            raise TimeoutError("The node did not look for work.")

    def __enter__(self) -> Self:
        """Start, and wait until it looks for work."""
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise TimeoutError("The node did not start.")
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self._requests.ask()
        self._thread.join(PATIENCE)

    # -- the stream that the command writes to

    def write(self, text: str) -> None:
        """Listen for the banner."""
        if "Scheduler node started" in text:
            tell = self.store.on_recorded
            assert tell is not None
            self.store.on_recorded = lambda batch: self._count(tell, batch)
            self._ready.set()

    def flush(self) -> None:
        """Nothing is kept back."""

    # -- watching

    @property
    def store(self) -> DjangoJobStore:
        """The one job store."""
        (store,) = self.scheduler.jobstores().values()
        assert isinstance(store, DjangoJobStore)
        return store

    def _count(self, tell: Callable[[Sequence[Any]], None], batch: Sequence[Any]) -> None:
        tell(batch)
        self.recorded += len(batch)
        self.on_recorded(self.recorded)
        if self.recorded >= self._expected:
            self._complete.set()

    def expect(self, more: int) -> None:
        """Prepare to wait for the ends of that many more runs."""
        self._expected = self.recorded + more
        self._complete.clear()

    def wait(self, seconds: float = 300.0) -> None:
        """Wait until that many are recorded."""
        if not self._complete.wait(seconds):
            raise TimeoutError(f"{self._expected} ends of runs were expected, {self.recorded} are recorded.")
