"""A table of jobs in a schema of its own, on a server that has schemas."""

from __future__ import annotations

import sqlalchemy as sa

from tests.stores import bodies

from .conftest import START

SCHEMA = "scheduling"


def test_jobs_are_kept_in_the_schema_that_was_named(places, begin):
    place = places["postgresql"]
    place.clean()
    engine = sa.create_engine(place.options()["url"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
    elsewhere = begin(place.store("jobs"))

    begin(place.store("jobs", tableschema=SCHEMA)).add_job(bodies.note, "date", run_date=START, id="there")

    assert elsewhere.get_job("there") is None
    assert sa.inspect(engine).has_table(place.options("jobs")["tablename"], schema=SCHEMA)
    assert begin(place.store("jobs", tableschema=SCHEMA)).get_job("there").id == "there"
