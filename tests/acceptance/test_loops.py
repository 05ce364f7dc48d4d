"""Programs whose main thread belongs to a loop, as processes of their own.

The plain ones are in `docs/how-to/choose-a-scheduler.md`, and are run by the tests of the documentation.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.conftest import CHECKOUT

#: What each program begins with: it ends by itself when something takes too long.
PREFIX = """
import faulthandler, sys
faulthandler.dump_traceback_later(40, exit=True)
"""


def run(program: str, *, warnings: str = "error") -> str:
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", PREFIX + dedent(program)], cwd=CHECKOUT, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


#: A job store that waits, as those in databases do, and notes how the loop does meanwhile.
SLOW_STORE = """
    import threading, time
    from django_apscheduler_ng.jobstores.memory import MemoryJobStore

    class SlowStore(MemoryJobStore):
        blocks = True
        threads = set()

        def claim(self, now, free):
            self.threads.add(threading.current_thread())
            time.sleep(0.3)
            return super().claim(now, free)
"""


@needs("gevent")
@pytest.mark.parametrize("patched", [False, True], ids=["plain", "patched"])
def test_a_gevent_program_goes_on_while_its_job_store_waits(patched):
    patch = "from gevent import monkey; monkey.patch_all()" if patched else "import gevent"
    said = run(f"""
    {patch}
    import gevent
    {SLOW_STORE}
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
    from django_apscheduler_ng.schedulers.gevent import GeventScheduler

    scheduler = GeventScheduler(jobstores={{"default": SlowStore()}})
    beats, results = [], []

    def beat():
        while True:
            beats.append(time.monotonic())
            gevent.sleep(0.01)

    def note(event):
        results.append(event.retval)
        if len(results) == 2:
            scheduler.shutdown(wait=False)

    def work(answer):
        gevent.sleep(0.01)
        return answer

    scheduler.add_listener(note, EVENT_JOB_EXECUTED)
    for answer in (1, 2):
        scheduler.add_job(work, args=[answer])
    heart = gevent.spawn(beat)
    scheduler.start().join()
    gap = max(later - sooner for sooner, later in zip(beats, beats[1:]))
    print(sorted(results), gap < 0.2, len(SlowStore.threads))
    """)

    assert said == "[1, 2] True 1"


@needs("gevent")
def test_a_patched_program_may_use_threads_as_well_and_wait_for_them():
    said = run("""
    from gevent import monkey; monkey.patch_all()
    import threading, time
    from django_apscheduler_ng.schedulers.gevent import GeventScheduler

    scheduler = GeventScheduler(executors={"default": {"type": "gevent"}, "threads": {"type": "threadpool"}})
    done, begun = [], threading.Barrier(3)

    def work(name):
        begun.wait()
        time.sleep(0.1)  # gevent's: the others go on
        done.append(name)

    for alias in ("default", "threads"):
        scheduler.add_job(work, args=[alias], executor=alias)
    scheduler.start()
    begun.wait()
    scheduler.shutdown()
    print(sorted(done))
    """)

    assert said == "['default', 'threads']"


@needs("gevent")
def test_the_executor_for_greenlets_serves_a_background_scheduler_of_a_patched_program():
    said = run("""
    from gevent import monkey; monkey.patch_all()
    import gevent
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler
    from django_apscheduler_ng.testing import EventLog
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED

    scheduler, log = BackgroundScheduler(executors={"default": {"type": "gevent"}}), EventLog()
    scheduler.add_listener(log)
    scheduler.start()
    scheduler.add_job(lambda: isinstance(gevent.getcurrent(), gevent.Greenlet))
    print(log.wait_for(EVENT_JOB_EXECUTED).retval)
    scheduler.shutdown()
    """)

    assert said == "True"


@needs("tornado")
def test_a_tornado_program_may_start_its_scheduler_before_its_loop():
    said = run(
        """
    from tornado.ioloop import IOLoop
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
    from django_apscheduler_ng.schedulers.tornado import TornadoScheduler

    async def where():
        return IOLoop.current()

    scheduler = TornadoScheduler()
    loop = IOLoop.current()
    def note(event):
        print(event.retval is loop)
        loop.add_callback(loop.stop)
    scheduler.add_listener(note, EVENT_JOB_EXECUTED)
    scheduler.add_job(where)
    scheduler.start()
    loop.start()
    scheduler.shutdown()
    """,
        warnings="ignore",
    )  # newer versions of asyncio warn of IOLoop.current() where none runs

    assert said == "True"


@needs("twisted")
@pytest.mark.parametrize(
    "choose",
    [
        pytest.param("", id="default"),
        pytest.param("from twisted.internet import selectreactor; selectreactor.install()", id="select"),
        pytest.param("from twisted.internet import asyncioreactor; asyncioreactor.install()", id="asyncio"),
    ],
)
def test_a_twisted_program_uses_the_reactor_that_it_installed(choose):
    said = run(f"""
    from django_apscheduler_ng.schedulers.twisted import TwistedScheduler  # installs none
    {choose}
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
    from twisted.internet import reactor
    from twisted.internet.threads import blockingCallFromThread

    scheduler = TwistedScheduler()
    def work():
        return blockingCallFromThread(reactor, lambda: "from the reactor")
    def note(event):
        print(event.retval)
        reactor.callFromThread(reactor.stop)
    scheduler.add_listener(note, EVENT_JOB_EXECUTED)
    scheduler.add_job(work)
    scheduler.start()
    reactor.addSystemEventTrigger("before", "shutdown", scheduler.shutdown)
    reactor.run()
    print(scheduler.running, scheduler.reactor is reactor)
    """)

    assert said == "from the reactor\nFalse True"


@pytest.mark.parametrize("binding", [pytest.param(name, marks=needs(name)) for name in ("PySide6", "PyQt6")])
def test_a_qt_program_goes_on_while_its_job_store_waits(binding):
    said = run(f"""
    {SLOW_STORE}
    from {binding}.QtCore import QCoreApplication, QTimer
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
    from django_apscheduler_ng.schedulers.qt import QtScheduler

    application = QCoreApplication([])
    beats = []
    heart = QTimer()
    heart.timeout.connect(lambda: beats.append(time.monotonic()))
    heart.start(10)

    results = []
    def note(event):
        results.append(event.retval)
        if len(results) == 2:
            scheduler._call_in_loop(application.quit)

    scheduler = QtScheduler(jobstores={{"default": SlowStore()}})
    scheduler.add_listener(note, EVENT_JOB_EXECUTED)
    scheduler.add_job(threading.current_thread)
    scheduler.start()
    QTimer.singleShot(100, lambda: scheduler.add_job(threading.current_thread))
    application.exec()
    scheduler.shutdown()
    gap = max(later - sooner for sooner, later in zip(beats, beats[1:]))
    print(gap < 0.2, threading.main_thread() in results, len(SlowStore.threads))
    print(sorted(name for name in ("PySide6", "PyQt6") if name in sys.modules))
    """)

    assert said == f"True False 1\n['{binding}']"


@needs("PySide6")
@pytest.mark.parametrize("poll_interval", ["1", "3e6", "1e9"])
def test_a_qt_timer_waits_for_the_memory_store(poll_interval):
    said = run(f"""
    import threading
    from PySide6.QtCore import QCoreApplication, QTimer
    from django_apscheduler_ng.events import EVENT_JOB_SUBMITTED
    from django_apscheduler_ng.schedulers.qt import QtScheduler

    application = QCoreApplication([])
    scheduler = QtScheduler(poll_interval={poll_interval})
    passes = []
    def note(event):
        passes.append(threading.current_thread())
        if len(passes) == 3:
            application.quit()
    scheduler.add_listener(note, EVENT_JOB_SUBMITTED)
    scheduler.start()
    QTimer.singleShot(10, lambda: scheduler.add_job(print, "interval", seconds=0.05))
    application.exec()
    scheduler.shutdown()
    print(set(passes) == {{threading.main_thread()}})
    """)

    assert said.splitlines()[-1] == "True"


@needs("PySide6")
def test_without_a_qt_application_the_start_says_what_is_needed():
    said = run("""
    from django_apscheduler_ng.schedulers.qt import QtScheduler
    try:
        QtScheduler().start()
    except ValueError as error:
        print(error)
    """)

    assert said == "QtScheduler found no Qt application. Make a QApplication or QCoreApplication before start()."
