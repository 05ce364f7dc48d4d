"""The table of the examples names tests that exist."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMED = re.findall(r"`(\S+\.py)::(\w+)`", (HERE / "EXAMPLES.md").read_text())


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_of_the_table_exists(file, name):
    assert f"def {name}(" in (HERE / file).read_text()


def test_every_section_of_the_guide_that_has_a_file_is_in_the_table():
    files = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}

    assert files <= {file for file, _ in NAMED}
