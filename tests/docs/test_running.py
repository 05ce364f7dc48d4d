"""The runner of the snippets notices what is wrong: these pages must not pass."""

from pathlib import Path

import pytest

from .pages import PageError, parse_page
from .running import Reader, SnippetError


def follow(text: str, folder: Path) -> None:
    Reader(parse_page("page.md", text), folder).follow()


def fenced(language: str, text: str, options: str = "") -> str:
    comment = f"<!-- snippet: {options} -->\n" if options else ""
    return f"{comment}```{language}\n{text}\n```\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(fenced("python", "1 / 0"), "ZeroDivisionError", id="code-that-raises"),
        pytest.param(fenced("pycon", ">>> 1 + 1\n3"), "Expected:\n    3\nGot:\n    2", id="another-result"),
        pytest.param(fenced("pycon", "1 + 1"), "No example begins with '>>> '.", id="dialogue-without-prompt"),
        pytest.param(fenced("python", "x = 1\nraise SystemExit"), "SystemExit", id="code-that-exits"),
        pytest.param(fenced("python", "def f(:", "parse"), "invalid syntax", id="only-parsed"),
        pytest.param(fenced("python", "def f(:", "file=f.py"), "invalid syntax", id="file"),
        pytest.param(fenced("python", "x = 1", "file=nowhere/f.py"), "There is no folder", id="file-without-folder"),
        pytest.param(fenced("sh", "rm -r everything"), "No test knows the command", id="unknown-command"),
        pytest.param(fenced("sh", "python -c 'raise SystemExit(3)'"), "ended with code 3", id="exit-code"),
        pytest.param(fenced("sh", "python -c ''", "exit=3"), "ended with code 0", id="missing-exit-code"),
        pytest.param(fenced("console", "$ python -c 'print(1)'\n2"), "Expected:\n2\n\nGot:\n1", id="another-output"),
        pytest.param(fenced("console", "$ python -c 'print(1)'\n2", "wait=0.1"), "Got:\n1", id="waited-in-vain"),
        pytest.param(
            fenced("sh", "pip install django-apscheduler"), "pip install 'django-apscheduler'", id="another-package"
        ),
        pytest.param(fenced("sh", "make coffee"), "The Makefile has no target 'coffee'.", id="unknown-target"),
        pytest.param(
            fenced("sh", "python3 example_project/demo.py --frsh"), "has no option '--frsh'", id="script-option"
        ),
        pytest.param(
            fenced("sh", "python manage.py runserver"), "was not ready in time", id="server-that-does-not-start"
        ),
        pytest.param(fenced("python", "x = 1", "fiel=f.py"), "unknown option 'fiel'", id="unknown-option"),
    ],
)
def test_a_page_that_is_wrong_does_not_pass(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((SnippetError, SyntaxError)) as error:
        follow(text, tmp_path)

    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```klingon\nqapla'\n```\n", id="unknown-language"),
        pytest.param("```\nwhat is this\n```\n", id="no-language"),
        pytest.param("```python\nx = 1\n", id="no-end"),
    ],
)
def test_a_block_that_no_test_understands_is_refused(text: str) -> None:
    with pytest.raises(PageError):
        parse_page("page.md", text)


def test_python_blocks_of_a_page_share_a_namespace_and_see_its_files(tmp_path: Path) -> None:
    text = (
        fenced("python", "three = 3", "file=numbers_of_mine.py")
        + fenced("python", "from numbers_of_mine import three\nfour = three + 1")
        + fenced("pycon", ">>> four\n4\n>>> five = four + 1")
        + fenced("python", "assert five == 5")
    )

    follow(text, tmp_path)


def test_where_a_snippet_failed_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnippetError, match=r"^page\.md:4\n(.|\n)*line 5, in <module>"):
        follow("# Page\n\n```python\nx = 1\nx / 0\n```\n", tmp_path)


def test_an_indented_block_is_a_snippet(tmp_path: Path) -> None:
    page = parse_page("page.md", "1. First:\n\n   <!-- snippet: file=x.py -->\n   ```python\n   x = 1\n   ```\n")

    assert [(snippet.text, snippet.options) for snippet in page.snippets] == [("x = 1\n", {"file": "x.py"})]
