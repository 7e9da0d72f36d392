"""Services for tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server_makers import Running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service for tests that leave it as it was."""
    running = Running(tmp_path_factory.mktemp("service"), workers=2)
    yield running
    running.close()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Makes services of the test's own, with limits of its own."""
    made: list[Running] = []

    def make(**options: Any) -> Running:
        folder = tmp_path / f"service{len(made)}"
        folder.mkdir()
        made.append(Running(folder, **options))
        return made[-1]

    yield make
    for running in made:
        running.close()
        shutil.rmtree(running.folder)
