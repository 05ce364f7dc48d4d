"""`runscheduler --reload`: a node in a child process, stopped cleanly and started again when a file of the code changes."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

from django.utils.autoreload import StatReloader, file_changed, get_child_arguments

from .stopping import StopRequests

logger = logging.getLogger(__name__)


class ReloadingNode:
    """The child process, and the watch over the files that are imported here as well as there."""

    def __init__(self) -> None:
        """Prepare; nothing is started yet."""
        self._command = [part for part in get_child_arguments() if part != "--reload"]
        self._child: subprocess.Popen[bytes] | None = None

    def serve(self, requests: StopRequests) -> int:
        """Keep a node running until asked to stop; returns its exit code."""
        self._start()
        file_changed.connect(self._restart, weak=False, dispatch_uid="django_apscheduler_ng.reloading")
        try:
            for _ in StatReloader().tick():
                if requests.wait(0):
                    break
        finally:
            file_changed.disconnect(dispatch_uid="django_apscheduler_ng.reloading")
        return self._stop()

    def _start(self) -> None:
        self._child = subprocess.Popen(self._command)  # noqa: S603 - the command this process was started with

    def _stop(self) -> int:
        """Ask the child to stop, and wait until it has; returns its exit code."""
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.terminate()
        return abs(self._child.wait())

    def _restart(self, *, file_path: Path, **kwargs: object) -> bool:
        """Start the node anew; returns True, which keeps Django from restarting this process."""
        logger.info("%s changed: the node is restarted.", file_path)
        self._stop()
        self._start()
        return True
