"""What tests of scheduled code need: a clock that obeys, a scheduler that is driven by hand, and checks of fire times.

Nothing in this package imports this module. The fixtures for pytest are in `django_apscheduler_ng.testing.fixtures`; name that module
in `pytest_plugins` to use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import FakeClock
from .eventlog import EventLog
from .firing import assert_fires
from .manual import ManualScheduler

if TYPE_CHECKING:
    from .contract import JobStoreContract

__all__ = ["EventLog", "FakeClock", "JobStoreContract", "ManualScheduler", "assert_fires"]


def __getattr__(name: str) -> Any:
    """Import the contract when it is first used: it is the only part that needs pytest."""
    if name == "JobStoreContract":
        import pytest

        pytest.register_assert_rewrite(f"{__name__}.contract")
        from .contract import JobStoreContract

        return JobStoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
