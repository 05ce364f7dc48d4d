from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.exceptions import ConfigurationError, WorkerError
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor
from django_apscheduler_ng.executors.process import WorkerProcess
from django_apscheduler_ng.runs import RunStatus

from . import bodies
from .support import PATIENCE, Host, make_run

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="processes are held up by named pipes")

WORKER_ERROR = "django_apscheduler_ng.exceptions.WorkerError"

#: How often a process is killed, because what happens depends on the moment.
TIMES = 5

many_times = pytest.mark.parametrize("time", range(TIMES))


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return str(path)


def worker_pids() -> set[int | None]:
    return {process.pid for process in multiprocessing.active_children()}


def test_nothing_is_started_before_the_first_run(start):
    before = worker_pids()

    start(ProcessPoolExecutor(2))

    assert worker_pids() == before


def test_bodies_run_in_another_process_which_the_outcome_names(start, ends):
    executor = start(ProcessPoolExecutor(1), alias="processpool")

    executor.submit(make_run(bodies.pid), ends)
    outcome = ends.outcome()

    assert outcome.result != os.getpid()
    assert outcome.worker == f"processpool_1 (pid {outcome.result})"


def test_a_process_performs_one_run_after_the_other(start, ends):
    executor = start(ProcessPoolExecutor(1))

    for _ in range(3):
        executor.submit(make_run(bodies.pid), ends)

    assert len({ends.outcome().result for _ in range(3)}) == 1


def test_a_process_is_replaced_after_its_number_of_runs(start, ends):
    executor = start(ProcessPoolExecutor(1, {"max_tasks_per_child": "2"}))

    for _ in range(5):
        executor.submit(make_run(bodies.pid), ends)
    pids = [ends.outcome().result for _ in range(5)]

    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_large_arguments_and_results_get_through(start, ends):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(len, b"x" * 10_000_000), ends)
    executor.submit(make_run(bodies.large, 10_000_000), ends)

    assert (ends.outcome().result, len(ends.outcome().result)) == (10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("func", "args", "ending"),
    [
        pytest.param(bodies.vanish, [3], "exited with code 3", id="exits"),
        pytest.param(bodies.vanish, [0], "exited with code 0", id="exits-as-if-all-were-well"),
        pytest.param(bodies.kill_oneself, [], "was killed by SIGKILL", id="is-killed"),
    ],
)
def test_a_worker_that_dies_fails_its_run_alone_and_is_replaced(start, ends, pipe, func, args, ending):
    executor = start(ProcessPoolExecutor(2))
    neighbour = make_run(bodies.wait_for_writer, pipe)
    executor.submit(neighbour, ends)

    for _ in range(TIMES):
        executor.submit(make_run(func, *args), ends)
        executor.submit(make_run(bodies.add, 1), ends)
    outcomes = [ends.outcome() for _ in range(2 * TIMES)]
    Path(pipe).write_text("go on")
    last, last_outcome = ends.next()
    executor.shutdown()

    for outcome in outcomes[::2]:
        assert (outcome.status, outcome.exception_type) == (RunStatus.FAILED, WORKER_ERROR)
        assert outcome.exception_message == (
            f"Worker process {outcome.worker} {ending} while it performed this run; "
            "a body must leave its process alive. "
            "Look for os._exit(), a crash in native code, or the out-of-memory killer."
        )
        assert outcome.traceback == f"{WORKER_ERROR}: {outcome.exception_message}\n"
        assert isinstance(outcome.exception, WorkerError)
    assert [outcome.result for outcome in outcomes[1::2]] == [1] * TIMES
    assert (last, last_outcome.result) == (neighbour, "go on")
    assert ends.count() == 0


