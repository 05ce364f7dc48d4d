from __future__ import annotations

from collections.abc import Iterator

import pytest

from .loops import end_shared_loops


@pytest.fixture(scope="session", autouse=True)
def _no_loop_is_left() -> Iterator[None]:
    yield
    end_shared_loops()
