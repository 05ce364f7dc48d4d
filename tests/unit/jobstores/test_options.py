"""The options of the job stores outside of Django, as programs and configurations give them. Nothing is connected."""

import sys
from types import ModuleType

import pytest
import sqlalchemy as sa
from pymongo import MongoClient
from sqlalchemy.pool import QueuePool, StaticPool

from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.jobstores.mongodb import MongoDBJobStore
from django_apscheduler_ng.jobstores.redis import RedisJobStore
from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

STORES = {"sqlalchemy": SQLAlchemyJobStore, "mongodb": MongoDBJobStore, "redis": RedisJobStore}


def work():
    """Do nothing."""


@pytest.fixture
def shop(monkeypatch):
    """A module that a configuration can name objects of."""
    module = ModuleType("shop_places")
    monkeypatch.setitem(sys.modules, "shop_places", module)
    return module


@pytest.fixture
def engine(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize(("name", "cls"), STORES.items(), ids=STORES)
def test_each_is_made_by_its_type_without_a_server(name, cls):
    options = {"url": "sqlite://"} if name == "sqlalchemy" else {}
    scheduler = BackgroundScheduler({"apscheduler.jobstores.some": {"type": name, **options}})

    assert type(scheduler.jobstores()["some"]) is cls
    assert cls.alias_type == name


@pytest.mark.parametrize(("name", "cls"), STORES.items(), ids=STORES)
def test_nothing_is_pickled_and_an_option_that_says_how_is_refused(name, cls):
    options = {"url": "sqlite://"} if name == "sqlalchemy" else {}

    with pytest.raises(ConfigurationError) as caught:
        cls(**options, pickle_protocol="5")

    assert (
        str(caught.value) == "Option 'pickle_protocol' must be left out, got '5': nothing is pickled here. Remove it."
    )


# -- SQLAlchemy ---------------------------------------------------------------------------------------------------------


def test_options_of_the_engine_may_be_text():
    scheduler = BackgroundScheduler(
        {
            "apscheduler.jobstores.default.type": "sqlalchemy",
            "apscheduler.jobstores.default.url": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
            "apscheduler.jobstores.default.engine_options.pool_size": "20",
            "apscheduler.jobstores.default.engine_options.echo": "false",
            "apscheduler.jobstores.default.tableschema": "jobs",
        }
    )
    store = scheduler.jobstores()["default"]

    assert store.engine.pool.size() == 20
    assert store.engine.echo is False
    assert store.table.fullname == "jobs.django_apscheduler_ng_jobs"


def test_connections_are_tested_before_use_unless_told_otherwise():
    url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"

    assert SQLAlchemyJobStore(url).engine.pool._pre_ping is True
    assert SQLAlchemyJobStore(url, engine_options={"pool_pre_ping": "false"}).engine.pool._pre_ping is False


def test_a_given_engine_is_used_and_not_disposed_of(engine, shop):
    shop.engine, shop.metadata = engine, sa.MetaData()
    store = SQLAlchemyJobStore(engine="shop_places:engine", metadata="shop_places:metadata", tablename="jobs")
    scheduler = ManualScheduler(FakeClock(), jobstores={"default": store})
    scheduler.start()
    pool = engine.pool

    scheduler.shutdown()

    assert store.engine is engine
    assert engine.pool is pool
    assert list(shop.metadata.tables) == ["jobs"]
    assert sa.inspect(engine).get_table_names() == ["jobs"]


def test_two_stores_may_share_the_metadata(engine):
    metadata = sa.MetaData()

    one, two = (SQLAlchemyJobStore(engine=engine, metadata=metadata) for _ in range(2))

    assert one.table is two.table


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_database_in_memory_is_one_for_all_threads_and_stays_over_a_restart(url):
    store = SQLAlchemyJobStore(url)
    scheduler = BackgroundScheduler(jobstores={"default": store})
    scheduler.start()
    scheduler.add_job(work, "interval", hours=1, id="job")
    scheduler.shutdown()

    scheduler.start(paused=True)
    found = scheduler.get_jobs()
    scheduler.shutdown()

    assert isinstance(store.engine.pool, StaticPool)
    assert [job.id for job in found] == ["job"]
    store.engine.dispose()


def test_a_pool_of_ones_own_is_kept():
    store = SQLAlchemyJobStore("sqlite://", engine_options={"poolclass": QueuePool})

    assert isinstance(store.engine.pool, QueuePool)


MISTAKES = {
    "neither": (
        {},
        "Job store 'sqlalchemy' must get either 'url' or 'engine', got neither. Write url='sqlite:///jobs.sqlite'.",
    ),
    "both": (
        {"url": "sqlite://", "engine": "a:b"},
        "Job store 'sqlalchemy' must get either 'url' or 'engine', got both. Write url='sqlite:///jobs.sqlite'.",
    ),
    "no-url": (
        {"url": "jobs.sqlite"},
        "Option 'url' must be the URL of a database, got 'jobs.sqlite'. Write it as 'sqlite:///jobs.sqlite'.",
    ),
    "no-url-with-a-password": (
        {"url": "postgres//me:secret@host/name"},
        "Option 'url' must be the URL of a database, got 'postgres//me:***@host/name'. Write it as 'sqlite:///jobs.sqlite'.",
    ),
    "engine-nowhere": (
        {"engine": "nowhere_at_all:engine"},
        "Option 'engine' must be an instance of Engine, or where to find one, got 'nowhere_at_all:engine'. "
        "Write it as 'package.module:engine'. The import said: No module named 'nowhere_at_all'.",
    ),
    "engine-no-engine": (
        {"engine": 5},
        "Option 'engine' must be an instance of Engine, or where to find one, got 5. Write it as 'package.module:engine'.",
    ),
    "engine-with-options": (
        {"engine": "shop_places:engine", "engine_options": {"echo": True}},
        "Option 'engine_options' must come with 'url', got {'echo': True} with 'engine'. Give them where the engine is made.",
    ),
}


@pytest.mark.parametrize(("options", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_a_database_is_refused(options, message):
    with pytest.raises(ConfigurationError) as caught:
        SQLAlchemyJobStore(**options)

    assert str(caught.value) == message


def test_a_typing_error_in_the_options_of_a_database_gets_a_suggestion():
    with pytest.raises(ConfigurationError) as caught:
        BackgroundScheduler(jobstores={"default": {"type": "sqlalchemy", "url": "sqlite://", "tablenane": "jobs"}})

    assert str(caught.value) == "Unknown option 'jobstores.default.tablenane'. Did you mean 'tablename'?"


# -- MongoDB ------------------------------------------------------------------------------------------------------------


def test_a_given_client_is_used_and_arguments_for_another_one_are_refused(shop):
    shop.client = MongoClient(connect=False)

    store = MongoDBJobStore(client="shop_places:client")
    with pytest.raises(ConfigurationError) as caught:
        MongoDBJobStore(client=shop.client, host="localhost", port="1")
    shop.client.close()

    assert store._given is shop.client
    assert str(caught.value) == (
        "Job store 'mongodb' must get either 'client' or arguments for one, got both: host, port. "
        "Give them where the client is made."
    )


@pytest.mark.parametrize("option", ["database", "collection"])
def test_the_names_of_a_collection_are_text(option):
    with pytest.raises(ConfigurationError) as caught:
        MongoDBJobStore(**{option: ""})

    assert str(caught.value) == f"Option {option!r} must be a name, got ''. Leave it out or give one."


def test_a_port_that_is_no_number_is_refused():
    with pytest.raises(ConfigurationError) as caught:
        MongoDBJobStore(port="many")

    assert str(caught.value) == "Option 'port' must be a whole number, got 'many'."


# -- Redis --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        pytest.param({}, ("django_apscheduler_ng.jobs", "django_apscheduler_ng.run_times"), id="left-out"),
        pytest.param({"namespace": "shop"}, ("shop.jobs", "shop.run_times"), id="namespace"),
        pytest.param({"jobs_key": "mine", "run_times_key": "when"}, ("mine", "when"), id="named"),
    ],
)
def test_keys_have_names_of_their_own(options, keys):
    store = RedisJobStore(**options)

    assert (store._jobs_key, store._run_times_key, store._runtimes_key) == (*keys, f"{keys[0]}.runtime")


def test_options_of_the_connection_may_be_text():
    store = RedisJobStore(db="9", port="6380", socket_timeout="1.5", ssl="no", decode_responses=True)

    given = {name: store._connect_args[name] for name in ("db", "port", "socket_timeout", "ssl", "decode_responses")}

    assert given == {"db": 9, "port": 6380, "socket_timeout": 1.5, "ssl": False, "decode_responses": False}


REDIS_MISTAKES = {
    "db": ({"db": "first"}, "Option 'db' must be a whole number, got 'first'."),
    "ssl": ({"ssl": "perhaps"}, "Option 'ssl' must be a truth value such as 'true', got 'perhaps'."),
    "same-keys": (
        {"jobs_key": "mine", "run_times_key": "mine"},
        "Options 'jobs_key' and 'run_times_key' must be different keys, got 'mine' and 'mine'. "
        "Leave them out, and give a 'namespace' to keep several stores apart.",
    ),
    "typo": ({"jobs_ky": "mine"}, "Unknown option 'jobs_ky' of job store 'redis'. Did you mean 'jobs_key'?"),
    "unlike-any": (
        {"qqqqqqqq": 1},
        "Unknown option 'qqqqqqqq' of job store 'redis'. See redis.Redis for those it has.",
    ),
}


@pytest.mark.parametrize(("options", "message"), REDIS_MISTAKES.values(), ids=REDIS_MISTAKES)
def test_what_cannot_be_an_option_of_redis_is_refused(options, message):
    with pytest.raises(ConfigurationError) as caught:
        RedisJobStore(**options)

    assert str(caught.value) == message
