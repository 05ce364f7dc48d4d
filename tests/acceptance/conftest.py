"""Fixtures for tests that start nodes in processes of their own, and for tests of what is shipped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.harness import NodeProcess
from tests.conftest import CHECKOUT


@pytest.fixture
def start_node(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start a node on this test's database: `start_node("--grace", "2", options={...})`."""
    nodes: list[NodeProcess] = []

    def start(*arguments: str, environment: dict[str, str] | None = None, **keywords: Any) -> NodeProcess:
        nodes.append(NodeProcess({**child_environment, **(environment or {})}, tmp_path, *arguments, **keywords))
        return nodes[-1]

    yield start
    for node in nodes:
        node.destroy()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT)]
    subprocess.run(pip, check=True)
    return next(folder.glob("*.whl"))
