"""The main function of worker processes."""

from __future__ import annotations

import multiprocessing

from django_apscheduler_ng.executors.worker import serve


def test_a_worker_whose_node_is_gone_by_the_time_it_is_ready_ends_without_a_word():
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    _, control = context.Pipe()
    worker = context.Process(target=serve, args=(theirs, control, None))

    ours.close()
    worker.start()
    theirs.close()
    control.close()
    worker.join(60)

    assert worker.exitcode == 0
