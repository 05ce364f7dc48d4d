"""The project that pages start from."""

from pathlib import Path

import pytest

from .running import make_project


@pytest.fixture(scope="session")
def fresh_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Django project `mysite` with an empty app `shop`, migrated; to be copied."""
    return make_project(tmp_path_factory.mktemp("project"))