def test_a_worker_that_is_killed_between_two_runs_costs_nothing(start, ends):
    executor = start(ProcessPoolExecutor(1))
    pids = []

    for _ in range(TIMES):
        executor.submit(make_run(bodies.pid), ends)
        pids.append(ends.outcome().result)
        os.kill(pids[-1], signal.SIGKILL)

    assert len(set(pids)) == TIMES
    assert None not in pids


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a system that tells the death of a process")
def test_a_program_left_behind_does_not_hide_the_death_of_its_worker(start, ends, tmp_path):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(bodies.leave_orphan_and_vanish, str(tmp_path / "orphan")), ends)
    outcome = ends.outcome()
    os.kill(int((tmp_path / "orphan.pid").read_text()), signal.SIGKILL)

    assert outcome.exception_message.startswith(f"Worker process {outcome.worker} exited with code 5 while")


@pytest.mark.parametrize(
    ("func", "message"),
    [
        pytest.param(
            bodies.return_lock,
            "The result of the run cannot be sent back from the worker process: "
            "TypeError: cannot pickle '_thread.lock' object. "
            "Return plain values instead: text, numbers, a primary key, a path.",
            id="does-not-pickle",
        ),
        pytest.param(
            bodies.return_exploding,
            "The result of the run cannot be rebuilt outside of the worker process: ValueError: while unpickling. "
            "Return plain values instead: text, numbers, a primary key, a path.",
            id="does-not-unpickle",
        ),
    ],
)
def test_a_result_that_cannot_be_sent_back_fails_the_run(start, ends, func, message):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(func), ends)
    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_type, outcome.exception_message) == (
        RunStatus.FAILED,
        WORKER_ERROR,
        message,
    )
    assert outcome.result is None
    assert ends.outcome().result == 1


@pytest.mark.parametrize(
    ("func", "kind", "text"),
    [
        pytest.param(bodies.fail_unpicklably, "Unpicklable", "a lock in it", id="does-not-pickle"),
        pytest.param(bodies.fail_demandingly, "Demanding", "7: too few arguments", id="does-not-unpickle"),
    ],
)
def test_an_exception_that_cannot_be_sent_back_comes_as_text(start, ends, func, kind, text):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(func), ends)
    outcome = ends.outcome()

    assert (outcome.exception_type, outcome.exception_message) == (f"{bodies.__name__}.{kind}", text)
    assert outcome.traceback.startswith("Traceback (most recent call last):\n")
    assert isinstance(outcome.exception, WorkerError)
    assert str(outcome.exception) == f"{bodies.__name__}.{kind}: {text}"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        pytest.param(
            threading.Lock(),
            "The arguments of the run cannot be sent to a worker process: "
            "TypeError: cannot pickle '_thread.lock' object. "
            "Pass plain values instead: text, numbers, a primary key, a path.",
            id="do-not-pickle",
        ),
        pytest.param(
            bodies.Exploding(),
            "The arguments of the run cannot be rebuilt in a worker process: ValueError: while unpickling. "
            "Pass plain values instead: text, numbers, a primary key, a path.",
            id="do-not-unpickle",
        ),
    ],
)
def test_arguments_that_cannot_be_sent_fail_the_run(start, ends, argument, message):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(bodies.add, argument), ends)
    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert (outcome.exception_type, outcome.exception_message) == (WORKER_ERROR, message)
    assert ends.outcome().result == 1


