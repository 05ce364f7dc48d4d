from __future__ import annotations

import builtins
import math
import re
import subprocess
import sys
from datetime import datetime

import pytest

from django_apscheduler_ng.exceptions import CallableReferenceError, InvalidJobError
from django_apscheduler_ng.refs import (
    callable_ref,
    check_arguments,
    describe_callable,
    load_callable,
    own_ref,
    suggest_ref,
)

from .refs_samples import jobs

JOBS = jobs.__name__


@pytest.mark.parametrize(
    ("func", "ref"),
    [
        pytest.param(jobs.report, f"{JOBS}:report", id="function"),
        pytest.param(jobs.Shop, f"{JOBS}:Shop", id="class"),
        pytest.param(jobs.Shop.open, f"{JOBS}:Shop.open", id="class-method"),
        pytest.param(jobs.Kiosk.open, f"{JOBS}:Kiosk.open", id="inherited-class-method"),
        pytest.param(jobs.Shop.close, f"{JOBS}:Shop.close", id="static-method"),
        pytest.param(jobs.Shop.sell, f"{JOBS}:Shop.sell", id="method-of-the-class"),
        pytest.param(jobs.to_json, "json:dumps", id="imported-from-elsewhere"),
        pytest.param(builtins.print, "builtins:print", id="builtin"),
        pytest.param(math.sqrt, "math:sqrt", id="builtin-of-a-module"),
        pytest.param(datetime.now, "datetime:datetime.now", id="builtin-class-method"),
        pytest.param(str.upper, "builtins:str.upper", id="builtin-method"),
    ],
)
def test_a_callable_with_a_name_has_a_reference_that_leads_back(func, ref):
    assert callable_ref(func) == ref
    assert load_callable(ref) == func


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        pytest.param(42, "it cannot be called. Pass a function.", id="not-callable"),
        pytest.param(jobs.nameless, "it is a lambda. Define a function at the top level of a module.", id="lambda"),
        pytest.param(
            jobs.outer(), "it is defined inside a function. Move it to the top level of its module.", id="nested"
        ),
        pytest.param(
            jobs.january,
            "it is a functools.partial. Pass the function itself, and its arguments as args and kwargs.",
            id="partial",
        ),
        pytest.param(
            jobs.shop.sell,
            "it is a method bound to an instance. Pass a function that makes or loads the instance itself.",
            id="bound-method",
        ),
        pytest.param(
            [].append,
            "it is a method bound to an instance. Pass a function that makes or loads the instance itself.",
            id="bound-builtin",
        ),
        pytest.param(
            jobs.shop,
            "it is an instance with __call__. Pass a function that makes the instance and calls it.",
            id="callable-instance",
        ),
    ],
)
def test_a_callable_that_another_process_cannot_find_is_refused(func, reason):
    with pytest.raises(CallableReferenceError) as caught:
        callable_ref(func)

    assert str(caught.value) == (f"Callable {func!r} has no reference that another process could follow: {reason}")


def test_a_callable_whose_name_leads_to_another_one_is_refused():
    with pytest.raises(CallableReferenceError) as caught:
        callable_ref(jobs.wrapper)

    assert str(caught.value) == (
        f"Callable '{JOBS}:_decorated' leads to {jobs._decorated!r} and not to {jobs.wrapper!r}, whose name it is. "
        "Every callable needs a name of its own; rename one of them."
    )


def make_ghost():
    """Return a function that says it is in a module where it is not."""

    def ghost():
        pass

    ghost.__module__, ghost.__qualname__ = JOBS, "ghost"
    return ghost


def test_a_callable_that_is_not_where_it_says_is_refused():
    ghost = make_ghost()

    with pytest.raises(CallableReferenceError) as caught:
        callable_ref(ghost)

    assert str(caught.value) == (
        f"Callable '{JOBS}:ghost' cannot be loaded: module '{JOBS}' has no 'ghost'. "
        "Point the job to a callable that exists. "
        f"The callable {ghost!r} names itself that way; give it a name that can be imported."
    )


def test_a_decorator_gets_the_reference_before_it_leads_anywhere():
    ghost = make_ghost()

    assert own_ref(ghost) == f"{JOBS}:ghost"


SCRIPT = """
from django_apscheduler_ng.refs import callable_ref, load_callable

def report():
    pass

assert load_callable(callable_ref(report)) is report
print(callable_ref(report))
"""


