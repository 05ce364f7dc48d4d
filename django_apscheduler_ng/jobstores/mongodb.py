"""A job store in a MongoDB collection, for one scheduler. Needs the extra `mongodb`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..exceptions import ConfigurationError, UnstorableError, needs_extra
from .configured import configured_object, converted
from .persistent import Advance, PersistentJobStore, refuse_pickling
from .records import Record

with needs_extra("Job store 'mongodb'", "mongodb"):
    from pymongo import ASCENDING, DeleteOne, MongoClient, UpdateOne
    from pymongo.errors import BulkWriteError, PyMongoError

if TYPE_CHECKING:
    from pymongo.collection import Collection

#: Records that are read together when all are visited.
_PAGE_SIZE = 1_000

#: How long a call waits for a server that does not answer, in milliseconds; the driver's own default would be 30 seconds.
_PATIENCE = 5_000

#: How large a document may be, in bytes; the limit of every server.
_LARGEST = 16 * 1024 * 1024

#: What a document needs besides its two texts, in bytes, and some more for what the pass adds.
_OVERHEAD = 16_384

#: Code of the server's error where an id is taken.
_DUPLICATE_KEY = 11_000

_Document = dict[str, Any]


class MongoDBJobStore(PersistentJobStore):
    """Keeps jobs in one collection. The collection belongs to one scheduler; for more, choose the ORM store.

    It keeps no history of runs. Callables need a name that can be imported, and arguments are plain values; nothing is pickled.
    """

    alias_type = "mongodb"

    def __init__(
        self,
        database: str = "django_apscheduler_ng",
        collection: str = "jobs",
        client: MongoClient[_Document] | str | None = None,
        pickle_protocol: None = None,
        **connect_args: Any,
    ) -> None:
        """Name the collection; the first connection is made when the scheduler starts.

        Args:
            database: name of the database.
            collection: name of the collection.
            client: a client, or where to find one (`package.module:client`); it is not closed. Otherwise the store makes one.
            pickle_protocol: nothing is pickled; refused.
            **connect_args: of `pymongo.MongoClient`, such as `host` and `port`; values may be text. `serverSelectionTimeoutMS`, how
                long a call waits for a server that does not answer, is 5000 where it is not given.

        Raises:
            ConfigurationError: an option is impossible.
        """
        super().__init__()
        refuse_pickling(pickle_protocol)
        for name, value in (("database", database), ("collection", collection)):
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"Option {name!r} must be a name, got {value!r}. Leave it out or give one.")
        if client is not None and connect_args:
            raise ConfigurationError(
                f"Job store 'mongodb' must get either 'client' or arguments for one, got both: {', '.join(connect_args)}. "
                "Give them where the client is made."
            )
        self._database, self._name = database, collection
        self._given = None if client is None else configured_object(client, "client", MongoClient)
        self._connect_args = {"serverSelectionTimeoutMS": _PATIENCE} | converted(connect_args, {"port": int})
        self._client: MongoClient[_Document] | None = None

    @property
    def _jobs(self) -> Collection[_Document]:
        assert self._client is not None, "called between _open() and _close()"
        return self._client[self._database][self._name]

    def _open(self) -> None:
        self._client = self._given or MongoClient(**self._connect_args)
        self._jobs.create_index("run_at")

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._given is None:
            client.close()

    def _get(self, job_id: str) -> Record | None:
        found = self._jobs.find_one({"_id": job_id})
        return None if found is None else _record(found)

    def _due(self, until: int, skip: int, limit: int) -> Sequence[Record]:
        found = self._jobs.find({"run_at": {"$ne": None, "$lte": until}})
        with found.sort("run_at", ASCENDING).skip(skip).limit(limit) as documents:
            return [_record(document) for document in documents]

    def _page(self, mark: Any) -> tuple[Sequence[Record], Any]:
        found = self._jobs.find({} if mark is None else {"_id": {"$gt": mark}})
        with found.sort("_id", ASCENDING).limit(_PAGE_SIZE) as documents:
            page = list(documents)
        return [_record(document) for document in page], page[-1]["_id"] if len(page) == _PAGE_SIZE else None

    def _earliest(self, after: int | None) -> int | None:
        bound = {} if after is None else {"$gt": after}
        found = self._jobs.find_one({"run_at": {"$ne": None, **bound}}, {"run_at": 1}, sort=[("run_at", ASCENDING)])
        return None if found is None else int(found["run_at"])

    def _insert(self, records: Sequence[Record]) -> str | None:
        for record in records:
            _check_size(record)
        ids = [record.job_id for record in records]
        taken = self._jobs.find_one({"_id": {"$in": ids}}, {"_id": 1})
        if taken is not None:
            return str(taken["_id"])
        try:
            self._jobs.insert_many([_document(record) for record in records])
        except BulkWriteError as error:
            refused = error.details["writeErrors"][0]
            self._take_back_inserted(ids[: refused["index"]])
            if refused["code"] != _DUPLICATE_KEY:
                raise
            return ids[int(refused["index"])]
        except PyMongoError:
            self._take_back_inserted(ids)  # none of them was here before
            raise
        return None

    def _take_back_inserted(self, ids: Sequence[str]) -> None:
        with suppress(PyMongoError):
            self._jobs.delete_many({"_id": {"$in": ids}})

    def _replace(self, record: Record) -> bool:
        _check_size(record)
        return self._jobs.update_one({"_id": record.job_id}, {"$set": _document(record)}).matched_count > 0

    def _remove(self, job_id: str) -> bool:
        return self._jobs.delete_one({"_id": job_id}).deleted_count > 0

    def _clear(self) -> None:
        self._jobs.delete_many({})

    def _write(self, advances: Mapping[str, Advance]) -> None:
        self._jobs.bulk_write([_operation(job_id, advance) for job_id, advance in advances.items()], ordered=False)


def _operation(job_id: str, advance: Advance) -> UpdateOne | DeleteOne:
    if advance is None:
        return DeleteOne({"_id": job_id})
    return UpdateOne({"_id": job_id}, {"$set": {"run_at": advance[0], "runtime": advance[1]}})


def _document(record: Record) -> _Document:
    return {
        "_id": record.job_id,
        "run_at": record.run_at,
        "definition": record.definition,
        "runtime": record.runtime,
    }


def _record(document: _Document) -> Record:
    """Return what a document holds; of a foreign one, whatever it has."""
    return Record(
        job_id=str(document["_id"]),
        run_at=document.get("run_at"),
        definition=document.get("definition", ""),
        runtime=document.get("runtime", ""),
    )


def _check_size(record: Record) -> None:
    """Refuse what does not fit into a document; both texts are ASCII."""
    size = len(record.definition) + len(record.runtime)
    if size > _LARGEST - _OVERHEAD:
        raise UnstorableError(
            f"Job {record.job_id!r} must fit into a document of MongoDB, which is at most {_LARGEST} bytes, got {size}. "
            "Pass a reference to the data instead of the data."
        )