def test_a_callable_without_a_reference_fails_the_run(start, ends):
    executor = start(ProcessPoolExecutor(1))

    def nested():
        pass

    executor.submit(make_run(nested), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (
        RunStatus.FAILED,
        f"Callable {nested!r} has no reference that another process could follow: it is defined inside a function. "
        "Move it to the top level of its module.",
    )


def test_each_process_is_initialized_once(start, ends):
    executor = start(ProcessPoolExecutor(1, {"initializer": bodies.initialize, "initargs": (7,)}))

    for _ in range(2):
        executor.submit(make_run(bodies.seen_initialized), ends)

    assert [ends.outcome().result, ends.outcome().result] == [[7], [7]]


@pytest.mark.parametrize("context", ["spawn", multiprocessing.get_context("spawn")], ids=["by-name", "itself"])
def test_the_context_of_multiprocessing_may_be_named_where_it_is_ours(start, ends, context):
    executor = start(ProcessPoolExecutor(1, {"mp_context": context}))

    executor.submit(make_run(bodies.pid), ends)

    assert ends.outcome().result not in (None, os.getpid())


def test_another_context_of_multiprocessing_is_refused():
    with pytest.raises(
        ConfigurationError, match=r"must be the context of the start method 'spawn', got <.*Context object"
    ):
        ProcessPoolExecutor(1, {"mp_context": multiprocessing.get_context("fork")})


def test_an_initializer_that_raises_fails_the_run(start, ends):
    executor = start(ProcessPoolExecutor(1, {"initializer": bodies.initialize_badly}))

    for _ in range(2):
        executor.submit(make_run(bodies.add, 1), ends)

    for outcome in (ends.outcome(), ends.outcome()):
        assert outcome.exception_message == (
            f"The initializer of worker process {outcome.worker} raised OSError: no licence. "
            "Repair the function given as 'initializer' in pool_kwargs."
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"thread_name_prefix": "x"},
            "Unknown option 'thread_name_prefix' in pool_kwargs of ProcessPoolExecutor. "
            "Expected one of: initargs, initializer, max_tasks_per_child, mp_context.",
            id="unknown",
        ),
        pytest.param(
            {"mp_context": "fork"},
            "Option 'mp_context' in pool_kwargs of ProcessPoolExecutor must be the context of the start method 'spawn', got 'fork'. "
            "Leave it out: a fork would share the threads and connections of this process.",
            id="forking",
        ),
        pytest.param(
            {"max_tasks_per_child": 0},
            "Option 'max_tasks_per_child' of ProcessPoolExecutor must be a whole number, at least 1, got 0. "
            "Write it as 20 or '20'.",
            id="no-runs-at-all",
        ),
    ],
)
def test_options_that_a_pool_cannot_use_are_refused(options, message):
    with pytest.raises(ConfigurationError) as caught:
        ProcessPoolExecutor(1, options)

    assert str(caught.value) == message


def test_a_process_survives_the_signals_that_ask_the_scheduler_to_stop(start, ends):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(bodies.signal_oneself), ends)

    assert ends.outcome().result == "alive"


def test_programs_that_a_body_starts_obey_signals(start, ends):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(bodies.child_dies_of_sigterm), ends)

    assert ends.outcome().result == -signal.SIGTERM


def test_a_shutdown_leaves_no_process(start, ends):
    before = worker_pids()
    executor = start(ProcessPoolExecutor(2))
    for _ in range(4):
        executor.submit(make_run(bodies.pid), ends)

    executor.shutdown()

    assert worker_pids() == before
    assert ends.count() == 4


@many_times
def test_a_kill_ends_processes_at_once_and_interrupts_their_runs(start, ends, pipe, time):
    before = worker_pids()
    executor = start(ProcessPoolExecutor(1), alias="processpool")
    executor.submit(make_run(bodies.hold_pipe_and_hang, pipe, job_id="begun"), ends)
    executor.submit(make_run(bodies.add, 1, job_id="waiting"), ends)

    with Path(pipe).open() as held:
        pid = int(held.readline())
        executor.kill()
        assert held.read() == ""  # the process that held the other end is gone

    assert pid not in worker_pids()
    assert worker_pids() == before
    told = {run.job_id: outcome for run, outcome in (ends.next(), ends.next())}
    assert {job_id: (outcome.status, outcome.exception_message) for job_id, outcome in told.items()} == {
        "begun": (RunStatus.INTERRUPTED, "The run was under way when executor 'processpool' was stopped."),
        "waiting": (RunStatus.INTERRUPTED, "The run had not begun when executor 'processpool' was stopped."),
    }
    assert ends.count() == 0