def test_a_function_of_the_started_script_has_a_reference():
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert found.stdout == "__main__:report\n"


def test_a_function_of_another_script_is_not_found():
    with pytest.raises(CallableReferenceError) as caught:
        load_callable("__main__:no_such_report")

    assert str(caught.value) == (
        "Callable '__main__:no_such_report' cannot be loaded: module '__main__' has no 'no_such_report'. "
        "It was defined in the script that some other process was started with; move it to a module."
    )


@pytest.mark.parametrize(
    ("ref", "advice"),
    [
        pytest.param("shop.jobs.report", "Write it as 'shop.jobs:report'.", id="dotted"),
        pytest.param("report", "Write it as 'shop.jobs:report'.", id="name-only"),
        pytest.param("shop.jobs:", "Write it as 'shop.jobs:report'.", id="no-name"),
        pytest.param(":report", "Write it as 'shop.jobs:report'.", id="no-module"),
        pytest.param("shop:jobs:report", "Write it as 'shop.jobs:report'.", id="two-colons"),
        pytest.param(".jobs:report", "Write it as 'shop.jobs:report'.", id="relative"),
        pytest.param("shop.jobs:report()", "Write it as 'shop.jobs:report'.", id="call"),
        pytest.param("shop.jobs:f.<locals>.g", "Write it as 'shop.jobs:report'.", id="nested"),
        pytest.param("", "Write it as 'shop.jobs:report'.", id="empty"),
        pytest.param(None, "Write it as 'shop.jobs:report'.", id="none"),
        pytest.param(42, "Write it as 'shop.jobs:report'.", id="number"),
    ],
)
def test_text_of_another_form_is_no_reference(ref, advice):
    with pytest.raises(CallableReferenceError) as caught:
        load_callable(ref)

    assert str(caught.value) == f"Callable reference {ref!r} must have the form 'package.module:function'. {advice}"


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        pytest.param(
            "no_such_shop.jobs:report",
            "Callable 'no_such_shop.jobs:report' cannot be loaded: there is no module 'no_such_shop'. "
            "Check its name, and that its package is installed here.",
            id="package-missing",
        ),
        pytest.param(
            "tests.unit.refs_samples.jbos:report",
            "Callable 'tests.unit.refs_samples.jbos:report' cannot be loaded: "
            "there is no module 'tests.unit.refs_samples.jbos'. Did you mean 'tests.unit.refs_samples.jobs'?",
            id="module-misspelt",
        ),
        pytest.param(
            "tests.unit.refs_samples.needs_missing:report",
            "Callable 'tests.unit.refs_samples.needs_missing:report' cannot be loaded: "
            "importing 'tests.unit.refs_samples.needs_missing' raised ModuleNotFoundError: "
            "No module named 'no_such_module_anywhere'. Repair the module.",
            id="module-needs-a-missing-one",
        ),
        pytest.param(
            "tests.unit.refs_samples.raises:report",
            "Callable 'tests.unit.refs_samples.raises:report' cannot be loaded: "
            "importing 'tests.unit.refs_samples.raises' raised RuntimeError: no licence. Repair the module.",
            id="module-raises",
        ),
        pytest.param(
            f"{JOBS}:reprot",
            f"Callable '{JOBS}:reprot' cannot be loaded: module '{JOBS}' has no 'reprot'. "
            f"Did you mean '{JOBS}:report'?",
            id="name-misspelt",
        ),
        pytest.param(
            f"{JOBS}:NUMBR",
            f"Callable '{JOBS}:NUMBR' cannot be loaded: module '{JOBS}' has no 'NUMBR'. "
            "Point the job to a callable that exists.",
            id="only-something-else-is-similar",
        ),
        pytest.param(
            f"{JOBS}:Shop.clsoe",
            f"Callable '{JOBS}:Shop.clsoe' cannot be loaded: '{JOBS}:Shop' has no 'clsoe'. "
            f"Did you mean '{JOBS}:Shop.close'?",
            id="method-misspelt",
        ),
        pytest.param(
            f"{JOBS}:Shpo.close",
            f"Callable '{JOBS}:Shpo.close' cannot be loaded: module '{JOBS}' has no 'Shpo'. "
            f"Did you mean '{JOBS}:Shop'?",
            id="class-misspelt",
        ),
        pytest.param(
            f"{JOBS}:NUMBER",
            f"Callable '{JOBS}:NUMBER' leads to 42, which cannot be called. Name a function, a class or a method.",
            id="not-callable",
        ),
        pytest.param(
            f"{JOBS}:json.dumps",
            f"Callable '{JOBS}:json.dumps' leads through the module 'json'; a reference names the module where the "
            "callable is defined. Write it as 'json:…'.",
            id="through-another-module",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(ref, message):
    with pytest.raises(CallableReferenceError) as caught:
        load_callable(ref)

    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["needs_missing", "raises"])
