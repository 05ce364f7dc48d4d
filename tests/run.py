"""Runs every check that is possible on this machine: `make test`, or `python3 tests/run.py`.

Standard library only. It makes the virtual environment `.venv` in the checkout (unless it is started inside of one that
has everything), and goes on after a failure, so that one run shows all of them. The databases of PostgreSQL and
MariaDB are made and dropped by it; a server is used only when its variable is set (see `tests/services.py`).
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "example_project")]

import virtualenvs  # noqa: E402

if sys.version_info < virtualenvs.OLDEST:
    try:
        sys.exit(subprocess.call([virtualenvs.find_python(), *sys.argv]))
    except virtualenvs.Hint as hint:
        sys.exit(str(hint))

from tests import services  # noqa: E402

#: What a virtual environment must have to be used as it is.
NEEDED = (
    "axe_playwright_python", "babel", "celery", "django", "django_tasks", "django_tasks_db", "environ", "hatchling", "importlinter",
    "mypy", "nx_27017", "psycopg", "pymongo", "pytest", "pytest_django", "redis", "sphinx", "sqlalchemy", "whitenoise", "xdist",
)  # fmt: skip

#: Tests that run in this process, and tests that start others, which take turns by file; as patterns below `tests`.
PARALLEL = ("unit", "guide", "properties", "contract", "django", "architecture", "docs", "stores")
PROCESSES = ("concurrency", "cluster", "acceptance", "chaos", "browser")
#: What is repeated on every database.
PARALLEL_PER_DATABASE = ("contract", "django")
PROCESSES_PER_DATABASE = (
    "concurrency",
    "cluster",
    "acceptance/test_runscheduler*.py",
    "acceptance/test_embedding.py",
    "chaos",
)
FAST = ("unit", "properties", "contract", "django")

COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the run."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Result:
    """How a step ended."""

    step: Step
    passed: bool
    seconds: float
    counts: Counter[str]


def main() -> int:
    """Prepare the environment, run the steps, print the account; return the exit code."""
    options = _options()
    try:
        python = _environment(options)
    except virtualenvs.Hint as hint:
        print(hint, file=sys.stderr)
        return 2
    started = time.monotonic()
    os.environ.update(TEST_RUN=secrets.token_hex(4), TEST_RUNNER="1")
    steps = [step for step in _steps(python, options) if re.search(options.only, step.name)]
    try:
        results = [_perform(step) for step in steps]
    finally:
        directory = Path(tempfile.gettempdir(), f"django_apscheduler_ng_{os.environ['TEST_RUN']}")
        shutil.rmtree(directory, ignore_errors=True)
    return _account(results, _absent(python), time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="only the fast tests, on SQLite")
    parser.add_argument("--only", default="", metavar="REGEX", help="only the steps whose name matches")
    parser.add_argument(
        "--python", default="", metavar="3.13", help="the version of Python to make a new environment with"
    )
    parser.add_argument("--django", default="", metavar="6.1", help="the version of Django to install")
    parser.add_argument("--venv", default=".venv", metavar="DIR", help="the virtual environment (default: .venv)")
    return parser.parse_args()


def _environment(options: argparse.Namespace) -> str:
    """Return the interpreter to run everything with, after installing what it needs."""
    asked = options.python or options.django or options.venv != ".venv"
    if not asked and sys.prefix != sys.base_prefix and all(map(find_spec, NEEDED)):
        return sys.executable
    python = virtualenvs.make(CHECKOUT / options.venv, virtualenvs.find_python(options.python))
    extras = [name for name, service in _SERVERS.items() if not options.fast and not service.absence()]
    arguments = ["--editable", f"{CHECKOUT}[{','.join(extras)}]" if extras else str(CHECKOUT)]
    for group in ("test",) if options.fast else ("test", "docs"):
        arguments += ["--group", f"{CHECKOUT / 'pyproject.toml'}:{group}"]
    if options.django:
        arguments.append(f"Django~={options.django}.0")
    print(f"preparing {options.venv} ...", flush=True)
    virtualenvs.install(python, arguments, [CHECKOUT / "pyproject.toml"])
    return str(python)


_SERVERS = {"postgres": services.POSTGRES, "mariadb": services.MARIADB}


def _steps(python: str, options: argparse.Namespace) -> Iterator[Step]:
    if options.fast:
        yield _pytest(python, "fast tests", FAST)
        return
    yield from _static(python)
    yield _pytest(python, "tests on sqlite", PARALLEL)
    yield _pytest(python, "tests with processes on sqlite", PROCESSES, distribution="loadfile")
    for database, service in _SERVERS.items():
        if not service.absence():
            yield _pytest(python, f"tests on {database}", PARALLEL_PER_DATABASE, database)
            name = f"tests with processes on {database}"
            yield _pytest(python, name, PROCESSES_PER_DATABASE, database, distribution="loadfile")
            drop = (python, "-W", "ignore", "-m", "tests.services")
            yield Step(name=f"drop leftovers on {database}", command=drop, environment={"TEST_DATABASE": database})


def _static(python: str) -> Iterator[Step]:
    """Yield the checks that run no test."""
    scripts = Path(python).parent
    django = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    yield Step(name="ruff check", command=(python, "-m", "ruff", "check", "."))
    yield Step(name="ruff format", command=(python, "-m", "ruff", "format", "--check", "."))
    yield Step(name="mypy", command=(python, "-m", "mypy"))
    yield Step(name="import contracts", command=(str(scripts / "lint-imports"),), environment={"PYTHONPATH": "."})
    migrations = (python, "-m", "django", "makemigrations", "--check", "--dry-run")
    yield Step(name="migrations", command=migrations, environment=django)
    if (CHECKOUT / "docs" / "conf.py").exists():
        build = (python, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")
        yield Step(name="docs", command=build)


def _pytest(
    python: str, name: str, patterns: tuple[str, ...], database: str = "sqlite", *, distribution: str = "worksteal"
) -> Step:
    """Return the step that runs the tests below the folders, or in the files, that match; empty folders are left out."""
    found = [path for pattern in patterns for path in sorted((CHECKOUT / "tests").glob(pattern))]
    paths = [str(path.relative_to(CHECKOUT)) for path in found if path.is_file() or any(path.glob("**/test_*.py"))]
    pytest = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations", "5")
    workers = ("-n", "2", "--dist", distribution)
    return Step(name=name, command=(*pytest, *workers, *paths), environment={"TEST_DATABASE": database})


def _perform(step: Step) -> Result:
    """Run the step's command, showing what it prints, and read the counts off its last line."""
    print(f"\n--- {step.name}: {' '.join(step.command)}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, **step.environment}
    process = subprocess.Popen(
        step.command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    last = ""
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line if COUNTS.search(line) else last
    passed = process.wait() == 0
    counts: Counter[str] = Counter()
    if "pytest" in step.command:
        counts.update({what.rstrip("s") if what == "errors" else what: int(n) for n, what in COUNTS.findall(last)})
    return Result(step=step, passed=passed, seconds=time.monotonic() - started, counts=counts)


def _absent(python: str) -> list[str]:
    """Return a line for each service that was absent, packages looked for where the tests ran."""
    code = "from tests import services; print(*services.absent(), sep='\\n')"
    done = subprocess.run([python, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line]


def _account(results: list[Result], absent: list[str], seconds: float) -> int:
    """Print what was run, what was absent and, like pytest, one closing line; return the exit code."""
    print("\n--- summary")
    counts: Counter[str] = Counter()
    for result in results:
        counts += result.counts
        details = ", ".join(f"{n} {what}" for what, n in result.counts.items())
        print(
            f"{'ok' if result.passed else 'FAILED':6} {result.seconds:6.1f} s  {result.step.name}  {details}".rstrip()
        )
    for line in absent:
        print(line)
    if absent and services.required():
        print("REQUIRE_SERVICES=1: what is absent is a failure.")
    # a step that failed without naming a test (a linter, a crash) counts as one failure
    counts["failed"] += sum(not (r.passed or r.counts["failed"] or r.counts["error"]) for r in results)
    counts["failed"] += len(absent) if services.required() else 0
    words = ", ".join(
        f"{counts[what]} {what}" for what in ("failed", "error", "passed", "skipped", "xfailed") if counts[what]
    )
    print(f"===== {words or 'no tests ran'} in {seconds:.2f}s =====")
    return 1 if counts["failed"] or counts["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
