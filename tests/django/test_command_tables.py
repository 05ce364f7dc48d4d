"""Tables on a terminal and in a pipe, whatever the cells are made of."""

from __future__ import annotations

import io

import pytest
from django.core.management.base import OutputWrapper

from django_apscheduler_ng.commands.tables import Column, print_facts, print_table, printable, shorten, text_width
from tests.django.command_kit import Terminal

PLAIN = (Column(title="ID"), Column(title="N", right=True), Column(title="TEXT", cut=True))


def table(rows, columns=PLAIN, stream=None):
    stream = stream or io.StringIO()
    count = print_table(OutputWrapper(stream), columns, rows)
    return count, stream.getvalue().splitlines()


def test_columns_are_aligned_and_numbers_stand_at_the_right():
    assert table([["a", "1", "one"], ["longer", "100", ""]]) == (
        2,
        ["ID        N  TEXT", "a         1  one", "longer  100"],
    )


def test_no_rows_print_nothing():
    assert table([]) == (0, [])


def test_wide_characters_take_two_columns_and_marks_none():
    _, lines = table([["日本語", "1", "x"], ["e\u0301e\u0301", "2", "y"], ["abcdef", "3", "z"]])

    assert [text_width(line) for line in lines[1:]] == [12, 12, 12]
    assert lines[1] == "日本語  1  x"


def test_a_narrow_terminal_cuts_what_may_be_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")

    _, lines = table([["an-id-of-some-length", "1", "a text that is much too long"]], stream=Terminal())

    assert lines[1] == "an-id-of-some-length  1  a text that…"


def test_a_pipe_gets_everything(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")

    assert table([["id", "1", "a text that is much too long"]])[1][1].endswith("a text that is much too long")


def test_rows_after_the_first_ones_are_fitted_to_their_widths():
    rows = [["a", "1", "short"]] * 500 + [["b", "1", "longer than those before"]]

    assert table(rows)[1][-1] == "b   1  long…"


def test_rows_are_printed_as_they_come():
    stream = io.StringIO()

    def rows():
        for number in range(1_000):
            assert number < 600 or "row-100" in stream.getvalue()
            yield [f"row-{number}", "1", ""]

    assert table(rows(), stream=stream)[0] == 1_000


def test_an_optional_column_without_a_text_is_left_out():
    columns = (Column(title="ID"), Column(title="REMARK", optional=True), Column(title="END"))

    assert table([["a", "", "x"]], columns)[1] == ["ID  END", "a   x"]
    assert table([["a", "", "x"], ["b", "!", "y"]], columns)[1][2] == "b   !       y"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="colours"),
        pytest.param("a\rb", "a b", id="return"),
        pytest.param("two\nlines", "two lines", id="lines"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
        pytest.param("\u202eabc", "\\u202eabc", id="direction"),
        pytest.param("\x00", "\\x00", id="nul"),
    ],
)
def test_nothing_that_a_terminal_would_obey_is_printed(text, shown):
    assert table([[text, "1", "x"]])[1][1].split("  ")[0] == shown


def test_printable_keeps_lines():
    assert printable("a\x07\n\tb") == "a\\x07\n    b"


def test_a_text_is_cut_within_the_width_even_where_its_characters_are_wide():
    assert shorten("日本語", 6) == "日本語"
    assert shorten("日本語", 5) == "日本…"
    assert shorten("日本語", 4) == "日…"


def test_facts_are_aligned_and_those_without_a_text_are_left_out():
    stream = io.StringIO()

    print_facts(OutputWrapper(stream), [("id", "x"), ("nothing", ""), ("longer", "two\nlines")])

    assert stream.getvalue() == "id:     x\nlonger: two\n        lines\n"
