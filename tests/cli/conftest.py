"""What the command line's tests share: the program, a demo for all that only read, a grid for each that writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaicore_tui.servers.grid.http import rate_limits
from tests.support.grid import MANAGER
from tests.support.program import Demo, FastGrid, Program, fast_grid, running_demo


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder without any configuration."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def program(home: Path) -> Program:
    """The program as it is after its installation: it knows no API."""
    return Program(home, {})


@pytest.fixture(scope="session")
def demo(program: Program) -> Iterator[Demo]:
    """A demo that starts no new runs; those of its past that are under way come to their end."""
    with running_demo(program, "--seed", "7", "--rate", "0") as running:
        yield running


@pytest.fixture(scope="session")
def reader(program: Program, demo: Demo) -> Program:
    """The program, told of the demo."""
    return program.with_variables(**demo.settings)


@pytest.fixture
def grid() -> Iterator[FastGrid]:
    """A grid without a past."""
    with fast_grid() as running:
        yield running


@pytest.fixture
def writer(tmp_path: Path, grid: FastGrid) -> Program:
    """The program, told of the grid of this test; its ledger knows of no other."""
    return Program(tmp_path, grid.settings(MANAGER))


@pytest.fixture
def busy_grid(monkeypatch: pytest.MonkeyPatch) -> Iterator[FastGrid]:
    """A grid that lets itself be asked five times a second."""
    monkeypatch.setattr(rate_limits, "REQUESTS_PER_API_KEY", 100_000)
    with fast_grid(rate_limits=True) as running:
        yield running


@pytest.fixture
def watcher(tmp_path: Path, busy_grid: FastGrid) -> Program:
    return Program(tmp_path, busy_grid.settings(MANAGER))