def test_the_error_of_a_module_is_kept_as_the_cause(name):
    with pytest.raises(CallableReferenceError) as caught:
        load_callable(f"tests.unit.refs_samples.{name}:report")

    assert isinstance(caught.value.__cause__, ModuleNotFoundError | RuntimeError)


@pytest.mark.parametrize(
    ("known", "suggestion"),
    [
        pytest.param(["shop.mail:send", "stock.tasks:report"], "stock.tasks:report", id="moved"),
        pytest.param(["shop.jobs:reports", "stock.tasks:report"], "stock.tasks:report", id="moved-before-renamed"),
        pytest.param(["zoo.x:report", "shop.job:report"], "shop.job:report", id="moved-to-the-more-similar-module"),
        pytest.param(["shop.jobs:reports", "shop.jobs:mail"], "shop.jobs:reports", id="renamed"),
        pytest.param(["shop.jobs:mail", "shop.jobs:clear"], None, id="same-module-is-not-enough"),
        pytest.param([], None, id="nothing-known"),
    ],
)
def test_a_lost_reference_is_suggested_by_similarity(known, suggestion):
    assert suggest_ref("shop.jobs:report", known) == suggestion


def test_messages_call_a_callable_by_its_reference_or_else_by_its_repr():
    assert describe_callable(jobs.report) == f"'{JOBS}:report'"
    assert describe_callable(jobs.january) == repr(jobs.january)


@pytest.mark.parametrize(
    ("func", "args", "kwargs"),
    [
        pytest.param(jobs.report, [2030], {}, id="defaults"),
        pytest.param(jobs.report, [2030, 12], {"dry": True}, id="all"),
        pytest.param(jobs.report, [], {"year": 2030, "month": 12}, id="by-keyword"),
        pytest.param(jobs.by_position, [1, 2], {"three": 3}, id="positional-only"),
        pytest.param(jobs.anything, [1, 2, 3], {"whatever": 4}, id="takes-anything"),
        pytest.param(jobs.january, [2030], {}, id="partial"),
        pytest.param(jobs.shop.sell, [], {}, id="bound-method"),
        pytest.param(dict, [[]], {"a": 1}, id="builtin-without-signature"),
    ],
)
def test_arguments_that_fit_are_accepted(func, args, kwargs):
    func(*args, **kwargs)

    check_arguments(func, args, kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        pytest.param([], {}, "missing 'year'", id="missing"),
        pytest.param([1, 2, 3], {}, "takes 2 positional arguments, got 3", id="too-many"),
        pytest.param([2030], {"year": 2031}, "'year' is given twice", id="twice"),
        pytest.param([2030], {"mnth": 1}, "unexpected 'mnth' (did you mean 'month'?)", id="misspelt"),
        pytest.param([2030], {"colour": 1}, "unexpected 'colour'", id="unexpected"),
        pytest.param(
            [],
            {"dryy": 1, "zip": 2},
            "missing 'year'; unexpected 'dryy' (did you mean 'dry'?); unexpected 'zip'",
            id="all",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(args, kwargs, problem):
    with pytest.raises(TypeError, match=re.escape("report()")):
        jobs.report(*args, **kwargs)

    with pytest.raises(InvalidJobError) as caught:
        check_arguments(jobs.report, args, kwargs)

    assert str(caught.value) == (
        f"Arguments of '{JOBS}:report' do not fit its signature "
        f"(year: int, month: int = 1, *, dry: bool = False) -> str: {problem}. Change args and kwargs of the job."
    )


def test_an_argument_that_has_to_be_positional_is_named():
    with pytest.raises(InvalidJobError) as caught:
        check_arguments(jobs.by_position, [1], {"two": 2, "three": 3})

    assert str(caught.value) == (
        f"Arguments of '{JOBS}:by_position' do not fit its signature (one, two, /, three): "
        "missing 'two'; 'two' can only be given by position. Change args and kwargs of the job."
    )
