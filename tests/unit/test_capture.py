from __future__ import annotations

import asyncio
import contextvars
import logging
import logging.config
import logging.handlers
import queue
import re
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from django_apscheduler_ng.capture import LogCapture, RunFilter, captured_logs, start_capture, stop_capture
from django_apscheduler_ng.runs import RunContext, run_context

EVERYTHING = LogCapture(level=logging.DEBUG)

#: A logger below no other one, so that nobody else gets its records.
log = logging.Logger("shop.jobs")


@pytest.fixture(autouse=True)
def loud() -> Iterator[None]:
    """Let the logger make all records, and show them to nobody."""
    log.setLevel(logging.DEBUG)
    log.handlers = [logging.NullHandler()]
    yield
    log.handlers = []


@pytest.fixture
def context() -> RunContext:
    return RunContext(id="run-1", job_id="report", fire_time=None)


def logged(context: RunContext) -> list[str]:
    """Return the lines without their moments."""
    report = context.output.close()
    return (
        [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", line) for line in report.log.splitlines()]
        if report
        else []
    )


class Seen(logging.Handler):
    """Keeps the records it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def attributes(self) -> list[tuple[object, object]]:
        return [(getattr(record, "run_id", None), getattr(record, "job_id", None)) for record in self.records]


# -- what is kept --------------------------------------------------------------------------------------------------------


def test_what_a_run_logs_is_kept_with_it(context):
    with captured_logs(EVERYTHING), run_context(context):
        log.info("%d of %d", 3, 10)
        logging.getLogger("shop.deep.down").error("broken")

    assert logged(context) == ["INFO shop.jobs: 3 of 10", "ERROR shop.deep.down: broken"]


def test_a_line_begins_with_its_moment_in_utc(context):
    before = time.time()
    with captured_logs(EVERYTHING), run_context(context):
        log.info("now")

    text = context.output.close().log[:19]
    assert text in {time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(before + more)) for more in (0, 1)}


def test_nothing_is_kept_outside_of_runs_and_no_buffer_is_made_for_runs_that_log_nothing(context):
    with captured_logs(EVERYTHING):
        log.info("before")
        with run_context(context):
            pass
        log.info("after")

    assert context.output._log is None
    assert logged(context) == []


@pytest.mark.parametrize(
    ("capture", "lines"),
    [
        pytest.param(LogCapture(level=logging.WARNING), ["WARNING shop.jobs: loud"], id="level"),
        pytest.param(LogCapture(limit=0), [], id="off"),
        pytest.param(None, [], id="none"),
    ],
)
def test_the_least_level_and_the_limit_are_obeyed(context, capture, lines):
    with captured_logs(capture), run_context(context):
        log.info("quiet")
        log.warning("loud")

    assert logged(context) == lines


def test_records_that_their_logger_does_not_make_are_not_kept(context):
    quiet = logging.Logger("quiet", logging.ERROR)

    with captured_logs(EVERYTHING), run_context(context):
        quiet.warning("not made")

    assert logged(context) == []


def test_an_exception_is_kept_with_its_traceback_and_the_record_is_left_as_it_was(context):
    seen = Seen()
    with captured_logs(EVERYTHING), run_context(context):
        try:
            raise ValueError("on purpose")
        except ValueError:
            log.exception("failed")
        log.info("here", stack_info=True)

    lines = logged(context)
    assert lines[:2] == ["ERROR shop.jobs: failed", "Traceback (most recent call last):"]
    assert "ValueError: on purpose" in lines
    assert "Stack (most recent call last):" in lines
    assert seen.records[0].exc_text is None


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "arguments", "line"),
    [
        pytest.param("%d", ["x"], "INFO shop.jobs: %d [TypeError while it was formatted]", id="wrong-arguments"),
        pytest.param("%s", [Unspeakable()], "INFO shop.jobs: %s [RuntimeError while it was formatted]", id="argument"),
        pytest.param(Unspeakable(), [], "INFO shop.jobs:  [RuntimeError while it was formatted]", id="message"),
    ],
)
def test_a_record_that_cannot_be_formatted_hurts_nobody(context, message, arguments, line):
    with captured_logs(EVERYTHING), run_context(context):
        log.info(message, *arguments)

    assert logged(context) == [line]


# -- which run it belongs to ---------------------------------------------------------------------------------------------


def test_tasks_and_copied_contexts_belong_to_the_run_and_other_threads_do_not(context):
    async def body():
        await asyncio.create_task(child())
        await asyncio.to_thread(log.info, "to_thread")

    async def child():
        log.info("task")

    def in_thread(target, *args):
        thread = threading.Thread(target=target, args=args)
        thread.start()
        thread.join()

    with captured_logs(EVERYTHING), run_context(context):
        asyncio.run(body())
        in_thread(log.info, "thread")
        in_thread(contextvars.copy_context().run, log.info, "thread with the context")

    assert logged(context) == [f"INFO shop.jobs: {name}" for name in ("task", "to_thread", "thread with the context")]


def test_records_of_a_run_carry_its_id_and_that_of_its_job(context):
    seen = Seen()
    with captured_logs(EVERYTHING):
        log.info("outside")
        with run_context(context):
            log.info("inside")
    log.info("afterwards")

    assert seen.attributes() == [(None, None), ("run-1", "report"), (None, None)]
    assert logging.Formatter("%(job_id)s %(run_id)s %(message)s").format(seen.records[1]) == "report run-1 inside"


def test_what_a_body_says_itself_about_run_and_job_counts(context):
    seen = Seen()
    with captured_logs(EVERYTHING), run_context(context):
        log.info("mine", extra={"job_id": 5, "colour": "red"})
        with pytest.raises(KeyError, match="overwrite 'name'"):
            log.info("refused as ever", extra={"name": "x"})

    assert seen.attributes() == [("run-1", 5)]
    assert seen.records[0].colour == "red"


def test_records_of_runs_pass_through_queues(context):
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    log.addHandler(logging.handlers.QueueHandler(waiting))
    with captured_logs(EVERYTHING), run_context(context):
        log.info("%s", "queued")

    record = waiting.get(timeout=10)
    assert (record.getMessage(), record.run_id) == ("queued", "run-1")


def test_records_that_were_made_elsewhere_are_left_alone(context):
    with captured_logs(EVERYTHING), run_context(context):
        logging.makeLogRecord({"name": "far.away", "msg": "made elsewhere", "levelno": logging.INFO})

    assert logged(context) == []


def test_the_filter_gives_every_record_the_attributes_so_that_formats_can_name_them(context):
    seen = Seen()
    seen.addFilter(RunFilter())
    log.info("outside")
    with run_context(context):
        log.info("inside")
        log.info("mine", extra={"run_id": 5})

    assert seen.attributes() == [("", ""), ("run-1", "report"), (5, "report")]


# -- the logging of the project ------------------------------------------------------------------------------------------


def test_what_the_project_does_about_logging_meanwhile_ends_nothing(context):
    with captured_logs(EVERYTHING):
        logging.config.dictConfig(
            {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "WARNING"}}
        )
        with run_context(context):
            log.info("still kept")

    assert logged(context) == ["INFO shop.jobs: still kept"]


def test_afterwards_the_factory_is_the_one_that_was_there_before():
    before = logging.getLogRecordFactory()

    start_capture(EVERYTHING)
    start_capture(LogCapture())
    stop_capture(EVERYTHING)
    assert logging.getLogRecordFactory() is not before
    stop_capture(LogCapture())

    assert logging.getLogRecordFactory() is before


def test_a_factory_that_somebody_built_upon_ours_goes_on_working(context, monkeypatch):
    before = logging.getLogRecordFactory()
    seen = Seen()
    start_capture(EVERYTHING)
    ours = logging.getLogRecordFactory()

    def theirs(*args, **kwargs):
        record = ours(*args, **kwargs)
        record.colour = "red"
        return record

    logging.setLogRecordFactory(theirs)
    try:
        stop_capture(EVERYTHING)
        with run_context(context):
            log.info("not captured any more")
        with captured_logs(EVERYTHING), run_context(context):
            log.info("captured again, once")
    finally:
        logging.setLogRecordFactory(before)

    assert [record.colour for record in seen.records] == ["red", "red"]
    assert logged(context) == ["INFO shop.jobs: captured again, once"]


# -- how much ------------------------------------------------------------------------------------------------------------


def test_a_log_without_end_takes_no_more_memory_than_its_limit(context):
    megabyte = "x" * 1_000_000
    with captured_logs(LogCapture(limit=65_536)), run_context(context):
        log.info("warm")
        tracemalloc.start()
        begun = time.thread_time()
        for _ in range(200):
            log.info("%s", megabyte)
        for number in range(20_000):
            log.info("line %06d", number)
        took = time.thread_time() - begun
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    text = context.output.close().log
    assert peak < 1_000_000  # the tail, and what it is joined to
    assert took < 10  # seconds of the processor
    assert len(text) <= 65_536 + 100
    assert re.fullmatch(r"… \[\d+ characters left out\] …", text.splitlines()[0])
    assert text.endswith("INFO shop.jobs: line 019999\n")


def test_one_record_of_100_megabytes_is_cut_and_leaves_room_for_others(context):
    huge = "x" * 100_000_000
    with captured_logs(LogCapture(limit=1000)), run_context(context):
        log.info("before")
        log.info(huge)
        log.info("after")

    assert logged(context) == [
        "INFO shop.jobs: before",
        f"INFO shop.jobs: {'x' * 250} … [99999750 characters left out] …",
        "INFO shop.jobs: after",
    ]
