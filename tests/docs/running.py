"""Runs the snippets of a page, in order, as a reader would.

A page with `<!-- page: project -->` has a fresh Django project `mysite` with an empty app `shop`, in which the package is
installed and migrated. `<!-- page: empty -->` has an empty folder. Options of a snippet, in `<!-- snippet: … -->`:

- `file=shop/jobs.py`: the block is the content of this file; `append=…` adds it to one;
- `wait=10`: repeat the block until it comes out as the page says, for so many seconds at most;
- `exit=3`: the commands end with this code;
- `stop`: stop the servers first, as Ctrl-C does;
- `parse`: only compile the block (allowed where a server or a service of somebody else would be needed).

Python blocks (`python`, and `pycon` with its expected output) share one process and one namespace until a file changes.
Commands (`sh`, and `console` with its expected output) run one after the other; `runserver` and `runscheduler` go on in the
background until the page ends, and have to end well; so do `db_worker` and the workers of Celery.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.core.management import call_command

from tests.installing import install_project

from .pages import CHECKOUT, RUN, Page, Snippet

#: Longest time for a command, and for a server to be ready or to end.
COMMAND_TIMEOUT = 60
SERVER_TIMEOUT = 20

#: What a server prints when it is ready, where that is not for a web browser to find out.
_READY = {"runscheduler": "Scheduler node started", "db_worker": "Starting worker", "celery": " ready."}

_OPTIONS = {"file", "append", "wait", "exit", "stop", "parse"}
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "timeout": 20,
}
_ADMIN = {
    "DJANGO_SUPERUSER_USERNAME": "admin",
    "DJANGO_SUPERUSER_EMAIL": "admin@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "only-for-tests",
}


class SnippetError(AssertionError):
    """A snippet does not do what the page says."""


@dataclass
class Server:
    """A command that goes on in the background."""

    command: str
    process: subprocess.Popen[str]
    log: Path

    def output(self) -> str:
        return self.log.read_text()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and see that it ends well."""
        ended_early = self.process.poll() is not None
        if not ended_early:
            # Celery calls Ctrl-C a failure
            self.process.send_signal(signal.SIGTERM if self.command.startswith("celery ") else signal.SIGINT)
        try:
            code = self.process.wait(SERVER_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SnippetError(f"$ {self.command}\ndid not end after Ctrl-C:\n{self.output()}") from None
        if ended_early or code or "Traceback" in self.output():
            raise SnippetError(f"$ {self.command}\nended with code {code}:\n{self.output()}")


@dataclass
class Reader:
    """Somebody who types in what a page shows."""

    page: Page
    folder: Path
    _servers: list[Server] = field(default_factory=list)
    _session: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self._cwd = self.folder
        #: Where packages are that the page has installed.
        self._installed = self.folder.with_name("installed")

    def follow(self) -> None:
        """Run every snippet, and stop everything at the end."""
        try:
            for snippet in self.page.snippets:
                self.perform(snippet)
            self.stop_servers()
        finally:
            self._abandon()

    def perform(self, snippet: Snippet) -> None:
        """Run one snippet."""
        options = snippet.options
        if unknown := options.keys() - _OPTIONS:
            raise SnippetError(f"{self._place(snippet)}: unknown option {unknown.pop()!r}.")
        if "stop" in options:
            self.stop_servers()
        if snippet.language not in RUN and not {"file", "append"} & options.keys():
            return
        try:
            self._performer(snippet)()
        except SnippetError as error:
            raise SnippetError(f"{self._place(snippet)}\n{error}") from None

    def _performer(self, snippet: Snippet) -> Callable[[], None]:
        options = snippet.options
        if "parse" in options:
            return partial(compile, snippet.text, self.page.name, "exec")
        if "file" in options or "append" in options:
            return partial(self._write, snippet)
        run = self._shell if snippet.language in ("sh", "console") else self._python
        if "wait" in options:
            return partial(_repeat, partial(run, snippet), float(options["wait"]))
        return partial(run, snippet)

    def _place(self, snippet: Snippet) -> str:
        return f"{self.page.name}:{snippet.line}"

    # -- files and Python -------------------------------------------------------------------------------------------

    def _write(self, snippet: Snippet) -> None:
        path = self._cwd / (snippet.options.get("file") or snippet.options["append"])
        if not path.parent.is_dir():
            raise SnippetError(f"There is no folder {path.parent} for {path.name}.")
        if path.suffix == ".py":
            _compiled(snippet)
        with path.open("a" if "append" in snippet.options else "w") as file:
            file.write("\n" + snippet.text if "append" in snippet.options else snippet.text)
        self._end_session()

    def _python(self, snippet: Snippet) -> None:
        if self._session is None:
            self._session = self._start([sys.executable, str(Path(__file__).with_name("session.py"))])
        request = {"language": snippet.language, "text": snippet.text, "name": self.page.name, "line": snippet.line}
        assert self._session.stdin is not None
        assert self._session.stdout is not None
        self._session.stdin.write(json.dumps(request) + "\n")
        self._session.stdin.flush()
        answer = self._session.stdout.readline()
        if not answer:
            raise SnippetError("The Python process ended.")
        if problem := json.loads(answer)["problem"]:
            raise SnippetError(problem)

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=self._cwd, env=self._environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.communicate(timeout=SERVER_TIMEOUT)

    def _environment(self) -> dict[str, str]:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "TEST_", "PYTEST_"))
        }
        environment |= {
            "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, self._installed))),
            "PYTHONUNBUFFERED": "1",
            "TERM": "dumb",
            "COLUMNS": "100",
            "CELERY_BROKER_URL": f"sqla+sqlite:///{self.folder / 'broker.sqlite3'}",  # a broker that needs no server
            **_ADMIN,
        }
        if (self._cwd / "mysite" / "settings.py").exists():
            environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
        return environment

    # -- commands ---------------------------------------------------------------------------------------------------

    def _shell(self, snippet: Snippet) -> None:
        expected_code = int(snippet.options.get("exit", 0))
        for command, expected in _commands(snippet):
            said = self.command(command, expected_code)
            if expected is not None and not doctest.OutputChecker().check_output(expected, said, _FLAGS):
                raise SnippetError(f"$ {command}\nExpected:\n{expected}\nGot:\n{said}")

    def command(self, command: str, expected_code: int = 0) -> str:
        """Run one command line and return what it says."""
        words = shlex.split(command, comments=True)
        match words:
            case ["cd", folder]:
                self._cwd = self._cwd / folder
            case ["mkdir", "-p", folder]:
                (self._cwd / folder).mkdir(parents=True, exist_ok=True)
            case ["pip", "install", project] if (self._cwd / project / "pyproject.toml").is_file():
                install_project(self._cwd / project, self._installed)
                self._end_session()
            case ["pip", "install", *names] | ["python", "-m", "pip", "install", *names]:
                check_installed(names)
            case ["python", "-m", "venv", ".venv"] | [".", ".venv/bin/activate"]:
                pass  # the reader of this page has an environment
            case ["make", target]:
                check_target(target)
            case ["python3", script, *options] if (CHECKOUT / script).is_file():
                check_script(script, options)
            case _:
                return self._python_command(command, words, expected_code)
        return ""

    def _python_command(self, command: str, words: list[str], expected_code: int) -> str:
        """Run a command line that this interpreter understands."""
        match words:
            case ["python", "manage.py", ("runserver" | "runscheduler" | "db_worker") as server, *options] if not _ends(
                {*options}
            ):
                self._serve(command, server, ["manage.py", server, *options])
                return ""
            case ["celery", *options]:
                self._serve(command, "celery", ["-m", "celery", *options])
                return ""
            case ["python", "manage.py", "createsuperuser"]:
                arguments = ["manage.py", "createsuperuser", "--noinput"]
            case ["python", *arguments]:
                pass
            case ["django-admin", *rest]:
                arguments = ["-m", "django", *rest]
            case ["pytest", *rest]:
                arguments = ["-m", "pytest", "-p", "no:cacheprovider", *rest]
            case _:
                raise SnippetError(f"No test knows the command {command!r}.")
        return self._run([sys.executable, *arguments], expected_code)

    def _run(self, words: list[str], expected_code: int) -> str:
        done = subprocess.run(
            words, cwd=self._cwd, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=COMMAND_TIMEOUT, check=False,
        )  # fmt: skip
        if done.returncode != expected_code:
            raise SnippetError(f"$ {shlex.join(words[1:])}\nended with code {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _serve(self, command: str, server: str, options: list[str]) -> None:
        port = _free_port()
        words = [sys.executable, *options, *([f"127.0.0.1:{port}", "--noreload"] if server == "runserver" else [])]
        log = self.folder / f"{server}-{len(self._servers)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                words,
                cwd=self._cwd,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._servers.append(Server(command, process, log))
        ready = partial(_answers, port) if server == "runserver" else lambda: _READY[server] in log.read_text()
        until = time.monotonic() + SERVER_TIMEOUT
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise SnippetError(f"$ {command}\nwas not ready in time:\n{log.read_text()}")
            time.sleep(0.05)

    def stop_servers(self) -> None:
        """Stop what goes on in the background."""
        while self._servers:
            self._servers.pop().stop()

    def _abandon(self) -> None:
        self._end_session()
        for server in self._servers:
            server.process.kill()
            server.process.wait()


def _repeat(run: Callable[[], None], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return run()
        except SnippetError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _compiled(snippet: Snippet) -> None:
    try:
        compile(snippet.text, "snippet", "exec")
    except SyntaxError as error:
        raise SnippetError(f"{error}") from None


def _commands(snippet: Snippet) -> Iterator[tuple[str, str | None]]:
    """Yield each command with the output that the page shows for it; None where it shows none."""
    if snippet.language == "sh":
        lines = snippet.text.replace("\\\n", " ").splitlines()
        yield from ((line, None) for line in lines if line.strip() and not line.startswith("#"))
        return
    for part in re.split(r"(?m)^\$ ", snippet.text)[1:]:
        command, _, output = part.partition("\n")
        yield command, output if output.strip() else None


def _ends(options: set[str]) -> bool:
    return bool(options & {"--once", "--plan", "--check", "--help", "--no-wait"})


def check_installed(names: list[str]) -> None:
    """Refuse to tell readers to install something that is neither this project with an extra that it has, nor tested with it."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    known = {project["name"], *(f"{project['name']}[{extra}]" for extra in project["optional-dependencies"])}
    known.add("django-tasks-db")
    for name in names:
        if name not in known:
            raise SnippetError(f"pip install {name!r}: expected one of {sorted(known)}.")


def check_target(target: str) -> None:
    """Refuse a target that the Makefile does not have."""
    if not re.search(rf"(?m)^{re.escape(target)}:", (CHECKOUT / "Makefile").read_text()):
        raise SnippetError(f"The Makefile has no target {target!r}.")


def check_script(script: str, options: list[str]) -> None:
    """Refuse an option that a script of the checkout does not know."""
    source = (CHECKOUT / script).read_text()
    for option in options:
        if f'"{option}"' not in source:
            raise SnippetError(f"{script} has no option {option!r}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def make_project(folder: Path) -> Path:
    """Make the project that pages start from, in `folder`."""
    call_command("startproject", "mysite", folder)
    (folder / "shop").mkdir()
    call_command("startapp", "shop", folder / "shop")
    with (folder / "mysite" / "settings.py").open("a") as file:
        file.write('\nINSTALLED_APPS += ["django_apscheduler_ng", "shop"]\n')
        file.write(f'DATABASES["default"]["OPTIONS"] = {_SQLITE_OPTIONS!r}\n')
    Reader(Page(name="the project", text="", snippets=[]), folder).command("python manage.py migrate --verbosity 0")
    return folder


def copy_project(project: Path, folder: Path) -> Path:
    """Copy the project to `folder`, which is made."""
    return Path(shutil.copytree(project, folder, ignore=shutil.ignore_patterns("__pycache__")))