@many_times
def test_a_kill_while_processes_are_being_started_leaves_none(start, ends, time):
    before = worker_pids()
    executor = start(ProcessPoolExecutor(4))
    for _ in range(8):
        executor.submit(make_run(bodies.pid), ends)

    executor.kill()

    assert ends.count() == 8
    assert worker_pids() == before


def test_a_worker_that_was_killed_starts_no_other_process():
    before = worker_pids()
    worker = WorkerProcess("default_1", clock=SYSTEM_CLOCK, around=None, capture=None, initialize=None, max_runs=None)

    worker.kill()
    outcome = worker.perform(make_run(bodies.pid), taken=lambda: None)

    assert outcome.exception_message == (
        "Worker process default_1 was killed. Start the executor again to perform runs."
    )
    assert worker_pids() == before


SCRIPT = """
import threading
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor
from tests.unit.executors import bodies
from tests.unit.executors.support import Host, make_run
{guard}
    executor = ProcessPoolExecutor(1)
    executor.start(Host(), "default")
    told = threading.Event()

    def done(run, outcome):
        print(outcome.status, outcome.result, outcome.exception_message)
        told.set()

    executor.submit(make_run({call}), done)
    {then}
"""


@many_times
def test_processes_do_not_outlive_a_scheduler_that_is_killed(pipe, tmp_path, time):
    script = SCRIPT.format(
        guard="if __name__ == '__main__':", call=f"bodies.hold_pipe_and_hang, {pipe!r}", then="told.wait()"
    )
    (tmp_path / "script.py").write_text(script)
    scheduler = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=environment())

    with Path(pipe).open() as held:
        assert held.readline()
        scheduler.kill()
        assert held.read() == ""  # the process that held the other end is gone
    scheduler.wait(PATIENCE)


@pytest.mark.parametrize("then", ["pass", "executor.shutdown(wait=False)"])
def test_the_interpreter_exits_when_accepted_runs_have_ended(tmp_path, then):
    script = SCRIPT.format(guard="if __name__ == '__main__':", call="bodies.add, 1", then=then)

    assert run_script(script, tmp_path) == ("succeeded 1 \n", "")


def test_a_script_without_a_main_guard_does_not_become_a_second_scheduler(tmp_path):
    script = SCRIPT.format(guard="if True:", call="bodies.add, 1", then="told.wait()")

    output, errors = run_script(script, tmp_path)

    (said,) = output.splitlines()
    assert re.sub(r"pid \d+", "pid N", said) == (
        "failed None Worker process default_1 (pid N) exited with code 1 before it could take a run. "
        "Its standard error says why; "
        "a script that starts a scheduler must do so below `if __name__ == '__main__':`."
    )
    assert errors.splitlines()[-1] == (
        "django_apscheduler_ng.exceptions.WorkerError: Executor 'default' was started in a worker process that was "
        "importing the script of its scheduler; only that script itself may start one. "
        "Do so below `if __name__ == '__main__':`."
    )


def test_a_worker_that_dies_before_it_can_take_a_run_fails_it(start, ends):
    executor = start(ProcessPoolExecutor(1, {"initializer": bodies.vanish, "initargs": (4,)}))

    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert outcome.exception_message == (
        f"Worker process {outcome.worker} exited with code 4 before it could take a run. "
        "Its standard error says why; "
        "a script that starts a scheduler must do so below `if __name__ == '__main__':`."
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def run_script(script: str, directory: Path) -> tuple[str, str]:
    (directory / "script.py").write_text(script)
    found = subprocess.run(
        [sys.executable, "script.py"],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return found.stdout, found.stderr


def test_the_surroundings_are_entered_before_arguments_are_opened(start, ends):
    executor = start(ProcessPoolExecutor(1), Host(around_run=f"{bodies.__name__}:broken_fence"))

    executor.submit(make_run(bodies.add, bodies.Exploding()), ends)

    assert ends.outcome().exception_message == "no surroundings"
