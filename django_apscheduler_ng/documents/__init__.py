"""Jobs ↔ a JSON document that people can read, keep, and take to another job store.

The document is an object with `format` (`FORMAT`), `version`, `exported_at`, `exported_by` and `jobs`, a list of objects. Of each job
`id`, `func` and `trigger` are needed; the others are those of `FIELDS`. Values and triggers are written as job stores keep them: what
JSON has no type for is an object with the key `$type`. Reading a document imports nothing that is named in it but the callables of jobs
that the job store would run.
"""

from __future__ import annotations

from .reading import Reader, parse_document
from .writing import FIELDS, FORMAT, VERSION, dump_jobs

__all__ = ["FIELDS", "FORMAT", "VERSION", "Reader", "dump_jobs", "parse_document"]
