"""Deploys with nodes in processes of their own: what only the old code declares is retired when the last old node is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from django_apscheduler_ng.models import ScheduledJob
from tests.acceptance.harness import NodeProcess, complaints, wait_until

StartNode = Callable[..., NodeProcess]


def retired() -> set[str]:
    return set(ScheduledJob.objects.filter(retired_at__isnull=False).values_list("job_id", flat=True))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_rolling_deploy_retires_what_the_new_code_does_not_declare(
    start_node: StartNode, end: signal.Signals
) -> None:
    old = start_node(options={"autodiscover": "code_old"}).ready()
    new = start_node(options={"autodiscover": "code_new"}).ready()
    assert set(ScheduledJob.objects.values_list("job_id", flat=True)) == {"stays", "goes", "comes"}
    assert retired() == set()

    old.stop(end)

    wait_until(lambda: retired() == {"goes"}, "the old job is retired")
    back = start_node(options={"autodiscover": "code_old"}).ready()
    assert retired() == set()
    assert [node.stop() for node in (back, new)] == [0, 0]
    assert complaints(back, new, expected=("Job 'goes' is retired", "is taken for dead")) == []
