"""The functions that jobs of the shop may run."""

from . import archive, exports, invoices, monitors, news, ops, rates, statistics

__all__ = ["archive", "exports", "invoices", "monitors", "news", "ops", "rates", "statistics"]
