"""What every job store has to do, as tests: the ones of this package pass them, and so should yours."""

from __future__ import annotations

import pytest

for _part in ("keeping", "claiming", "retrying", "overlapping", "trouble", "scheduling"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from .claiming import ClaimingContract  # noqa: E402 - after the asserts are made to explain themselves
from .keeping import KeepingContract  # noqa: E402
from .overlapping import OverlappingContract  # noqa: E402
from .retrying import RetryingContract  # noqa: E402
from .scheduling import SchedulingContract  # noqa: E402
from .trouble import TroubleContract  # noqa: E402

__all__ = ["JobStoreContract"]


class JobStoreContract(
    KeepingContract, ClaimingContract, RetryingContract, OverlappingContract, TroubleContract, SchedulingContract
):
    """Tests of a job store, to be collected by pytest. A subclass whose name begins with `Test` implements `make_store()`.

    Example:
        >>> class TestMyStore(JobStoreContract):
        ...     def make_store(self):
        ...         return MyStore("somewhere")

    Every test makes a store of its own, starts it on a `FakeClock` and shuts it down.
    """
