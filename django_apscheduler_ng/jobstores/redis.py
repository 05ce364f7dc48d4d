"""A job store in Redis, for one scheduler. Needs the extra `redis`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from ..exceptions import ConfigurationError, did_you_mean, needs_extra
from .configured import converted, truth
from .persistent import Advance, PersistentJobStore, refuse_pickling
from .records import Record

with needs_extra("Job store 'redis'", "redis"):
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import WatchError
    from redis.retry import Retry

#: Records that are read together when all are visited.
_PAGE_SIZE = 1_000

_CONVERTERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("port", "max_connections", "health_check_interval", "protocol", "socket_read_size"), int),
    **dict.fromkeys(("socket_timeout", "socket_connect_timeout"), float),
    **dict.fromkeys(("ssl", "ssl_check_hostname", "socket_keepalive", "retry_on_timeout", "decode_responses"), truth),
}


class RedisJobStore(PersistentJobStore):
    """Keeps jobs under three keys. The keys belong to one scheduler; for more, choose the ORM store.

    What Redis forgets when its server is killed depends on its own persistence: `appendonly yes` is what jobs want. The store keeps no
    history of runs. Callables need a name that can be imported, and arguments are plain values; nothing is pickled.
    """

    alias_type = "redis"

    def __init__(
        self,
        db: int | str = 0,
        jobs_key: str | None = None,
        run_times_key: str | None = None,
        pickle_protocol: None = None,
        namespace: str = "django_apscheduler_ng",
        **connect_args: Any,
    ) -> None:
        """Name the keys; the first connection is made when the scheduler starts.

        Args:
            db: number of the database.
            jobs_key: key of the definitions, a hash; its name with `.runtime` behind it is the key of the runtimes. Left out, it is
                `<namespace>.jobs`.
            run_times_key: key of the next run times, a sorted set. Left out, it is `<namespace>.run_times`.
            pickle_protocol: nothing is pickled; refused.
            namespace: what the names of keys begin with that are left out.
            **connect_args: of `redis.Redis`, such as `host`, `port` and `password`; values may be text.

        Raises:
            ConfigurationError: an option is unknown or impossible.
        """
        super().__init__()
        refuse_pickling(pickle_protocol)
        self._jobs_key = jobs_key or f"{namespace}.jobs"
        self._run_times_key = run_times_key or f"{namespace}.run_times"
        self._runtimes_key = f"{self._jobs_key}.runtime"
        if len({self._jobs_key, self._run_times_key, self._runtimes_key}) < 3:
            raise ConfigurationError(
                f"Options 'jobs_key' and 'run_times_key' must be different keys, got {self._jobs_key!r} and "
                f"{self._run_times_key!r}. Leave them out, and give a 'namespace' to keep several stores apart."
            )
        _check_known(connect_args)
        self._connect_args = {
            "retry": Retry(NoBackoff(), 1),  # the pass has a patience of its own
            **converted({"db": db, **connect_args}, {"db": int, **_CONVERTERS}),
            "decode_responses": False,
        }
        self._redis: Redis | None = None

    @property
    def _client(self) -> Any:  # the driver's types are those of its synchronous and its asynchronous client together
        assert self._redis is not None, "called between _open() and _close()"
        return self._redis

    def _open(self) -> None:
        self._redis = Redis(**self._connect_args)
        self._client.ping()

    def _close(self) -> None:
        client, self._redis = self._redis, None
        if client is not None:
            client.close()

    def _get(self, job_id: str) -> Record | None:
        with self._client.pipeline() as pipe:
            pipe.zscore(self._run_times_key, job_id)
            pipe.hget(self._jobs_key, job_id)
            pipe.hget(self._runtimes_key, job_id)
            score, definition, runtime = pipe.execute()
        return None if definition is None else _record(job_id.encode(), score, definition, runtime)

    def _due(self, until: int, skip: int, limit: int) -> Sequence[Record]:
        due = self._client.zrangebyscore(self._run_times_key, "-inf", until, start=skip, num=limit, withscores=True)
        return self._records(dict(due))

    def _page(self, mark: Any) -> tuple[Sequence[Record], Any]:
        ids, start = mark or (self._client.hkeys(self._jobs_key), 0)
        few = ids[start : start + _PAGE_SIZE]
        scores = self._client.zmscore(self._run_times_key, few) if few else []
        start += _PAGE_SIZE
        return self._records(dict(zip(few, scores, strict=True))), (ids, start) if start < len(ids) else None

    def _records(self, scores: Mapping[bytes, float | None]) -> list[Record]:
        """Return the records with these ids, given their scores; ids without a definition are left out."""
        if not scores:
            return []
        with self._client.pipeline() as pipe:
            pipe.hmget(self._jobs_key, list(scores))
            pipe.hmget(self._runtimes_key, list(scores))
            definitions, runtimes = pipe.execute()
        found = zip(scores.items(), definitions, runtimes, strict=True)
        return [_record(key, score, *texts) for (key, score), *texts in found if texts[0] is not None]

    def _earliest(self, after: int | None) -> int | None:
        bound = "-inf" if after is None else f"({after}"
        found = self._client.zrangebyscore(self._run_times_key, bound, "+inf", start=0, num=1, withscores=True)
        return _number(found[0][1]) if found else None

    def _insert(self, records: Sequence[Record]) -> str | None:
        with self._client.pipeline() as pipe:
            while True:
                pipe.watch(self._jobs_key)
                present = pipe.hmget(self._jobs_key, [record.job_id for record in records])
                for record, definition in zip(records, present, strict=True):
                    if definition is not None:
                        return record.job_id
                pipe.multi()
                for record in records:
                    self._put(pipe, record)
                try:
                    pipe.execute()
                    return None
                except WatchError:
                    continue

    def _replace(self, record: Record) -> bool:
        with self._client.pipeline() as pipe:
            pipe.hexists(self._jobs_key, record.job_id)
            self._put(pipe, record)
            found: bool = pipe.execute()[0]
        return found

    def _put(self, pipe: Any, record: Record) -> None:
        pipe.hset(self._jobs_key, record.job_id, _bytes(record.definition))
        self._put_runtime(pipe, record.job_id, record.run_at, record.runtime)

    def _put_runtime(self, pipe: Any, job_id: str, run_at: int | None, runtime: str) -> None:
        pipe.hset(self._runtimes_key, job_id, _bytes(runtime))
        if run_at is None:
            pipe.zrem(self._run_times_key, job_id)
        else:
            pipe.zadd(self._run_times_key, {job_id: run_at})

    def _remove(self, job_id: str) -> bool:
        with self._client.pipeline() as pipe:
            self._delete(pipe, job_id)
            removed: int = pipe.execute()[0]
        return removed > 0

    def _delete(self, pipe: Any, job_id: str) -> None:
        pipe.hdel(self._jobs_key, job_id)
        pipe.hdel(self._runtimes_key, job_id)
        pipe.zrem(self._run_times_key, job_id)

    def _clear(self) -> None:
        self._client.delete(self._jobs_key, self._runtimes_key, self._run_times_key)

    def _write(self, advances: Mapping[str, Advance]) -> None:
        there = self._client.hmget(self._jobs_key, list(advances))
        with self._client.pipeline() as pipe:
            for (job_id, advance), definition in zip(advances.items(), there, strict=True):
                if advance is None:
                    self._delete(pipe, job_id)
                elif definition is not None:
                    self._put_runtime(pipe, job_id, *advance)
            pipe.execute()


def _check_known(connect_args: Mapping[str, Any]) -> None:
    known = set(inspect.signature(Redis).parameters)
    for name in connect_args:
        if name not in known:
            raise ConfigurationError(
                f"Unknown option {name!r} of job store 'redis'."
                + (
                    did_you_mean(name, {*known, "jobs_key", "run_times_key", "namespace"})
                    or " See redis.Redis for those it has."
                )
            )


def _record(key: bytes, score: float | None, definition: bytes, runtime: bytes | None) -> Record:
    return Record(
        job_id=_text(key),
        run_at=None if score is None else _number(score),
        definition=_text(definition),
        runtime=_text(runtime or b""),
    )


def _number(score: float) -> int | None:
    """Return the score that was written as a whole number."""
    return int(score) if isfinite(score) else None


def _text(stored: bytes) -> str:
    """Return stored bytes as text that leads back to them, whatever they are."""
    return stored.decode(errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
