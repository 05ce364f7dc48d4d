"""The status page, running: `python3 example_project/demo.py`.

Makes an environment and a database in `example_project/var`, starts a web server and the scheduler on loopback, and
prints where to look. Ctrl-C stops both. The data stays for the next time; `--fresh` starts with none.
Standard library only, and readable by an old Python 3, which is told what to do instead.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import virtualenvs

HERE = Path(__file__).resolve().parent
VAR = HERE / "var"
#: What --fresh keeps: it takes long to make and holds no data.
ENVIRONMENT = VAR / "venv"

#: Seconds that the scheduler is given to finish its runs, and how much later it is killed.
GRACE, PATIENCE = 5, 10


def main() -> int:
    """Prepare everything, run both processes until one ends or Ctrl-C; return the exit code."""
    options = parse_options()
    for name in ("SIGTERM", "SIGHUP"):  # stop the children also when this process is told to end
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        python = prepare_environment()
        if options.fresh:
            remove_data()
        port = find_port(options.port)
        login = read_login()
        variables = make_variables(port, login["secret_key"])
        prepare_data(python, variables, login["password"])
        return serve(python, variables, port, login["password"])
    except virtualenvs.Hint as hint:
        print(hint, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="start with new data")
    parser.add_argument("--port", type=int, default=0, help="of the web server (default: 8000, or a free one)")
    return parser.parse_args()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def prepare_environment() -> str:
    """Make the virtual environment and install what is needed, where this was not done before."""
    python = virtualenvs.find_python()
    new = not virtualenvs.python_in(ENVIRONMENT).exists()
    if new:
        print("Preparing; the first time takes a minute ...", flush=True)
    interpreter = virtualenvs.make(ENVIRONMENT, python)
    wanted = ["--editable", str(HERE.parent), "--requirement", str(HERE / "requirements.txt")]
    # a DATABASE_URL in the environment needs its driver
    url = os.environ.get("DATABASE_URL", "")
    drivers = {"postgres": "psycopg[binary]", "mysql": "mysqlclient", "mariadb": "mysqlclient"}
    wanted += [driver for scheme, driver in drivers.items() if url.startswith(scheme)]
    virtualenvs.install(interpreter, wanted, [HERE.parent / "pyproject.toml", HERE / "requirements.txt"])
    return str(interpreter)


def remove_data() -> None:
    """Delete what earlier demos left, but not the environment."""
    for path in VAR.iterdir():
        if path == ENVIRONMENT:
            continue
        if path.is_dir():
            shutil.rmtree(str(path))
        else:
            path.unlink()


def find_port(wanted: int) -> int:
    """Return the wanted port, else 8000, else one that is free.

    Raises:
        Hint: the wanted port is taken.
    """
    for port in [wanted] if wanted else [8000, 0]:
        with socket.socket() as probe:
            if os.name != "nt":  # as the server does; on Windows it would allow to share the port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise virtualenvs.Hint(f"Port {wanted} is taken: give another one with --port, or none to have one chosen.")


def read_login() -> "dict[str, str]":
    """Return the admin's password and the site's key, which are made up the first time."""
    path = VAR / "login.json"
    if not path.exists():
        login = {"password": secrets.token_urlsafe(9), "secret_key": secrets.token_urlsafe(50)}
        path.touch(mode=0o600)
        path.write_text(json.dumps(login))
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def make_variables(port: int, secret_key: str) -> "dict[str, str]":
    """Return the environment of the processes; see `.env.example` for what the settings read."""
    own = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secret_key,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SITE_URL": f"http://127.0.0.1:{port}",
        "REPORT_SCHEDULE": "*/2 * * * *",  # to have something to see
        "NO_PROXY": "127.0.0.1,localhost",
        "DJANGO_RUNSERVER_HIDE_WARNING": "true",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }
    return {**os.environ, **own}


def prepare_data(python: str, variables: "dict[str, str]", password: str) -> None:
    """Bring the database up to date and put samples in.

    Raises:
        Hint: one of the commands failed.
    """
    for command in (["manage.py", "migrate", "--verbosity", "0"], ["sample.py", password]):
        if subprocess.run([python, *command], cwd=str(HERE), env=variables, check=False).returncode:
            raise virtualenvs.Hint(f"{command[0]} failed, see above. '--fresh' starts with a new database.")


def serve(python: str, variables: "dict[str, str]", port: int, password: str) -> int:
    """Run the web server and the scheduler until one of them ends or Ctrl-C; return the exit code."""
    runserver = [python, "manage.py", "runserver", "--noreload", "--nostatic", f"127.0.0.1:{port}"]
    runscheduler = [python, "manage.py", "runscheduler", "--grace", str(GRACE)]
    url = f"http://127.0.0.1:{port}/"
    children: list[Child] = []
    try:
        children.append(Child("web", runserver, variables))
        wait_for(url, children[0])
        children.append(Child("scheduler", runscheduler, variables))
        print(
            f"\n  The status page  {url}\n  The admin        {url}admin/   user: admin   password: {password}\n"
            f"  Mails            {VAR / 'mail'}\n  Ctrl-C stops; the data stays in {VAR}\n",
            flush=True,
        )
        while all(child.running() for child in children):
            time.sleep(0.2)
        ended = next(child for child in children if not child.running())
        print(f"{ended.name} ended by itself, with exit code {ended.process.returncode}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        return 0
    finally:
        stop(children)


def stop(children: "list[Child]") -> None:
    """End the processes, the scheduler first, whose runs may need the web server; at once on a second Ctrl-C."""
    try:
        for child in reversed(children):
            child.stop()
    except KeyboardInterrupt:
        for child in children:
            child.process.kill()


def wait_for(url: str, web: "Child") -> None:
    """Return once the web server answers.

    Raises:
        Hint: it ended, or does not answer in half a minute.
    """
    give_up_at = time.monotonic() + 30
    while web.running() and time.monotonic() < give_up_at:
        try:
            urlopen(url + "targets/fast/", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise virtualenvs.Hint("The web server did not start, see above.")


class Child:
    """A process whose output is shown with its name in front, and which Ctrl-C does not reach by itself."""

    def __init__(self, name: str, command: "list[str]", variables: "dict[str, str]") -> None:
        """Start it in a group of its own."""
        own_group: dict[str, Any] = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}
        self.name = name
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            cwd=str(HERE),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **own_group,
        )
        self.reader = threading.Thread(target=self._show, daemon=True)
        self.reader.start()

    def _show(self) -> None:
        for line in self.process.stdout or []:
            print(f"{self.name:9} | {line.decode('utf-8', 'replace').rstrip()}", flush=True)

    def running(self) -> bool:
        """Tell whether it still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to end, wait, and kill it if it does not."""
        if self.running():
            # SIGTERM to a console process on Windows is a kill; its nearest relative there is Ctrl-Break
            self.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        try:
            self.process.wait(GRACE + PATIENCE)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not stop in time and is killed", file=sys.stderr)
            self.process.kill()
            self.process.wait()
        self.reader.join(2)


if __name__ == "__main__":
    sys.exit(main())
