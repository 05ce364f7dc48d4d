"""Makes the virtual environments of the demo and the tests. Standard library only, and readable by an old Python 3."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("3.11", "3.12", "3.13", "3.14")


class Hint(Exception):
    """Something is missing on this machine; the message says what to do about it."""


def find_python(wanted: str = "") -> str:
    """Return the path of a Python that is new enough.

    Args:
        wanted: a version like "3.13"; without it this interpreter is taken, if it will do.

    Raises:
        Hint: there is none, or none with the wanted version.
    """
    if not wanted and sys.version_info >= OLDEST:
        return sys.executable
    for version in [wanted] if wanted else NEWER:
        for command in _candidates(version):
            if _version_of(command) == version:
                return command
    have = f"Python {wanted} is not installed" if wanted else f"Python {sys.version.split()[0]} is too old"
    raise Hint(
        f"{have}: {wanted or '3.11 or newer'} is needed. Install one (https://www.python.org/downloads/, "
        "'apt install python3.11 python3.11-venv', 'brew install python'), then call this again with it."
    )


def _candidates(version: str) -> "list[str]":
    """Return the places where a Python of this version may be: the PATH, then pyenv's folder."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    places = [shutil.which("python" + version), *sorted(pyenv.glob(version + ".*/bin/python"))]
    return [str(place) for place in places if place]


def _version_of(command: str) -> str:
    """Return "3.13" for a command that starts Python 3.13, "" for one that does not start (as pyenv's shims may)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([command, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return done.stdout.decode().strip()


def python_in(directory: Path) -> Path:
    """Return the path of the interpreter of a virtual environment."""
    return directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(directory: Path, python: str) -> Path:
    """Make the virtual environment unless it is there and works; return its interpreter.

    Raises:
        Hint: the standard modules that make one are not installed (Debian packages them separately).
    """
    interpreter = python_in(directory)
    if interpreter.exists() and _version_of(str(interpreter)):
        return interpreter
    check = [python, "-c", "import ensurepip, venv"]
    if subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode:
        raise Hint(
            f"{python} cannot make virtual environments: its module 'venv' or 'ensurepip' is missing. "
            f"On Debian and Ubuntu: apt install python{_version_of(python)}-venv"
        )
    subprocess.run([python, "-m", "venv", "--clear", str(directory)], check=True)
    return interpreter


def install(interpreter: Path, arguments: "list[str]", depends_on: "list[Path]") -> bool:
    """Run `pip install` with these arguments, unless the same was done before; tell whether it was needed.

    Args:
        interpreter: of the virtual environment.
        arguments: of `pip install`.
        depends_on: files whose change makes the installation out of date.

    Raises:
        Hint: pip failed; its own words are on the screen.
    """
    stamp = interpreter.parent.parent / "installed.txt"
    digest = hashlib.sha256(repr(arguments).encode())
    for path in depends_on:
        digest.update(path.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return False
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([*pip, "--upgrade", "pip>=25.1"], pip + arguments):
        if subprocess.run(command, check=False).returncode:
            raise Hint(
                "pip could not install what is needed; is there a network? Its command was: " + " ".join(command)
            )
    stamp.write_text(digest.hexdigest())
    return True
