"""Units, Dockerfiles and manifests in the documentation: they can be read, and name options that exist."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class
from django.core.management.base import CommandError

from django_apscheduler_ng import conf, serving

from .pages import CHECKOUT, Snippet, all_pages, read_page

yaml = pytest.importorskip("yaml")

DEPLOY = CHECKOUT / "docs" / "how-to" / "deploy.md"

#: Seconds after the grace that a node needs for its last records, and for its receivers.
AFTERWARDS = serving._CLOSE_TIMEOUT + 2.0

SHOWN = [
    pytest.param(path, snippet, id=f"{path.relative_to(CHECKOUT)}:{snippet.line}")
    for path in all_pages()
    for snippet in read_page(path).snippets
    if snippet.language in ("ini", "yaml", "dockerfile")
]


def documents(snippet: Snippet) -> list[Any]:
    """Return what a YAML block says."""
    return [found for found in yaml.safe_load_all(snippet.text) if found is not None]


def read_unit(snippet: Snippet) -> configparser.ConfigParser:
    """Return the sections of a unit of systemd, or of another file of this kind."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(snippet.text)
    return parser


def strings(found: Any) -> Iterator[list[str]]:
    """Yield every list of words in what a YAML block says, and every other text as words."""
    if isinstance(found, dict):
        for value in found.values():
            yield from strings(value)
    elif isinstance(found, list) and all(isinstance(word, str) for word in found):
        yield found
    elif isinstance(found, list):
        for value in found:
            yield from strings(value)


def command_lines(snippet: Snippet) -> Iterator[list[str]]:
    """Yield the arguments of each `manage.py` in the block."""
    if snippet.language == "yaml":
        lines = [words for found in documents(snippet) for words in strings(found)]
    elif snippet.language == "dockerfile":
        lines = [json.loads(words) for words in re.findall(r"(?m)^CMD (\[.*\])$", snippet.text)]
    else:
        lines = [shlex.split(line.partition("=")[2]) for line in snippet.text.splitlines() if "manage.py" in line]
    yield from (words[words.index("manage.py") + 1 :] for words in lines if "manage.py" in words)


def parse(arguments: list[str]) -> Any:
    """Return the options of a management command, read as Django reads them."""
    name = arguments[0]
    app = "django_apscheduler_ng" if name in ("runscheduler", "scheduler") else "django.core"
    parser = load_command_class(app, name).create_parser("manage.py", name)
    parser.called_from_command_line = False
    return parser.parse_args(arguments[1:])


@pytest.mark.parametrize(("path", "snippet"), SHOWN)
def test_what_is_only_shown_can_be_read_and_names_options_that_exist(path: Path, snippet: Snippet) -> None:
    if snippet.language == "yaml":
        assert documents(snippet)
    elif snippet.language == "ini":
        assert read_unit(snippet).sections()

    for arguments in command_lines(snippet):
        assert parse(arguments)


def test_an_option_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(CommandError):
        parse(["runscheduler", "--gracious", "45"])


def units() -> dict[str, Snippet]:
    """Return the units of the page by the names of their files."""
    blocks = [snippet for snippet in read_page(DEPLOY).snippets if "[Unit]" in snippet.text]
    names = re.findall(r"mysite-scheduler[a-z@-]*\.service", DEPLOY.read_text())
    kinds = iter(dict.fromkeys(names))
    return {"mysite-scheduler-check.timer" if "[Timer]" in snippet.text else next(kinds): snippet for snippet in blocks}


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze: not found on the PATH")
    for name, snippet in units().items():
        (tmp_path / name).write_text(snippet.text.replace("/srv/mysite/.venv/bin/python", sys.executable))
    named = [str(tmp_path / name.replace("@.", "@1.")) for name in units()]

    done = subprocess.run(["systemd-analyze", "verify", *named], capture_output=True, text=True, check=False)

    assert len(units()) == 3
    assert [line for line in done.stderr.splitlines() if "mysite" in line] == []
    assert done.returncode == 0


def test_each_place_waits_longer_than_the_node_needs_to_end() -> None:
    waits = []
    for snippet in read_page(DEPLOY).snippets:
        if snippet.language == "ini" and "runscheduler" in snippet.text:
            waits.append((read_unit(snippet)["Service"]["TimeoutStopSec"], next(command_lines(snippet))))
        elif snippet.language == "yaml":
            for holder, key in places(documents(snippet)):
                waits.extend((holder[key], arguments) for arguments in runschedulers(holder))

    assert len(waits) == 4
    for seconds, arguments in waits:
        grace = parse(arguments).grace or conf.Config().grace
        assert int(str(seconds).rstrip("s")) > grace + AFTERWARDS


def places(found: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each dict that says how long something waits, with the name it says it by."""
    if isinstance(found, dict):
        for key in ("stop_grace_period", "terminationGracePeriodSeconds"):
            if key in found:
                yield found, key
        found = list(found.values())
    if isinstance(found, list):
        for value in found:
            yield from places(value)


def runschedulers(holder: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the arguments of each `manage.py runscheduler` inside."""
    for words in strings(holder):
        if "runscheduler" in words:
            yield words[words.index("manage.py") + 1 :]


def test_code_4_is_what_the_unit_takes_for_success() -> None:
    (unit,) = (snippet for name, snippet in units().items() if "@" in name)

    assert int(read_unit(unit)["Service"]["SuccessExitStatus"]) in serving.EXIT_CODES


def test_a_deployment_finds_its_pods() -> None:
    found = [
        document
        for snippet in read_page(DEPLOY).snippets
        if snippet.language == "yaml"
        for document in documents(snippet)
    ]
    kinds = {document["kind"]: document for document in found if "kind" in document}

    assert set(kinds) == {"Deployment", "Job", "CronJob"}
    spec = kinds["Deployment"]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert all(document["apiVersion"] in ("apps/v1", "batch/v1") for document in kinds.values())
