"""An executor that performs async functions as tasks of one event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextvars import Context

from django_apscheduler_ng.runs import Run, RunStatus

from .base import BaseExecutor, ExecutorHost, Ticket
from .body import perform_async
from .early import Stop
from .pool import ThreadPoolExecutor
from .stacks import stack_of_awaitable, stack_of_thread

#: Seconds that tasks left by bodies may take to be cancelled.
_CANCEL_TIMEOUT = 5.0


class AsyncIOExecutor(BaseExecutor):
    """Performs async functions as tasks, and other callables in threads.

    The event loop is that of the scheduler where it has one (`event_loop`); otherwise one in a thread of its own,
    started for the first task.
    """

    def __init__(self, max_workers: int | str | None = 100) -> None:
        """Prepare for `max_workers` runs at once (100 for None)."""
        super().__init__(100 if max_workers is None else max_workers)
        self._threads = ThreadPoolExecutor(self.capacity)

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs."""
        super().start(host, alias)
        self._threads.start(host, alias)
        self._tasks: dict[Ticket, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(self.capacity)
        self._loop: asyncio.AbstractEventLoop | None = getattr(host, "event_loop", None)
        self._own_thread: threading.Thread | None = None
        self._loop_thread = 0
        self._loop_lock = threading.Lock()

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more runs, and wait for those that were accepted or cancel the tasks among them.

        Cancelled tasks end as interrupted; runs in threads go on to their end. A second call is fine.

        Args:
            wait: return only when all have ended; ignored in the thread of the event loop, which it would block.
        """
        super().shutdown(wait=False)
        if self._load is None:
            return
        self._threads.shutdown(wait=False)
        if not wait:
            self._cancel_tasks()
        self._give_up_stopped_loop()
        if wait and self._may_wait():
            self._await_idle()
            self._join()

    def _may_wait(self) -> bool:
        return not self._in_loop() and super()._may_wait()

    def _is_task(self, run: Run) -> bool:
        """Return whether the run is performed as a task of the loop, and not in a thread."""
        return inspect.iscoroutinefunction(run.func)

    def _dispatch(self, ticket: Ticket) -> None:
        if self._is_task(ticket.run):
            self._get_loop().call_soon_threadsafe(self._launch, ticket)
        elif self._begin(ticket, timed=False):  # the threads see to that
            self._threads.submit(ticket.run, lambda _run, outcome: self._settle(ticket, outcome))

    def _launch(self, ticket: Ticket) -> None:
        """Make a task of the run, in a context of its own. Called in the loop."""
        task = asyncio.get_running_loop().create_task(
            self._perform(ticket), name=f"{self.alias} {ticket.run.job_id}", context=Context()
        )
        self._tasks[ticket] = task
        task.add_done_callback(lambda task: self._finish(task, ticket))

    async def _perform(self, ticket: Ticket) -> None:
        run = ticket.run
        async with self._slots:
            self._loop_thread = threading.get_ident()
            if self._begin(ticket):
                outcome = await perform_async(
                    run.func,
                    run.args,
                    run.kwargs,
                    run.context,
                    clock=self._host.clock,
                    around=self._host.around_run,
                    worker=threading.current_thread().name,
                )
                self._settle(ticket, outcome)

    def _finish(self, task: asyncio.Task[None], ticket: Ticket) -> None:
        """End the run of a task that did not do so itself; one cancelled before its first step never could."""
        self._tasks.pop(ticket, None)
        if task.cancelled():
            self._settle(ticket, self._interrupted(ticket))
        elif (error := task.exception()) is not None:
            self._settle(ticket, self._failed(ticket, error))

    def free(self) -> int:
        """Return how many more runs would begin soon; bodies in threads that do not end leave less room for all."""
        held = 0 if self._load is None else self._threads.left()
        return max(super().free() - held, 0)

    def cancel(self, jobstore: str, run_id: str, *, by: str = "", reason: str = "") -> RunStatus | None:
        """End a run early: a task is cancelled, a body in a thread sees a flag; see `BaseExecutor.cancel()`."""
        if self._load is None:
            return None
        found = self._threads.cancel(jobstore, run_id, by=by, reason=reason)
        return super().cancel(jobstore, run_id, by=by, reason=reason) if found is None else found

    def _interrupt(self, ticket: Ticket, stop: Stop) -> float:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel_task, ticket)
        return self.cancel_patience

    def _cancel_task(self, ticket: Ticket) -> None:
        """Cancel the task of a run that is to end early, and note where it was. Called in the loop."""
        task = self._tasks.get(ticket)
        if task is None or ticket.early is None:
            return
        ticket.early.where = stack_of_awaitable(task.get_coro())
        if task.cancel():
            ticket.run.cancellation.seen = True

    def _where(self, ticket: Ticket) -> str:
        """Return where the loop is, where it did not even get to cancelling the task."""
        return "" if ticket.run.cancellation.seen else stack_of_thread(self._loop_thread)

    def _get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop for tasks; start our own where the scheduler has none."""
        with self._loop_lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._own_thread = threading.Thread(
                    target=_run_loop, args=[self._loop], name=f"{self.alias}_loop", daemon=True
                )
                self._own_thread.start()
            return self._loop

    def _in_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _cancel_tasks(self) -> None:
        def cancel() -> None:
            for task in self._tasks.values():
                task.cancel()

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(cancel)

    def _give_up_stopped_loop(self) -> None:
        """Interrupt the tasks of a scheduler whose loop has stopped; they could never end."""
        if self._load is None or self._loop is None or self._own_thread is not None or self._loop.is_running():
            return
        for ticket in self._load.runs():
            if self._is_task(ticket.run):
                self._settle(ticket, self._interrupted(ticket))

    def _kill(self) -> None:
        self._cancel_tasks()
        self._threads.kill()

    def _release(self) -> None:
        if self._own_thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _join(self) -> None:
        self._threads.shutdown()
        if self._own_thread is not None and not self._killed:
            # a body that blocks the loop, and was left, may do so for ever
            self._own_thread.join(_CANCEL_TIMEOUT if self._load is not None and self._load.left() else None)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then cancel what bodies have left in it."""
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(_cancel_rest())
    loop.close()


async def _cancel_rest() -> None:
    if rest := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=_CANCEL_TIMEOUT)
    await asyncio.get_running_loop().shutdown_asyncgens()
