"""The user guide in two languages: the same pages, the same structure, the same code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import CHECKOUT, read_page

ENGLISH = CHECKOUT / "docs" / "guide"
CHINESE = CHECKOUT / "docs" / "zh-hans"
NAMES = sorted(path.name for path in ENGLISH.glob("*.md"))


def prose(path: Path) -> str:
    """Return the text of a page without its code blocks and comments."""
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text())
    return re.sub(r"<!--.*?-->", "", text)


def structure(path: Path) -> dict[str, list[str] | int]:
    """Return what two translations of a page have in common."""
    text = prose(path)
    rows = re.findall(r"(?m)^\|.*\|$", text)
    return {
        "headings": [level for level, _ in re.findall(r"(?m)^(#+) (.+)$", text)],
        "columns": [str(row.count("|")) for row in rows],
        "entries": len(re.findall(r"(?m)^: ", text)),
        "items": len(re.findall(r"(?m)^(?:\d+\.|-) ", text)),
        "first cells": [cell for row in rows for cell in re.findall(r"^\| (`\w+`|True|False) \|", row)],
    }


def test_each_page_is_there_in_both_languages() -> None:
    assert NAMES
    assert sorted(path.name for path in CHINESE.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_code_is_identical(name: str) -> None:
    english, chinese = read_page(ENGLISH / name), read_page(CHINESE / name)

    def code(page):
        return [(snippet.language, snippet.text, snippet.options) for snippet in page.snippets]

    assert code(chinese) == code(english)
    assert chinese.options == english.options


@pytest.mark.parametrize("name", NAMES)
def test_the_structure_is_the_same(name: str) -> None:
    assert structure(CHINESE / name) == structure(ENGLISH / name)


@pytest.mark.parametrize("name", NAMES)
def test_both_lead_to_the_same_pages(name: str) -> None:
    def targets(path: Path) -> list[str]:
        found = re.findall(r"\]\(((?!\.\./(?:guide|zh-hans)/)[^)]+)\)", prose(path))
        return sorted(re.sub(r"-(en|zh)\.webp$", ".webp", target) for target in found)

    assert targets(CHINESE / name) == targets(ENGLISH / name)
    assert f"(../zh-hans/{name})" in prose(ENGLISH / name)
    assert f"(../guide/{name})" in prose(CHINESE / name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_in_english(name: str) -> None:
    paragraphs = [part for part in re.split(r"\n\s*\n", prose(CHINESE / name)) if part.strip()]

    left = [part for part in paragraphs if not re.search(r"[\u4e00-\u9fff]", part) and "(../guide/" not in part]

    assert left == []


@pytest.mark.parametrize("name", NAMES)
def test_chinese_text_has_chinese_punctuation(name: str) -> None:
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose(CHINESE / name))

    assert re.findall(r"[\u4e00-\u9fff] ?[,;:!?](?=\s|$)|[\u4e00-\u9fff]\.(?=\s|$)", text) == []
