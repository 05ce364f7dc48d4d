"""The pages of the admin at 10,000 jobs, a million runs and 100,000 events: queries, the slowest of them, time and bytes.

    python -m tests.benchmarks.admin sqlite|postgres|mariadb [--write-docs] [--jobs N] [--runs N] [--events N]

Runs in the environment of the tests, in a database of its own that is dropped in the end. Filling it takes a minute or two.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from typing import Any

from .. import databases, tables
from ..environments import CHECKOUT, default_directory, usable_databases
from ..results import machine, now


def main() -> None:
    """Fill a database, open each page, print a table, and write the documentation if that was asked for, too."""
    options = _options()
    databases.drop_leftovers(options.database)
    with databases.fresh(options.database) as database:
        costs = _measured(database, options)
    from .report import keep, rows_of, slow_statements, write

    print(f"{tables.as_text(rows_of(costs))}\n\n{slow_statements(costs)}")
    facts = {name: getattr(options, name) for name in ("jobs", "runs", "events")}
    facts |= {
        "date": now(),
        "machine": machine(),
        "load": os.getloadavg()[0],
        "version": databases.version(options.database),
    }
    kept = keep(default_directory() / "admin.json", options.database, facts, costs)
    if options.write_docs:
        write(kept, CHECKOUT / "docs" / "explanation" / "performance-admin.md")


def _measured(database: Mapping[str, Any], options: argparse.Namespace) -> list[Any]:
    """Fill the database and measure each page; needs settings of Django that name it."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": options.database,
        "TEST_DATABASE_NAME": database["name"],
    }
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment

    from .measuring import measure
    from .pages import pages
    from .seeding import seed

    setup_test_environment()
    call_command("migrate", verbosity=0)
    begun = time.monotonic()
    seed(options.jobs, options.runs, options.events)
    print(f"filled in {time.monotonic() - begun:.0f} s", flush=True)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="only-for-tests"))
    costs = [measure(client, name, address) for name, address in pages(client).items()]
    connection.close()
    return costs


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.admin", description=__doc__.partition("\n")[0])
    parser.add_argument("database", choices=usable_databases())
    parser.add_argument("--write-docs", action="store_true", help="write docs/explanation/performance-admin.md")
    for name, number in (("jobs", 10_000), ("runs", 1_000_000), ("events", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=number, metavar="N")
    return parser.parse_args()


if __name__ == "__main__":
    main()
