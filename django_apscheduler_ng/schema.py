"""Whether the databases are as the migrations want them."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.migrations.executor import MigrationExecutor

from .conf import Config
from .connections import PASSING_ERRORS, drop_connection
from .models import ScheduledJob


def unapplied(config: Config) -> str | None:
    """Return the first unapplied migration, or None; a database that cannot be reached counts as unmigrated."""
    for alias in databases(config):
        try:
            executor = MigrationExecutor(connections[alias])
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except PASSING_ERRORS as error:
            drop_connection(alias)
            return f"the database cannot be reached: {error}".strip()
        if plan:
            return str(plan[0][0])
    return None


def databases(config: Config) -> list[str]:
    """Return the aliases of the default database, if there is one, and of those of the job stores."""
    stores = [options for options in config.jobstores.values() if options.get("type") == "django"]
    aliases = [DEFAULT_DB_ALIAS, *(options.get("using") or router.db_for_write(ScheduledJob) for options in stores)]
    return [alias for alias in dict.fromkeys(aliases) if connections[alias].vendor != "unknown"]
